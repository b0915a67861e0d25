# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash disable=SC2034
# A small network of its own, for scripts to source. Needs root.
#
#   namespace CLIENT          namespace WIRE                      namespace SERVER
#   end0 10.77.0.1  -------- clientside  [wire]  serverside -------- end0 10.77.0.2
#        fd77::1                            |                             fd77::2
#                                      mirror0 -------- mirror1: the mirror port
#
#   lab_up        makes it and sets CLIENT, SERVER, WIRE to the names of the namespaces
#   lab_wire ...  starts the program `wire` between the two sides; its options are passed on
#   lab_serve     starts `traffic serve` at the server
#   lab_traffic SCENARIO [4|6]   one connection from client to server
#                 LAB_TRAFFIC_OPTIONS: an array of options for both
#   lab_wire_end  ends the wire, so that it reports and writes what its taps have seen
#   lab_sysctl NAME=VALUE...     of both hosts
#   lab_down      ends what was started and removes the namespaces, with all that is in them
#
# LAB_BIN: the folder of the programs wire and traffic.

CLIENT=bbtap-$$-client SERVER=bbtap-$$-server WIRE=bbtap-$$-wire
lab_pids=()
lab_dir=
LAB_TRAFFIC_OPTIONS=()

lab_end() { # NAMESPACE OUTER-NAME HOST: an end of the network and its way to the wire
  ip -n "$WIRE" link add "$2" type veth peer name end0 netns "$1"
  ip netns exec "$1" sysctl -qw net.ipv6.conf.all.accept_ra=0
  ip -n "$1" address add "10.77.0.$3/24" dev end0
  ip -n "$1" address add "fd77::$3/64" dev end0 nodad
  # A wire carries what a cable would: no super-packets, checksums filled in.
  ip netns exec "$1" ethtool -K end0 tx off tso off gso off gro off >/dev/null
  ip netns exec "$WIRE" ethtool -K "$2" tx off tso off gso off gro off >/dev/null
  ip -n "$1" link set lo up
  ip -n "$1" link set end0 up
  ip -n "$WIRE" link set "$2" up
}

lab_mac() { # NAMESPACE: the address of its end
  ip netns exec "$1" cat /sys/class/net/end0/address
}

# Each end knows the other's MAC address, so that the wire loses nothing but TCP.
lab_neighbours() {
  local client server address
  client=$(lab_mac "$CLIENT") server=$(lab_mac "$SERVER")
  for address in 10.77.0.1 fd77::1; do
    ip -n "$SERVER" neighbour replace "$address" lladdr "$client" dev end0 nud permanent
  done
  for address in 10.77.0.2 fd77::2; do
    ip -n "$CLIENT" neighbour replace "$address" lladdr "$server" dev end0 nud permanent
  done
}

lab_up() {
  lab_dir=$(mktemp -d)
  local ns
  for ns in "$CLIENT" "$SERVER" "$WIRE"; do ip netns add "$ns"; done
  # No stray frames of the host's own on the wire and the mirror port.
  ip netns exec "$WIRE" sysctl -qw net.ipv6.conf.default.disable_ipv6=1 net.ipv6.conf.all.disable_ipv6=1
  lab_end "$CLIENT" clientside 1
  lab_end "$SERVER" serverside 2
  # What one connection has learned of the way is not to be told to the next.
  lab_sysctl net.ipv4.tcp_no_metrics_save=1
  lab_neighbours
  ip -n "$WIRE" link add mirror0 type veth peer name mirror1
  ip -n "$WIRE" link set mirror0 up
  ip -n "$WIRE" link set mirror1 up
}

lab_wait_for() { # FILE PATTERN: until the pattern stands in the file, at most 10 s
  local i
  for ((i = 0; i < 200; i++)); do
    grep -q -- "$2" "$1" 2>/dev/null && return 0
    sleep 0.05
  done
  echo "lab: waited in vain for '$2'; this is what there was:" >&2
  cat "$1" >&2
  return 1
}

lab_wire() {
  ip netns exec "$WIRE" "$LAB_BIN/wire" "$@" clientside serverside >"$lab_dir/wire.out" 2>&1 &
  lab_wire_pid=$!
  lab_pids+=("$lab_wire_pid")
  lab_wait_for "$lab_dir/wire.out" ready
}

lab_wire_end() {
  kill "$lab_wire_pid"
  wait "$lab_wire_pid"
}

lab_sysctl() {
  ip netns exec "$CLIENT" sysctl -qw "$@"
  ip netns exec "$SERVER" sysctl -qw "$@"
}

lab_serve() {
  ip netns exec "$SERVER" "$LAB_BIN/traffic" "${LAB_TRAFFIC_OPTIONS[@]}" serve >"$lab_dir/serve.out" 2>&1 &
  lab_pids+=("$!")
  lab_wait_for "$lab_dir/serve.out" ready
}

lab_traffic() {
  local address=10.77.0.2
  [ "${2:-4}" = 6 ] && address=fd77::2
  ip netns exec "$CLIENT" "$LAB_BIN/traffic" "${LAB_TRAFFIC_OPTIONS[@]}" "$1" "$address"
}

lab_down() {
  local pid ns
  for pid in "${lab_pids[@]}"; do kill "$pid" 2>/dev/null || true; done
  for pid in "${lab_pids[@]}"; do wait "$pid" 2>/dev/null || true; done
  lab_pids=()
  for ns in "$CLIENT" "$SERVER" "$WIRE"; do ip netns delete "$ns" 2>/dev/null || true; done
  [ -z "$lab_dir" ] || rm -rf "$lab_dir"
  lab_dir=
}
