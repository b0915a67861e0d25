#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# bbtap read, events and flows from outside: exit statuses, messages, repeatability. $1: bbtap, $2: the
# folder tests/pcap.
set -uo pipefail
bbtap=$1 sample=$2/sample.pcap.gz
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

expect() { # WHAT STATUS COMMAND...: runs it, output to $dir/out and $dir/err
  local what=$1 status=$2 got=0
  shift 2
  "$@" >"$dir/out" 2>"$dir/err" || got=$?
  if [ "$got" != "$status" ]; then
    echo "FAILED: $what: exit status $got, expected $status: $*"
    head -5 "$dir/err"
    failed=1
  fi
}
says() { # WHAT FILE PATTERN
  grep -q -- "$3" "$dir/$2" || { echo "FAILED: $1: '$3' is not in what it says:"; head -5 "$dir/$2"; failed=1; }
}
same() { # WHAT A B
  diff -rx catalog "$2" "$3" >/dev/null || { echo "FAILED: $1: $2 and $3 differ"; failed=1; }
}

expect "help" 0 "$bbtap" --help
says "help" out "record"
expect "version" 0 "$bbtap" --version
says "version" out "^bbtap [0-9]"
expect "no command" 2 "$bbtap"
expect "unknown command" 2 "$bbtap" raed
says "unknown command" err "there is no command \"raed\""
for command in read record events flows; do
  expect "$command --help" 0 "$bbtap" "$command" --help
  says "$command --help" out "Usage: bbtap $command"
done
expect "no file" 2 "$bbtap" read
expect "unknown option" 2 "$bbtap" read --no-such-option x
expect "bad number" 2 "$bbtap" read -w 0 "$sample"
expect "bad filter" 2 "$bbtap" read 'tcp prt 80' "$sample"
says "bad filter" err "tcp prt 80"
expect "record: bad filter in words" 2 "$bbtap" record -i no-such-interface tcp --json prt 80
says "record: bad filter in words" err 'filter "tcp prt 80"'
expect "mistyped file" 1 "$bbtap" read -o "$dir/none" "$dir/nothing.pcap"
says "mistyped file" err "nothing.pcap: can't be read: No such file"

# The sample, and the same bytes however it comes.
expect "sample" 0 "$bbtap" read -o "$dir/a" "$sample"
says "sample" out "accounting: .*left out"
expect "again" 0 "$bbtap" read -o "$dir/b" "$sample"
same "the same input gives the same files" "$dir/a" "$dir/b"
zcat "$sample" >"$dir/plain.pcap"
zstd -q "$dir/plain.pcap" -o "$dir/sample.zst"
expect "plain" 0 "$bbtap" read -o "$dir/c" "$dir/plain.pcap"
same "plain and gzip" "$dir/a" "$dir/c"
expect "zstd" 0 "$bbtap" read -o "$dir/d" "$dir/sample.zst"
same "zstd" "$dir/a" "$dir/d"
expect "standard input" 0 bash -c "cat '$dir/plain.pcap' | '$bbtap' read -o '$dir/e' -"
same "standard input" "$dir/a" "$dir/e"
expect "a folder that has files already" 0 "$bbtap" read -o "$dir/e" "$sample"
[ "$(find "$dir/e/logs" -name '*-2.server.pcapng' | wc -l)" = 1 ] || { echo "FAILED: nothing may be overwritten"; failed=1; }

# With more workers the same sections, perhaps in another order.
events_sorted() { "$bbtap" events --json --view both "$1" | LC_ALL=C sort; }
for workers in 2 4; do
  expect "$workers workers" 0 "$bbtap" read -w $workers -o "$dir/w$workers" "$sample"
  cmp -s <(events_sorted "$dir/a") <(events_sorted "$dir/w$workers") ||
    { echo "FAILED: $workers workers log something else than one"; failed=1; }
  # Where sections stand in the files is another matter.
  flows_of() { "$bbtap" flows --json "$1" | jq -c "del(.sections)" | sort; }
  cmp -s <(flows_of "$dir/a") <(flows_of "$dir/w$workers") ||
    { echo "FAILED: $workers workers see other flows than one"; failed=1; }
done

# Our own output is a capture file too, and gives the same log.
own=$(find "$dir/a/logs" -name '*.client.pcapng')
expect "own output" 0 "$bbtap" read -o "$dir/own" "$own"
strip() { "$bbtap" events --json --view both "$1" | jq -c 'del(.packet.interface)' | LC_ALL=C sort; }
cmp -s <(strip "$dir/a") <(strip "$dir/own") || { echo "FAILED: reading our own output gives another log"; failed=1; }

