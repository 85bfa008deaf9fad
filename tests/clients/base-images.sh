#!/usr/bin/env bash
# The images that the Dockerfile begins with, made of Debian's packages and this machine's toolchain, as no image can
# be pulled where the tests run. Only what is missing, or was made with another toolchain, is made.
#
# usage: DOCKER_HOST=… base-images.sh
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
docker=/usr/bin/docker
export DOCKER_BUILDKIT=1

say() { printf 'base images: %s\n' "$*" >&2; }

scratch=$(mktemp -d)
trap 'rm -rf -- "$scratch"' EXIT

debian=debian:bookworm-slim
if ! "$docker" image inspect "$debian" >/dev/null 2>&1; then
  say "making $debian"
  debootstrap --variant=minbase --include=ca-certificates bookworm "$scratch/debian" >"$scratch/log" 2>&1 ||
    { tail -n 20 "$scratch/log" >&2; exit 1; }
  rm -rf "$scratch"/debian/var/cache/apt/archives/*.deb "$scratch"/debian/var/lib/apt/lists/*
  tar -C "$scratch/debian" --one-file-system -c . | "$docker" import - "$debian" >/dev/null
fi

# rust-version is what the Dockerfile's tag names, too; the toolchain is whatever this machine has.
version=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$root/Cargo.toml")
rust=rust:$version-bookworm
toolchain=$(rustc --print sysroot)
made_with=$("$docker" image inspect --format '{{index .Config.Labels "toolchain"}}' "$rust" 2>/dev/null || true)
if [[ $made_with != "$(rustc --version)" ]]; then
  say "making $rust"
  mkdir -p "$scratch/rust/ca" "$scratch/rust/cargo/bin"
  # Where this machine's cargo takes crates from.
  cargo_config=${CARGO_HOME:-$HOME/.cargo}/config.toml
  [[ ! -f $cargo_config ]] || cp "$cargo_config" "$scratch/rust/cargo/"
  # The machine's own authorities, behind which its package sources may be: in this image only.
  cp -L /etc/ssl/certs/ca-certificates.crt "$scratch/rust/ca/"
  cp -a "$toolchain" "$scratch/rust/toolchain"
  rm -rf "$scratch/rust/toolchain/share"
  cat >"$scratch/rust/Dockerfile" <<DOCKERFILE
FROM $debian
ENV DEBIAN_FRONTEND=noninteractive
RUN apt-get update && apt-get install -y --no-install-recommends gcc libc6-dev make pkg-config
COPY ca/ca-certificates.crt /etc/ssl/certs/ca-certificates.crt
COPY toolchain /usr/local/rustup
COPY cargo /usr/local/cargo
ENV RUSTUP_HOME=/usr/local/rustup CARGO_HOME=/usr/local/cargo
ENV PATH=/usr/local/cargo/bin:/usr/local/rustup/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
RUN rustc --version && cargo --version
LABEL toolchain="$(rustc --version)"
DOCKERFILE
  "$docker" build --quiet --network host --tag "$rust" "$scratch/rust" >/dev/null
fi
