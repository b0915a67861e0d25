#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# bbtap record on a veth pair between namespaces of its own. $1: bbtap, $2: make_flows, $3: tests/pcap.
set -uo pipefail
bbtap=$1 make_flows=$2 sample=$3/sample.pcap.gz
. "$(dirname "$0")/veth.sh"
needs jq
pair 9000
zcat "$sample" >"$dir/sample.pcap"

sent() { ip netns exec $from cat /sys/class/net/out/statistics/tx_packets; }
program() { ip -n $to link show in | grep -o 'prog/xdp.*'; }

begin() { # OPTION...
  start "$@" || return 1
  sent_before=$(sent)
}
finish() { # [SIGNAL]
  sleep 0.3
  stop "$@"
  status=$?
  sent_now=$(($(sent) - sent_before))
}
report() { jq -r "$1" "$dir/report"; }
losses() { report '.lost_ring_full + .lost_no_buffer + .lost_worker_ring'; }
events() { "$bbtap" events --json --view both "$1" | LC_ALL=C sort; }

check_accounts() { # WHAT: every frame that was sent is processed or counted
  [ "$status" = 0 ] || fail "$1: exit status $status: $(cat "$dir/err")"
  [ "$(report .adds_up)" = true ] || fail "$1: does not add up"
  local processed
  processed=$(report '.segments + .icmp_errors + ([.left_out[]] | add) + .passed_to_host')
  [ $((processed + $(losses))) = "$sent_now" ] ||
    fail "$1: processed $processed + lost $(losses) of $sent_now sent"
  [ -z "$(program)" ] || fail "$1: a program is left on the interface"
}

"$make_flows" --connections 1000 --packets 100000 --payload 100 -o "$dir/flows.pcap" || exit 1

# Full speed: nothing is lost without being counted. One worker and two.
for workers in 1 2; do
  begin -w $workers -o "$dir/full-$workers" || continue
  grep -qE 'in: AF_XDP, (zero-copy|copy|generic) mode' "$dir/err" || fail "the mode is not said: $(cat "$dir/err")"
  replay --topspeed "$dir/flows.pcap"
  finish
  check_accounts "full speed, $workers workers"
  [ "$sent_now" = 100000 ] || fail "$sent_now packets were sent, not 100000"
done

