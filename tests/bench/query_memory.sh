#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# How much memory queries take on a store of 10 GB, and how long. $1: bbtap, $2: make_flows. TMPDIR: where 12 GB go.
# RUNS (2): captures of 6 million packets that are logged.
set -euo pipefail
bbtap=$1 make_flows=$2
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/bbtap-bench-XXXXXX")
trap 'rm -rf "$dir"' EXIT
for ((run = 1; run <= ${RUNS:-2}; run++)); do
  "$make_flows" --connections $((run * 7000)) --packets 6000000 --payload 100 --loss 1 --seed "$run" -o "$dir/flows.pcap"
  "$bbtap" read -q --events 100 -o "$dir/store" "$dir/flows.pcap"
  rm "$dir/flows.pcap"
done
du -sh "$dir/store" | cut -f1 | sed 's/$/ of logs, catalogue and flow log/'
echo "$("$bbtap" flows "$dir/store" --csv | wc -l) connections, $(("$("$bbtap" files "$dir/store" --csv | wc -l)" - 1)) files"
host=$("$bbtap" flows "$dir/store" --csv --limit 1 | sed -n 2p | grep -oE '([0-9]{1,3}\.){3}[0-9]{1,3}' | head -1)
measure() { # COMMAND...
  local seconds kib
  /usr/bin/time -o "$dir/time" -f '%e %M' "$bbtap" "$@" >"$dir/out" 2>"$dir/err" || { cat "$dir/err"; exit 1; }
  read -r seconds kib <"$dir/time"
  printf '%7.2f s %6d MB %8s  %s\n' "$seconds" $((kib / 1024)) "$(stat -c %s "$dir/out" | numfmt --to=iec)" "$(sed "s|$dir|.|g" <<<"$*")"
}
echo "     time    memory   output  command"
measure files "$dir/store"
measure files "$dir/store" --csv host "$host"
measure flows "$dir/store" --json
measure flows "$dir/store" --sort retransmissions
measure flows "$dir/store" --sort retransmissions --limit 10
measure flows "$dir/store" --by client
measure flows "$dir/store" host "$host"
measure events "$dir/store" host "$host"
measure export "$dir/store" host "$host" -o "$dir/export.pcapng"
measure export "$dir/store" --view server --limit 100000 -o "$dir/export.pcapng"
