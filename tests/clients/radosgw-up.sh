#!/usr/bin/env bash
# Starts a real S3 with a real STS (Ceph radosgw 16.2) on loopback, to check the proxy against an implementation that
# we did not write. Takes about 15 s. Objects live in memory; `radosgw-down.sh DIR` ends it.
#
# usage: tests/clients/radosgw-up.sh DIR [PORT]
#
#   DIR    state folder, created; must not belong to a running instance. Several can run side by side.
#   PORT   the S3 and STS port on 127.0.0.1; a free one is taken if it is not given.
#
# On success stdout (and DIR/env) holds KEY=value lines, fit for `set -a; . DIR/env` and for a test harness:
#   AWS_ENDPOINT_URL, AWS_REGION, AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY   an S3 user; no bucket is made
#   AWS_REQUEST_CHECKSUM_CALCULATION, AWS_RESPONSE_CHECKSUM_VALIDATION       16.2 refuses the newer SDKs' trailing
#                                                                            checksums (XAmzContentSHA256Mismatch)
#   ROLE_ARN                                                                 a role that this user may assume
# Everything else goes to stderr and DIR/*.log. Pids are in DIR/run/*.pid, and only there.
#
# Session tokens come from AssumeRole, on the same port:
#   curl --aws-sigv4 aws:amz:us-east-1:sts --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" "$AWS_ENDPOINT_URL/" \
#     -d "Action=AssumeRole&Version=2011-06-15&RoleArn=$ROLE_ARN&RoleSessionName=test&DurationSeconds=2"
# or `aws sts assume-role --role-arn "$ROLE_ARN" --role-session-name test`. DurationSeconds may be 1 to 43200; below 900
# the AWS CLI and boto3 want `parameter_validation = false` in their config file. GetSessionToken is a 403 here: it asks
# for a user policy, and then for at least 900 s.
#
# How 16.2 refuses, which is not how AWS does: an expired session, a token that does not decode, no token and an unknown
# access key are all 403 AccessDenied; a token that decodes to something else is 400 InvalidArgument; a wrong secret is
# 403 SignatureDoesNotMatch. ExpiredToken and InvalidAccessKeyId never come.
#
# Needs Debian's ceph-mon ceph-osd radosgw ceph-common (tests/install-clients.sh).
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[[ $# -ge 1 && $# -le 2 ]] || { echo 'usage: radosgw-up.sh DIR [PORT]' >&2; exit 64; }
mkdir -p "$1"
dir=$(cd "$1" && pwd)
conf=$dir/ceph.conf
uid=tester
access_key=RGWTESTACCESSKEY0001
secret_key=rgwtestsecretkey000100000000000000000001
role=reader

say() { printf 'radosgw-up: %s\n' "$*" >&2; }

# On any failure nothing is left running.
give_up() {
  say "failed; see $dir/up.log and $dir/*.log"
  tail -n 5 "$dir/up.log" >&2 2>/dev/null || true
  "$here/radosgw-down.sh" "$dir" || true
  exit 1
}

# Prints N free ports of loopback. They are held together, so that no two are equal.
free_ports() {
  python3 - "$1" <<'PYTHON'
import socket, sys
held = [socket.socket() for _ in range(int(sys.argv[1]))]
for each in held:
    each.bind(("127.0.0.1", 0))
print(*(each.getsockname()[1] for each in held))
PYTHON
}

for program in ceph ceph-authtool ceph-mon ceph-osd monmaptool radosgw radosgw-admin curl python3; do
  command -v "$program" >/dev/null || { say "$program is missing; run tests/install-clients.sh"; exit 1; }
done
for pid_file in "$dir"/run/*.pid; do
  [[ -e $pid_file ]] && grep -qsaF "$conf" "/proc/$(<"$pid_file")/cmdline" &&
    { say "$dir belongs to a running instance; radosgw-down.sh $dir ends it"; exit 1; }
done

rm -rf -- "$dir"/{run,osd0,mon,mgr,env,monmap,up.log} "$dir"/*.keyring "$dir"/*.log
mkdir -p "$dir"/{run,osd0,mon,mgr}
read -r mon2_port mon1_port free_port < <(free_ports 3)
port=${2:-$free_port}
fsid=$(</proc/sys/kernel/random/uuid)
osd_uuid=$(</proc/sys/kernel/random/uuid)
sed "s#@DIR@#$dir#g; s#@FSID@#$fsid#; s#@MON2@#$mon2_port#; s#@MON1@#$mon1_port#; s#@PORT@#$port#" \
  "$here/radosgw.conf" >"$conf"
trap give_up ERR
exec 3>&1 >"$dir/up.log" 2>&1

# The monitor, with a cluster of its own.
ceph-authtool -C "$dir/mon.keyring" --gen-key -n mon. --cap mon 'allow *'
ceph-authtool -C "$dir/admin.keyring" --gen-key -n client.admin --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
ceph-authtool "$dir/mon.keyring" --import-keyring "$dir/admin.keyring"
monmaptool --create --clobber --fsid "$fsid" --addv a "[v2:127.0.0.1:$mon2_port,v1:127.0.0.1:$mon1_port]" "$dir/monmap"
ceph-mon --mkfs -i a --monmap "$dir/monmap" --keyring "$dir/mon.keyring" -c "$conf"
ceph-mon -i a -c "$conf" 3>&-

# The object store: one OSD in memory.
timeout 30 ceph -c "$conf" osd new "$osd_uuid" 0
timeout 30 ceph -c "$conf" auth get-or-create osd.0 mon 'allow profile osd' osd 'allow *' -o "$dir/osd0/keyring"
ceph-osd --mkfs -i 0 --osd-uuid "$osd_uuid" -c "$conf"
timeout 30 ceph -c "$conf" osd crush add osd.0 1.0 root=default host=test
ceph-osd -i 0 -c "$conf" 3>&-
osd_is_up=false
for _ in $(seq 60); do
  timeout 5 ceph -c "$conf" osd stat | grep -q '1 up' && { osd_is_up=true; break; }
  sleep 0.25
done
$osd_is_up

# The gateway makes its pools on the first start; the wait covers that.
setsid nohup radosgw -c "$conf" -n client.admin --no-mon-config -f </dev/null >"$dir/rgw.out.log" 2>&1 3>&- &
rgw_pid=$!
echo "$rgw_pid" >"$dir/run/radosgw.pid"
rgw_is_up=false
for _ in $(seq 240); do
  kill -0 "$rgw_pid"
  curl -s -m 2 -o /dev/null "http://127.0.0.1:$port/" && { rgw_is_up=true; break; }
  sleep 0.25
done
$rgw_is_up

admin() { timeout 60 radosgw-admin -c "$conf" -n client.admin --no-mon-config "$@"; }
admin user create --uid="$uid" --display-name="$uid" --access-key="$access_key" --secret-key="$secret_key"
trust='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam:::user/'$uid'"]},
  "Action":["sts:AssumeRole"]}]}'
allowed='{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:*"],"Resource":"arn:aws:s3:::*"}]}'
admin role create --role-name="$role" --assume-role-policy-doc="$trust"
admin role-policy put --role-name="$role" --policy-name=s3 --policy-doc="$allowed"

cat >"$dir/env" <<ENV
AWS_ENDPOINT_URL=http://127.0.0.1:$port
AWS_REGION=us-east-1
AWS_ACCESS_KEY_ID=$access_key
AWS_SECRET_ACCESS_KEY=$secret_key
AWS_REQUEST_CHECKSUM_CALCULATION=when_required
AWS_RESPONSE_CHECKSUM_VALIDATION=when_required
ROLE_ARN=arn:aws:iam:::role/$role
ENV
cat "$dir/env" >&3
