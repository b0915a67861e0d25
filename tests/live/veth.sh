# SPDX-License-Identifier: BSD-2-Clause
# Sourced by the live tests: a recorder in $to on the interface `in` of a veth pair, a sender in $from on `out`, both
# namespaces of this test alone; $dir for its files. All is removed at the end, after at_end, if the test has one.

needs() { # TOOL...: leaves the test out if it can't be run here
  local tool
  if [ "$(id -u)" -ne 0 ] || ! unshare -n true 2>/dev/null; then
    echo "needs root and network namespaces: left out"
    exit 77
  fi
  for tool in tcpreplay ip "$@"; do
    command -v "$tool" >/dev/null || { echo "needs $tool: left out"; exit 77; }
  done
}

fail() { echo "FAILED: $*"; failed=1; }
is() { [ "$2" = "$3" ] || fail "$1: $2, expected $3"; }

clean_up() {
  local pid
  for pid in $recorder "${children[@]}"; do
    kill -KILL "$pid" 2>/dev/null && wait "$pid" 2>/dev/null
  done
  declare -F at_end >/dev/null && at_end
  ip netns del "$from" 2>/dev/null
  ip netns del "$to" 2>/dev/null
  rm -rf "$dir"
}

pair() { # [MTU]
  local ns
  for ns in $from $to; do
    ip netns add "$ns"
    ip netns exec "$ns" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
  done
  ip link add out netns "$from" type veth peer name in netns "$to"
  ip -n "$from" link set out mtu "${1:-1500}" up
  ip -n "$to" link set in mtu "${1:-1500}" # the recorder sets it up
}

start() { # OPTION...: starts the recorder and waits until it is ready
  local i
  : >"$dir/err" # or "recording" of the one before would be found
  ip netns exec "$to" "$bbtap" record -i in --json --socket "$BBTAP_SOCKET" "$@" >"$dir/report" 2>"$dir/err" &
  recorder=$!
  for ((i = 0; i < 200; i++)); do
    grep -q recording "$dir/err" && return 0
    kill -0 "$recorder" 2>/dev/null || break
    sleep 0.05
  done
  fail "record $* did not start: $(cat "$dir/err")"
  return 1
}

stop() { # [SIGNAL]: ends it; its exit status
  local status
  kill -"${1:-TERM}" "$recorder"
  wait "$recorder"
  status=$?
  recorder=
  grep -A20 "WARNING: ThreadSanitizer" "$dir/err"
  return $status
}

replay() { # OPTION... FILE
  ip netns exec "$from" tcpreplay -q -i out "$@" >"$dir/replay" 2>&1 || fail "tcpreplay: $(tail -3 "$dir/replay")"
}

from=bbtap-$$-from to=bbtap-$$-to recorder= children=() failed=0
dir=$(mktemp -d)
export BBTAP_SOCKET=$dir/sock
trap clean_up EXIT
trap 'exit 130' INT TERM
