#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# flows, files, events, export and reindex on a folder that `bbtap read` wrote. $1: bbtap, $2: tests/pcap.
set -uo pipefail
bbtap=$1 sample=$2/sample.pcap.gz
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
fail() { echo "FAILED: $*"; failed=1; }
is() { [ "$2" = "$3" ] || fail "$1: $2, expected $3"; }
export TZ=Europe/Berlin
"$bbtap" read -q -o "$dir/a" "$sample" || fail read
count() { "$bbtap" "$@" | wc -l; }

# The same whether the catalogue or the files are asked.
is connections "$(count flows --json "$dir/a")" "$(zstdcat "$dir"/a/connections/*.zst | wc -l)"
is "one server" "$(count flows --json "$dir/a" port 7000)" 1
is "two ports" "$(count flows --json "$dir/a" "port 7000 or port 7001")" 3
is "a network" "$(count flows --json "$dir/a" net 10.77.0.0/24)" "$(count flows --json "$dir/a" ip)"
is "IPv6" "$(count flows --json "$dir/a" host fd77::1)" "$(count flows --json "$dir/a" ip6)"
is "not a port" "$(count flows --json "$dir/a" not port 7000)" $(($(count flows --json "$dir/a") - 1))
is "nobody" "$(count flows --json "$dir/a" host 192.0.2.1)" 0
is "a state" "$(count flows --json "$dir/a" --state time_wait)" "$("$bbtap" flows --json "$dir/a" | jq -c 'select(.client.state == "TIME_WAIT" or .server.state == "TIME_WAIT")' | wc -l)"
"$bbtap" read -q -c <(echo 'rule a { match = "tcp port 7004" mode = tail dump-on = { "rst" } }') -o "$dir/rst" "$sample" || fail "read with rules"
is "a reason" "$("$bbtap" flows --json "$dir/rst" --reason 'rs?' | jq -c .server.port | sort -u)" 7004
is "another reason" "$(count flows --json "$dir/rst" --reason nothing)" 0
is "reasons, summed" "$("$bbtap" flows --json "$dir/rst" --reason rst --by rule | jq -c '[.key, .connections]')" '["a",2]'
is "largest first" "$("$bbtap" flows --json "$dir/a" --sort bytes -n 1 | jq -c '.server.port')" 7000
"$bbtap" flows --csv "$dir/a" >"$dir/csv"
python3 - "$dir/csv" "$(count flows --json "$dir/a")" <<'P' || fail "CSV"
import csv, sys
rows = list(csv.DictReader(open(sys.argv[1])))
assert len(rows) == int(sys.argv[2]) and all(None not in row and row["server_port"].isdigit() for row in rows)
P
is "sums" "$("$bbtap" flows --by prefix --json "$dir/a" | jq -s 'map(.connections) | add')" "$(count flows --json "$dir/a")"
is "sums by server" "$("$bbtap" flows --by server --csv "$dir/a" port 7000 | tail -1 | cut -d, -f1)" 10.77.0.2:7000

# Times: what overlaps the span.
all=$(count flows --json "$dir/a") first=$("$bbtap" flows --json "$dir/a" -n 1 | jq -r .first)
is "since the begin" "$(count flows --json "$dir/a" --since "$first")" "$all"
is "until the begin" "$(count flows --json "$dir/a" --until "$first")" 1
is "long ago" "$(count flows --json "$dir/a" --until 2001-01-01)" 0
is "local time" "$("$bbtap" flows "$dir/a" -n 1 | sed -n 2p | cut -c1-19)" "$(date -d "$first" '+%Y-%m-%d %H:%M:%S')"
is "UTC" "$("$bbtap" flows --utc "$dir/a" -n 1 | sed -n 2p | cut -c1-19)" "$(date -ud "$first" '+%Y-%m-%d %H:%M:%S')"
is "relative" "$("$bbtap" flows --time relative "$dir/a" -n 1 | sed -n 2p | cut -c1-8)" 0.000000
"$bbtap" flows "$dir/a" --since "next week" 2>/dev/null
is "a time that is none" $? 2
"$bbtap" flows "$dir/a" prt 80 2>/dev/null
is "a filter that is none" $? 2

# events: by the catalogue the same as all of them, filtered.
is "events" "$("$bbtap" events --json --view both "$dir/a" port 7000 2>&1 | wc -l)" \
  "$("$bbtap" events --json --view both -f 'port 7000' "$dir"/a/logs/*/*.pcapng | wc -l)"