# A filter, in both places; what it leaves out is counted.
expect "filter" 0 "$bbtap" read --json --no-store 'tcp port 7000' "$sample"
says "filter" out '"adds_up": true'
filtered=$(jq .left_out.filtered "$dir/out")
[ "$filtered" -gt 0 ] || { echo "FAILED: the filter left nothing out"; failed=1; }
expect "filter option" 0 "$bbtap" read --json --no-store -f 'tcp port 7000' "$sample"
[ "$(jq .left_out.filtered "$dir/out")" = "$filtered" ] || { echo "FAILED: -f is another filter"; failed=1; }
expect "filter in words" 0 "$bbtap" read --json --no-store tcp port 7000 "$sample"
[ "$(jq .left_out.filtered "$dir/out")" = "$filtered" ] || { echo "FAILED: the words are another filter"; failed=1; }
expect "neither file nor filter" 2 "$bbtap" read --no-store "$dir/nothing.pcap" "$sample"
says "neither file nor filter" err "nothing.pcap: no such file, and not a filter: "
expect "a mistyped file behind another" 1 "$bbtap" read --no-store "$sample" "$dir/nothing.pcap"
says "a mistyped file behind another" err "nothing.pcap: can't be read: No such file"
expect "-f and a mistyped file" 1 "$bbtap" read --no-store -f tcp "$dir/nothing.pcap" "$sample"
says "-f and a mistyped file" err "nothing.pcap: can't be read: No such file"

# ICMP errors that a router sent, and a path MTU black hole (tests/pcap/README.md).
pcaps=$(dirname "$sample")
expect "ICMP errors" 0 "$bbtap" read -o "$dir/icmp" "$pcaps/icmp-fragmentation-needed.pcap.gz"
says "ICMP errors" out "ICMP errors: *6; of no connection here: 0, not believed: 0"
for workers in 1 3; do
  expect "ICMP errors, $workers workers" 0 "$bbtap" read --json -w $workers -o "$dir/icmp$workers" "$pcaps/icmp-fragmentation-needed.pcap.gz"
  [ "$(jq -c '[.segments, .icmp_errors, .icmp_unmatched, .adds_up]' "$dir/out")" = '[42,6,0,true]' ] ||
    { echo "FAILED: ICMP errors, $workers workers: $(jq -c . "$dir/out")"; failed=1; }
  cmp -s <(events_sorted "$dir/icmp") <(events_sorted "$dir/icmp$workers") ||
    { echo "FAILED: ICMP errors: $workers workers log something else"; failed=1; }
done
expect "ICMP events" 0 "$bbtap" events --view client --event MSGSIZE "$dir/icmp"
[ "$(grep -c 'ICMP: fragmentation needed, MTU 1400, by 10.78.1.1, 100%' "$dir/out")" = 3 ] ||
  { echo "FAILED: fragmentation needed"; cat "$dir/out"; failed=1; }
[ "$(grep -c 'ICMP: packet too big, MTU 1400, by fd78:1::1, 100%' "$dir/out")" = 3 ] ||
  { echo "FAILED: packet too big"; cat "$dir/out"; failed=1; }
expect "ICMP events of the other side" 0 "$bbtap" events --view server --event MSGSIZE "$dir/icmp"
if grep -q MSGSIZE "$dir/out"; then echo "FAILED: ICMP errors about what the other side sent"; failed=1; fi
expect "ICMP errors and a filter" 0 "$bbtap" read --json --no-store 'ip and tcp port 5000' "$pcaps/icmp-fragmentation-needed.pcap.gz"
[ "$(jq -c '[.icmp_errors, .left_out.filtered, .adds_up]' "$dir/out")" = '[3,24,true]' ] ||
  { echo "FAILED: ICMP errors and a filter: $(jq -c . "$dir/out")"; failed=1; }
expect "black hole" 0 "$bbtap" read -o "$dir/hole" "$pcaps/path-mtu-black-hole.pcap.gz"
says "black hole" out "path MTU: *1 black hole"
expect "black hole event" 0 "$bbtap" events --view client --event MSGSIZE "$dir/hole"
says "black hole event" out "path MTU black hole: segments of 1448 bytes do not get through (sent 3 times), 656 do, 90%"
[ "$(grep -c MSGSIZE "$dir/out")" = 1 ] || { echo "FAILED: a black hole is named once"; failed=1; }

