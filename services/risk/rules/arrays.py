"""A graph as columns: what the compiled engine reads, keeps resident and changes in place.

Per holder `start` and `count` of its items, `fixed` (Σ φ^p of unnamed items, per bound) and `cap`
(below 0: a list with its soft ceiling; else what n may not exceed, infinite for a total). Per item
`coef` (λ·d; below 0: a bundle, which enters as it is), `below` (the holder behind the item, -1 for
none) and `e` (e^−ℓ, and of a silent list e^−(ℓ+σ_max), per bound). `value` and `x` = e^−value are
per holder and bound. Nats throughout.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from services.risk.rules import kernels
from services.risk.rules.graph import Firm, Graph, Link, Through, Unnamed
from services.risk.rules.number import BOUNDS, Bound, Interval
from services.risk.rules.policy import Policy
from services.risk.rules.refusal import NotSettled

Floats = np.ndarray[Any, np.dtype[np.float64]]
Wholes = np.ndarray[Any, np.dtype[np.int64]]
NO_CEILING = -1.0


@dataclass(slots=True)
class Columns:
    """The structure, common to both bounds, and what each bound has of its own."""

    policy: Policy
    start: Wholes
    count: Wholes
    below: Wholes
    coef: Floats
    cap: Floats
    fixed: dict[Bound, Floats]
    e: dict[Bound, Floats]
    items_of: list[list[int]]
    """Link → the items that see its supplier through it."""
    owner: Wholes
    """Item → its holder."""

    @property
    def holders(self) -> int:
        """How many lists, bundles and totals there are."""
        return len(self.start)

    @property
    def structure(self) -> tuple[Wholes, Wholes, Wholes, Floats, Floats]:
        """What the kernels take first."""
        return self.start, self.count, self.below, self.coef, self.cap

    @property
    def numbers(self) -> tuple[float, float, float, int]:
        """What the kernels need of the policy: p, σ_max, stop, most sweeps."""
        policy = self.policy
        return policy.norm, policy.sigma_max, policy.stop, policy.max_sweeps

    def groups(self) -> tuple[Wholes, Wholes, Wholes]:
        """Order of holders deepest first, where each group of it starts, group by holder."""
        order, starts, group = kernels.groups(self.start, self.count, self.below, self.holders)
        return order, starts, group

    def settled(self, bound: Bound, order: Wholes, starts: Wholes) -> tuple[Floats, Floats]:
        """`value` and `x` of one bound, from 0.

        Raises:
            NotSettled: a group of mutual suppliers needs too many sweeps.
        """
        value, x = np.zeros(self.holders), np.ones(self.holders)
        own = (self.fixed[bound], self.e[bound], value, x)
        said, group, _ = kernels.settle(order, starts, self.structure, own, self.numbers)
        if said == kernels.UNSETTLED:
            size = int(starts[group + 1] - starts[group])
            raise NotSettled(
                f"{size} mutual suppliers did not settle in {self.policy.max_sweeps} sweeps"
            )
        return value, x


def behind(own: Interval, *, is_silent: bool, bound: Bound, policy: Policy) -> float:
    """e^−(what a link weighs without a list that is known)."""
    weight = own.at(bound)
    if is_silent and bound == "evidenced":
        weight += policy.sigma_max
    return math.exp(-weight)


def columns(graph: Graph, policy: Policy) -> Columns:
    """Lay a graph out, its links' items in the order of its holders."""
    links = graph.links
    items_of: defaultdict[int, list[int]] = defaultdict(list)
    start, count, cap = [], [], []
    below: list[int] = []
    coef: list[float] = []
    seen: list[int] = []
    fixed: dict[Bound, list[float]] = {bound: [] for bound in BOUNDS}
    for place, holder in enumerate(graph.holders):
        start.append(len(below))
        unnamed = 0.0
        for item in holder.items:
            match item:
                case Firm(link, d):
                    items_of[link].append(len(below))
                    to = links[link].below
                    below.append(-1 if to is None else to)
                    coef.append(policy.attenuation * d)
                    seen.append(link)
                case Through(bundle, _):
                    below.append(bundle)
                    coef.append(NO_CEILING)
                    seen.append(-1)
                case Unnamed(d, many, _):
                    unnamed += many * _worst(d, policy) ** policy.norm
        count.append(len(below) - start[-1])
        cap.append(_cap(graph, place, policy))
        fixed["evidenced"].append(unnamed)
        fixed["claimed"].append(0.0)
    laid_out = Columns(
        policy=policy,
        start=np.array(start, np.int64),
        count=np.array(count, np.int64),
        below=np.array(below, np.int64),
        coef=np.array(coef, np.float64),
        cap=np.array(cap, np.float64),
        fixed={bound: np.array(fixed[bound], np.float64) for bound in BOUNDS},
        e={bound: _exponentials(links, seen, bound, policy) for bound in BOUNDS},
        items_of=[items_of[link] for link in range(len(links))],
        owner=np.repeat(np.arange(len(start)), np.array(count, np.int64)),
    )
    return _in_order(laid_out)


def _in_order(of: Columns) -> Columns:
    """Put the items where they are read: holder after holder, deepest first."""
    order, _, _ = of.groups()
    counts = of.count[order]
    ends = np.cumsum(counts)
    start = np.empty_like(of.start)
    start[order] = ends - counts
    owner = np.repeat(order, counts)
    within = np.arange(len(owner)) - start[owner]
    old = of.start[owner] + within
    new = np.empty_like(old)
    new[old] = np.arange(len(old))
    places = new.tolist()
    return replace(
        of,
        start=start,
        below=of.below[old],
        coef=of.coef[old],
        e={bound: of.e[bound][old] for bound in BOUNDS},
        items_of=[[places[item] for item in items] for items in of.items_of],
        owner=owner,
    )


def _exponentials(
    links: Sequence[Link], seen: Sequence[int], bound: Bound, policy: Policy
) -> Floats:
    of_links = [behind(n.own, is_silent=n.is_silent, bound=bound, policy=policy) for n in links]
    return np.array([of_links[link] if link >= 0 else 1.0 for link in seen], np.float64)


def _worst(dependency: float, policy: Policy) -> float:
    return -math.log1p(-policy.attenuation * dependency)


def _cap(graph: Graph, place: int, policy: Policy) -> float:
    ceiling = graph.holders[place].ceiling
    if ceiling is not None:
        return _worst(ceiling, policy)
    return math.inf if place == graph.total else NO_CEILING
