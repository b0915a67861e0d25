# SPDX-License-Identifier: BSD-2-Clause
"""What is sent again and why, probes, and what is the tap's own fault (items 2, 3, 7 and 8)."""
from .half import before, end_of, takes_room

CAUSES = {0: "none", 1: "recovery", 2: "tlp", 3: "timeout", 4: "syn", 5: "fin", 6: "probe", 7: "keep-alive",
          8: "ambiguous", 16: "capture gap", 17: "mirror duplicate"}
KIND_AGAIN = (1, 2)
KIND_TLP_NEW = 3
PROBES = ("probe", "keep-alive")


def cause_said(out):
    return CAUSES.get(out["flex7"] >> 8, str(out["flex7"] >> 8))


def score_sending(score, half, tap):
    outs = {e["ts"]: e["stack"] for e in half.events(tap) if e["event"] == "OUT"}
    role, seen, highest = half.role(tap), set(), None
    for packet in half.sent(tap):
        if packet.ts not in outs:
            continue
        out, label = outs[packet.ts], half.labels.get(packet.key)
        where = f"{half.at(tap, packet.ts)} seq {packet.seq} said {cause_said(out)} {out['flex7'] & 255}%, true " \
                f"{label.cause if label else 'new'}"
        if packet.key in seen:
            if takes_room(packet):
                score_copy(score, half, tap, out, where)
            continue
        seen.add(packet.key)
        if label and label.cause == "some probe":
            continue
        score_probe(score, role, out, label, where)
        if not takes_room(packet) or label and label.cause in PROBES:
            continue
        late = highest is not None and before(packet.seq, highest)
        score_again(score, half, tap, out, label, late, where, packet.key in half.traceable(tap))
        if highest is None or before(highest, end_of(packet)):
            highest = end_of(packet)


def score_copy(score, half, tap, out, where):
    """A frame that the tap has twice, though it was sent once."""
    role = half.role(tap)
    if half.run.network_duplicates:
        score.add("network duplicates not called sent again", role, out["flex8"] not in KIND_AGAIN, where)
    elif tap == "middle":
        score.add("mirror duplicates named", role, cause_said(out) == "mirror duplicate", where)


def score_probe(score, role, out, label, where):
    true = label.cause if label else "new"
    said = cause_said(out)
    if true in PROBES:
        score.add("cause", role, said == true, where)
        score.add(f"cause {true}", role, said == true)
        score.add("probes not called sent again", role, out["flex8"] not in KIND_AGAIN, where)
    if said in PROBES:
        score.add("probes: precision", role, true in PROBES, where)
    if true == "tlp-new":
        score.add("cause tlp with new data", role, out["flex8"] == KIND_TLP_NEW, where)
    if out["flex8"] == KIND_TLP_NEW:
        score.add("tlp with new data: precision", role, true == "tlp-new", where)


def score_again(score, half, tap, out, label, late, where, traceable):
    role, prefix = half.role(tap), "gaps: " if half.run.misses[tap] else ""
    true = label.cause if label and label.cause != "tlp-new" else None
    said, cause = out["flex8"] in KIND_AGAIN, cause_said(out)
    if true and traceable:
        score.add(prefix + "retransmissions: recall", role, said, where)
    elif true:
        score.add("no trace of the first copy", role, said)
    if said:
        score.add(prefix + "retransmissions: precision", role, true, where)
        score.add("with a confidence", role, 0 < out["flex7"] & 255 <= 100, where)
    if true and said and true != "other":
        score.add(prefix + "cause", role, cause == true, where)
        score.add(f"{prefix}cause {true}", role, cause == true)
        score.add("not ambiguous", role, cause != "ambiguous")
    if late and not true:
        score.add("reordered, not called sent again", role, not said, where)


def score_gaps(score, half, tap):
    """Data that the tap missed and the receiver acknowledged: a gap of the capture."""
    if not half.run.misses[tap]:
        return
    here = {p.key for p in half.sent(tap)}
    ranges = [(p.seq, end_of(p)) for p in half.sent(tap) if p.length]
    gaps = [e["stack"] for v in (half.side, half.peer) for e in half.run.events[tap].get((half.connection, v), [])
            if e["event"] == "REASS" and e["stack"]["flex7"] >> 8 == 3]
    peer_has = {p.key for p in half.sent(half.peer_tap)}
    missed = 0
    for packet in half.all_sent:
        # What was sent again, and seen then, leaves no hole.
        if packet.length and packet.key not in here and packet.key in peer_has and \
                not any(s == packet.seq or before(s, packet.seq) and before(packet.seq, e) for s, e in ranges):
            missed += 1
    if missed:
        score.add("gaps: connection named", half.role(tap), gaps, half.at(tap, half.all_sent[0].ts))
