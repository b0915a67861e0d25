#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# How many events a second one store thread writes: everything is logged continually, with one worker, to a file system in
# memory. $1: bbtap, $2: make_flows. BASE: another bbtap, run by turns. TMPDIR: a tmpfs with 7 GB. ROUNDS (3), PACKETS (6000000):
# begin and end, where worker and store thread are busy one after the other, count less with more of them.
set -euo pipefail
bbtap=$1 make_flows=$2 rounds=${ROUNDS:-3}
dir=$(mktemp -d "${TMPDIR:-/dev/shm}/bbtap-bench-XXXXXX")
trap 'rm -rf "$dir"' EXIT
"$make_flows" --connections 10000 --packets "${PACKETS:-6000000}" --payload 100 -o "$dir/flows.pcap"
cat "$dir/flows.pcap" >/dev/null

run() { # BBTAP: prints events/s
  local start end records
  rm -rf "$dir/out"
  start=$(date +%s%N)
  "$1" read --events 100 -o "$dir/out" "$dir/flows.pcap" >"$dir/report"
  end=$(date +%s%N)
  records=$(sed -n 's/^ *logs: *\([0-9,]*\) records.*/\1/p' "$dir/report" | tr -d ,)
  echo $((records * 1000 / ((end - start) / 1000000)))
}
tell() { # NAME FILE
  sort -n "$2" | awk -v name="$1" '{ rate[NR] = $1 / 1e6 } END {
    printf "%-6s %.2f million events/s (median of %d; %.2f to %.2f)\n", name, rate[int((NR + 1) / 2)], NR, rate[1], rate[NR] }'
}
for ((round = 0; round < rounds; round++)); do
  run "$bbtap" >>"$dir/rates"
  [ -z "${BASE:-}" ] || run "$BASE" >>"$dir/rates.base"
done
grep ' logs:' "$dir/report" | sed 's/ below .*//; s/^ */each round: /'
tell new "$dir/rates"
[ -z "${BASE:-}" ] || tell base "$dir/rates.base"
