#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# Rules, triggers and requests at run time, on a veth pair between namespaces of its own. $1: bbtap.
set -uo pipefail
bbtap=$1 here=$(dirname "$0")
. "$(dirname "$0")/veth.sh"
needs jq python3
export BBTAP_SOCKET=$dir/run/sock # its folder is made
pair
python3 "$here/story.py" "$dir/story.pcap" "$dir/rst.pcap" || exit 1

end() {
  stop
  is "exit status" $? 0
}
flows() { "$bbtap" flows --json "$@" | jq -s "length" || fail "flows $*"; }
wait_for() { # WHAT EXPECTED COMMAND...: until the command prints it, at most 5 s
  local what=$1 expected=$2 got=
  shift 2
  for ((i = 0; i < 100; i++)); do
    got=$("$@" 2>/dev/null)
    [ "$got" = "$expected" ] && return 0
    sleep 0.05
  done
  fail "$what: $got, expected $expected"
}
logs() { # DIR TAG: connections whose log is there
  "$bbtap" events --json --view server "$1/logs/$2" 2>/dev/null | jq -s '[.[] | .foreign] | unique | length'
}
ask() { # LINE: sends it as it is
  python3 - "$BBTAP_SOCKET" "$1" <<'P'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(5)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
data = b""
while not data.endswith(b"\n"):
    part = s.recv(65536)
    if not part:
        break
    data += part
print(data.decode().strip().split("\n")[-1])
P
}

cat >"$dir/rules" <<'R'
default { mode = tail  tag = others }
rule story {
  match = "tcp dst port 8080"
  id = "story-{server}"
  tag = story
  mode = tail
  view = server
  dump-on = { "rst" }
  dump = id
}
R

