# shellcheck shell=sh
# What the scripts in here share; each reads it first.

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root" || exit 1

fail() {
    printf '%s\n' "$@" >&2
    exit 1
}

# A variable of .env, as compose takes it; nothing where it is not set.
from_dotenv() {
    [ -f .env ] || return 0
    value=$(sed -n "s/^[[:space:]]*\(export[[:space:]]\{1,\}\)\{0,1\}$1[[:space:]]*=[[:space:]]*//p" .env | tail -n 1)
    case $value in
        \"*) value=${value#\"} value=${value%%\"*} ;;
        \'*) value=${value#\'} value=${value%%\'*} ;;
        *) value=$(printf '%s' "$value" | sed 's/[[:space:]]#.*//; s/[[:space:]]*$//') ;;
    esac
    printf '%s' "$value"
}

# A variable of the environment, else of .env; an empty one counts as unset.
setting() {
    eval "value=\${$1:-}"
    [ -n "$value" ] || value=$(from_dotenv "$1")
    printf '%s' "$value"
}

# Whatever this machine has of Compose, the newest first. COMPOSE names another one.
if [ -n "${COMPOSE:-}" ]; then
    :
elif docker compose version >/dev/null 2>&1; then
    COMPOSE='docker compose'
elif command -v docker-compose >/dev/null; then
    COMPOSE=docker-compose
elif command -v podman-compose >/dev/null; then
    COMPOSE=podman-compose
else
    COMPOSE=
fi

# The user that the container runs as: who owns ~/.aws.
PROXY_UID=$(id -u)
PROXY_GID=$(id -g)
# Without root, Podman would give the container another user's number.
[ "$PROXY_UID" = 0 ] || PODMAN_USERNS=${PODMAN_USERNS:-keep-id}
export PROXY_UID PROXY_GID PODMAN_USERNS

compose() {
    # shellcheck disable=SC2086 # two words
    $COMPOSE "$@"
}

# The engine's client beside it.
engine() {
    case $COMPOSE in
        *podman*) podman "$@" ;;
        *) docker "$@" ;;
    esac
}

require_engine() {
    [ -n "$COMPOSE" ] || fail 'There is no Docker Compose on PATH.' \
        'Install Docker with its compose plugin (or podman-compose), or run the proxy without a container: mise run serve'
    engine version >/dev/null 2>&1 || fail 'The container engine does not answer.' \
        'Start Docker (see "docker version"), or run the proxy without a container: mise run serve'
}

# The proxy's container, running or not; nothing where there is none. podman-compose has fewer options.
container() {
    ids=$(compose ps -a -q bazel-proxy 2>/dev/null) || ids=$(compose ps -q) || return
    printf '%s' "$ids" | head -n 1
}