is "events of a reason" "$(count events --json --reason 'auto*' "$dir/a")" "$(count events --json "$dir/a")"
is "events of no reason" "$(count events --json --reason rst "$dir/a")" 0
is "events, at most" "$(count events --json -n 7 "$dir/a")" 7

# files
is "files" "$(count files --json "$dir/a")" 2
is "files of one view" "$(count files --json --view client "$dir/a")" 1
is "sections" "$("$bbtap" files --json "$dir/a" | jq -s 'map(.sections) | add')" $((2 * all))
is "files with nobody" "$(count files --json "$dir/a" host 192.0.2.1)" 0

# export: a valid file, with just these packets; read again it is the same connection.
"$bbtap" export "$dir/a" port 7000 -o "$dir/x.pcapng" 2>"$dir/err" || fail "export: $(cat "$dir/err")"
is "packets" "$(tcpdump -nr "$dir/x.pcapng" 2>/dev/null | wc -l)" "$(tcpdump -nr "$dir"/a/logs/UNKNOWN/*.server.pcapng port 7000 2>/dev/null | wc -l)"
capinfos -c "$dir/x.pcapng" >/dev/null 2>&1 || fail capinfos
tshark -nr "$dir/x.pcapng" >/dev/null 2>"$dir/err" || fail "tshark: $(cat "$dir/err")"
editcap "$dir/x.pcapng" "$dir/y.pcapng" 2>"$dir/err" || fail "editcap: $(cat "$dir/err")"
"$bbtap" read -q -o "$dir/again" "$dir/x.pcapng"
line() { "$bbtap" flows --json "$1" port 7000 | jq -S 'del(.connection, .sections, .interface)'; }
is "read again" "$(line "$dir/again")" "$(line "$dir/a")"
"$bbtap" export "$dir/a" host 192.0.2.1 -o "$dir/none.pcapng" 2>/dev/null
is "nothing to export" $? 1
[ -e "$dir/none.pcapng" ] && fail "a file of nothing"
"$bbtap" export "$dir/a" --freebsd "$dir/freebsd" 2>/dev/null || fail "export --freebsd"
is "files for FreeBSD's tools" "$(ls "$dir"/freebsd/*.pcapng | wc -l)" "$(wc -l <"$dir/freebsd/records")"

# reindex: a folder without a catalogue is read as it is; one that was torn is mended.
rm -r "$dir/a/catalog"
is "without a catalogue" "$("$bbtap" flows --json "$dir/a" 2>/dev/null | wc -l)" "$all"
"$bbtap" reindex "$dir/a" >"$dir/said" || fail "reindex: $(cat "$dir/said")"
log=$(ls "$dir"/a/logs/UNKNOWN/*.server.pcapng)
truncate -s -1 "$log"
mv "$log" "$log.part"
"$bbtap" reindex "$dir/a" >"$dir/said" || fail "reindex: $(cat "$dir/said")"
grep -q 'torn bytes cut away' "$dir/said" && grep -q 'has its name now' "$dir/said" || fail "what was mended is not said: $(cat "$dir/said")"
tshark -nr "$log" >/dev/null 2>"$dir/err" || fail "tshark behind reindex: $(cat "$dir/err")"
is "sections behind reindex" "$("$bbtap" files --json "$dir/a" | jq -s 'map(.sections) | add')" $((2 * all - 1))

# Compressed it is all the same.
"$bbtap" read -q --compress -o "$dir/z" "$sample" || fail "read --compress"
ls "$dir"/z/logs/UNKNOWN/*.pcapng >/dev/null 2>&1 && fail "not compressed: $(ls "$dir/z/logs/UNKNOWN")"
is "compressed events" "$(count events --json "$dir/z" port 7003)" "$("$bbtap" events --json -f 'port 7003' "$dir"/z/logs/*/*.server.pcapng.zst | wc -l)"
is "compressed, whole" "$(count events --json --view both "$dir/z")" "$("$bbtap" read -q -o "$dir/b" "$sample"; count events --json --view both "$dir/b")"
tshark -nr "$(ls "$dir"/z/logs/UNKNOWN/*.server.pcapng.zst)" 2>"$dir/err" | wc -l | grep -qv '^0$' || fail "tshark of a compressed log: $(cat "$dir/err")"
[ $failed = 0 ] && echo "queries, export and reindex: as they should be"
exit $failed
