#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# A file system of 64 MB is filled to its last byte under load, then freed: recording goes on, what could not be written is counted by
# tag and reason, no file is bad, and writing goes on by itself. $1: bbtap, $2: make_flows.
set -uo pipefail
bbtap=$1 make_flows=$2
. "$(dirname "$0")/veth.sh"
needs jq capinfos tshark
mkdir "$dir/small"
mount -t tmpfs -o size=64M bbtap-test "$dir/small" 2>/dev/null || { echo "needs to mount tmpfs: left out"; exit 77; }
at_end() { umount "$dir/small"; }
pair
"$make_flows" --connections 500 --packets 50000 --payload 100 -o "$dir/flows.pcap" || exit 1

stats() { "$bbtap" stats --json | jq -r "$1"; }
replay_all() { replay --pps 40000 "$dir/flows.pcap"; }

start -o "$dir/small/out" --events 50 --rotate-size 8M || exit 1

for ((i = 0; i < 12; i++)); do
  replay_all
  [ "$(stats '.store.sections_failed')" -gt 100 ] && break
done
sleep 1
[ "$(stats '.not_written[] | select(.error == "ENOSPC") | .tag' | head -1)" = "" ] || fail "the tag should be empty: $(stats .not_written)"
[ "$(stats '[.not_written[] | select(.error == "ENOSPC").sections] | add')" -gt 100 ] || fail "no ENOSPC is told: $(stats .not_written)"
"$bbtap" stats | grep -q '^not written, tag UNKNOWN .*ENOSPC' || fail "stats does not say it: $("$bbtap" stats | tail -3)"
[ "$(df --output=pcent "$dir/small" | tail -1 | tr -dc 0-9)" -ge 99 ] || fail "the disk is not full: $(df "$dir/small")"
received=$(stats .received) sections=$(stats .store.sections) failures=$(stats .store.sections_failed)

# Half of the complete files go; what comes now is written again.
find "$dir/small/out/logs" -name '*.pcapng' | sort | head -6 | xargs rm
replay_all
sleep 1
[ "$(stats .received)" -ge $((received + 50000)) ] || fail "recording did not go on"
[ "$(stats .store.sections)" -gt $((sections + 500)) ] || fail "writing did not go on: $sections, $(stats .store.sections)"
made=$(stats .records.handed_over) there=$(stats '.store.records + .store.records_failed')
[ "$made" = "$there" ] || fail "$made records were handed over, $there are written or counted"
# The last lines of the flow log and the catalogue want some room, too.
find "$dir/small/out/logs" -name '*.pcapng' | sort | head -2 | xargs rm -f
kill -TERM $recorder
wait $recorder
recorder=
jq -e '.adds_up and .store.sections_failed > 0' "$dir/report" >/dev/null || fail "the report: $(cat "$dir/report")"

for file in "$dir"/small/out/logs/*/*.pcapng; do
  capinfos -c "$file" >/dev/null 2>"$dir/opinion" || fail "capinfos: $(cat "$dir/opinion")"
  tshark -nr "$file" >/dev/null 2>"$dir/opinion" || fail "tshark: $(tail -2 "$dir/opinion")"
done
zstd -qt "$dir"/small/out/connections/*.zst 2>/dev/null || fail "the flow log is damaged"
ls "$dir"/small/out/logs/*/*.part 2>/dev/null && fail "open files are left"
# The catalogue could not grow either: it is mended from the files.
"$bbtap" reindex --changed "$dir/small/out" >"$dir/mended" 2>&1 || fail "reindex: $(cat "$dir/mended")"
sum=$("$bbtap" files --json "$dir/small/out" | jq -s 'map(.sections) | add')
[ "$sum" -gt 500 ] || fail "$sum sections are found"
echo "$failures sections could not be written while the disk was full"
exit $failed
