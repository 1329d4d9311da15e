"""RM-1 over 100,000 suppliers: the compiled engine beside a bare loop and beside plain Python; one
change followed beside everything settled anew.

The world is layered as supply chains are: six tiers, few firms with very many suppliers, and one
link in fifty that leads back up, so that there are circles. The bare loop is told how many sweeps
the engine needed on each bound, and does nothing per entry and sweep but a log1p and an expm1.
"""

from __future__ import annotations

import random
import statistics
from typing import Any

import numpy as np
from numba import njit

from services.risk.actions.deployment import default_policy
from services.risk.rules import kernels
from services.risk.rules.arrays import columns
from services.risk.rules.graph import Firm, Graph, Holder, Link
from services.risk.rules.number import BOUNDS, Bound, Interval
from services.risk.rules.propagation import propagate
from services.risk.rules.resident import Resident
from tests.bench.measuring import Line, Rounds, cpu

SUPPLIERS = 100_000
ENTRIES = 500_000
_TIERS = 6
_BACK = 0.02
_SILENT = 0.15
_ROUNDS = 5
_CHANGES = 60
_CLASSES = (0.15, 0.35, 0.35, 0.65, 1.0)


def a_world(seed: int = 7, *, back: float = _BACK) -> Graph:
    """Every firm's list, and one requester above the first thousand of them."""
    chance = random.Random(seed)
    layer = SUPPLIERS // _TIERS
    links: list[Link] = []
    lists: list[list[Firm]] = [[] for _ in range(SUPPLIERS)]

    def link_to(firm: int) -> int:
        evidenced = chance.choice((0.05, 0.15, 0.4, 1.2, 3.2))
        silent = chance.random() < _SILENT
        links.append(
            Link(
                id="",
                supplier="",
                own=Interval(evidenced / 4, evidenced),
                coverage=None,
                awaiting=False,
                principles={},
                topics={},
                below=None if silent or firm >= layer * (_TIERS - 1) else firm,
                is_silent=silent,
                is_closed=False,
            )
        )
        return len(links) - 1

    while len(links) < ENTRIES:
        customer = chance.randrange(SUPPLIERS - layer)
        tier = customer // layer
        if chance.random() < back:
            firm = chance.randrange(customer + 1)
        else:
            firm = layer * (tier + 1) + int(layer * chance.random() ** 3)
        lists[customer].append(Firm(link_to(firm), chance.choice(_CLASSES)))
    total = tuple(Firm(link_to(firm), chance.choice(_CLASSES)) for firm in range(1000))
    holders = (*(Holder(tuple(items)) for items in lists), Holder(total))
    return Graph(tuple(links), holders, range(SUPPLIERS, SUPPLIERS), {}, {})


@njit(cache=True)
def _bare(values: Any, sweeps: int) -> float:
    total = 0.0
    for _ in range(sweeps):
        for i in range(len(values)):
            total += np.log1p(-0.65 * -np.expm1(-values[i]))
    return total


class _Engine:
    """The compiled engine on a laid-out world, as it stays in memory."""

    def __init__(self, graph: Graph) -> None:
        self.columns = columns(graph, default_policy())
        self.order, self.starts, _ = self.columns.groups()
        self.entries = 0

    def __call__(self) -> None:
        for bound in BOUNDS:
            self.columns.settled(bound, self.order, self.starts)

    def computed(self) -> int:
        """How many entries were computed over all sweeps of both bounds."""
        done = 0
        for bound in BOUNDS:
            value, x = np.zeros(self.columns.holders), np.ones(self.columns.holders)
            own = (self.columns.fixed[bound], self.columns.e[bound], value, x)
            *_, items = kernels.settle(
                self.order, self.starts, self.columns.structure, own, self.columns.numbers
            )
            done += int(items)
        return done


def lines() -> list[Line]:
    """Measure, after making sure that both engines find the same."""
    graph, policy = a_world(), default_policy()
    engine = _Engine(graph)
    plain = {bound: propagate(graph, policy, bound) for bound in BOUNDS}
    worst = max(
        float(np.max(np.abs(engine.columns.settled(b, engine.order, engine.starts)[0] - p.values)))
        for b, p in plain.items()
    )
    assert worst < 1e-9, worst
    many = engine.computed()
    values = np.random.default_rng(7).uniform(0.05, 3.0, many)
    rounds = Rounds({"ours": engine, "bare": lambda: _bare(values, 1)}, _ROUNDS, cpu)
    once = Rounds({"plain": lambda: _plain(graph)}, 1, cpu)
    path = f"full recompute of RM-1, both bounds, {SUPPLIERS:,} suppliers / {ENTRIES:,} entries"
    return [
        Line(
            path,
            f"bare compiled loop, log1p and expm1 for each of {many:,} entries computed",
            rounds.rate("ours", 1),
            rounds.rate("bare", 1),
            rounds.ratio("ours", "bare"),
            0.6,
        ),
        Line(
            path,
            "the plain-Python engine",
            rounds.rate("ours", 1),
            once.rate("plain", 1),
            once.seconds["plain"][0] / statistics.median(rounds.seconds["ours"]),
            100.0,
        ),
        _incremental("circles from 2 % of links", graph, engine, 100.0),
        _incremental("one circle of nearly all", a_world(back=0.3), None, None),
    ]


def _plain(graph: Graph) -> None:
    for bound in BOUNDS:
        propagate(graph, default_policy(), bound)


def _incremental(what: str, graph: Graph, engine: _Engine | None, goal: float | None) -> Line:
    """One link's own risk up or down, followed on both bounds, against settling all anew."""
    resident = Resident(graph, default_policy())
    full = engine or _Engine(graph)
    chance = random.Random(3)
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(_CHANGES + 1):
        place = chance.randrange(len(graph.links))
        own, below, silent = resident.state(place)
        factor = 0.3 if number % 2 else 2.0
        after = Interval(own.claimed * factor, own.evidenced * factor)
        began = cpu()
        resident.change(place, after, below, is_silent=silent)
        middle = cpu()
        full()
        if number:
            ours.append(middle - began)
            theirs.append(cpu() - middle)
    _agrees(resident, graph)
    # A single change is shorter than the clock's grain is sure to be: the mean stands for each.
    each = [max(one, 1e-7) for one in ours]
    return Line(
        f"incremental after one change, {what}",
        "full recompute, both bounds",
        1 / statistics.median(each),
        1 / statistics.median(theirs),
        statistics.median(theirs) / statistics.median(each),
        goal,
    )


def _agrees(resident: Resident, graph: Graph) -> None:
    """After all changes the resident values are those of a full run: within 1e-8."""
    links = tuple(
        Link(
            "", "", own, None, False, {}, {}, below, silent, is_closed=False
        )
        for own, below, silent in map(resident.state, range(len(graph.links)))
    )  # fmt: skip
    again = _Engine(Graph(links, graph.holders, graph.bundles, {}, {}))
    bounds: tuple[Bound, ...] = BOUNDS
    for bound in bounds:
        value, _ = again.columns.settled(bound, again.order, again.starts)
        off = max(abs(resident.value(h, bound) - value[h]) for h in range(0, len(value), 97))
        assert off < 1e-8, off
