#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-2-Clause
# bbtap graph from outside: images that are valid and have in them what the log has, files for xplot,
# exit statuses, messages, damaged logs. $1: bbtap, $2: the folder tests.
set -uo pipefail
bbtap=$1 sample=$2/pcap/sample.pcap.gz
export LSAN_OPTIONS="suppressions=$2/lsan.supp:print_suppressions=0"
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
failed=0

expect() { # WHAT STATUS COMMAND...: runs it, output to $dir/out and $dir/err
  local what=$1 status=$2 got=0
  shift 2
  "$@" >"$dir/out" 2>"$dir/err" || got=$?
  if [ "$got" != "$status" ]; then
    echo "FAILED: $what: exit status $got, expected $status: $*"
    head -5 "$dir/err"
    failed=1
  fi
}
says() { # WHAT FILE PATTERN
  grep -q -- "$3" "$dir/$2" || { echo "FAILED: $1: '$3' is not in what it says:"; head -5 "$dir/$2"; failed=1; }
}
check() { # WHAT COMMAND...
  local what=$1
  shift
  "$@" >"$dir/check" 2>&1 || { echo "FAILED: $what:"; tail -3 "$dir/check"; failed=1; }
}

# An SVG that parses and has bars of these colours (rrggbb), and has none of those behind "not". Marks have
# colours too: what counts is the width of what is sent.
cat >"$dir/svg.py" <<'PY'
import re, sys, xml.etree.ElementTree as tree
root = tree.parse(sys.argv[1]).getroot()
assert root.tag == '{http://www.w3.org/2000/svg}svg', root.tag
colors = {}
for element in root.iter():
    text = ';'.join('%s:%s' % item for item in element.items())
    color = re.search(r'stroke:\s*rgb\(([\d.]+)%,\s*([\d.]+)%,\s*([\d.]+)%\)', text)
    width = re.search(r'stroke-width:\s*([\d.]+)', text)
    if color and width and width[1] in ('1.2', '1.4', '2.4') and element.get('d'):
        name = '%02x%02x%02x' % tuple(round(float(c) * 2.55) for c in color.groups())
        colors[name] = colors.get(name, 0) + element.get('d').count('M')
wanted = True
for name in sys.argv[2:]:
    if name == 'not':
        wanted = False
    else:
        color, _, count = name.partition('=')
        assert (color in colors) == wanted, (name, colors)
        assert not count or colors[color] == int(count), (name, colors)
PY

# A PNG whose checksums and size are right, with these colours in it.
cat >"$dir/png.py" <<'PY'
import struct, sys, zlib
data = open(sys.argv[1], 'rb').read()
assert data[:8] == b'\x89PNG\r\n\x1a\n'
at, packed = 8, b''
while at < len(data):
    length, kind = struct.unpack('>I4s', data[at:at + 8])
    body = data[at + 8:at + 8 + length]
    assert zlib.crc32(kind + body) == struct.unpack('>I', data[at + 8 + length:at + 12 + length])[0]
    if kind == b'IHDR':
        width, height, depth, color = struct.unpack('>IIBB', body[:10])
    if kind == b'IDAT':
        packed += body
    at += 12 + length
