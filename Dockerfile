# bazel-proxy as an image: one static program on an empty base.
#
#   docker build -t bazel-proxy .
#   docker build -t bazel-proxy:with-shell --build-arg BASE_IMAGE=debian:bookworm-slim .   # has sh, for credential_process
#
# Every builder takes this file (BuildKit, the classic one, Podman), for amd64 and arm64 alike: rustc says which.

ARG RUST_IMAGE=rust:1.95-bookworm
ARG BASE_IMAGE=scratch

FROM ${RUST_IMAGE} AS build
WORKDIR /build

# Dependencies first, which change seldom: every crate of the workspace is an empty one here.
COPY Cargo.toml Cargo.lock ./
COPY benches/Cargo.toml benches/
COPY demo/Cargo.toml demo/
COPY program/Cargo.toml program/
COPY proxy/Cargo.toml proxy/
COPY simulated-aws/Cargo.toml simulated-aws/
COPY sso-session/Cargo.toml sso-session/
COPY sso-watcher/Cargo.toml sso-watcher/
COPY tests/Cargo.toml tests/
# With a target of its own, RUSTFLAGS leave build scripts and macros alone, which cannot be static. Line numbers of
# dependencies would be four fifths of the image; names of functions stay for a backtrace. Optimised as a whole, a hit
# takes a tenth less (docs/PERFORMANCE.md); a build of every day does not wait for that.
ENV RUSTFLAGS="-C target-feature=+crt-static" CARGO_PROFILE_RELEASE_DEBUG=none CARGO_PROFILE_RELEASE_STRIP=debuginfo \
    CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
RUN for manifest in */Cargo.toml; do \
        mkdir "${manifest%/*}/src" \
        && echo 'fn main() {}' >"${manifest%/*}/src/main.rs" \
        && : >"${manifest%/*}/src/lib.rs" || exit 1; \
    done \
    && cargo build --release --locked -p bazel-proxy --target "$(rustc -vV | sed -n 's/^host: //p')"

COPY program program
COPY sso-session sso-session
COPY proxy proxy
# cargo goes by times, and the sources may be older than the empty crates.
RUN find program sso-session proxy -name '*.rs' -exec touch {} + \
    && target=$(rustc -vV | sed -n 's/^host: //p') \
    && cargo build --release --locked -p bazel-proxy --target "$target" \
    && mkdir -p /image/data /image/home/app /image/etc/ssl/certs \
    && cp "target/$target/release/bazel-proxy" /image/bazel-proxy \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/ \
    # /etc/hosts counts, whatever the C library's default is.
    && echo 'hosts: files dns' >/image/etc/nsswitch.conf \
    # A new volume takes the folder's mode: whatever user the container runs as may write there.
    && chmod 1777 /image/data

FROM ${BASE_IMAGE}
COPY --from=build /image/ /
# Where no volume is mounted, an engine makes one with the folder's mode (ECS on Fargate needs to be told).
VOLUME /data
# Only in here does it listen on all addresses: publish the port on the host's loopback, as docker-compose.yml does.
ENV HOME=/home/app CACHE_DIR=/data PROXY_HOST=0.0.0.0 PROXY_PORT=9000
USER 1000:1000
EXPOSE 9000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 CMD ["/bazel-proxy", "healthcheck"]
ENTRYPOINT ["/bazel-proxy"]

ARG VERSION=0.1.0
ARG REVISION=unknown
LABEL org.opencontainers.image.title="bazel-proxy" \
      org.opencontainers.image.description="Serves build artifacts from S3 on localhost, through a cache that outlives every login" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
