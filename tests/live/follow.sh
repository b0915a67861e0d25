#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# `events --follow` on the running recorder shows each event once and soon, in every mode, also of logs that are handed over or
# thrown away between two looks, and never holds the recorder up. $1: bbtap, $2: make_flows.
set -uo pipefail
bbtap=$1 make_flows=$2
. "$(dirname "$0")/veth.sh"
needs jq
pair
"$make_flows" --connections 300 --packets 12000 --payload 100 --loss 1 -o "$dir/flows.pcap" || exit 1

end() {
  stop
  is "exit status" $? 0
  is "adds up" "$(jq .adds_up "$dir/report")" true
}
follow() { # FILE OPTION...
  local file=$1
  shift
  "$bbtap" events --follow --json --view both "$@" >"$file" 2>"$file.err" &
  children+=($!)
}
wait_followers() {
  for follower in "${children[@]}"; do
    wait "$follower"
    is "a follower's exit status" $? 0
  done
  children=()
}
settle() { # FILE: until nothing has come to it for a second, at most a minute
  local before= now i
  for ((i = 0; i < 60; i++)); do
    now=$(stat -c %s "$1")
    [ "$now" = "$before" ] && return
    before=$now
    sleep 1
  done
}
# But for those of the recorder's own end. What numbers are relative to is found anew in each piece, if no SYN was seen.
records() { jq -c 'select(.event and .event != "FLOWEND" and .event != "CONNEND" and .event != "TIMERSTAR") | del(.reason, .packet.seq_relative, .packet.ack_relative)' "$1" | sort; }
counts() { wc -l <"$1"; }

echo 'default { mode = tail }' >"$dir/tail"
echo 'default { mode = continual limit = 30 }' >"$dir/continual"
for workers in 1 2; do
  # Handed over every 30 records, many times between two looks: what is shown is what is in the files in the end.
  start -w $workers -c "$dir/continual" -o "$dir/continual-$workers"
  follow "$dir/all"
  follow "$dir/some" 'dst port 443'
  sleep 0.6
  replay --pps 4000 "$dir/flows.pcap"
  settle "$dir/all"
  settle "$dir/some"
  end
  wait_followers
  "$bbtap" events --json --view both "$dir/continual-$workers" | jq -c . >"$dir/files"
  diff <(records "$dir/all") <(records "$dir/files") >"$dir/diff" || fail "continual, $workers workers: $(wc -l <"$dir/diff") lines, $(head -3 "$dir/diff" | cut -c1-200)"
  is "continual: of some" "$(records "$dir/some" | wc -l)" "$(records "$dir/files" | grep -c '"\(local\|foreign\)":"[^"]*:443"')"
  [ "$(records "$dir/some" | wc -l)" -gt 1000 ] || fail "there are too few connections to port 443"
  grep -q 'skipped' "$dir/all" && fail "something was skipped: $(grep -m1 skipped "$dir/all")"
done

# Nothing is ever written, connections end: each event is shown all the same, and soon.
start -c "$dir/tail" -o "$dir/tail-out"
follow "$dir/all"
sleep 0.6
replay --pps 4000 "$dir/flows.pcap"
settle "$dir/all"
is "tail: events shown while nothing is written" "$(jq -c 'select(.event)' "$dir/all" | wc -l)" "$("$bbtap" stats --json | jq .records.made)"
is "nothing is written" "$(find "$dir/tail-out/logs" -type f | wc -l)" 0
# Who follows later is shown nothing of before.
follow "$dir/later"
sleep 0.6
is "of before" "$(counts "$dir/later")" 0

# One who does not read for a while: the recorder goes on, and so do the others.
"$bbtap" events --follow | (sleep 4; cat) >"$dir/slow" &
sleep 0.4
replay --pps 20000 "$dir/flows.pcap"
replay --pps 20000 "$dir/flows.pcap"
is "received while one does not read" "$("$bbtap" stats --json | jq '.received == .segments')" true
# Five are too many.
follow "$dir/fourth"
sleep 0.3
"$bbtap" events --follow >"$dir/fifth" 2>&1 && fail "a fifth follower"
grep -q 'others who follow' "$dir/fifth" || fail "a fifth follower: $(cat "$dir/fifth")"
end
wait_followers
grep -q 'the recorder has ended' "$dir/all.err" || fail "the end is not told: $(cat "$dir/all.err")"

[ $failed = 0 ] && echo "events that are followed: as they should be"
exit $failed
