#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# How fast connections are tracked, next to tcpdump, tcptrace and argus on the same file in the same run, and what
# an idle connection costs. Each tool in turn, several rounds; medians and ratios are printed. $1: bbtap, $2: make_flows.
#
# A virtual machine gives memory that it does not use back to its host, and pays for each page that it gets again. So
# that this is not taken for the price of a tool, so much as it may need is used up and freed in front of each run.
#
# ONLY=models measures only that. ROUNDS (3), MODEL_ROUNDS (9), LIMIT_S (120): a tool that takes longer is ended, and its time is a floor.
set -uo pipefail
bbtap=$1 make_flows=$2
rounds=${ROUNDS:-3} limit_s=${LIMIT_S:-120}
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/bbtap-bench-XXXXXX")
trap 'rm -rf "$dir"' EXIT
pin=
command -v taskset >/dev/null && pin='taskset -c 0'

measure() { # TOOL COMMAND...: adds its wall seconds to $dir/TOOL; false if it was ended
  local tool=$1 start end status=0
  shift
  dd if=/dev/zero of=/dev/null bs=900M count=1 2>/dev/null
  start=$(date +%s%N)
  timeout "$limit_s" $pin "$@" >/dev/null 2>&1 || status=$?
  end=$(date +%s%N)
  echo $(((end - start) / 1000)) >>"$dir/$tool.us"
  [ "$status" -ne 124 ] || touch "$dir/$tool.ended"
}
median_us() { sort -n "$dir/$1.us" | sed -n "$(((($(wc -l <"$dir/$1.us")) + 1) / 2))p"; }

compare() { # CONNECTIONS PACKETS
  local file=$dir/flows.pcap tool base us floor
  rm -f "$dir"/*.us "$dir"/*.ended
  "$make_flows" --connections "$1" --packets "$2" --payload 100 -o "$file" || exit 1
  cat "$file" >/dev/null # into the page cache, for all alike
  for ((round = 0; round < rounds; round++)); do
    measure bbtap "$bbtap" read -q --no-store "$file"
    rm -rf "$dir/out"
    pin= measure bbtap-store "$bbtap" read -q -o "$dir/out" --view both "$file"
    rm -rf "$dir/out"
    command -v tcpdump >/dev/null && measure tcpdump-copy tcpdump -nr "$file" -w /dev/null
    command -v argus >/dev/null && measure argus argus -X -r "$file" -w /dev/null
    # One round of the slow ones.
    [ "$round" -gt 0 ] && continue
    command -v tcpdump >/dev/null && measure tcpdump-print tcpdump -nr "$file"
    command -v tcptrace >/dev/null && measure tcptrace tcptrace "$file"
  done
  printf '\n%s connections, %s packets of 100 bytes\n' "$1" "$2"
  printf '%-16s %12s %16s %18s\n' tool 'seconds' 'packets/s' 'time / bbtap'
  base=$(median_us bbtap)
  for tool in bbtap bbtap-store tcpdump-copy tcpdump-print argus tcptrace; do
    [ -f "$dir/$tool.us" ] || { printf '%-16s not installed\n' "$tool"; continue; }
    us=$(median_us $tool)
    floor=
    [ -e "$dir/$tool.ended" ] && floor='>'
    awk -v tool=$tool -v us="$us" -v base="$base" -v n="$2" -v floor="$floor" 'BEGIN {
      printf "%-16s %12s %16s %18s\n", tool, floor sprintf("%.2f", us / 1e6),
        (floor ? "<" : "") sprintf("%.0f", n / (us / 1e6)), floor sprintf("%.1f", us / base) }'
  done
}

# What the models cost: with and without in turn, more rounds than are worth it for the other tools. With them the
# rate may not be below 75% of that without.
models() { # CONNECTIONS PACKETS
  local file=$dir/flows.pcap
  rm -f "$dir"/*.us
  "$make_flows" --connections "$1" --packets "$2" --payload 100 -o "$file" || exit 1
  cat "$file" >/dev/null
  for ((round = 0; round < ${MODEL_ROUNDS:-9}; round++)); do
    measure bbtap "$bbtap" read -q --no-store "$file"
    measure bbtap-no-models "$bbtap" read -q --no-store --no-models "$file"
  done
  awk -v connections="$1" -v with="$(median_us bbtap)" -v without="$(median_us bbtap-no-models)" -v n="$2" 'BEGIN {
    printf "\nmodels, %d connections: %.0f packets/s with, %.0f without: %.0f%%\n", connections, n / (with / 1e6),
      n / (without / 1e6), 100 * without / with }'
}

idle() { # what an established connection costs that says nothing
  local file=$dir/idle.pcap many few bytes rss
  "$make_flows" --connections 200000 --packets 1400000 --payload 100 --leave-open -o "$file" || exit 1
  bytes=$("$bbtap" read --json --no-store "$file" | jq '.memory_bytes / .connections')
  printf '\nAn idle connection: %.0f bytes of flow table and record' "$bytes"
  if [ -x /usr/bin/time ]; then # from a pipe, so that the file itself is not in the figure
    "$make_flows" --connections 1 --packets 1400000 --payload 100 --leave-open -o "$dir/one.pcap" || exit 1
    many=$( (cat "$file" | /usr/bin/time -f %M "$bbtap" read -q --no-store -) 2>&1)
    few=$( (cat "$dir/one.pcap" | /usr/bin/time -f %M "$bbtap" read -q --no-store -) 2>&1)
    rss=$(((many - few) * 1024 / 200000))
    printf '; %s bytes by the resident sizes of the process with 200,000 and with 1' "$rss"
  fi
  echo
}

grep -m1 'model name' /proc/cpuinfo | sed 's/.*: //'
echo "bbtap: state tracking alone (--no-store), one worker; bbtap-store: with all logs written, both views"
if [ "${ONLY:-}" = models ]; then
  models 10000 "${PACKETS_10K:-3000000}"
  models 200000 "${PACKETS_200K:-2000000}"
  exit 0
fi
compare 10000 "${PACKETS_10K:-10000000}"
compare 200000 "${PACKETS_200K:-2000000}"
models 10000 "${PACKETS_10K:-10000000}"
models 200000 "${PACKETS_200K:-2000000}"
idle
