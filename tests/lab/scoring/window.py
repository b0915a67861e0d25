# SPDX-License-Identifier: BSD-2-Clause
"""What is in flight, the congestion window, its threshold, what limits, and the family (item 6)."""
import os

from .half import CA_LOSS, CA_RECOVERY

CHRONO_RWND_LIMITED = 2
INFINITE, UNKNOWN = 0x7fffffff, 0x3fffc000  # no threshold: the kernel's, and FreeBSD's in our records
RUNS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "runs.txt")


def in_flight(row):
    return row["packets_out"] - row["sacked_out"] - row["lost_out"] + row["retrans_out"]


def limit_of(row):
    """What the kernel waits for: the peer's window, something to send, or its own window."""
    if row["chrono_type"] == CHRONO_RWND_LIMITED:
        return "receiver"
    if row["write_seq"] == row["snd_nxt"] and in_flight(row) < row["cwnd"]:
        return "application"
    return "window"


def congestion_control(run, cache={}):
    """Of a run of that name, by runs.txt; None: not known."""
    if not cache:
        with open(RUNS) as file:
            cache.update(line.split("|")[0:3:2] for line in file if line.count("|") > 2 and line[0] != "#")
    return cache.get(run)


def score_probe(score, run, row, record, where):
    mss, true, said = row["mss_cache"], in_flight(row) * row["mss_cache"], record["stack"]["inflight"]
    score.add("inflight within 5%", "sender", abs(said - true) <= max(true * .05, 1), f"{where} said {said} true {true}")
    score.add("inflight within 15%", "sender", abs(said - true) <= max(true * .15, 1))
    if row["is_cwnd_limited"] and record["snd_cwnd"] and congestion_control(run) != "bbr":
        true, said = row["cwnd"] * mss, record["snd_cwnd"]
        score.add("cwnd within 10%", "sender", abs(said - true) <= true * .10, f"{where} said {said} true {true}")
        score.add("cwnd within 25%", "sender", abs(said - true) <= true * .25)


def score_reductions(score, one):
    """The threshold at the first probe behind the begin and behind the end of each recovery or loss phase, the
    time by what limits, and the family by the end."""
    cc, arrivals = congestion_control(one.run.name), {id(row): record for row, record in one.arrivals()}
    phase, waiting, last, busy, said = 0, None, None, 0, "unknown"
    for row in one.rows:
        if row["event"] == "ca_state":
            inside = row["new_ca_state"] in (CA_RECOVERY, CA_LOSS)
            if inside != (phase in (CA_RECOVERY, CA_LOSS)):
                waiting = "begins" if inside else "ends"
            phase = row["new_ca_state"]
        if row["event"] != "probe":
            continue
        record = arrivals.get(id(row))
        if not record or not row["packets_out"]:
            last = row["ts_ns"]
            continue
        where, said, busy = f"{one.run.name} {one.side} {record['ts']}", record["stack"]["cc"], busy + 1
        if last:
            # In units of 0.1 ms; what passes since the probe before belongs to the state that stands at this one.
            units = (row["ts_ns"] - last) // 100000
            score.all["limit", "sender"] += units
            score.right["limit", "sender"] += units * (record["stack"].get("limit") == limit_of(row))
        last = row["ts_ns"]
        if waiting and cc != "bbr":
            true, known = row["ssthresh"], record["snd_ssthresh"] / row["mss_cache"]
            none = (true == INFINITE, record["snd_ssthresh"] == UNKNOWN)
            score.add("ssthresh within 10%", "sender", all(none) or not any(none) and abs(known - true) <= max(true * .10, .6),
                      f"{where} {waiting} said {known:.1f} true {true}")
        waiting = None
    if busy > 5 and cc:
        name = {"bbr-like": "bbr"}.get(said, said)
        if name != "unknown":
            score.add("family, where named", "sender", name == cc, f"{one.run.name} {one.side} said {name} true {cc}")
        score.add("family named", "sender", name != "unknown", f"{one.run.name} {one.side} {cc}")
