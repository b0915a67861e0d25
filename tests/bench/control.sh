#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# How long it takes to list a million connections of a recorder that takes 200,000 packets a second, and
# what of these is lost meanwhile. On a veth pair between namespaces of its own. $1: bbtap, $2: make_flows.
set -euo pipefail
bbtap=$1 make_flows=$2
connections=${CONNECTIONS:-1000000} rounds=${ROUNDS:-5}
[ "$(id -u)" = 0 ] || { echo "needs root"; exit 77; }
from=bbtap-$$-from to=bbtap-$$-to
dir=$(mktemp -d)
export BBTAP_SOCKET=$dir/sock
recorder= traffic=
cleanup() {
  for pid in $recorder $traffic; do kill -KILL "$pid" 2>/dev/null || true; done
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
echo 'limits { connections = 1100000 log-memory = "1G" } default { mode = tail }' >"$dir/rules"

"$make_flows" --connections "$connections" --packets $((7 * connections)) --payload 10 --leave-open -o "$dir/open.pcap"
"$make_flows" --connections 1000 --packets 200000 --payload 10 --leave-open -o "$dir/more.pcap"
ip netns exec $to "$bbtap" record -i in -c "$dir/rules" --socket "$BBTAP_SOCKET" --json -o "$dir/out" >"$dir/report" 2>"$dir/err" &
recorder=$!
until grep -q recording "$dir/err"; do sleep 0.1; done
ip netns exec $from tcpreplay -q -i out --pps 300000 "$dir/open.pcap" >/dev/null 2>&1
sleep 1
resident() { awk '/VmRSS/ { print $2 * 1024 }' "/proc/$recorder/status"; }
stat() { "$bbtap" stats --json | jq "$1"; }
echo "connections: $(stat .connections_now); memory of logs: $(stat .log_memory_bytes) of 1073741824, resident: $(resident) bytes"
ip netns exec $from tcpreplay -q -i out --loop 100 --pps 200000 "$dir/more.pcap" >/dev/null 2>&1 &
traffic=$!
sleep 2
lost() { stat ".lost_ring_full + .lost_no_buffer"; }
lost_before=$(lost)
before=$(stat .segments) start=$(date +%s%N)
for ((i = 0; i < rounds; i++)); do
  begin=$(date +%s%N)
  "$bbtap" flows --json >"$dir/rows"
  end=$(date +%s%N)
  begin_text=$(date +%s%N)
  "$bbtap" flows >"$dir/text"
  end_text=$(date +%s%N)
  echo "$(wc -l <"$dir/rows") rows in $(((end - begin) / 1000000)) ms as JSON, $(((end_text - begin_text) / 1000000)) ms as a table"
done
after=$(stat .segments) stop=$(date +%s%N)
echo "packets a second meanwhile: $(((after - before) * 1000000000 / (stop - start))), lost: $(($(lost) - lost_before))"
before=$(stat .segments) start=$(date +%s%N) lost_before=$(lost)
sleep 5
after=$(stat .segments) stop=$(date +%s%N)
echo "without requests, for 5 s: $(((after - before) * 1000000000 / (stop - start))), lost: $(($(lost) - lost_before))"
kill $traffic && wait $traffic 2>/dev/null || true
traffic=
sleep 0.5
kill -TERM "$recorder" && wait "$recorder" || true
recorder=
jq -r '"in all lost: \(.lost_ring_full + .lost_no_buffer) frames, \(.lost_worker_ring) segments, \(.lost_records) records; given up for log memory: \(.records_recycled) records of \(.records); adds up: \(.adds_up)"' "$dir/report"
