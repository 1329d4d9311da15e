"""A settled graph that stays in memory and follows single changes: what a change does not reach is
not computed. The state of the world is the database: this is a reading of it that can be thrown
away and laid out anew at any time.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from services.risk.rules import kernels
from services.risk.rules.arrays import Columns, Floats, Wholes, behind, columns
from services.risk.rules.graph import Graph
from services.risk.rules.number import BOUNDS, Bound, Interval
from services.risk.rules.policy import Policy
from services.risk.rules.refusal import NotSettled

# So much per holder: more means that changes chase each other for ever.
MOST_PER_HOLDER = 100_000


@dataclass(slots=True)
class _Settled:
    value: Floats
    x: Floats
    told: Floats


@dataclass(slots=True)
class Resident:
    """Both bounds of one graph, kept settled. Links and holders keep the graph's numbers."""

    graph: Graph
    policy: Policy
    _columns: Columns = field(init=False)
    _below: list[int] = field(init=False)
    _silent: list[bool] = field(init=False)
    _own: list[Interval] = field(init=False)
    _bounds: dict[Bound, _Settled] = field(init=False)
    _groups: tuple[Wholes, Wholes, Wholes, Wholes] = field(init=False)
    _up: tuple[Wholes, Wholes, Wholes] = field(init=False)
    _heap: tuple[Wholes, Any] = field(init=False)

    def __post_init__(self) -> None:
        """Lay the graph out and settle it in full; raises NotSettled as `engine.both`."""
        self._columns = columns(self.graph, self.policy)
        links = self.graph.links
        self._below = [-1 if link.below is None else link.below for link in links]
        self._silent = [link.is_silent for link in links]
        self._own = [link.own for link in links]
        holders = self._columns.holders
        self._heap = (np.zeros(holders, np.int64), np.zeros(holders, np.bool_))
        self._regroup()
        self._bounds = {}
        for bound in BOUNDS:
            value, x = self._columns.settled(bound, *self._groups[:2])
            self._bounds[bound] = _Settled(value, x, value.copy())

    def value(self, holder: int, bound: Bound) -> float:
        """S of a list, φ of a bundle, n of the total, in nats."""
        return float(self._bounds[bound].value[holder])

    def total(self, bound: Bound) -> float:
        """T of the graph's requester."""
        return self.value(self.graph.total, bound)

    def weight(self, link: int, bound: Bound) -> float:
        """L = ℓ + S of a link as it now stands."""
        below = self._below[link]
        if below >= 0:
            return self._own[link].at(bound) + self.value(below, bound)
        silent = self._silent[link] and bound == "evidenced"
        return self._own[link].at(bound) + (self.policy.sigma_max if silent else 0.0)

    def state(self, link: int) -> tuple[Interval, int | None, bool]:
        """ℓ, the holder below and whether the list is silent: what `change` takes back."""
        below = self._below[link]
        return self._own[link], None if below < 0 else below, self._silent[link]

    def change(self, link: int, own: Interval, below: int | None, *, is_silent: bool) -> int:
        """Let a link weigh `own` and lead to another known list, to silence or to nothing.

        Returns:
            How many values were computed anew.

        Raises:
            NotSettled: the changes chase each other beyond all reason.
        """
        to = -1 if below is None else below
        is_new_way = to >= 0 and to != self._below[link]
        items = self._columns.items_of[link]
        self._own[link], self._below[link], self._silent[link] = own, to, is_silent
        self._columns.below[items] = to
        if is_new_way:
            # It may close a circle. A way that is gone only leaves groups too big and holders told
            # that need not hear: more is computed, and the same is found.
            self._regroup()
        return sum(self._follow(link, items, bound) for bound in BOUNDS)

    def _follow(self, link: int, items: list[int], bound: Bound) -> int:
        laid_out, settled = self._columns, self._bounds[bound]
        e = laid_out.e[bound]
        after = behind(
            self._own[link], is_silent=self._silent[link], bound=bound, policy=self.policy
        )
        e[items] = after
        touched = np.unique(self._up[2][items]) if items else np.empty(0, np.int64)
        # What weighs nothing itself gives a circle nothing but what the circle gives it.
        dried = np.full(len(touched), after == 1.0, np.bool_)
        order, starts, group, place = self._groups
        done = kernels.ripple(
            touched,
            dried,
            (order, starts, group, place, settled.told, *self._heap),
            self._up,
            laid_out.structure,
            (laid_out.fixed[bound], e, settled.value, settled.x),
            (*laid_out.numbers[:3], MOST_PER_HOLDER * laid_out.holders),
        )
        if done == kernels.UNSETTLED:
            raise NotSettled(f"a change of one link did not settle on the {bound} bound")
        return int(done)

    def _regroup(self) -> None:
        order, starts, group = self._columns.groups()
        place = np.empty_like(order)
        place[order] = np.arange(len(order))
        self._groups = order, starts, group, place
        # By holder the items that lead to it, as a chain; and the holder of each item.
        laid_out = self._columns
        head = np.full(laid_out.holders, -1, np.int64)
        next_ = np.full(len(laid_out.below), -1, np.int64)
        kernels.chain(laid_out.below, head, next_)
        self._up = head, next_, laid_out.owner
