#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-2-Clause
"""story.py STORY RST - connections to a service, and one reset, as two captures (Ethernet, pcap).

40 connections of many clients to 10.9.0.1:8080 and 20 to other ports: handshake, a request, an answer. The reset is the
server's, of the 17th.
"""
import struct
import sys

SYN, RST, PSH, ACK = 2, 4, 8, 16


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f">{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def frame(src, dst, sport, dport, seq, ack, flags, payload=b""):
    tcp = struct.pack(">HHIIBBHHH", sport, dport, seq, ack, 0x50, flags, 60000, 0, 0) + payload
    pseudo = src + dst + struct.pack(">HH", 6, len(tcp))
    tcp = tcp[:16] + struct.pack(">H", checksum(pseudo + tcp)) + tcp[18:]
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(tcp), 1, 0, 64, 6, 0) + src + dst
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return b"\x02\0\0\0\0\2\x02\0\0\0\0\1\x08\0" + ip + tcp


def capture(path, frames):
    with open(path, "wb") as out:
        out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
        for i, data in enumerate(frames):
            out.write(struct.pack("<IIII", 1700000000, i * 100, len(data), len(data)) + data)


def connection(n):
    client, server = bytes((10, 8, n // 200, n % 200 + 1)), bytes((10, 9, 0, 1))
    port = 8080 if n < 40 else 9000 + n
    there, back = (client, server, 20000 + n, port), (server, client, port, 20000 + n)
    return [
        frame(*there, 1000, 0, SYN), frame(*back, 5000, 1001, SYN | ACK), frame(*there, 1001, 5001, ACK),
        frame(*there, 1001, 5001, PSH | ACK, b"request"), frame(*back, 5001, 1008, PSH | ACK, b"answer"),
        frame(*there, 1008, 5007, ACK),
    ], frame(*back, 5007, 1008, RST | ACK)


def main():
    connections = [connection(n) for n in range(60)]
    # One packet of each in turn.
    capture(sys.argv[1], [frames[i] for i in range(6) for frames, _ in connections])
    capture(sys.argv[2], [connections[16][1]])


main()
