#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# One run of the lab: traffic over an impaired wire, what three taps saw and what the kernel knew.
#
#   run-one.sh BUILD-DIR OUT-PREFIX STEP[,STEP]... CC [traffic options] -- [wire options]
#
# A step is what goes on at the same time: scenarios joined by '+', each perhaps with a number of
# connections in front, as in 4*upload+8*short. They begin 40 ms apart; the next step waits for all.
#
# Writes OUT-PREFIX.{first,middle,second}.pcap, OUT-PREFIX.truth.tsv and OUT-PREFIX.mib.tsv, the TCP
# counters of both hosts. LAB_SYSCTL: settings of both hosts. LAB_FAMILY: 4 (default) or 6.
# LAB_MAY_FAIL: the traffic need not come to its end.
set -eufo pipefail # no globs: a step may have a '*'
build=$1 out=$2 steps=$3 cc=$4
shift 4
LAB_BIN=$build/tests/lab
# shellcheck source=tests/lab/lab.sh
. "$(dirname "$0")/lab.sh"
options=(--cc "$cc")
while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
[ $# -eq 0 ] || shift
LAB_TRAFFIC_OPTIONS=("${options[@]}")

play() { # STEP
  local part count scenario i pids=() pid status=0
  for part in ${1//+/ }; do
    count=1 scenario=$part
    case $part in *'*'*) count=${part%%'*'*} scenario=${part#*'*'} ;; esac
    for ((i = 0; i < count; i++)); do
      lab_traffic "$scenario" "${LAB_FAMILY:-4}" &
      pids+=("$!")
      sleep 0.04
    done
  done
  for pid in "${pids[@]}"; do wait "$pid" || status=1; done
  return $status
}

counters() { # HOST NAMESPACE
  ip netns exec "$2" cat /proc/net/netstat | awk -v host="$1" '
    /^TcpExt:/ && !names { names = split($0, name); next }
    /^TcpExt:/ { for (i = 2; i <= names; i++) { split($0, value); if (value[i]) print host "\t" name[i] "\t" value[i] } }'
}

trap lab_down EXIT
trap 'exit 1' INT TERM
lab_up
# shellcheck disable=SC2086
[ -z "${LAB_SYSCTL:-}" ] || lab_sysctl $LAB_SYSCTL
"$LAB_BIN/truth" "$out.truth.tsv" >"$lab_dir/truth.out" 2>&1 &
truth_pid=$!
lab_pids+=("$truth_pid")
lab_wait_for "$lab_dir/truth.out" ready
lab_wire "$@" --tap-first "$out.first.pcap" --tap-middle "$out.middle.pcap" --tap-second "$out.second.pcap"
# The wire must be on time, whatever else the machine does.
renice -n -15 -p "$lab_wire_pid" >/dev/null 2>&1 || true
lab_serve
for step in ${steps//,/ }; do
  play "$step" || [ -n "${LAB_MAY_FAIL:-}" ]
done
sleep 0.3
{ counters client "$CLIENT"; counters server "$SERVER"; } >"$out.mib.tsv"
lab_wire_end
kill "$truth_pid"
wait "$truth_pid"
cat "$lab_dir/wire.out" "$lab_dir/truth.out" >"$out.log"
