#!/usr/bin/env bash
# Counts the instructions that the release program spends on a hit, a 304, a HEAD and a miss, and compares them with
# benches/instructions.toml: what cannot be seen in a noisy machine's times can be seen in them.
#
# usage: benches/instructions.sh               count and compare; exit 1 if a count is more than 10 % above
#        benches/instructions.sh PATH...       the same for these paths only, such as hit or fill-4KiB
#        benches/instructions.sh --accept      count, and write the new baseline
#        benches/instructions.sh --top PATH    count one path, and print where its instructions are spent
#                                              (--functions 100: so many; --keep FILE: for kcachegrind)
#
# Needs valgrind; tests/install-clients.sh installs it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if ! command -v valgrind >/dev/null || ! command -v vgdb >/dev/null; then
    echo 'instructions: valgrind is missing; tests/install-clients.sh installs it' >&2
    exit 1
fi

# Apart from each other: what the counter needs of a library must not end up in the program.
cargo build --release --locked --quiet -p bazel-proxy
cargo build --release --locked --quiet -p benches --bin instructions
# On one processor, the last of those that are allowed: `program.rs` tells why.
processor=$(taskset --cpu-list --pid $$ | sed 's/.*[ ,-]//')
exec taskset --cpu-list "$processor" "${CARGO_TARGET_DIR:-target}/release/instructions" "$@"
