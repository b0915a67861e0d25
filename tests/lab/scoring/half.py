# SPDX-License-Identifier: BSD-2-Clause
"""One endpoint as a sender, and what the kernel says of each packet that it sent."""
import bisect
import collections
import statistics

from .inputs import FIN, MS, RST, SYN, TAPS

ROLE = {("client", "first"): "sender", ("client", "second"): "receiver", ("server", "second"): "sender",
        ("server", "first"): "receiver", ("client", "middle"): "middle", ("server", "middle"): "middle"}
PENDING_RETRANSMIT, PENDING_PROBE, PENDING_TLP = 1, 3, 5
CA_OPEN, CA_DISORDER, CA_CWR, CA_RECOVERY, CA_LOSS = range(5)

# What the kernel sent a packet for; part: a later packet of a super-segment.
Label = collections.namedtuple("Label", "cause row part")


def before(a, b):
    return 0 < (b - a) % (1 << 32) < 1 << 31


def overlap(a_start, a_end, b_start, b_end):
    return before(a_start, b_end) and before(b_start, a_end)


def end_of(packet):
    return (packet.seq + packet.length + bool(packet.flags & SYN) + bool(packet.flags & FIN)) % (1 << 32)


def takes_room(packet):
    return packet.length or packet.flags & (SYN | FIN)


def retransmission_cause(row):
    if row["event"] == "synack" or row["tcp_flags"] & SYN:
        return "syn"
    if row["tcp_flags"] & FIN and (row["end_seq"] - row["seq"]) % (1 << 32) == 1:
        return "fin"
    if row["ca_state"] == CA_LOSS:
        return "timeout"
    if row["ca_state"] == CA_RECOVERY:
        return "recovery"
    return "tlp" if row["pending"] == PENDING_TLP else "other"


