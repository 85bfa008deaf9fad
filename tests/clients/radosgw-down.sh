#!/usr/bin/env bash
# Ends the radosgw that radosgw-up.sh started, and its monitor and store: exactly the pids recorded in DIR/run, and each
# only if it still is a process of this very instance (its command line names DIR/ceph.conf). Logs and state stay.
#
# usage: tests/clients/radosgw-down.sh DIR
set -euo pipefail

[[ $# -eq 1 ]] || { echo 'usage: radosgw-down.sh DIR' >&2; exit 64; }
[[ -d $1 ]] || { echo "radosgw-down: there is no folder $1" >&2; exit 1; }
dir=$(cd "$1" && pwd)

is_ours() { tr '\0' ' ' 2>/dev/null <"/proc/$1/cmdline" | grep -qF -- "-c $dir/ceph.conf "; }

# The gateway first: it would wait for a store that is gone.
for name in radosgw osd.0 mon.a; do
  pid_file=$dir/run/$name.pid
  [[ -e $pid_file ]] || continue
  pid=$(<"$pid_file")
  if is_ours "$pid"; then
    kill "$pid" 2>/dev/null || true
    for _ in $(seq 50); do is_ours "$pid" || break; sleep 0.1; done
    if is_ours "$pid"; then kill -9 "$pid" 2>/dev/null || true; fi
  fi
  rm -f -- "$pid_file"
done
