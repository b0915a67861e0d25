# SPDX-License-Identifier: BSD-2-Clause
"""Round trips (item 5)."""
from .half import before, end_of, takes_room
from .inputs import ACK

ENOUGH_SAMPLES = 20


def sampled_acks(half, tap):
    """Times of the ACKs at which tcptrace takes a sample: each acknowledges the end of a segment that was
    sent once, and nothing below it was sent again after it. What the kernel sent again is left out though
    this tap may have seen it once only (Karn's rule, RFC 6298 3): tcptrace can't know."""
    packets = [(p.ts, 0, p) for p in half.sent(tap) if takes_room(p)] + \
              [(p.ts, 1, p) for p in half.received(tap) if p.flags & ACK]
    waiting, una, times = {}, None, []
    for ts, is_ack, packet in sorted(packets, key=lambda p: p[:2]):
        if not is_ack:
            end = end_of(packet)
            if una is not None and not before(una, end):
                continue
            first, _, count = waiting.get(end, (ts, ts, 0))
            waiting[end] = (first, ts, count + 1 + (packet.key in half.labels))
            continue
        if una is not None and not before(una, packet.ack):
            continue
        una = packet.ack
        acked = {e: v for e, v in waiting.items() if not before(una, e)}
        mine = acked.get(una)
        if mine and mine[2] == 1 and all(v[1] <= mine[0] for v in acked.values()):
            times.append(ts)
        for end in acked:
            del waiting[end]
    return times


def score_samples(score, half, tap):
    said = {e["ts"] // 1000 for e in half.events(tap) if e["event"] == "RTT"}
    for ts in sampled_acks(half, tap):
        score.add("RTT samples of tcptrace's", half.role(tap), ts // 1000 in said, half.at(tap, ts))


def score_srtt(score, half, tap):
    if half.role(tap) != "sender":
        return
    for row, record in half.arrivals():
        if not row["srtt_us"] or not before(row["snd_una"], row["ack"]):
            continue
        true, said = row["srtt_us"], record["srtt_us"]
        score.add("srtt within 5%", "sender", abs(said - true) <= max(true * .05, 100),
                  f"{half.at(tap, record['ts'])} said {said} true {true}")


def last_min_rtt(events):
    return next((e["stack"]["rtt_prop_us"] for e in reversed(events) if e["stack"]["rtt_prop_us"]), 0) \
        if events else 0


def score_min_rtt(score, half, tap):
    """At the sender its own; elsewhere it is the sum of both halves of the path. The kernel's includes the time
    inside the host, so one is judged only where there were many to choose from."""
    samples = [r for r in half.rows if r["event"] == "probe" and before(r["snd_una"], r["ack"])]
    true = samples[-1]["min_rtt_us"] if len(samples) >= ENOUGH_SAMPLES else 0
    said = last_min_rtt(half.events(tap))
    where = f"{half.at(tap, 0)} said {said} true {true}"
    if not 0 < true < 1 << 31 or not said:
        return
    # Some of the kernel's samples come from time stamps, in milliseconds.
    slack = max(true * .05, 2000 if true % 1000 == 0 else 200)
    name = "minimum RTT within 5%" if half.role(tap) == "sender" else "halves' sum within 5%"
    score.add(name, half.role(tap), abs(said - true) <= slack, where)