def pair(rows, records):
    """Equal segments in a row: one by one if all are there, else each with the last that it can be."""
    if len(rows) == len(records):
        pairs = zip(rows, records)
    else:
        pairs = ((row, next((e for e in reversed(records) if e["ts"] <= row["ts_ns"] + MS // 20), None))
                 for row in rows)
    return [(row, e) for row, e in pairs if e and -MS < row["ts_ns"] - e["ts"] < 50 * MS]


class Half:
    """What `side` of a connection sent.

    rows    the kernel's, of this side
    own     the tap at this side
    labels  {packet key: Label} of what was sent again or to probe
    """

    def __init__(self, run, connection, side, rows):
        self.run, self.connection, self.side, self.rows = run, connection, side, rows
        self.own = "first" if side == "client" else "second"
        self.peer_tap = "second" if side == "client" else "first"
        self.peer = "server" if side == "client" else "client"
        self.labels = {}
        self.unmatched = []
        self.all_sent = self._all_sent()
        self._label_retransmissions()
        self._label_probes()
        self.rowless = self._label_rowless()
        self._traceable = {}
        self._arrivals = self._disorder = None

    def role(self, tap):
        return ROLE[self.side, tap]

    def sent(self, tap):
        return self.run.by_sender[tap].get((self.connection, self.side), [])

    def received(self, tap):
        return self.run.by_sender[tap].get((self.connection, self.peer), [])

    def events(self, tap):
        return self.run.events[tap].get((self.connection, self.side), [])

    def at(self, tap, ts):
        """Words for --details."""
        return f"{self.run.name} {tap} {self.side} {self.connection[0]} {ts}"

    def _all_sent(self):
        """What it sent, in its own time, also what its own tap has missed."""
        own = self.sent(self.own)
        known = {p.key: p.ts for p in reversed(own)}
        found = list(own)
        for tap in TAPS:
            if tap == self.own or tap not in self.run.packets:
                continue
            there = self.sent(tap)
            late = [p.ts - known[p.key] for p in there if p.key in known]
            if not late:
                continue
            shift = int(statistics.median(late))
            for packet in there:
                if packet.key not in known:
                    known[packet.key] = packet.ts - shift
                    found.append(packet._replace(ts=packet.ts - shift))
        return sorted(found, key=lambda p: p.ts)

    def _nearest(self, packets, ts):
        near = [p for p in packets if p.key not in self.labels and -MS < p.ts - ts < 20 * MS]
        return min(near, key=lambda p: abs(p.ts - ts)) if near else None

    def _label_retransmissions(self):
        """Each row to the nearest packet behind it."""
        by_seq = collections.defaultdict(list)
        for packet in self.all_sent:
            if takes_room(packet):
                by_seq[packet.seq].append(packet)
        for row in self.rows:
            if row["event"] not in ("retransmit", "synack"):
                continue
            synack = row["event"] == "synack"
            candidates = [p for p in self.all_sent if p.flags & SYN] if synack else by_seq[row["seq"]]
            packet = self._nearest(candidates, row["ts_ns"])
            if not packet:
                self.unmatched.append(row)
                continue
            cause = retransmission_cause(row)
            self.labels[packet.key] = Label(cause, row, False)
            # A super-segment that was sent again leaves as several packets.
            end, left = packet.seq + packet.length, row["end_seq"]
            while not synack and 1 < (left - end) % (1 << 32) < 1 << 30:
                packet = self._nearest(by_seq[end % (1 << 32)], row["ts_ns"])
                if not packet:
                    break
                self.labels[packet.key] = Label(cause, row, True)
                end = packet.seq + packet.length

    def _label_probes(self):
        """A timer that expired explains the packet behind it."""
        again = [r["ts_ns"] for r in self.rows if r["event"] == "retransmit"]
        times = [p.ts for p in self.all_sent]
        for row in self.rows:
            if row["event"] not in ("timer", "keepalive"):
                continue
            at = bisect.bisect_left(times, row["ts_ns"] - MS // 5)
            behind = [p for p in self.all_sent[at:at + 4] if p.ts < row["ts_ns"] + 3 * MS and
                      p.key not in self.labels]
            probe = next((p for p in behind if p.length <= 1 and not p.flags & (SYN | FIN) and
                          p.seq == (row["snd_una"] - 1) % (1 << 32)), None)
            new = next((p for p in behind if p.length and not before(p.seq, row["snd_nxt"])), None)
            if row["event"] == "keepalive":
                if probe:
                    self.labels[probe.key] = Label("keep-alive", row, False)
            elif row["pending"] == PENDING_PROBE:
                if probe or new:
                    self.labels[(probe or new).key] = Label("probe", row, False)
            elif row["pending"] == PENDING_TLP:
                soon = bisect.bisect_left(again, row["ts_ns"])
                if soon < len(again) and again[soon] < row["ts_ns"] + 3 * MS:
                    continue
                if new:
                    self.labels[new.key] = Label("tlp-new", row, False)
        self._label_late_probes()

    def _label_late_probes(self):
        """A busy socket's timer does its work later, or has no row. Where a probe ended the kernel's next rows say."""
        last, since = 0, 0
        for row in self.rows:
            high = row["tlp_high_seq"]
            if high and high != last:
                behind = [p for p in self.all_sent if since < p.ts <= row["ts_ns"] and p.length]
                # If anything behind the row before has a label, that was the probe.
                if behind and end_of(behind[-1]) == high and not any(p.key in self.labels for p in behind):
                    self.labels[behind[-1].key] = Label("tlp-new", row, False)
            last, since = high, row["ts_ns"]

    def _label_rowless(self):
        """Returns how many there are. A host sends in order: what its own tap sees again was sent again,
        though no row says so (a trace point may miss one), and nobody knows why."""
        highest, count = None, 0
        for packet in self.sent(self.own):
            if packet.length <= 1 and not packet.flags & (SYN | FIN | RST) and packet.key not in self.labels and \
                    highest is not None and packet.seq == (highest - 1) % (1 << 32):
                self.labels[packet.key] = Label("some probe", {"event": "none", "ts_ns": packet.ts}, False)
                count += 1
                continue
            if not takes_room(packet):
                continue
            if highest is not None and before(packet.seq, highest) and packet.key not in self.labels:
                row = {"event": "none", "ts_ns": packet.ts}
                self.labels[packet.key] = Label("other", row, False)
                count += 1
            if highest is None or before(highest, end_of(packet)):
                highest = end_of(packet)
        return count

    def arrivals(self):
        """[(probe row, IN record of the same segment at its own tap)]"""
        if self._arrivals is None:
            records, rows, self._arrivals = collections.defaultdict(list), collections.defaultdict(list), []
            for event in self.events(self.own):
                if event["event"] == "IN" and "packet" in event:
                    records[event["packet"]["seq"], event["packet"].get("ack", 0)].append(event)
            for row in self.rows:
                if row["event"] == "probe":
                    rows[row["seq"], row["ack"]].append(row)
            for key, same in rows.items():
                self._arrivals += pair(same, records[key])
            self._arrivals.sort(key=lambda pair: pair[0]["ts_ns"])
        return self._arrivals

    def overtaken(self, row):
        """Whether the kernel came to it before something that arrived earlier: two processors take turns."""
        if self._disorder is None:
            self._disorder, latest = set(), 0
            for late, record in reversed(self.arrivals()):
                if latest and record["ts"] > latest:
                    self._disorder.add(id(late))
                latest = min(latest or record["ts"], record["ts"])
        return id(row) in self._disorder

    def traceable(self, tap):
        """Keys of what the tap could know to be sent again: it saw some of it before, or something above.
        Of the others it has seen nothing: no rule tells them from new data."""
        if tap not in self._traceable:
            highest, keys = None, set()
            for packet in self.sent(tap):
                if not takes_room(packet):
                    continue
                if highest is not None and before(packet.seq, highest):
                    keys.add(packet.key)
                if highest is None or before(highest, end_of(packet)):
                    highest = end_of(packet)
            self._traceable[tap] = keys
        return self._traceable[tap]
