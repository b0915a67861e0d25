#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# One run of the lab: traffic over an impaired wire, what three taps saw and what the kernel knew.
#
#   run-one.sh BUILD-DIR OUT-PREFIX SCENARIO[,SCENARIO]... CC [traffic options] -- [wire options]
#
# writes OUT-PREFIX.{first,middle,second}.pcap and OUT-PREFIX.truth.tsv. LAB_SYSCTL: settings of both
# hosts. LAB_FAMILY: 4 (default) or 6. LAB_MAY_FAIL: the traffic need not come to its end.
set -euo pipefail
build=$1 out=$2 scenarios=$3 cc=$4
shift 4
LAB_BIN=$build/tests/lab
. "$(dirname "$0")/lab.sh"
options=(--cc "$cc")
while [ $# -gt 0 ] && [ "$1" != -- ]; do options+=("$1"); shift; done
[ $# -eq 0 ] || shift
LAB_TRAFFIC_OPTIONS=("${options[@]}")
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
lab_serve
for scenario in ${scenarios//,/ }; do
  lab_traffic "$scenario" "${LAB_FAMILY:-4}" || [ -n "${LAB_MAY_FAIL:-}" ]
done
sleep 0.3
lab_wire_end
kill "$truth_pid"
wait "$truth_pid"
cat "$lab_dir/wire.out" "$lab_dir/truth.out" >"$out.log"
