#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What the recorder takes from a veth pair through AF_XDP: packets sent (the sender's tx_packets), processed and lost, at
# several rates, with all logs written. $1: bbtap, $2: make_flows. Needs root.
set -uo pipefail
bbtap=$1 make_flows=$2
[ "$(id -u)" -eq 0 ] || { echo "needs root: left out"; exit 77; }
from=bbtap-$$-from to=bbtap-$$-to
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/bbtap-bench-XXXXXX")
recorder=
trap '[ -n "$recorder" ] && kill -KILL $recorder 2>/dev/null; ip netns del $from 2>/dev/null; ip netns del $to 2>/dev/null; rm -rf "$dir"' EXIT
trap 'exit 130' INT TERM
for ns in $from $to; do
  ip netns add $ns
  ip netns exec $ns sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
done
ip link add out netns $from type veth peer name in netns $to
ip -n $from link set out up
packets=${PACKETS:-1000000}
"$make_flows" --connections 10000 --packets "$packets" --payload 100 -o "$dir/flows.pcap" || exit 1
printf '%-22s %10s %10s %10s %10s %12s %14s\n' rate sent processed 'ring full' 'no buffer' 'log records' 'records lost'
for rate in '--pps 100000' '--pps 200000' --topspeed; do
  : >"$dir/err"
  ip netns exec $to "$bbtap" record -i in --json -o "$dir/out" >"$dir/report" 2>"$dir/err" &
  recorder=$!
  for ((i = 0; i < 200; i++)); do grep -q recording "$dir/err" && break; sleep 0.05; done
  before=$(ip netns exec $from cat /sys/class/net/out/statistics/tx_packets)
  reached=$(ip netns exec $from tcpreplay -K -i out $rate "$dir/flows.pcap" 2>&1 | sed -n 's/.* \([0-9.]*\) pps.*/\1/p')
  sleep 0.5
  kill -TERM $recorder
  wait $recorder
  recorder=
  sent=$(($(ip netns exec $from cat /sys/class/net/out/statistics/tx_packets) - before))
  printf '%-22s %10s %10s %10s %10s %12s %14s\n' "${reached%.*} packets/s" "$sent" \
    $(jq -r '[.segments, .lost_ring_full, .lost_no_buffer, .records, .lost_records] | @tsv' "$dir/report")
  rm -rf "$dir/out"
done
