"""What arrives where: an amount sent from the requester down, tier by tier, by shares.

The same walk serves the contributions (shares by φ^p) and the weights of the tier index (by d).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import assert_never

from services.risk.rules.cycle import deepest_first
from services.risk.rules.graph import Firm, Graph, Item, Through, Unnamed
from services.risk.rules.propagation import Propagation


@dataclass(frozen=True, slots=True)
class Arrival:
    """Amounts that arrive in one tier: at links by place, and unnamed by their keeper's id."""

    links: Mapping[int, float]
    unnamed: Mapping[str, float]

    @property
    def sum(self) -> float:
        """Everything that arrives in the tier."""
        return sum(self.links.values()) + sum(self.unnamed.values())


@dataclass(frozen=True, slots=True)
class Contributions:
    """Nats of one bound; `kept` per tier from 1, `deeper` beyond the depth limit.

    Links keep what stays with the supplier itself; unnamed is what its keeper hides. `direct` says
    how much of T takes the way of each of the requester's own links, by id.
    """

    kept: tuple[Arrival, ...]
    deeper: float
    direct: Mapping[str, float]


class Spread:
    """Splits amounts among the items of holders; bundles pass on in the tier they stand in."""

    def __init__(self, graph: Graph, measure: Callable[[Item], float]) -> None:
        self.graph = graph
        self.shares: list[list[float]] = []
        for holder in graph.holders:
            sizes = [measure(item) for item in holder.items]
            whole = sum(sizes)
            self.shares.append([size / whole if whole else 0.0 for size in sizes])
        self.top_down = _outer_bundles_first(graph)

    def __call__(self, sources: list[tuple[int, float, str]]) -> Arrival:
        """Where amounts go that reach holders; each source is (holder, amount, who owns it)."""
        links: defaultdict[int, float] = defaultdict(float)
        unnamed: defaultdict[str, float] = defaultdict(float)
        bundles: defaultdict[int, float] = defaultdict(float)

        def send(place: int, amount: float, owner: str) -> None:
            for item, share in zip(
                self.graph.holders[place].items, self.shares[place], strict=True
            ):
                match item:
                    case Firm(link, _):
                        links[link] += amount * share
                    case Unnamed(_, _, keeper):
                        unnamed[owner if keeper is None else keeper] += amount * share
                    case Through(bundle, _):
                        bundles[bundle] += amount * share
                    case _:
                        assert_never(item)

        for place, amount, owner in sources:
            send(place, amount, owner)
        for bundle in self.top_down:
            if bundle in bundles:
                send(bundle, bundles[bundle], "")
        return Arrival(links, unnamed)


def _outer_bundles_first(graph: Graph) -> list[int]:
    first = graph.bundles.start
    below = [
        [item.bundle - first for item in graph.holders[place].items if isinstance(item, Through)]
        for place in graph.bundles
    ]
    return [first + group[0] for group in reversed(deepest_first(below))]


def contributions(settled: Propagation) -> Contributions:
    """Send T down. Σ kept + deeper is T."""
    graph, limit = settled.graph, settled.policy.depth_limit
    spread = Spread(graph, settled.power)
    arrival = spread([(graph.total, settled.total, "")])
    direct = [settled.total * share for share in spread.shares[graph.total]]
    kept: list[Arrival] = []
    for _ in range(limit):
        stays: dict[int, float] = {}
        silent: defaultdict[str, float] = defaultdict(float)
        onward: list[tuple[int, float, str]] = []
        for place, amount in arrival.links.items():
            link = graph.links[place]
            whole = settled.weight(link)
            stays[place] = amount * link.own.at(settled.bound) / whole if whole else 0.0
            if link.below is not None:
                onward.append((link.below, amount - stays[place], link.supplier))
            elif link.is_silent:
                silent[link.supplier] += amount - stays[place]
        kept.append(Arrival(stays, arrival.unnamed))
        below = spread(onward)
        keepers = sorted(silent.keys() | below.unnamed.keys())
        hidden = {k: silent[k] + below.unnamed.get(k, 0.0) for k in keepers}
        arrival = Arrival(below.links, hidden)
    own = dict(zip(graph.own, direct, strict=True))
    return Contributions(tuple(kept), arrival.sum, own)


@dataclass(frozen=True, slots=True)
class Weights:
    """By which the requester's dependence arrives, per tier from 1: at links, unseen, and closed.

    Closed is what "no AI" holds back: it counts with R = 0, as unseen counts with the worst.
    """

    links: tuple[Mapping[int, float], ...]
    unseen: tuple[float, ...]
    closed: tuple[float, ...]


def weights(graph: Graph, attenuation: float, depth_limit: int) -> Weights:
    """Send W = 1 down by dependency. Unseen and closed stay so in every deeper tier to the limit.

    Hiding then only ever takes from R = 0, or puts R = 1 in a weight's place (decision 0044).
    """
    spread = Spread(graph, _size)
    arrival = spread([(graph.total, attenuation, "")])
    unseen, closed = sum(arrival.unnamed.values()), 0.0
    links: list[Mapping[int, float]] = []
    unseen_by_tier: list[float] = []
    closed_by_tier: list[float] = []
    for _ in range(depth_limit):
        links.append(arrival.links)
        unseen_by_tier.append(unseen)
        closed_by_tier.append(closed)
        onward: list[tuple[int, float, str]] = []
        unseen *= attenuation
        closed *= attenuation
        for place, weight in arrival.links.items():
            link = graph.links[place]
            if link.below is not None:
                onward.append((link.below, weight * attenuation, ""))
            elif link.is_silent:
                unseen += weight * attenuation
            elif link.is_closed:
                closed += weight * attenuation
        arrival = spread(onward)
        unseen += sum(arrival.unnamed.values())
    return Weights(tuple(links), tuple(unseen_by_tier), tuple(closed_by_tier))


def _size(item: Item) -> float:
    count = item.count if isinstance(item, Unnamed) else 1
    return item.dependency * count
