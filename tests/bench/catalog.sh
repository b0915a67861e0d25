#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# How fast rows get into the catalogue, and how fast things are found again: in a day of 1,000 files and 10 million sections.
# $1: bbtap, $2: make_catalog. TMPDIR: where the 3 GB go. ROUNDS (3).
set -euo pipefail
bbtap=$1 make_catalog=$2
dir=$(mktemp -d "${TMPDIR:-/var/tmp}/bbtap-bench-XXXXXX")
trap 'rm -rf "$dir"' EXIT
"$make_catalog" "$dir/day"
du -sh "$dir/day/catalog" | cut -f1 | sed 's/$/ of catalogue/'
measure() { # WHAT COMMAND...
  local what=$1 start times=
  shift
  for ((round = 0; round < ${ROUNDS:-3}; round++)); do
    start=$(date +%s%N)
    "$@" >"$dir/out" 2>/dev/null
    times+="$((($(date +%s%N) - start) / 1000000)) "
  done
  printf '%-44s %s ms (median), %s rows\n' "$what" "$(tr ' ' '\n' <<<"$times" | grep . | sort -n | sed -n $(((${ROUNDS:-3} + 1) / 2))p)" "$(wc -l <"$dir/out")"
}
measure "one minute: files" "$bbtap" files --csv "$dir/day" --since 2023-11-15T12:00:00Z --until 2023-11-15T12:01:00Z
measure "one host, all day: files" "$bbtap" files --csv "$dir/day" host 10.0.100.7
measure "one network and port, all day: files" "$bbtap" files --csv "$dir/day" net 10.0.100.0/28 and port 443
measure "one host, one hour of connections" "$bbtap" flows --csv "$dir/day" host 10.0.100.7
measure "one minute of connections" "$bbtap" flows --csv "$dir/day" --since 2023-11-16T06:30:00Z --until 2023-11-16T06:31:00Z
measure "all connections by server" "$bbtap" flows --by server --csv "$dir/day"
