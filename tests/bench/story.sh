#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# How long after a reset the logs of all 40 connections of its ID are in their file, with two workers, on a veth
# pair between namespaces of its own. $1: bbtap.
set -euo pipefail
bbtap=$1 here=$(dirname "$0")/../live rounds=${ROUNDS:-5}
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
from=bbtap-$$-from to=bbtap-$$-to
dir=$(mktemp -d)
recorder=
cleanup() {
  [ -z "$recorder" ] || kill -KILL "$recorder" 2>/dev/null || true
  ip netns del $from 2>/dev/null || true
  ip netns del $to 2>/dev/null || true
  rm -rf "$dir"
}
trap cleanup EXIT
for ns in $from $to; do
  ip netns add $ns
  ip netns exec $ns sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
done
ip link add out netns $from type veth peer name in netns $to
ip -n $from link set out up
python3 "$here/story.py" "$dir/story.pcap" "$dir/rst.pcap"
echo 'default { mode = tail tag = others }
rule story { match = "tcp dst port 8080" id = "s-{server}" tag = story mode = tail view = server dump-on = { "rst" } dump = id }' >"$dir/rules"
for ((round = 0; round < rounds; round++)); do
  ip netns exec $to "$bbtap" record -i in -q -w 2 -c "$dir/rules" --socket none -o "$dir/$round" 2>"$dir/err" &
  recorder=$!
  until grep -q recording "$dir/err"; do sleep 0.05; done
  ip netns exec $from tcpreplay -q -i out --topspeed "$dir/story.pcap" >/dev/null 2>&1
  sleep 0.3
  ip netns exec $from python3 - "$dir/rst.pcap" "$dir/$round/logs" <<'P'
import os, socket, sys, time
frame = open(sys.argv[1], "rb").read()[40:]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("out", 0))
def size():
    return sum(os.path.getsize(os.path.join(d, f)) for d, _, files in os.walk(sys.argv[2]) for f in files)
begin = last = time.monotonic()
s.send(frame)
before = 0
while time.monotonic() < last + 0.5:
    now = size()
    if now != before:
        before, last = now, time.monotonic()
    time.sleep(0.0005)
print(f"{(last - begin) * 1000:.1f} ms until the last of {before} bytes were written")
P
  kill -TERM "$recorder" && wait "$recorder"
  recorder=
  echo "logs: $("$bbtap" events --json --view server "$dir/$round/logs/story" | jq -r .foreign | sort -u | grep -c .)"
done