# Damage: what was before it is analysed, the place is named, the other files are read.
head -c 100000 "$dir/plain.pcap" >"$dir/cut.pcap"
expect "cut file" 1 "$bbtap" read --json -o "$dir/f" "$dir/cut.pcap" "$dir/plain.pcap"
says "cut file" err "cut.pcap: damaged at offset [0-9]*: cut short"
[ "$(jq .received "$dir/out")" -gt "$("$bbtap" read --json --no-store "$sample" | jq .received)" ] ||
  { echo "FAILED: the file behind the damaged one was not read"; failed=1; }

# A writer that falls silent does not keep the reader from stopping; what came before is in the log.
mkfifo "$dir/pipe"
(cat "$dir/plain.pcap" && touch "$dir/written" && exec sleep 60) >"$dir/pipe" &
writer=$!
"$bbtap" read --json -o "$dir/stopped" - <"$dir/pipe" >"$dir/out" 2>"$dir/err" &
reader=$!
for _ in $(seq 300); do [ -e "$dir/written" ] && break || sleep 0.1; done
sleep 0.5
kill -TERM "$reader"
for _ in $(seq 100); do kill -0 "$reader" 2>/dev/null || break; sleep 0.1; done
if kill "$writer" 2>/dev/null; then :; else echo "FAILED: reading a pipe stopped only when its writer ended"; failed=1; fi
wait "$reader" || { echo "FAILED: a stopped reader: exit status $?"; failed=1; }
wait "$writer"
diff -rx catalog "$dir/a" "$dir/stopped" >/dev/null || { echo "FAILED: a stopped reader lost what it had read"; failed=1; }

# What views and limits do.
expect "one view" 0 "$bbtap" read --view server -o "$dir/g" "$sample"
[ "$(find "$dir/g/logs" -name '*.client.*' | wc -l)" = 0 ] || { echo "FAILED: a client's log nobody asked for"; failed=1; }
expect "short sections" 0 "$bbtap" read --events 50 -o "$dir/h" "$sample"
cmp -s <(events_sorted "$dir/a" | jq -c 'del(.dump)') <(events_sorted "$dir/h") ||
  { echo "FAILED: shorter sections hold other events"; failed=1; }
expect "small log files" 0 "$bbtap" read --rotate-size 100K -o "$dir/i" "$sample"
[ "$(find "$dir/i/logs" -name '*.pcapng' | wc -l)" -gt 4 ] || { echo "FAILED: files do not rotate"; failed=1; }
expect "little memory" 0 "$bbtap" read --log-memory 1M -o "$dir/j" "$sample"
without_reason() { "$bbtap" events --json --view both "$1" | jq -c 'del(.reason)' | LC_ALL=C sort; }
cmp -s <(without_reason "$dir/a") <(without_reason "$dir/j") || { echo "FAILED: little memory loses events"; failed=1; }
expect "no place to write" 1 "$bbtap" read -o /dev/null/x "$sample"
says "no place to write" err "/dev/null/x"

# Printing.
expect "events of a folder" 0 "$bbtap" events "$dir/a"
says "events of a folder" out "RTT sample"
says "events of a folder" out "retransmission"
expect "some events" 0 "$bbtap" events --event RTT -n 3 --utc "$dir/a"
[ "$(grep -c 'RTT sample' "$dir/out")" = 3 ] || { echo "FAILED: --event RTT -n 3"; failed=1; }
expect "events of a connection" 0 "$bbtap" events -f 'port 7000' "$dir/a"
if grep '^==' "$dir/out" | grep -qv ':7000'; then echo "FAILED: events -f prints other connections"; failed=1; fi
expect "unknown event" 2 "$bbtap" events --event NOPE "$dir/a"
expect "events of nothing" 1 "$bbtap" events "$dir/nothing"
head -c 5000 "$own" >"$dir/cut.client.pcapng"
expect "events of a cut log" 1 "$bbtap" events "$dir/cut.client.pcapng"
says "events of a cut log" err "damaged at offset"
expect "a reader that goes away" 0 bash -c "'$bbtap' events '$dir/a' | head -1 >/dev/null"
expect "flows" 0 "$bbtap" flows --sort bytes "$dir/a"
says "flows" out "connections, "
expect "flows as JSON" 0 "$bbtap" flows --json "$dir/a"
jq -e .connection "$dir/out" >/dev/null || { echo "FAILED: flows --json is not JSON"; failed=1; }
expect "flows of nothing" 2 "$bbtap" flows "$dir/nothing"
exit $failed
