#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# What others make of our files: tshark, capinfos, tcpdump and editcap read some of them, chosen at random, and bbtap itself
# finds the same connections in its own logs again. $1: bbtap, $2: make_flows, $3: tests/pcap. FILES (30) SEED: which.
set -uo pipefail
bbtap=$1 make_flows=$2 captures=$3 seed=${SEED:-$RANDOM} wanted=${FILES:-30}
for tool in tshark capinfos tcpdump editcap; do command -v $tool >/dev/null || { echo "needs $tool: left out"; exit 77; }; done
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
fail() { echo "FAILED: $*"; failed=1; }

"$make_flows" --connections 2000 --packets 60000 --payload 100 --loss 1 --seed 7 -o "$dir/flows.pcap" || exit 1
"$bbtap" read -q --events 100 --rotate-size 300k -o "$dir/many" "$dir/flows.pcap" || fail "read of made connections"
"$bbtap" read -q --rotate-size 100k -o "$dir/real" "$captures/sample.pcap.gz" || fail "read of the sample"
"$bbtap" read -q -o "$dir/icmp" "$captures/path-mtu-black-hole.pcap.gz" || fail "read of ICMP errors"

files=0
while read -r file; do
  files=$((files + 1))
  packets=$("$bbtap" events --json "$file" 2>/dev/null | grep -c '"event":"\(IN\|OUT\)"')
  tshark -nr "$file" >/dev/null 2>"$dir/err" || fail "tshark $file: $(cat "$dir/err")"
  grep -qi 'cut short\|damaged\|error' "$dir/err" && fail "tshark of $file: $(cat "$dir/err")"
  [ "$(capinfos -Trcm "$file" 2>&1 | grep -c .)" = 1 ] || fail "capinfos $file: $(capinfos "$file" 2>&1)"
  [ "$(tcpdump -nr "$file" 2>"$dir/err" | wc -l)" = "$packets" ] || fail "tcpdump of $file: $(cat "$dir/err"), expected $packets packets"
  editcap "$file" "$dir/edited.pcapng" 2>"$dir/err" || fail "editcap $file: $(cat "$dir/err")"
done < <(find "$dir"/*/logs -name '*.pcapng' | sort | shuf -n "$wanted" --random-source=<(yes "$seed"))
[ "$files" = "$wanted" ] || fail "only $files files"

connections() { "$bbtap" flows --csv "$1" | cut -d, -f2-26 | sort; }
for name in many real; do
  for view in server client; do
    "$bbtap" read -q -o "$dir/again-$name-$view" "$dir/$name"/logs/*/*."$view".pcapng || fail "read of our own $view logs"
    diff <(connections "$dir/$name") <(connections "$dir/again-$name-$view") >"$dir/diff" || fail "$name, $view: $(head -4 "$dir/diff")"
  done
done
[ $failed = 0 ] || echo "again: SEED=$seed"
exit $failed
