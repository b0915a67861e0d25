# SPDX-License-Identifier: BSD-2-Clause
"""What is in flight, the congestion window, its threshold, what limits, and the family (item 6)."""
import os

from .half import CA_CWR, CA_LOSS, CA_RECOVERY

CHRONO_RWND_LIMITED = 2
HANDSHAKE = (2, 3)  # TCP_SYN_SENT, TCP_SYN_RECV
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


class Reductions:
    """Follows one endpoint's congestion state: when a reduction begins, and when it is over.

    CWR (a loss that a tail-loss probe repaired, ECN), recovery and loss phases, and what follows one of them
    without a pause in between. Those of the handshake are no reductions: Linux sets the threshold anew when it
    is done (tcp_init_metrics).
    """

    def __init__(self):
        self.reducing, self.begins, self.ends = False, False, False

    def see(self, row):
        reducing = row["new_ca_state"] in (CA_CWR, CA_RECOVERY, CA_LOSS) and row["state"] not in HANDSHAKE
        if reducing and not self.reducing:
            self.begins, self.ends = True, False
        elif self.reducing and not reducing:
            self.begins, self.ends = False, True
        self.reducing = reducing


def threshold_is_right(row, record):
    """Within 10%, or 0.6 of a segment. Where the one has none yet, the other must not have one either."""
    none = row["ssthresh"] == INFINITE, record["snd_ssthresh"] == UNKNOWN
    if any(none):
        return all(none)
    return abs(record["snd_ssthresh"] / row["mss_cache"] - row["ssthresh"]) <= max(row["ssthresh"] * .10, .6)


def score_reductions(score, one):
    """The threshold at the first probe behind each reduction, the time by what limits, and the family by the end.

    When it begins only what was sent before is known, and of a first one nothing says how far it will go. It is
    told apart, without a goal.
    """
    cc, arrivals = congestion_control(one.run.name), {id(row): record for row, record in one.arrivals()}
    reductions, last, busy, said = Reductions(), None, 0, "unknown"
    for row in one.rows:
        if row["event"] == "ca_state":
            reductions.see(row)
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
        if (reductions.begins or reductions.ends) and cc != "bbr":
            score.add("ssthresh within 10%" if reductions.ends else "ssthresh at the begin within 10%", "sender",
                      threshold_is_right(row, record),
                      f"{where} said {record['snd_ssthresh'] / row['mss_cache']:.1f} true {row['ssthresh']}")
        reductions.begins = reductions.ends = False
    if busy > 5 and cc:
        name = {"bbr-like": "bbr"}.get(said, said)
        if name != "unknown":
            score.add("family, where named", "sender", name == cc, f"{one.run.name} {one.side} said {name} true {cc}")
        score.add("family named", "sender", name != "unknown", f"{one.run.name} {one.side} {cc}")
