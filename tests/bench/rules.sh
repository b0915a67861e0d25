#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What rules cost: processor time to read a capture with them, of the time without rules. Nothing is written, as
# all connections are in mode tail. $1: bbtap, $2: make_flows.
set -euo pipefail
bbtap=$1 make_flows=$2
connections=${CONNECTIONS:-20000} packets=${PACKETS:-2000000} rounds=${ROUNDS:-5}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
"$make_flows" --connections "$connections" --packets "$packets" --payload 100 -o "$dir/flows.pcap"

echo 'default { mode = tail }' >"$dir/tail"
echo 'default { mode = off }' >"$dir/off"
{
  for ((i = 0; i < 100; i++)); do echo "rule r$i { match = \"tcp port $((1000 + i)) and net 203.0.113.0/24\" }"; done
  echo 'default { mode = tail }'
} >"$dir/hundred"
cat >"$dir/triggers" <<'R'
default {
  mode = tail
  dump-on = { "rst-after-data", "rto >= 20", "retransmit > 50% of 1000", "stall > 10m", "rtt > 60s", "zero-window > 60s" }
}
R
echo 'default { mode = tail  id = "c-{client}" }' >"$dir/ids"
cat >"$dir/host" <<'R'
rule web { proto = TLS  host = "*.example.com"  mode = tail }
default { mode = tail }
R
measure() { # NAME OPTION...
  local name=$1
  shift
  # A virtual machine pays for each page that it gets from its host: not in the time of what comes first.
  dd if=/dev/zero of=/dev/null bs=1G count=1 2>/dev/null
  /usr/bin/time -f "%U %S" -o "$dir/time" "$bbtap" read -q -o "$dir/out" "$@" "$dir/flows.pcap"
  rm -rf "$dir/out"
  awk '{ printf "%.3f\n", $1 + $2 }' "$dir/time" >>"$dir/$name.times"
}
median() { sort -n "$dir/$1.times" | awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }'; }
for ((r = 0; r < rounds; r++)); do
  for name in tail off hundred triggers ids host; do measure $name -c "$dir/$name"; done
done
base=$(median tail)
echo "$connections connections, $packets packets, one worker, median of $rounds runs; processor seconds"
for name in tail off hundred triggers ids host; do
  awk -v n="$name" -v m="$(median $name)" -v b="$base" 'BEGIN { printf "%-10s %7.2f s  %5.2f x\n", n, m, m / b }'
done
echo "tail: default { mode = tail }. off: logs nothing. hundred: behind 100 rules that do not match. triggers: with six."
echo "ids: an ID for each client. host: a rule asks for proto and host, nDPI looks at all connections and gives up."
