# SPDX-License-Identifier: BSD-2-Clause
"""Counts of right and of all, their goals, and the tables of them."""
import collections
import fractions

ROLES = ("sender", "middle", "receiver")


def goals(sender, elsewhere=None):
    return {"sender": sender, "middle": elsewhere, "receiver": elsewhere}


# What must be reached, in percent. Quantities without a goal are told and not judged.
GOALS = {
    "snd_una": goals(99.9),
    "snd_max": goals(99.9),
    "snd_wnd": goals(99.9),
    "rcv_nxt": goals(99.9),
    "rcv_wnd": goals(99.9),
    "state": goals(99.9),
    "retransmissions: recall": goals(99.9, 99),
    "retransmissions: precision": goals(99.9, 98),
    "reordered, not called sent again": goals(99.9, 98),
    "network duplicates not called sent again": goals(99.9, 98),
    "mirror duplicates named": goals(None, 98),
    "gaps: retransmissions: recall": goals(99, 99),
    "gaps: retransmissions: precision": goals(98, 98),
    "gaps: cause": goals(95, 95),
    "gaps: connection named": goals(99, 99),
    "cause": goals(99, 95),
    "cause tlp with new data": goals(99, 95),
    "tlp with new data: precision": goals(99, 95),
    "probes: precision": goals(99, 95),
    "probes not called sent again": goals(99.9, 98),
    "timeouts: recall": goals(99, 99),
    "timeouts: precision": goals(99, 99),
    "timeouts: which backoff": goals(99, 99),
    "recovery begins: recall": goals(99, 99),
    "recovery begins: precision": goals(99, 99),
    "recovery ends: recall": goals(99, 99),
    "recovery ends: precision": goals(99, 99),
    "spurious: DSACK": goals(99, 99),
    "spurious: undone by the kernel": goals(99, 99),
    "spurious: precision": goals(99, 98),
    "RTT samples of tcptrace's": goals(99, 99),
    "srtt within 5%": goals(95),
    "minimum RTT within 5%": goals(95),
    "halves' sum within 5%": goals(None, 95),
    "inflight within 5%": goals(50),
    "inflight within 15%": goals(90),
    "cwnd within 10%": goals(50),
    "cwnd within 25%": goals(90),
    "ssthresh within 10%": goals(95),
    "limit": goals(95),
    "with a confidence": goals(100, 100),
}

# Not right or wrong, only counted.
COUNTED = ("inside the host", "truth: rows without a packet", "truth: packets without a row")


class Score:
    """Counts of (quantity, role): right of all."""

    def __init__(self, details=False):
        self.right = collections.Counter()
        self.all = collections.Counter()
        self.details = details

    def add(self, quantity, role, right, note=""):
        self.all[quantity, role] += 1
        self.right[quantity, role] += bool(right)
        if self.details and not right:
            print(f"  {quantity:28} {role:9} {note}")

    def update(self, other):
        self.all.update(other.all)
        # Counter.update() would keep, but not make, entries of 0.
        self.right.update(other.right)

    def quantities(self):
        return sorted({quantity for quantity, _ in self.all})

    def verdict(self, quantity, role):
        """(goal in percent, whether it is met), or (None, True)."""
        goal = GOALS.get(quantity, {}).get(role)
        if goal is None or not self.all[quantity, role]:
            return None, True
        return goal, self.right[quantity, role] * 100 >= goal * self.all[quantity, role]

    def missed(self):
        return [(q, r) for q in self.quantities() for r in ROLES if not self.verdict(q, r)[1]]


def cell(score, quantity, role):
    count, right = score.all[quantity, role], score.right[quantity, role]
    if not count:
        return "-"
    if quantity in COUNTED:
        return str(count)
    goal, met = score.verdict(quantity, role)
    judged = "" if goal is None else f" {'ok' if met else 'MISSED'} {goal:g}"
    return f"{right}/{count} {100 * right / count:.2f}%{judged}"


def text_table(score):
    lines = [f"{'':42}" + "".join(f"{role:>32}" for role in ROLES)]
    for quantity in score.quantities():
        lines.append(f"{quantity:42}" + "".join(f"{cell(score, quantity, role):>32}" for role in ROLES))
    return "\n".join(lines)


def markdown_table(score, with_goals=True):
    lines = ["| quantity | " + " | ".join(ROLES) + " |", "|---|---|---|---|"]
    for quantity in score.quantities():
        cells = []
        for role in ROLES:
            text = cell(score, quantity, role).replace("MISSED", "**missed**")
            cells.append(text if with_goals else text.split("%")[0] + "%" * ("%" in text))
        lines.append(f"| {quantity} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def write_floors(score, path):
    with open(path, "w", encoding="ascii") as file:
        file.write("# quantity\trole\tright\tall: the share may not fall below right/all\n")
        for (quantity, role), count in sorted(score.all.items()):
            if count and quantity not in COUNTED:
                file.write(f"{quantity}\t{role}\t{score.right[quantity, role]}\t{count}\n")


def below_floors(score, path):
    """Words for each quantity that is worse than its floor."""
    found = []
    with open(path, encoding="ascii") as file:
        for line in file:
            if line.startswith("#"):
                continue
            quantity, role, right, count = line.rstrip("\n").split("\t")
            floor = fractions.Fraction(int(right), int(count))
            n = score.all[quantity, role]
            if not n:
                found.append(f"{quantity}, {role}: nothing to score, floor {right}/{count}")
            elif fractions.Fraction(score.right[quantity, role], n) < floor:
                found.append(f"{quantity}, {role}: {score.right[quantity, role]}/{n}, floor {right}/{count}")
    return found