# Reading what the live run wrote gives the same log.
begin -o "$dir/live" && {
  replay --pps 20000 "$dir/sample.pcap"
  finish INT
  check_accounts "sample"
  [ "$(($(losses) + $(report .lost_records)))" = 0 ] || fail "sample: something was lost at 20,000 packets a second"
  "$bbtap" read -q -o "$dir/again" "$dir"/live/logs/UNKNOWN/*.server.pcapng || fail "the live log can't be read"
  cmp -s <(events "$dir/live") <(events "$dir/again") || fail "reading the live log gives another log"
  # Cut to the snap length, but the lengths are those of the wire.
  "$bbtap" read -q -o "$dir/file" "$dir/sample.pcap"
  sums() { "$bbtap" flows --json "$1" | jq -s '[.[] | .client.payload_bytes + .server.payload_bytes] | sort'; }
  [ "$(sums "$dir/live")" = "$(sums "$dir/file")" ] || fail "live and from the file: other payload lengths"
}

# Generic mode, and libpcap.
begin --xdp=generic --snaplen 96 -o "$dir/generic" && {
  grep -q 'generic mode' "$dir/err" || fail "--xdp=generic: $(cat "$dir/err")"
  replay --pps 20000 "$dir/sample.pcap"
  finish
  check_accounts "generic mode"
  [ "$(sums "$dir/generic")" = "$(sums "$dir/file")" ] || fail "generic mode: other payload lengths"
}
begin --pcap -o "$dir/pcap" && {
  grep -q 'in: libpcap' "$dir/err" || fail "--pcap: $(cat "$dir/err")"
  replay --pps 20000 "$dir/sample.pcap"
  finish
  check_accounts "libpcap"
}

# ICMP errors come along with the connections that they quote.
zcat "$3/icmp-fragmentation-needed.pcap.gz" >"$dir/icmp.pcap"
for how in --xdp --xdp=generic --pcap; do
  begin $how -o "$dir/icmp$how" && {
    replay --pps 1000 "$dir/icmp.pcap"
    finish
    check_accounts "ICMP errors, $how"
    [ "$(report '"\(.segments) \(.icmp_errors) \(.icmp_unmatched)"')" = '42 6 0' ] ||
      fail "ICMP errors, $how: $(report '[.segments, .icmp_errors, .icmp_unmatched]')"
  }
done

# A filter; what it leaves out is counted.
begin -o "$dir/filter" 'tcp port 7000' && {
  replay --pps 20000 "$dir/sample.pcap"
  finish
  check_accounts "filter"
  [ "$(report .left_out.filtered)" -gt 0 ] || fail "the filter left nothing out"
}

# Killed: nothing is left on the interface, and the log is readable up to its last section.
begin -o "$dir/killed" --events 20 && {
  replay --pps 20000 "$dir/sample.pcap"
  finish KILL
  sleep 0.2
  [ -z "$(program)" ] || fail "kill -9 leaves a program on the interface"
  "$bbtap" events "$dir/killed" >"$dir/out" 2>"$dir/err" || fail "the log of a killed recorder: $(cat "$dir/err")"
  grep -q ' IN ' "$dir/out" || fail "the log of a killed recorder is empty"
}

# Two at once: the second says who has the interface.
begin -o "$dir/first" && {
  ip netns exec $to "$bbtap" record -i in --xdp -o "$dir/second" --duration 1 >/dev/null 2>"$dir/err2" &&
    fail "two recorders on one interface"
  grep -qE 'another AF_XDP socket|XDP program "redirect"' "$dir/err2" || fail "who has it is not said: $(cat "$dir/err2")"
  finish
}

# The host's own interface is not taken away from it.
ip -n $to address add 192.0.2.1/24 dev in
begin -o "$dir/own" && {
  grep -q 'libpcap, because .* address 192.0.2.1' "$dir/err" || fail "an interface with an address: $(cat "$dir/err")"
  [ -z "$(program)" ] || fail "an interface with an address got a program"
  finish
}
ip -n $to address del 192.0.2.1/24 dev in
"$bbtap" record -i no-such-interface -o "$dir/none" 2>"$dir/err" && fail "no such interface"
grep -q 'no-such-interface: there is no such interface' "$dir/err" || fail "no such interface: $(cat "$dir/err")"

# Two interfaces at once: both are in the accounts, and their names in the log.
ip link add out2 netns $from type veth peer name in2 netns $to
ip -n $from link set out2 up
begin -i in2 -o "$dir/two" && {
  replay --pps 20000 "$dir/sample.pcap"
  ip netns exec $from tcpreplay -q -i out2 --pps 20000 "$dir/sample.pcap" >/dev/null 2>&1 || fail "tcpreplay on out2"
  finish
  [ "$(report '.segments + .lost_ring_full + .lost_no_buffer')" = $((2 * sent_now)) ] ||
    fail "two interfaces: $(report .segments) segments of $((2 * sent_now)) sent"
  [ "$(report .adds_up)" = true ] || fail "two interfaces: does not add up"
  "$bbtap" events --json "$dir/two" | jq -r '.packet.interface // empty' | sort -u | tr '\n' ' ' | grep -q 'in in2' ||
    fail "two interfaces: their names are not in the log"
}

# The interface is removed under it: it says so, and what came before is in the log.
begin -o "$dir/gone" && {
  replay --pps 20000 "$dir/sample.pcap"
  sleep 0.3
  ip -n $to link del in
  wait $recorder
  status=$?
  recorder=
  [ "$status" = 1 ] || fail "interface removed: exit status $status"
  grep -q 'in: the interface is gone' "$dir/err" || fail "interface removed: $(cat "$dir/err")"
  [ "$("$bbtap" flows --json "$dir/gone" | wc -l)" -gt 10 ] || fail "interface removed: the log is not complete"
}
ip link add out netns $from type veth peer name in netns $to
ip -n $from link set out up

# It ends by itself when told so.
begin --duration 1 -o "$dir/duration" && { wait $recorder || fail "--duration"; recorder=; }
exit $failed
