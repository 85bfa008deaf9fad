"""Puts a project of Compose on the machine's network, and nothing else: its load then stays on loopback.

usage: on-host-network.py CONFIG PORT VOLUME_SIZE

CONFIG is what `docker-compose config` says. PORT is what the proxy listens on, on 127.0.0.1 only. The volume is a disk in memory
of that size (`256m`), which can be filled.
"""

import sys

import yaml

path, port, size = sys.argv[1:]
with open(path, encoding="utf-8") as file:
    config = yaml.safe_load(file)
[service] = config["services"].values()
for key in ("ports", "networks", "extra_hosts"):
    service.pop(key, None)
service["network_mode"] = "host"
service["environment"] |= {"PROXY_HOST": "127.0.0.1", "PROXY_PORT": port}
config.pop("networks", None)
[volume] = config["volumes"]
options = {"type": "tmpfs", "device": "tmpfs", "o": f"size={size},mode=1777"}
config["volumes"][volume] = {"driver_opts": options}
yaml.safe_dump(config, sys.stdout)
