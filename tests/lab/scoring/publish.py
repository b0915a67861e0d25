# SPDX-License-Identifier: BSD-2-Clause
"""The published form of the scores, and the kernel's counters beside the rows that the truth has."""
import collections
import datetime
import os
import platform
import textwrap

from . import episodes, inputs, table
from .half import PENDING_TLP

# What the truth has of it: the kernel's counter of the same.
COUNTERS = {
    "timeouts": ("TCPTimeouts",),
    "tail-loss probes": ("TCPLossProbes",),
    "undone reductions": ("TCPFullUndo", "TCPPartialUndo", "TCPDSACKUndo", "TCPLossUndo"),
    "DSACKs received": ("TCPDSACKRecv", "TCPDSACKOfoRecv"),
    "zero-window probes": ("TCPWinProbe",),
    "keep-alives": ("TCPKeepAlive",),
}


def counters(run):
    """Counter of (name, "truth" or "kernel")."""
    found, mib = collections.Counter(), inputs.read_mib(run.prefix + ".mib.tsv")
    if not mib:
        return found
    for name, names in COUNTERS.items():
        found[name, "kernel"] += sum(mib.get((host, n), 0) for host in ("client", "server") for n in names)
    for half in run.halves:
        labels = [v for v in half.labels.values() if not v.part]
        again = [v.row for v in labels if v.row["event"] in ("retransmit", "synack")]
        found["timeouts", "truth"] += sum(
            r["pending"] == 0 and not episodes.answers_syn(half, r) for r in again)
        found["tail-loss probes", "truth"] += sum(
            v.cause in ("tlp-new", "tlp") or v.cause == "fin" and v.row["pending"] == PENDING_TLP for v in labels)
        found["undone reductions", "truth"] += len(half.undos)
        found["zero-window probes", "truth"] += sum(v.cause == "probe" for v in labels)
        found["keep-alives", "truth"] += sum(v.cause == "keep-alive" for v in labels)
        found["DSACKs received", "truth"] += last_of(half.rows, "dsack_dups")
    return found


def last_of(rows, name):
    return next((r[name] for r in reversed(rows) if r["event"] == "probe"), 0)


def counters_text(found):
    lines = [f"{'the truth against the counters':42}{'rows':>10}{'kernel':>10}"]
    for name in COUNTERS:
        lines.append(f"{name:42}{found[name, 'truth']:>10}{found[name, 'kernel']:>10}")
    return "\n".join(lines)


EXPLANATION = """\
Written by `script/lab --publish`; a change by hand is lost with the next run.

The lab (`tests/lab/`) plays real TCP between two network namespaces over a wire that delays, queues, loses,
reorders, doubles and holds frames, with a tap at either end and one in the middle. What the kernel's own
TCP did is recorded at its trace points. `tests/lab/runs.txt` lists the runs; `script/lab` repeats them.
A fixed few of them are scored by every run of the tests, against floors that may not fall
(`tests/lab/fixed/`).

{date}, Linux {kernel}, {runs} runs.

## How to read the tables

Columns: where the tap stands, seen from the endpoint whose doings are judged: beside the sender, halfway,
beside the receiver. Both endpoints of each connection are judged. A cell has what was right, of how many,
in percent, and the goal in percent with "ok" or "missed". Cells without a goal are told and not judged.

- **recall** is the share of what the kernel did that was found, **precision** the share of what was claimed
  that is true.
- **snd_una ... state**: the field at the very segment at which the kernel's was read. Segments at which the
  host had sent something that the tap had yet to see are left out, and counted as **inside the host**.
- **retransmissions**: the packet was called sent again. A tap behind a loss has not seen the first copy, but
  perhaps something above it. Where it saw neither (the last segment before a pause, a SYN), there is
  **no trace of the first copy** and the packet looks like new data: these are counted apart.
- **cause**: of those, the kernel's reason was named; also for probes and keep-alives. "Ambiguous" counts as
  wrong; **not ambiguous** is the share for which a cause was named at all.
- **reordered**, **network duplicates**, **mirror duplicates**: what looks like a retransmission and is none.
- **gaps**: runs in which the taps themselves lost frames; judged apart from the rest.
- **timeouts**, **recovery**, **loss phase**: events, within one segment of where the kernel stood. **which
  backoff**: the number of timeouts in a row.
- **spurious**: the receiver said by DSACK that it had what was sent again; the kernel took its reduction
  back (Eifel, F-RTO, DSACK). **precision**: an earlier copy had arrived at the receiver indeed.
- **RTT samples of tcptrace's**: segments of which tcptrace would take a sample have one. **halves' sum**: the
  minima of the two halves of the path together, against the minimum that the sender's kernel has.
- **inflight**, **cwnd** within so many percent of the kernel's, at each segment that arrives while data is
  outstanding; cwnd where the window is what limits.
- **ssthresh** within 10% (or 0.6 of a segment) at the first segment behind each reduction: when CWR, a recovery
  or a loss phase is over. **at the begin**: at its first segment, when of a first reduction nothing shows yet
  how far it will go.
"""


def publish(path, prefixes, total, each, found):
    newest = max(os.path.getmtime(p + ".truth.tsv") for p in prefixes if os.path.exists(p + ".truth.tsv"))
    date = datetime.datetime.fromtimestamp(newest, datetime.timezone.utc).strftime("%Y-%m-%d")
    parts = ["# Accuracy\n", EXPLANATION.format(date=date, kernel=platform.release().split('-')[0].split('-')[0], runs=len(each)),
             "## All runs\n", table.markdown_table(total) + "\n", "## The truth itself\n", textwrap.dedent("""\
        What the rows of the truth say, beside the counters that the kernel keeps of the same (both hosts, all
        runs). A timeout or probe that sent nothing has a count and no row.
        """),
             "| | rows | the kernel's counters |\n|---|---|---|\n" + "\n".join(
                 f"| {n} | {found[n, 'truth']} | {found[n, 'kernel']} |" for n in COUNTERS) + "\n",
             "## Each run\n"]
    for name, score in each.items():
        parts.append(f"### {name}\n")
        parts.append(table.markdown_table(score, with_goals=False) + "\n")
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n".join(parts))
