#!/usr/bin/env bash
# Measures hits of a page and of a wheel through the proxy, beside the same from the (simulated) CodeArtifact itself and
# hits of an object of a bucket, all in one run on loopback, and prints requests a second and latencies.
#
# usage: benches/codeartifact.sh [--seconds N] [--connections N] [--programs FOLDER]
#
# Unless told otherwise 5 seconds each with 8 connections. --programs takes bazel-proxy and simulated-aws as they are
# there, and builds nothing. Needs wrk and curl; all that it starts ends with it.
#
# exit codes: 0 measured; 1 it could not be measured; 2 wrong usage.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seconds=5 connections=8 programs=
while (($# > 0)); do
    case $1 in
    --seconds | --connections | --programs)
        if (($# < 2)); then
            echo "codeartifact.sh: $1 needs a value" >&2
            exit 2
        fi
        declare "${1#--}=$2"
        shift 2
        ;;
    *)
        echo "codeartifact.sh: unknown argument $1" >&2
        exit 2
        ;;
    esac
done
for number in "$seconds" "$connections"; do
    if [[ ! $number =~ ^[1-9][0-9]{0,3}$ ]]; then
        echo "codeartifact.sh: $number is no number from 1 to 9999" >&2
        exit 2
    fi
done
for program in wrk curl; do
    if ! command -v "$program" >/dev/null; then
        echo "codeartifact.sh: $program missing; install it with your package manager (apt-get install $program)." >&2
        exit 1
    fi
done
if [[ -z $programs ]]; then
    # As the image is built: optimised as a whole.
    export CARGO_PROFILE_RELEASE_LTO=fat CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1
    cargo build --release --locked -p bazel-proxy -p simulated-aws
    programs=${CARGO_TARGET_DIR:-target}/release
fi
programs=$(realpath "$programs")

folder=$(mktemp -d -t codeartifact-XXXXXXXX)
started=()
# shellcheck disable=SC2317,SC2329 # called by the trap
end() {
    ((${#started[@]} == 0)) || kill "${started[@]}" 2>/dev/null || true
    wait
    rm -rf -- "$folder"
}
trap end EXIT

# until_said FILE PATTERN: the first line of a log that matches.
until_said() {
    for _ in {1..200}; do
        if grep -m1 -E "$2" "$1"; then
            return
        fi
        sleep 0.05
    done
    echo "codeartifact.sh: waited in vain for $2 in:" >&2
    cat "$1" >&2
    return 1
}

mkdir -p "$folder/aws/artifacts" "$folder/home"
head -c 1024 /dev/zero >"$folder/aws/artifacts/object.jar"
"$programs/simulated-aws" --folder "$folder/aws" --repository acme/012345678901/tools >"$folder/aws.log" 2>&1 &
started+=($!)
until_said "$folder/aws.log" '^# Then' >/dev/null
eval "$(grep '^export AWS_' "$folder/aws.log")"

env -i PATH="$PATH" HOME="$folder/home" CACHE_DIR="$folder/cache" PROXY_PORT=0 S3_BUCKET_NAME=artifacts \
    LOG_LEVEL=info AWS_PROFILE= AWS_EC2_METADATA_DISABLED=true AWS_ENDPOINT_URL="$AWS_ENDPOINT_URL" AWS_REGION="$AWS_REGION" \
    AWS_ACCESS_KEY_ID="$AWS_ACCESS_KEY_ID" AWS_SECRET_ACCESS_KEY="$AWS_SECRET_ACCESS_KEY" \
    CODEARTIFACT_DOMAIN=acme CODEARTIFACT_DOMAIN_OWNER=012345678901 CODEARTIFACT_REPOSITORY=tools \
    METADATA_TTL=3600 "$programs/bazel-proxy" serve >"$folder/proxy.log" 2>&1 &
started+=($!)
proxy=$(until_said "$folder/proxy.log" ' on http://127' | grep -oE 'on http://127\.0\.0\.1:[0-9]+/' | tail -n 1)
proxy=${proxy#on } proxy=${proxy%/}

get() {
    curl --silent --show-error --fail "$@" || exit 1
}

page=simple/hello-pypi/
wheel=simple/hello-pypi/1.0/hello_pypi-1.0-py3-none-any.whl
token=$(get --aws-sigv4 "aws:amz:$AWS_REGION:codeartifact" --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" \
    --request POST "$AWS_ENDPOINT_URL/v1/authorization-token?domain=acme&domain-owner=012345678901" |
    grep -oE '"authorizationToken":"[^"]+"' | cut -d'"' -f4)
direct=$(sed -n 's/^# pypi of tools: //p' "$folder/aws.log")
basic="Authorization: Basic $(printf 'aws:%s' "$token" | base64 --wrap=0)"
asset=$(get --header "$basic" --output /dev/null --write-out '%{redirect_url}' "$direct$wheel")

# What is measured is a hit, and not the way there.
for path in "codeartifact/default/pypi/$page" "codeartifact/default/pypi/$wheel" object.jar; do
    for _ in 1 2; do
        get --output /dev/null "$proxy/$path"
    done
done

measure() {
    local what=$1 url=$2 said
    shift 2
    said=$(wrk --threads 1 --connections "$connections" --duration "${seconds}s" --latency "$@" "$url")
    if grep -q 'Non-2xx\|Socket errors' <<<"$said"; then
        echo "codeartifact.sh: $what was not always answered: $said" >&2
        exit 1
    fi
    awk -v what="$what" '$1 == "50%" { median = $2 } $1 == "99%" { late = $2 } /^Requests\/sec/ { rate = $2 }
        END { printf "%-36s %12.0f %10s %10s\n", what, rate, median, late }' <<<"$said"
}

printf '%-36s %12s %10s %10s\n' '' 'requests/s' 'median' '99 %'
measure 'page, simulated CodeArtifact' "$direct$page" --header "$basic"
measure 'page, proxy' "$proxy/codeartifact/default/pypi/$page"
measure 'wheel, simulated host of files' "$asset"
measure 'wheel, proxy' "$proxy/codeartifact/default/pypi/$wheel"
measure 'object of a bucket, proxy' "$proxy/object.jar"
