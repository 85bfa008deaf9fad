#!/usr/bin/env bash
# Asks the release program for credentials as many containers do, at a constant rate and while the credentials are
# renewed every few seconds, and prints how late the answers were. All of it is on loopback, and ends with it.
#
# usage: benches/credentials.sh [--rate N] [--seconds N] [--services N] [--connections N] [--life SECONDS]
#
# Unless told otherwise 10,000 requests a second for a minute.
#
# exit codes: 0 every request was answered with credentials, however late; 1 one was not, or it could not be measured;
# 2 wrong usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ $(uname) != Linux ]]; then
    echo "credentials.sh: CPU time is read from /proc, so this needs Linux; run it in a container." >&2
    exit 1
fi

# As the image is built: optimised as a whole.
export CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
cargo build --release --locked -p bazel-proxy -p simulated-aws -p benches
exec "${CARGO_TARGET_DIR:-target}/release/credentials" --programs "${CARGO_TARGET_DIR:-target}/release" "$@"
