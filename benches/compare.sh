#!/usr/bin/env bash
# Measures the proxy beside nginx over the same files and the same origin, and prints their ratios: medians of rounds
# that follow each other, with their spread. On Debian as root it installs nginx and wrk where they are missing.
#
# usage: benches/compare.sh [group…] [--quick] [--rounds N] [--seconds N] [--markdown] [--proxy PATH]
#        benches/compare.sh --help     names the groups
#
# Everything takes about a quarter of an hour, --quick about three minutes. All servers listen on loopback, and end with
# it; what they serve lies in a folder below TMPDIR (3 GB for all groups), which is removed.
#
# exit codes: 0 measured, whether or not the goals were met; 1 it could not be measured; 2 wrong usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ $(uname) != Linux ]]; then
    echo "compare.sh: CPU time and memory are read from /proc, so this needs Linux; run it in a container." >&2
    exit 1
fi

# Debian keeps nginx where only root looks.
PATH=$PATH:/usr/sbin
missing=()
for program in nginx wrk; do
    command -v "$program" >/dev/null || missing+=("$program")
done
if ((${#missing[@]} > 0)); then
    if ((EUID != 0)) || ! command -v apt-get >/dev/null; then
        echo "compare.sh: ${missing[*]} missing; install it with your package manager (apt-get install ${missing[*]})." >&2
        exit 1
    fi
    apt-get update -qq
    # In runlevel 1 no package starts its service: nginx would take port 80.
    RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends "${missing[@]}"
fi

# As the image is built: optimised as a whole.
export CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
cargo build --release --locked -p bazel-proxy -p benches
target=${CARGO_TARGET_DIR:-target}

folder=$(mktemp -d -t compare-XXXXXXXX)
# shellcheck disable=SC2064 # the folder as it is named now
trap "rm -rf -- '$folder'" EXIT

TMPDIR=$folder "$target/release/benches" --proxy "$target/release/bazel-proxy" "$@" &
compare=$!
# It ends its servers before it ends itself. A terminal's Ctrl-C does not reach what runs behind the script.
trap 'kill "$compare"' INT TERM
status=0
wait "$compare" || status=$?
# The first wait ends with the signal, not with the process.
while kill -0 "$compare" 2>/dev/null; do
    wait "$compare" || status=$?
done
exit "$status"
