#!/usr/bin/env bash
# A Docker engine of the tests' own: no bridge and no firewall rule of it touches the machine's network, nor an engine
# that the machine may have.
#
# usage: engine.sh FOLDER
#
# Says `ready ADDRESS` once docker can be used with DOCKER_HOST=unix://FOLDER/d.sock; at that address containers reach
# what listens there on the machine. Ends with all of its containers when its standard input does, so with whoever
# started it, however that ends. Images and build caches stay in FOLDER for the next run; two runs with one folder wait
# for each other. Needs root.
#
# exit codes: 0 ended in order; 1 the engine did not start (its last words are shown); 64 wrong usage.
set -euo pipefail

say() { printf 'engine: %s\n' "$*" >&2; }

[[ $# -eq 1 && -n $1 ]] || { say 'usage: engine.sh FOLDER'; exit 64; }
mkdir -p "$1"
folder=$(cd "$1" && pwd -P)
socket=$folder/d.sock
# What the kernel takes for the path of a socket; the engine has longer ones of its own below `exec`.
if [[ ${#folder} -gt 68 ]]; then
  say "$folder is too long for sockets: set ENGINE_DIR to a shorter path"
  exit 64
fi
export DOCKER_HOST=unix://$socket
docker=/usr/bin/docker
# Other networks for other folders: engines may run side by side.
network=10.$((200 + $(cksum <<<"$folder" | cut -d ' ' -f 1) % 50))
gateway=$network.0.1

exec 9>"$folder/lock"
flock --timeout 1800 9 || { say "another run uses $folder for half an hour already"; exit 1; }

# The engine of this folder, if it runs: its number may be somebody else's by now.
engine_pid() {
  local pid
  pid=$(cat "$folder/d.pid" 2>/dev/null) || return 1
  tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline" | grep -qF -- "--data-root $folder/data " || return 1
  printf '%s' "$pid"
}

end_engine() {
  local pid
  pid=$(engine_pid) || return 0
  kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 120); do
    engine_pid >/dev/null || return 0
    sleep 0.25
  done
  say 'the engine does not end when asked to, and is killed'
  kill -9 "$pid" 2>/dev/null || true
}

# What an engine that was killed, or a build that was given up, has left mounted: the deepest first.
unmount_leftovers() {
  local mount
  while read -r mount; do
    umount --lazy "$mount" 2>/dev/null || true
  done < <(awk -v below="$folder/" 'index($5, below) == 1 { print $5 }' /proc/self/mountinfo | sort -r)
}

# Containers, and what belongs to a run; the latest images and build caches stay.
remove_leftovers() {
  local containers
  mapfile -t containers < <("$docker" ps --all --quiet)
  [[ ${#containers[@]} -eq 0 ]] || "$docker" rm --force --volumes "${containers[@]}" >/dev/null
  "$docker" network prune --force >/dev/null
  "$docker" volume prune --force >/dev/null
  "$docker" image prune --force >/dev/null
  # One that is broken serves on as it is, and is only larger than it need be.
  "$docker" builder prune --force --keep-storage 8GB >/dev/null || say "the build cache in $folder is broken: remove that folder to begin anew"
}

start_engine() {
  # No bridge and no rule for all: Compose makes a network for each project, and a port that is published is passed on
  # by a process of Docker's own.
  setsid dockerd --data-root "$folder/data" --exec-root "$folder/exec" --host "$DOCKER_HOST" \
    --pidfile "$folder/d.pid" --bridge none --iptables=false --ip6tables=false --ip-forward=false \
    --default-address-pool "base=$network.0.0/16,size=24" --host-gateway-ip "$gateway" >"$folder/log" 2>&1 </dev/null 9>&- &
  local started=$!
  for _ in $(seq 240); do
    "$docker" version >/dev/null 2>&1 && return 0
    kill -0 "$started" 2>/dev/null || break
    sleep 0.25
  done
  say 'the engine did not start:'
  tail -n 20 "$folder/log" >&2
  return 1
}

finish() {
  trap '' INT TERM HUP
  remove_leftovers 2>/dev/null || true
  end_engine
  unmount_leftovers
}

end_engine
unmount_leftovers
rm -f "$folder/d.pid"
trap finish EXIT
trap 'exit 1' INT TERM HUP
start_engine
remove_leftovers
"$docker" network create --subnet "$network.0.0/24" --gateway "$gateway" machine >/dev/null
printf 'ready %s\n' "$gateway"
# Until whoever started this is gone. In the background, as a shell hears no signal before a foreground program's end.
cat <&0 >/dev/null &
wait $!
