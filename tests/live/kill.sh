#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# The recorder is killed (SIGKILL) at random times under load, again and again: each time every file is valid, every log whose
# hand-over was answered is there, and the catalogue is what reindex makes. $1: bbtap, $2: make_flows. ROUNDS (6).
set -uo pipefail
shopt -s nullglob
bbtap=$1 make_flows=$2 rounds=${ROUNDS:-6}
. "$(dirname "$0")/veth.sh"
needs jq sqlite3 capinfos tshark
pair
"$make_flows" --connections 2000 --packets 60000 --payload 100 -o "$dir/flows.pcap" || exit 1

contents() { # all of the catalogue, but for the numbers that files have in it
  local db
  for db in "$1"/catalog/*.sqlite; do
    echo "== ${db##*/}"
    sqlite3 "$db" "SELECT name, bytes, sections, records, skipped, first_ns, last_ns FROM files ORDER BY name;
      SELECT f.name, s.offset, s.length, s.dump_time_s, s.first_ns, s.last_ns, s.records, s.packets, s.skipped, hex(s.local),
        s.local_port, hex(s.foreign_), s.foreign_port, s.id, s.reason FROM sections s JOIN files f ON f.id = s.file ORDER BY 1, 2;
      SELECT name, bytes, lines, first_ns, last_ns FROM flow_files ORDER BY name;
      SELECT f.name, c.frame, c.line, c.connection, c.first_ns, c.last_ns, hex(c.client), c.client_port, hex(c.server), c.server_port,
        c.client_bytes, c.server_bytes, c.rule, c.tag, c.id FROM connections c JOIN flow_files f ON f.id = c.file ORDER BY 1, 2, 3;"
  done
}
written() { # REASON: connections of which a log is there; that of one side may have been empty at the time
  local db
  for db in "$dir"/out/catalog/*.sqlite; do
    sqlite3 "$db" "SELECT hex(local), local_port, hex(foreign_), foreign_port FROM sections s JOIN files f ON f.id = s.file
      WHERE reason = '$1' AND view = 1
      UNION SELECT hex(foreign_), foreign_port, hex(local), local_port FROM sections s JOIN files f ON f.id = s.file
      WHERE reason = '$1' AND view = 0;"
  done | sort -u | wc -l
}

dumps=0 promised=0
for ((round = 1; round <= rounds; round++)); do
  [ $((round % 20)) = 1 ] && rm -rf "$dir/out"
  : >"$dir/err"
  : >"$dir/reports"
  ip netns exec $to "$bbtap" record -i in -q --socket "$BBTAP_SOCKET" -o "$dir/out" --events 30 --rotate-size 3M --rotate-time 2s \
    -w $((1 + round % 2)) 2>"$dir/err" &
  recorder=$!
  for ((i = 0; i < 200; i++)); do grep -q recording "$dir/err" && break; sleep 0.05; done
  ip netns exec $from tcpreplay -q -i out --loop 40 --pps 60000 "$dir/flows.pcap" >/dev/null 2>&1 &
  source=$!
  children=($source)
  (sleep "$((RANDOM % 2)).$((RANDOM % 90 + 10))"; kill -KILL $recorder) &
  killer=$!
  for ((n = 0; n < 1000; n++)); do # until it is dead
    answer=$("$bbtap" dump --all --reason "r$round-$n" 2>&1) || break
    echo "r$round-$n ${answer%% *}" >>"$dir/reports"
    sleep 0.05
  done
  wait $recorder $killer 2>/dev/null
  recorder=
  kill -TERM $source 2>/dev/null
  wait $source 2>/dev/null
  children=()
  # As the next start does it.
  "$bbtap" reindex --changed "$dir/out" >"$dir/mended" 2>&1 || fail "round $round: reindex --changed: $(cat "$dir/mended")"
  find "$dir/out/logs" "$dir/out/connections" -name '*.part' | grep . && fail "round $round: open files are left"
  contents "$dir/out" >"$dir/before"
  "$bbtap" reindex "$dir/out" >"$dir/again" 2>&1 || fail "round $round: reindex: $(cat "$dir/again")"
  contents "$dir/out" >"$dir/after"
  cmp -s "$dir/before" "$dir/after" || { fail "round $round: the catalogue differs from a new one"; diff "$dir/before" "$dir/after" | head -5; }
  grep -qE 'torn|removed' "$dir/again" && fail "round $round: something was torn after mending: $(cat "$dir/again")"
  while read -r reason count; do
    dumps=$((dumps + 1)) promised=$((promised + count))
    [ "$(written "$reason")" = "$count" ] || fail "round $round: $(written "$reason") logs of $reason, $count were answered"
  done <"$dir/reports"
  # Other programs' opinion of the latest files.
  for file in $(find "$dir/out/logs" -name '*.pcapng' -printf '%T@ %p\n' | sort -n | tail -2 | cut -d' ' -f2); do
    capinfos -c "$file" >/dev/null 2>"$dir/opinion" || fail "round $round: capinfos: $(cat "$dir/opinion")"
    tshark -nr "$file" >/dev/null 2>"$dir/opinion" || fail "round $round: tshark: $(tail -2 "$dir/opinion")"
  done
  find "$dir/out/connections" -name '*.zst' -exec zstd -qt {} + 2>"$dir/opinion" || fail "round $round: zstd: $(cat "$dir/opinion")"
done
echo "$rounds times killed; $dumps hand-overs of $promised logs were answered, all are there"
[ $dumps -gt 0 ] || fail "no hand-over was answered"
exit $failed
