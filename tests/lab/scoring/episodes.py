# SPDX-License-Identifier: BSD-2-Clause
"""Timeouts and recovery as events (item 3): each within one segment of the kernel's."""
import bisect

from .half import CA_DISORDER, CA_LOSS, CA_OPEN, CA_RECOVERY, PENDING_TLP, SYN
from .inputs import MS

CAUSE_RECOVERY, CAUSE_TIMEOUT = 1, 3
TCP_SYN_SENT = 2


class Timeline:
    """Times of packets in microseconds, as events without a packet have them."""

    def __init__(self, packets):
        self.times = sorted({p.ts // 1000 for p in packets})

    def near(self, a, b):
        """No more than one packet lies between."""
        return a == b or abs(bisect.bisect_left(self.times, a) - bisect.bisect_left(self.times, b)) <= 1

    def any_near(self, ts, others):
        return any(self.near(ts, other) for other in others)


def us_of(half, tap):
    return {p.key: p.ts // 1000 for p in reversed(half.sent(tap))}


def answers_syn(half, row):
    """A SYN-ACK that was sent again because the SYN came again: no timer did it."""
    return row["event"] == "synack" and any(
        p.flags & SYN and 0 <= row["ts_ns"] - p.ts < 2 * MS for p in half.received(half.own))


def score_timeouts(score, half, tap):
    """Each timeout, by the packet that it sent; at another tap, by the first behind it that came there."""
    role, seen, line = half.role(tap), us_of(half, tap), Timeline(half.sent(tap))
    exact, allowed, waiting = {}, set(), False
    for key, label in sorted(half.labels.items(), key=lambda kl: kl[1].row["ts_ns"]):
        row = label.row
        if row["event"] == "none" and key in seen:
            allowed.add(seen[key])
        if label.part or row["event"] not in ("retransmit", "synack"):
            continue
        fired = row["event"] == "synack" or row["pending"] == 0
        # A FIN sent again by the timer of tail-loss probes is a FIN sent again: judged as that only.
        if label.cause == "fin" and row["pending"] == PENDING_TLP or fired and answers_syn(half, row):
            if key in seen:
                allowed.add(seen[key])
            continue
        if fired and key in seen and key not in half.traceable(tap):
            allowed.add(seen[key])
        elif fired and key in seen:
            exact[seen[key]] = row
        elif waiting and key in seen:
            allowed.add(seen[key])
        waiting = (fired or waiting) and key not in seen
    events = [e for e in half.events(tap) if e["event"] == "RTO"]
    said = {e["ts"] // 1000: e for e in events}
    for ts, row in exact.items():
        close = [s for s in said if line.near(ts, s)]
        found = said[min(close, key=lambda s: abs(s - ts))] if close else None
        score.add("timeouts: recall", role, found, half.at(tap, ts))
        if found and row["event"] == "retransmit" and row["retransmits"]:
            score.add("timeouts: which backoff", role, found["stack"]["flex"][0] == row["retransmits"],
                      f"{half.at(tap, ts)} said {found['stack']['flex'][0]} true {row['retransmits']}")
    for ts in said:
        score.add("timeouts: precision", role, line.any_near(ts, exact) or line.any_near(ts, allowed),
                  half.at(tap, ts))


def recoveries(half):
    """[(kind, rows of its retransmissions, row of its end or None, row of its begin)]

    Ends that a timeout brings have no row. The begin's row stands there if the recovery follows on another
    one at once: the kernel enters it with the ACK that ends the one before, maybe without sending again.
    """
    found, phase = [], 0
    for row in half.rows:
        if row["event"] == "retransmit" and found and phase in (CA_RECOVERY, CA_LOSS):
            found[-1][1].append(row)
        if row["event"] != "ca_state":
            continue
        # A row may be missing: the state that it leaves is told as well.
        if row["ca_state"] != phase and phase in (CA_OPEN, CA_DISORDER) and \
                row["ca_state"] in (CA_RECOVERY, CA_LOSS) and row["state"] != TCP_SYN_SENT:
            phase = row["ca_state"]
            found.append([phase, [], None, None])
        if row["new_ca_state"] == phase:
            continue
        if phase in (CA_RECOVERY, CA_LOSS) and row["new_ca_state"] != CA_LOSS:
            found[-1][2] = row
        phase = row["new_ca_state"]
        # A SYN that is sent again is a loss phase for Linux alone.
        if phase == CA_LOSS and row["state"] == TCP_SYN_SENT:
            phase = 0
        if phase in (CA_RECOVERY, CA_LOSS):
            before = found[-1][2] if found else None
            at_once = before is not None and row["ts_ns"] - before["ts_ns"] < MS // 10
            found.append([phase, [], None, row if at_once else None])
    return found


def first_behind(half, seen, row):
    """When the first packet that was sent behind this row came to the tap: before that nobody can know there."""
    return next((seen[p.key] for p in half.sent(half.own) if p.ts > row["ts_ns"] and p.key in seen), 0)


def score_recoveries(score, half, tap):
    role, seen, line = half.role(tap), us_of(half, tap), Timeline(half.sent(tap))
    by_row = {id(label.row): key for key, label in half.labels.items() if not label.part}
    here = {p.key: p.ts // 1000 for p in half.received(tap)}
    begins, at_once = set(), set()
    for kind, rows, _, begin in half.recoveries:
        visible = [seen[by_row[id(r)]] for r in rows if by_row.get(id(r)) in half.traceable(tap)]
        ack = ack_of(half, begin) if begin else None
        if kind == CA_RECOVERY and ack and ack.key in here:
            at_once.add((here[ack.key], first_behind(half, seen, begin)))
        elif kind == CA_RECOVERY and visible:
            begins.add(visible[0])
    rowless = {seen[k] for k, label in half.labels.items() if label.row["event"] == "none" and k in seen}
    said = [e["ts"] // 1000 for e in half.events(tap) if e["event"] == "ENTREC"]
    for ts in begins:
        score.add("recovery begins: recall", role, line.any_near(ts, said), half.at(tap, ts))
    acks = Timeline(half.received(tap))

    def told(ts, span):
        return acks.near(ts, span[0]) or span[0] <= ts <= span[1] or line.near(ts, span[1])

    for span in at_once:
        score.add("recovery begins: recall", role, any(told(ts, span) for ts in said), half.at(tap, span[0]))
    for ts in said:
        if not line.any_near(ts, rowless):
            score.add("recovery begins: precision", role, line.any_near(ts, begins) or
                      any(told(ts, span) for span in at_once), half.at(tap, ts))


def ack_of(half, row):
    """The packet whose arrival made the kernel change its state, or None: what came last at its own tap."""
    packets = half.received(half.own)
    at = bisect.bisect_right(half.arrived, row["ts_ns"])
    return packets[at - 1] if at and row["ts_ns"] - packets[at - 1].ts < 50 * MS else None


def score_ends(score, half, tap):
    role, line = half.role(tap), Timeline(half.received(tap))
    here = {p.key: p.ts // 1000 for p in half.received(tap)}
    for kind, cause, name in ((CA_RECOVERY, CAUSE_RECOVERY, "recovery"), (CA_LOSS, CAUSE_TIMEOUT, "loss phase")):
        true = set()
        for one, _, end, _ in half.recoveries:
            ack = ack_of(half, end) if one == kind and end else None
            if ack and ack.key in here:
                true.add(here[ack.key])
        said = [e["ts"] // 1000 for e in half.events(tap) if e["event"] == "EXITREC" and
                e["stack"]["flex8"] == cause]
        for ts in true:
            score.add(f"{name} ends: recall", role, line.any_near(ts, said), half.at(tap, ts))
        for ts in said:
            score.add(f"{name} ends: precision", role, line.any_near(ts, true), half.at(tap, ts))


def score_episodes(score, half, tap):
    half.recoveries = recoveries(half)
    half.arrived = [p.ts for p in half.received(half.own)]
    score_timeouts(score, half, tap)
    score_recoveries(score, half, tap)
    score_ends(score, half, tap)