mkdir "$dir/tmp"
export TMPDIR=$dir/tmp
for workers in 1 2; do
  out=$dir/out-$workers
  start -w $workers -c "$dir/rules" -o "$out" || continue
  is "mode of the socket" "$(stat -c %a "$BBTAP_SOCKET")" 660
  replay --topspeed "$dir/story.pcap"
  wait_for "connections" 60 flows
  is "connections by address" "$(flows dst port 8080)" 40
  is "connections by ID" "$(flows --id 'story-*')" 40
  is "connections by tag" "$(flows --tag others)" 20
  is "connections by state" "$(flows --state established)" 60
  is "nobody by address" "$(flows src host 10.9.0.1)" 0
  is "IDs" "$("$bbtap" ids --json)" '{"id":"story-10.9.0.1","connections":40,"lingering":0}'
  [ -z "$(find "$out/logs" -name '*.pcapng*')" ] || fail "something was written before the reset"

  # One of the 40 is reset: all their logs are handed over with that reason, and none else.
  "$bbtap" events --follow --json --view both "$out" >"$dir/followed" 2>"$dir/followed.err" &
  children=($!)
  sleep 1.5 # it has looked
  replay --topspeed "$dir/rst.pcap"
  wait_for "logs of the group, $workers workers" 40 logs "$out" story
  is "reasons" "$("$bbtap" events --json --view server "$out/logs/story" | jq -r .reason | sort -u)" rst
  [ -e "$out/logs/others" ] && fail "logs of others were written"
  is "triggers" "$("$bbtap" stats --json | jq .triggers)" 1

  # By hand.
  is "dump" "$("$bbtap" dump --reason 'to see' dst port 9041)" "1 dumped"
  wait_for "log that was asked for" 1 logs "$out" others
  is "dump of an ID" "$("$bbtap" dump --id story-10.9.0.1 --reason again)" "0 dumped"
  is "set" "$("$bbtap" set mode=continual tag=watched id=x limit=7 dst port 9042)" "1 changed"
  is "what was set" "$("$bbtap" flows --json --id x | jq -c '[.mode, .tag, .id, .client.records]')" '["continual","watched","x",8]'
  is "clear" "$("$bbtap" clear dst port 9043)" "1 changed"
  is "what was cleared" "$("$bbtap" flows --json dst port 9043 | jq -c '[.mode, .client.records]')" '["off",0]'
  "$bbtap" set mode=tail 2>/dev/null && fail "set without conditions"
  "$bbtap" dump "prt 80" 2>/dev/null && fail "a filter that is none"

  # Rules at run time: a bad file changes nothing and says why; a good one is for new connections.
  cp "$dir/rules" "$dir/rules.good"
  echo 'rule broken { mach = 1 }' >>"$dir/rules"
  "$bbtap" reload 2>"$dir/reload" && fail "a bad file was taken"
  grep -q "rules:11: there is no option \"mach\"" "$dir/reload" || fail "reload: $(cat "$dir/reload")"
  echo 'default { mode = off }' >"$dir/rules"
  kill -HUP $recorder
  wait_for "SIGHUP" 1 grep -c ': 0 rules' "$dir/err"
  cp "$dir/rules.good" "$dir/rules"
  is "reload" "$("$bbtap" reload)" "1 rules"

  # What is no request is answered, and does no harm.
  is "no JSON" "$(ask 'hello' | jq -r .ok)" false
  is "no command" "$(ask '{"cmd": "fly"}' | jq -r .error)" "cmd: flows, ids, stats, dump, set, clear, reload, disable, enable, follow or events"
  is "wrong member" "$(ask '{"cmd": "stats", "x": 1}' | jq -r .ok)" false
  is "wrong mode" "$(ask '{"cmd": "set", "set": {"mode": "trail"}}' | jq -r .ok)" false
  is "wrong limit" "$(ask '{"cmd": "set", "set": {"limit": -1}}' | jq -r .ok)" false
  is "wrong state" "$(ask '{"cmd": "flows", "state": "OPEN"}' | jq -r .ok)" false
  is "reason too long" "$(ask '{"cmd": "dump", "id": "x", "reason": "0123456789012345678901234567890123456789"}' | jq -r .ok)" false
  is "long line" "$(ask "$(printf '%70000s' x)" | jq -r .ok)" false
  is "stats still" "$("$bbtap" stats --json | jq .ok)" true

  "$bbtap" disable || fail disable
  is "disabled: connections still" "$(flows)" 60
  "$bbtap" enable || fail enable

  # The same words as for what has ended.
  is "sorted" "$("$bbtap" flows --json --sort segments -n 3 | jq -r '.client.segments + .server.segments' | tr '\n' ' ')" \
    "$("$bbtap" flows --json | jq -s -r '[.[] | .client.segments + .server.segments] | sort | reverse | .[:3] | .[]' | tr '\n' ' ')"
  is "since" "$(flows --since '1h ago')" 60
  is "since, table" "$("$bbtap" flows --since '1h ago' | tail -1 | cut -d, -f1)" "60 connections"
  is "until" "$(flows --until '1h ago')" 0
  is "a rule" "$(flows --rule story)" 40
  is "a rule and an address" "$(flows --rule story dst port 8080 and src port 9041)" 0
  is "by server" "$("$bbtap" flows --by server --csv | cut -d, -f1,2 | grep :8080)" "10.9.0.1:8080,40"
  is "by rule" "$("$bbtap" flows --by rule --json | jq -s '[.[].connections] | add')" 60
  "$bbtap" flows --csv >"$dir/now.csv" || fail "flows --csv"
  is "folders left behind" "$(find "$dir/tmp" -mindepth 1 | wc -l)" 0
  end
  "$bbtap" flows --csv "$out" >"$dir/then.csv"
  but_for_the_end() { cut -d, -f1-4,6-27,29-33 "$1" | sort; }
  diff <(but_for_the_end "$dir/now.csv") <(but_for_the_end "$dir/then.csv") >"$dir/diff" || fail "now and later: $(head -4 "$dir/diff")"
  wait "${children[0]}"
  is "the follower's exit status" $? 0
  children=()
  is "events that were followed" "$(wc -l <"$dir/followed")" "$("$bbtap" events --json --view both "$out" | wc -l)"
  grep -q 'no recorder writes there any more' "$dir/followed.err" || fail "the follower: $(cat "$dir/followed.err")"
  [ -e "$BBTAP_SOCKET" ] && fail "the socket is left behind"
  is "adds up" "$(jq .adds_up "$dir/report")" true
  is "fates of records" "$(jq '.records == (.store.records + .records_overwritten + .records_discarded + .records_recycled + .lost_records)' "$dir/report")" true
done

# Another recorder has the socket; one that was killed has left it behind.
start -o "$dir/a" && {
  ip netns exec $to "$bbtap" record -i in --pcap --socket "$BBTAP_SOCKET" --duration 1 -o "$dir/b" 2>"$dir/second" &&
    fail "two recorders on one socket"
  grep -q "another recorder answers there" "$dir/second" || fail "second: $(cat "$dir/second")"
  kill -KILL $recorder
  wait $recorder 2>/dev/null
  recorder=
}
"$bbtap" stats 2>"$dir/none" && fail "stats without a recorder"
grep -q "no recorder is running here" "$dir/none" || fail "none: $(cat "$dir/none")"
start -o "$dir/c" && end

[ $failed = 0 ] && echo "rules, triggers and requests at run time: as they should be"
exit $failed
