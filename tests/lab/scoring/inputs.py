# SPDX-License-Identifier: BSD-2-Clause
"""Reads captures, the kernel's rows and bbtap's events."""
import calendar
import collections
import functools
import gzip
import json
import lzma
import os
import struct
import subprocess
import time

TAPS = ("first", "middle", "second")
MS = 1000000
FIN, SYN, RST, ACK = 1, 2, 4, 16
SERVER_PORTS = range(7000, 7100)

# key: the same at every tap, for a frame and for each copy of it.
Packet = collections.namedtuple("Packet", "ts sport dport seq ack flags length sacks tsecr key")


def open_maybe(path):
    """The file, or its compressed form."""
    for suffix, opener in (("", open), (".xz", lzma.open), (".gz", gzip.open)):
        if os.path.exists(path + suffix):
            return opener(path + suffix, "rb")
    raise FileNotFoundError(path)


def exists(path):
    return any(os.path.exists(path + suffix) for suffix in ("", ".xz", ".gz"))


def tcp_options(options):
    """(time stamp value, its echo, SACK blocks)"""
    tsval, tsecr, sacks, at = 0, 0, (), 0
    while at < len(options) and options[at] != 0:
        if options[at] == 1:
            at += 1
            continue
        if at + 1 >= len(options) or at + options[at + 1] > len(options):
            break
        size = max(options[at + 1], 2)
        if options[at] == 8:
            tsval, tsecr = struct.unpack_from(">II", options, at + 2)
        elif options[at] == 5:
            sacks = tuple(struct.iter_unpack(">II", options[at + 2:at + 2 + (size - 2) // 8 * 8]))
        at += size
    return tsval, tsecr, sacks


def tcp_packet(ts, frame):
    """A Packet, or None for what is not TCP in an Ethernet frame."""
    kind = struct.unpack_from(">H", frame, 12)[0]
    if kind == 0x0800 and frame[23] == 6:
        l4 = 14 + (frame[14] & 15) * 4
        ip_id, total = struct.unpack_from(">H", frame, 18)[0], struct.unpack_from(">H", frame, 16)[0] + 14
    elif kind == 0x86dd and frame[20] == 6:
        l4, ip_id, total = 54, 0, struct.unpack_from(">H", frame, 18)[0] + 54
    else:
        return None
    sport, dport, seq, ack, off, flags, window = struct.unpack_from(">HHIIBBH", frame, l4)
    header = (off >> 4) * 4
    tsval, tsecr, sacks = tcp_options(frame[l4 + 20:l4 + header])
    length = total - l4 - header
    return Packet(ts, sport, dport, seq, ack, flags, length, sacks, tsecr,
                  (sport, dport, seq, ack, length, flags, window, ip_id, tsval, sacks))


def read_capture(path):
    """All TCP packets of a capture of Ethernet frames, as the lab writes them."""
    with open_maybe(path) as file:
        data = file.read()
    packets, at = [], 24
    while at + 16 <= len(data):
        sec, nsec, cap, _ = struct.unpack_from("<IIII", data, at)
        packet = tcp_packet(sec * 1000000000 + nsec, data[at + 16:at + 16 + cap])
        at += 16 + cap
        if packet:
            packets.append(packet)
    return packets


def read_truth(path):
    """The kernel's rows as dicts; those of sockets without a peer or a port are left out."""
    with open_maybe(path) as file:
        lines = file.read().decode().splitlines()
    names = lines[0].split("\t")
    rows = []
    for line in lines[1:]:
        row = {n: v if n in ("event", "laddr", "raddr") else int(v) for n, v in zip(names, line.split("\t"))}
        if row["rport"] and row["lport"]:
            rows.append(row)
    return rows


def read_mib(path):
    """{(host, counter): value}, or {} if there is none."""
    if not exists(path):
        return {}
    with open_maybe(path) as file:
        lines = [line.split("\t") for line in file.read().decode().splitlines()]
    return {(host, name): int(value) for host, name, value in lines}


def side_of(row):
    return "server" if row["lport"] in SERVER_PORTS else "client"


def connection_of(row):
    """(client's port, server's port)"""
    return (row["rport"], row["lport"]) if side_of(row) == "server" else (row["lport"], row["rport"])


@functools.lru_cache(maxsize=4096)
def epoch(text):
    return calendar.timegm(time.strptime(text, "%Y-%m-%dT%H:%M:%S"))


def port(address):
    return int(address.rsplit(":", 1)[1])


def plain(path, directory):
    """A name under which a program can read the file."""
    if os.path.exists(path):
        return path
    out = os.path.join(directory, "capture.pcap")
    with open_maybe(path) as source, open(out, "wb") as target:
        target.write(source.read())
    return out


def read_events(bbtap, capture, directory):
    """Events of both views: {(connection, view): [event]}, ts in ns added."""
    out = os.path.join(directory, "log")
    subprocess.run([bbtap, "read", "-q", "--connections=1000", "--log-memory=64M", "-o", out,
                    plain(capture, directory)], check=True,
                   stdout=subprocess.DEVNULL)
    events = collections.defaultdict(list)
    lines = subprocess.run([bbtap, "events", "--json", "--view", "both", out], check=True, capture_output=True)
    for line in lines.stdout.splitlines():
        event = json.loads(line)
        ends = port(event["local"]), port(event["foreign"])
        day, fraction = event["time"].rstrip("Z").split(".")
        event["ts"] = epoch(day) * 1000000000 + int(fraction.ljust(9, "0"))
        events[ends if event["view"] == "client" else ends[::-1], event["view"]].append(event)
    for one in events.values():
        one.sort(key=lambda e: e["serial"])
    subprocess.run(["rm", "-rf", out], check=True)
    return events
