# SPDX-License-Identifier: Apache-2.0
"""Rounds of measurements, and what they come to.

Machines drift: what is compared is measured in turn, in one run, and a ratio is the median
of the ratios of single rounds, so that a slow minute counts on both sides of it.
"""
import random
import statistics
import sys

FASTER = "faster"  # larger is better
SMALLER = "smaller"


class Table:
    """One kind of work: a row for each way to do it, a value for each round."""

    def __init__(self, title, unit, base):
        self.title = title
        self.unit = unit
        self.base = base  # the row that ratios are to
        self.rows = {}    # name -> values, None where it failed
        self.notes = []

    def add(self, name, value):
        """Another value of a row, of the round after its last."""
        self.rows.setdefault(name, []).append(value)

    def values(self, name):
        """What was measured of a row; [] if there is none."""
        return [value for value in self.rows.get(name, []) if value is not None]

    def median(self, name):
        """Of a row that has values."""
        return statistics.median(self.values(name))

    def ratios(self, name, base=None, other=None):
        """A row's values over another's, of `other` or this table, by round; [] without both."""
        pairs = zip(self.rows.get(name, []), (other or self).rows.get(base or self.base, []))
        return [value / below for value, below in pairs if value is not None and below]

    def ratio(self, name, base=None, other=None):
        """Their median; None without both rows."""
        ratios = self.ratios(name, base, other)
        return statistics.median(ratios) if ratios else None

    def lines(self):
        """The table as text."""
        yield f"{self.title}; {self.unit}, spread, ratio to {self.base}, its spread"
        width = max(map(len, self.rows), default=0) + 2
        for name in sorted(self.rows, key=lambda name: name != self.base):  # the base first
            found = self.values(name)
            if not found:
                yield f"  {name:<{width}} (not measured)"
                continue
            spread = f"{number(min(found)).strip()} to {number(max(found)).strip()}"
            line = f"  {name:<{width}} {number(self.median(name))}   {spread:<16}"
            ratios = self.ratios(name)
            if ratios and name != self.base:
                line += (f" {statistics.median(ratios):7.2f}   "
                         f"{min(ratios):.2f} to {max(ratios):.2f}")
            yield line.rstrip()
        for note in self.notes:
            yield f"  {note}"

    def as_json(self):
        """The table for programs: every value that was measured."""
        return {"title": self.title, "unit": self.unit, "base": self.base, "notes": self.notes,
                "rows": {name: {"values": values,
                                "median": self.median(name) if self.values(name) else None,
                                "ratio": self.ratio(name)}
                         for name, values in self.rows.items()}}


def number(value):
    """Three digits that count, right-aligned."""
    for limit, digits in ((10, 3), (100, 2), (1000, 1)):
        if abs(value) < limit:
            return f"{value:9.{digits}f}"
    return f"{value:9,.0f}"


class Report:
    """All tables of a run, and how far each is from where it should come out."""

    def __init__(self, rounds, out=sys.stdout):
        self.rounds = rounds
        self.out = out
        self.tables = []
        self.goals = []

    def say(self, text=""):
        """Print a line at once: a run takes minutes."""
        print(text, file=self.out, flush=True)

    def finish(self, *tables):
        """Print tables whose rounds are over."""
        for table in tables:
            self.tables.append(table)
            self.say()
            for line in table.lines():
                self.say(line)

    def goal(self, what, value, limit, better=FASTER):
        """Note where a ratio or a size should come out; None: it was not measured."""
        self.goals.append({"what": what, "value": value, "limit": limit, "better": better})

    def print_goals(self):
        """Each goal with what became of it. Nothing fails for a goal that is missed."""
        if not self.goals:
            return
        self.say("\nwhere it should come out")
        for goal in self.goals:
            value, limit = goal["value"], goal["limit"]
            if value is None:
                self.say(f"  not measured          {goal['what']}")
                continue
            reached = value >= limit if goal["better"] == FASTER else value <= limit
            sign = ">=" if goal["better"] == FASTER else "<="
            self.say(f"  {'yes' if reached else 'NO':<4}{number(value)} {sign} {limit:<6g} "
                     f"{goal['what']}")

    def as_json(self):
        """Everything, for programs."""
        return {"rounds": self.rounds, "tables": [table.as_json() for table in self.tables],
                "goals": self.goals}


def run_rounds(report, ways):
    """Call each way once a round, after a round that is not counted.

    `ways` are functions of a boolean: whether their values count. Each round has an order of
    its own, so that none is always behind the same other; the first two that of the rows.
    """
    ways = list(ways)
    for turn in range(report.rounds + 1):
        for way in random.Random(turn).sample(ways, len(ways)) if turn > 1 else ways:
            way(turn > 0)
