#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Logs as FreeBSD writes them: what bbtap exports is what bbtap events and tshark read. $1: bbtap, $2:
# export_freebsd, $3: the folder tests/pcap.
set -uo pipefail
bbtap=$1 export=$2 pcaps=$3
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
fail() { echo "FAILED: $*"; failed=1; }
is() { [ "$2" = "$3" ] || fail "$1: \"$2\", expected \"$3\""; }

# What both have of an event: no interface, no comment, microseconds, no ID, no rate at the end.
facts() { # DIR
  "$bbtap" events --json --view server "$1" |
    jq -cS 'del(.id, .tag, .reason, .view, .comment, .packet.interface, .packet.captured_bytes, .packet.wire_bytes) | .time |= .[:26] |
      if .event == "CONNEND" then .stack.cur_del_rate = 0 else . end' |
    LC_ALL=C sort
}

for capture in sample icmp-fragmentation-needed; do
  out=$dir/$capture
  "$bbtap" read --events 1000 -o "$out" "$pcaps/$capture.pcap.gz" >/dev/null || fail "$capture: read"
  find "$out/logs" -name '*.server.*' -print0 | sort -zV | xargs -0 "$export" "$out.freebsd" >"$dir/counts" ||
    fail "$capture: export"
  read -r files records packets <"$dir/counts"
  is "$capture: files" "$(find "$out.freebsd" -name '*.pcapng' | wc -l)" "$files"
  is "$capture: lines of records" "$(jq -r .filename "$out.freebsd/records" | sort -u | wc -l)" "$files"
  is "$capture: records" "$(jq -s 'map(.record_count) | add' "$out.freebsd/records")" "$records"
  { [ "$records" -gt "$packets" ] && [ "$packets" -gt 0 ]; } || fail "$capture: $records records, $packets packets"
  jq -r .filename "$out.freebsd/records" | while read -r name; do
    [ -f "$out.freebsd/$name" ] || echo "$name"
  done >"$dir/none"
  is "$capture: files that are not there" "$(cat "$dir/none")" ""

  facts "$out" >"$dir/own"
  facts "$out.freebsd" >"$dir/exported"
  cmp -s "$dir/own" "$dir/exported" || { fail "$capture: other events"; diff "$dir/own" "$dir/exported" | head -4; }

  # tshark: every block is a frame, nothing is malformed, headers have good checksums.
  frames=0 events=0
  for file in "$out.freebsd"/*.pcapng; do
    tshark -r "$file" -o ip.check_checksum:TRUE -T fields -e frame.bblog.serial_nr -e bblog.event_id -e tcp.seq_raw \
      -e _ws.malformed -e ip.checksum.status >"$dir/frames" 2>"$dir/err" || fail "tshark: $(cat "$dir/err")"
    grep -v 'Running as user' "$dir/err"
    frames=$((frames + $(awk -F'\t' '$3 != ""' "$dir/frames" | wc -l)))
    events=$((events + $(awk -F'\t' '$3 == "" && $2 != ""' "$dir/frames" | wc -l)))
    awk -F'\t' '$4 != "" || $5 == 0 && $5 != ""' "$dir/frames" | head -1 | grep . && fail "tshark finds mistakes in $file"
  done
  is "$capture: packets that tshark sees" "$frames" "$packets"
  is "$capture: events that tshark sees" "$events" $((records - packets))
done

# As tcplog_dumper -J does.
xz -0 "$dir/sample.freebsd"/*.pcapng
facts "$dir/sample.freebsd" >"$dir/compressed"
facts "$dir/sample" >"$dir/own"
cmp -s "$dir/own" "$dir/compressed" || fail "xz: other events"
exit $failed