assert '%dx%d' % (width, height) == sys.argv[2], (width, height)
assert depth == 8 and color in (2, 6)
step = 3 if color == 2 else 4
raw, row = zlib.decompress(packed), 1 + width * step
seen, above = set(), bytearray(width * step)
for y in range(height):
    kind, line = raw[y * row], bytearray(raw[y * row + 1:(y + 1) * row])
    for x in range(len(line)):
        a = line[x - step] if x >= step else 0
        b = above[x]
        c = above[x - step] if x >= step else 0
        if kind == 4:
            p = a + b - c
            pa, pb, pc = abs(p - a), abs(p - b), abs(p - c)
            line[x] = (line[x] + (a if pa <= pb and pa <= pc else b if pb <= pc else c)) & 255
        else:
            line[x] = (line[x] + (0, a, b, (a + b) // 2)[kind]) & 255
    seen.update(bytes(line[x:x + 3]).hex() for x in range(0, len(line), step))
    above = line
missing = [name for name in sys.argv[3:] if name not in seen]
assert not missing, missing
PY

recovery=e02020 timeout=9a00c8 probe=8c5a28 new=30343c ack=2e8b3d unknown=f070b0

expect "making a log" 0 "$bbtap" read -q -o "$dir/log" "$sample"

# Wrong usage.
expect "no arguments" 2 "$bbtap" graph
says "no arguments" err "which DIR or FILE"
expect "no output" 2 "$bbtap" graph "$dir/log"
says "no output" err "-o FILE.svg"
expect "another suffix" 2 "$bbtap" graph -o "$dir/a.jpg" "$dir/log"
says "another suffix" err "\.svg, \.png or \.pdf"
expect "a bad size" 2 "$bbtap" graph -o "$dir/a.svg" --size 10x10 "$dir/log"
expect "a bad side" 2 "$bbtap" graph -o "$dir/a.svg" --from left "$dir/log"
expect "a bad time" 2 "$bbtap" graph -o "$dir/a.svg" --since x "$dir/log"
expect "an empty range" 2 "$bbtap" graph -o "$dir/a.svg" --since 2 --until 1 "$dir/log"
expect "a bad filter" 2 "$bbtap" graph -o "$dir/a.svg" port x "$dir/log"
expect "no such log" 2 "$bbtap" graph -o "$dir/a.svg" "$dir/nothing"
says "no such log" err "nothing: No such file"
expect "standard input" 2 "$bbtap" graph -o "$dir/a.svg" -- -
says "standard input" err "read twice"

# Which connection.
expect "several" 2 "$bbtap" graph -o "$dir/a.svg" "$dir/log"
says "several" err "12 connections pass"
says "several" err "10.77.0.1:.* > 10.77.0.2:7005  *[0-9]* records"
[ "$(grep -c -- '--nth' "$dir/err")" = 11 ] || { echo "FAILED: ten are listed"; failed=1; }
says "several" err "and 2 more"
[ ! -e "$dir/a.svg" ] || { echo "FAILED: several connections: something is drawn"; failed=1; }
expect "the third of several" 0 "$bbtap" graph --nth 3 -o "$dir/a.svg" "$dir/log"
expect "the 13th of 12" 2 "$bbtap" graph --nth 13 -o "$dir/a.svg" "$dir/log"
expect "none" 1 "$bbtap" graph -o "$dir/b.svg" port 9 "$dir/log"
says "none" err 'no connection passes the filter "port 9"'

# What is drawn. What is sent again is not joined: there are few of them.
again() { # FILTER CAUSE: how often the sender's log has it
  "$bbtap" events -f "$1" --json --view "$2" --event OUT "$dir/log" |
    jq -s "[.[] | select(.stack.flex8 == 1 and (.stack.flex7 / 256 | floor) == $3)] | length"
}
expect "losses" 0 "$bbtap" graph port 7000 -o "$dir/losses.svg" "$dir/log"
check "losses" python3 "$dir/svg.py" "$dir/losses.svg" $new $ack "$recovery=$(again 'port 7000' server 1)" not $probe $unknown
[ "$(again 'port 7000' server 1)" -gt 10 ] || { echo "FAILED: the sample has no recovery"; failed=1; }
expect "probes" 0 "$bbtap" graph -f 'port 7003' -o "$dir/probes.svg" "$dir/log"
check "probes" python3 "$dir/svg.py" "$dir/probes.svg" $new $ack "$timeout=$(again 'port 7003' client 3)" $probe
expect "the other direction" 0 "$bbtap" graph port 7000 --from client -o "$dir/requests.svg" "$dir/log"
check "the other direction" python3 "$dir/svg.py" "$dir/requests.svg" $new $ack not $recovery
expect "a part" 0 "$bbtap" graph port 7000 --since 0.2 --until 0.3 -o "$dir/part.svg" "$dir/log"
check "a part" python3 "$dir/svg.py" "$dir/part.svg" $new not $recovery
expect "behind the end" 0 "$bbtap" graph port 7000 --since 100 -o "$dir/behind.svg" "$dir/log"
check "behind the end" python3 "$dir/svg.py" "$dir/behind.svg" not $new
# The log of the receiver alone tells that, not why.
expect "the receiver's log" 0 "$bbtap" graph port 7000 -o "$dir/receiver.svg" "$(find "$dir/log" -name '*.client.pcapng')"
check "the receiver's log" python3 "$dir/svg.py" "$dir/receiver.svg" $new $ack $unknown not $recovery
expect "IPv6" 0 "$bbtap" graph ip6 and port 7001 -o "$dir/v6.svg" "$dir/log"
check "IPv6" python3 "$dir/svg.py" "$dir/v6.svg" $new $recovery
expect "a PNG" 0 "$bbtap" graph port 7000 --size 640x480 -o "$dir/losses.png" "$dir/log"
check "a PNG" python3 "$dir/png.py" "$dir/losses.png" 640x480 $recovery ffffff
expect "a PDF" 0 "$bbtap" graph port 7000 -o "$dir/losses.pdf" "$dir/log"
[ "$(head -c 5 "$dir/losses.pdf")" = "%PDF-" ] || { echo "FAILED: no PDF"; failed=1; }
expect "the same again" 0 "$bbtap" graph port 7000 -o "$dir/again.svg" "$dir/log"
cmp -s "$dir/losses.svg" "$dir/again.svg" || { echo "FAILED: the same log gives another picture"; failed=1; }
# One in short sections over several files is the same, with and without a directory around.
expect "a log in pieces" 0 "$bbtap" read -q --events 50 --rotate-size 100K -o "$dir/pieces" "$sample"
expect "pieces" 0 "$bbtap" graph port 7000 -o "$dir/pieces.svg" "$dir/pieces"
cmp -s "$dir/losses.svg" "$dir/pieces.svg" || { echo "FAILED: a log in pieces gives another picture"; failed=1; }
expect "pieces by name" 0 "$bbtap" graph port 7000 -o "$dir/files.svg" $(find "$dir/pieces" -name '*.pcapng' | sort -r)
cmp -s "$dir/losses.svg" "$dir/files.svg" || { echo "FAILED: the order of files matters"; failed=1; }
for place in /nowhere/x.svg /nowhere/x.png /nowhere/x.pdf /dev/full/x.png; do
  expect "no place to write: $place" 1 "$bbtap" graph port 7000 -o "$place" "$dir/log"
  says "no place to write" err "$place: can't be written"
done

# xplot: tcptrace's heads, only commands that xplot knows, an end.
expect "xplot" 0 "$bbtap" graph port 7000 --xplot "$dir/x" "$dir/log"
cat >"$dir/xpl.py" <<'PY'
import re, sys
lines = open(sys.argv[1]).read().split('\n')
assert lines[0] in ('timeval unsigned', 'timeval double')
assert lines[1] == 'title' and '_==>_' in lines[2] and lines[3] == 'xlabel' and lines[5] == 'ylabel'
assert lines[-2:] == ['go', '']
time, value = r'\d+\.\d{6}', r'\d+(\.\d+)?' if 'double' in lines[0] else r'\d+'
colors = 'green white red blue yellow purple orange magenta pink'.split()
text = False
for line in lines[7:-2]:
    known = text or line in colors or re.fullmatch(
        f'line {time} {value} {time} {value}|([du]arrow|[dulrh]tick|dot|diamond|[ablr]text) {time} {value}', line)
    assert known, line
    text = not text and bool(re.match('[ablr]text ', line))
PY
for name in tsg rtt tput owin; do check "xplot, $name" python3 "$dir/xpl.py" "$dir/x_$name.xpl"; done
[ "$(grep -c '^R$' "$dir/x_tsg.xpl")" = "$(again 'port 7000' server 1)" ] ||
  { echo "FAILED: xplot: retransmissions"; failed=1; }
[ "$(grep -c '^diamond' "$dir/x_rtt.xpl")" = "$("$bbtap" events -f 'port 7000' --json --event RTT "$dir/log" | wc -l)" ] ||
  { echo "FAILED: xplot: RTT samples"; failed=1; }
expect "xplot and an image" 0 "$bbtap" graph port 7000 --xplot "$dir/y" -o "$dir/y.svg" "$dir/log"
cmp -s "$dir/losses.svg" "$dir/y.svg" && cmp -s "$dir/x_tsg.xpl" "$dir/y_tsg.xpl" ||
  { echo "FAILED: both at once are something else"; failed=1; }
expect "no place for xplot" 1 "$bbtap" graph port 7000 --xplot /nowhere/x "$dir/log"
says "no place for xplot" err "/nowhere/x_tsg.xpl: can't be written"

# Damage: what is before it is drawn. Any bytes: no crash, no end of patience.
log=$(find "$dir/log" -name '*.server.pcapng')
head -c $(($(stat -c %s "$log") - 1000)) "$log" >"$dir/cut.server.pcapng"
expect "a cut log" 1 "$bbtap" graph port 7000 -o "$dir/cut.svg" "$dir/cut.server.pcapng"
says "a cut log" err "damaged at offset"
check "a cut log" python3 "$dir/svg.py" "$dir/cut.svg" $new $recovery
"$bbtap" read -q -o "$dir/small" -f 'ip and port 7003' "$sample"
cat >"$dir/spoil.py" <<'PY'
import random, struct, sys
source, target, seed = sys.argv[1], sys.argv[2], int(sys.argv[3])
data, chance = bytearray(open(source, 'rb').read()), random.Random(seed)
# Lengths of blocks stay, so that the reader goes on: what lies between is spoiled.
at = 0
while at + 12 <= len(data):
    kind, length = struct.unpack_from('<II', data, at)
    if length < 12 or at + length > len(data):
        break
    if kind != 0x0a0d0d0a and kind != 1:
        for _ in range(chance.choice((0, 0, 1, 3))):
            data[at + 8 + chance.randrange(length - 12)] = chance.choice((0, 1, 127, 128, 255, chance.randrange(256)))
    at += length
open(target, 'wb').write(data)
PY
for seed in $(seq 12); do
  python3 "$dir/spoil.py" "$(find "$dir/small" -name '*.client.pcapng')" "$dir/spoiled.client.pcapng" "$seed"
  timeout 60 "$bbtap" graph --nth 1 -o "$dir/spoiled.svg" --xplot "$dir/s" "$dir/spoiled.client.pcapng" >/dev/null 2>"$dir/err"
  case $? in
  0 | 1) ;;
  *) echo "FAILED: spoiled log, seed $seed: exit status $?"; head -5 "$dir/err"; failed=1 ;;
  esac
done
exit $failed
