#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# bbtap rules, and bbtap read -c: what a user sees of a rules file. $1: bbtap, $2: the source's root.
set -uo pipefail
bbtap=$1 root=$2
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0
fail() { echo "FAILED: $*"; failed=1; }
is() { [ "$2" = "$3" ] || fail "$1: \"$2\", expected \"$3\""; }

python3 "$root/tests/live/story.py" "$dir/story.pcap" "$dir/rst.pcap" || exit 1
cat >"$dir/rules" <<'R'
default { mode = off }
rule story {
  match = "tcp dst port 8080"
  id = "s-{server}"
  tag = story
  mode = tail
  dump-on = { "rst" }
  dump = id
}
rule few { match = "dst portrange 9050-9059"  mode = tail-auto  tag = few  ratio = 5  view = sender }
R

is "check" "$("$bbtap" rules check "$dir/rules")" "$dir/rules: 2 rules, no mistake"
"$bbtap" rules explain "$dir/rules" "$dir/story.pcap" >"$dir/table" || fail explain
is "rows" "$(grep -c . "$dir/table")" 61
is "of the story" "$(grep -c ' story *tail *s-10.9.0.1 *story *match "tcp dst port 8080"' "$dir/table")" 40
is "left out by ratio" "$(grep -c ' few *off .*left out, ratio 1 of 5; not story (match)' "$dir/table")" 8
is "of no rule" "$(grep -c ' default *off .*not story (match); not few (match); no rule takes it' "$dir/table")" 10
is "as JSON" "$("$bbtap" rules explain -j "$dir/rules" "$dir/story.pcap" | jq -r 'select(.rule == "few" and .mode == "tail-auto") | .server' | tr '\n' ' ')" \
  "10.9.0.1:9050 10.9.0.1:9055 "

echo 'rule x { mach = 1 }' >>"$dir/wrong"
"$bbtap" rules check "$dir/wrong" 2>"$dir/err"
is "exit status of a wrong file" $? 2
grep -q "^$dir/wrong:1: there is no option \"mach\"; rule has match" "$dir/err" || fail "check: $(cat "$dir/err")"
for command in "rules explain $dir/wrong $dir/story.pcap" "read -c $dir/wrong -o $dir/no $dir/story.pcap" "rules check $dir/none" "rules check"; do
  # shellcheck disable=SC2086
  "$bbtap" $command >/dev/null 2>&1
  is "$command" $? 2
done

"$bbtap" flows "$dir/nowhere" 2>"$dir/err"
is "flows of a directory that is not there" $? 2
grep -q "nowhere: no such directory, and not a filter" "$dir/err" || fail "flows: $(cat "$dir/err")"

# Any number of workers writes the same sections.
sections() { # DIR: what is in each section, whatever file it is in
  "$bbtap" events --json --view both "$1" | jq -c '[.tag, .id, .reason, .view, .local, .foreign, .serial, .event, .time]' | LC_ALL=C sort | sha256sum
}
for workers in 1 2 3; do
  "$bbtap" read -q -w $workers -c "$dir/rules" -o "$dir/out-$workers" "$dir/story.pcap" "$dir/rst.pcap" || fail "read with $workers workers"
  is "tags, $workers workers" "$(ls "$dir/out-$workers/logs" | tr '\n' ' ')" "few story "
done
is "2 workers" "$(sections "$dir/out-2/logs/story")" "$(sections "$dir/out-1/logs/story")"
is "3 workers" "$(sections "$dir/out-3/logs/story")" "$(sections "$dir/out-1/logs/story")"
is "logs of the group" "$("$bbtap" events --json "$dir/out-1/logs/story" | jq -r .foreign | sort -u | grep -c .)" 40
is "reasons of the group" "$("$bbtap" events --json "$dir/out-1/logs/story" | jq -r .reason | sort -u)" rst
is "the sender's view" "$(ls "$dir/out-1/logs/few" | tr '\n' ' ' | sed 's/few-[^ ]*Z-1//g')" ".client.pcapng "

"$bbtap" read --json -c "$dir/rules" -o "$dir/fates" "$dir/story.pcap" "$dir/rst.pcap" >"$dir/report" || fail "read --json"
is "each record has one fate" "$(jq '.records == .store.records + .records_overwritten + .records_discarded + .records_recycled + .lost_records' "$dir/report")" true

cmp -s <("$root/script/rules-man") "$root/docs/man/bbtap-rules.5" || fail "docs/man/bbtap-rules.5 is not made from docs/rules.md: script/rules-man"
for page in "$root"/docs/man/*; do
  command -v man >/dev/null || break
  man --warnings -l "$page" 2>&1 >/dev/null | grep -q . && fail "$page: $(man --warnings -l "$page" 2>&1 >/dev/null | head -3)"
done
# Every example of the documentation is right.
awk '/^    limits  /, /^    tracepoint/' "$root/docs/rules.md" | sed 's/^    //' >"$dir/example"
is "the example of docs/rules.md" "$("$bbtap" rules check "$dir/example")" "$dir/example: 1 rule, no mistake"
awk '/^    rule frontend/, /^    }/' "$root/README.md" | sed 's/^    //' >"$dir/readme"
is "the example of the README" "$("$bbtap" rules check "$dir/readme")" "$dir/readme: 1 rule, no mistake"

[ $failed = 0 ] && echo "rules: as they should be"
exit $failed
