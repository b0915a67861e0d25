# SPDX-License-Identifier: BSD-2-Clause
"""Retransmissions that were not needed (item 4).

Two truths: the kernel undid its reduction, or the receiver said by DSACK that it had the data twice. A
DSACK for what was never sent again tells of a copy that the network made, which is no one's mistake.
Whether a claim is right is told by the receiver's tap: an earlier copy must have arrived there.
"""
from .half import CA_CWR, CA_LOSS, before, end_of, overlap, takes_room
from .inputs import MS


def dsack_of(packet):
    """The DSACK block (RFC 2883 4), or None."""
    if not packet.sacks:
        return None
    start, end = packet.sacks[0]
    if not before(packet.ack, end) and start != end:
        return start, end
    if len(packet.sacks) > 1:
        left, right = packet.sacks[1]
        if not before(start, left) and not before(right, end):
            return start, end
    return None


def undos(half):
    """[(when the episode began, row of the ACK at which the kernel undid it)]"""
    found, last, began, entered = [], None, None, False
    for row in half.rows:
        if row["event"] == "ca_state":
            entered |= row["new_ca_state"] in (CA_CWR, CA_LOSS) and row["new_ca_state"] != row["ca_state"]
        if row["event"] == "retransmit" and row["undo_marker"] and began is None:
            began = row["ts_ns"]
        if row["event"] != "probe":
            continue
        if last and last["undo_marker"] and not row["undo_marker"]:
            if not entered and began is not None:
                found.append((began, last))
            began = None
        last, entered = row, False
    return found


def retransmissions_of(half):
    return [p for p in half.all_sent if takes_room(p) and p.key in half.labels and
            half.labels[p.key].cause not in ("probe", "keep-alive", "tlp-new", "some probe")]


def score_spurious(score, half, tap):
    half.again = half.again if hasattr(half, "again") else retransmissions_of(half)
    bad = [(e["ts"], e["stack"]["flex"][0], e["stack"]["flex"][1]) for e in half.events(tap)
           if e["event"] == "BAD_RETRAN"]
    if not half.again and not bad:
        return
    here = {p.key: p.ts for p in half.received(tap)}
    score_dsacks(score, half, tap, bad, here)
    score_undos(score, half, tap, bad, here)
    score_claims(score, half, tap, bad)


def score_dsacks(score, half, tap, bad, here):
    for packet in half.received(half.own):
        block = dsack_of(packet)
        if not block or packet.key not in here:
            continue
        again = [p for p in half.again if p.ts < packet.ts and overlap(p.seq, end_of(p), *block)]
        if not again or half.copied(*block):
            continue
        ts = here[packet.key]
        score.add("spurious: DSACK", half.role(tap),
                  any(t <= ts + 1000 and overlap(s, e, *block) for t, s, e in bad), half.at(tap, ts))


def score_undos(score, half, tap, bad, here):
    for began, row in half.undos:
        acks = [p for p in half.received(half.own) if p.ack == row["ack"] and p.seq == row["seq"] and
                abs(p.ts - row["ts_ns"]) < 20 * MS]
        if not acks:
            continue
        key = min(acks, key=lambda p: abs(p.ts - row["ts_ns"])).key
        if key not in here:
            continue
        score.add("spurious: undone by the kernel", half.role(tap),
                  any(began - 500 * MS <= t <= here[key] + 1000 for t, _, _ in bad), half.at(tap, here[key]))


def score_claims(score, half, tap, bad):
    arrived = {p.key for p in half.sent(half.peer_tap)}
    if half.run.misses[half.peer_tap]:
        return
    for ts, start, end in bad:
        again = [p for p in half.again if overlap(p.seq, end_of(p), start, end)]
        needless = any(q.ts < p.ts and q.key in arrived and overlap(q.seq, end_of(q), p.seq, end_of(p))
                       for p in again for q in half.all_sent if takes_room(q))
        score.add("spurious: precision", half.role(tap), needless, half.at(tap, ts))
