"""How much the requester's total moves with each link's own risk: one pass from the total down."""

from __future__ import annotations

import math
from collections.abc import Iterator

from services.risk.rules.cycle import deepest_first, is_circle
from services.risk.rules.graph import Firm, Holder, Through, Unnamed
from services.risk.rules.propagation import Propagation

# Changes of an influence below this rank nothing differently.
ENOUGH = 1e-12


def influence(settled: Propagation) -> tuple[float, ...]:
    """∂T/∂ℓ of every link by its number, dimensionless (RM-1 section 6); 0 where nothing weighs.

    It is also ∂T/∂S: ℓ and S of a link weigh the same.
    """
    graph = settled.graph
    slopes = [list(_slopes(settled, place)) for place in range(len(graph.holders))]
    below = [[to for _, to, _ in row if to is not None] for row in slopes]
    arrived = [0.0] * len(graph.holders)
    arrived[graph.total] = 1.0
    of_links = [0.0] * len(graph.links)
    for group in reversed(deepest_first(below)):
        if is_circle(group, below):
            _go_round(group, slopes, arrived, settled.policy.max_sweeps)
        inside = set(group) if is_circle(group, below) else set()
        for place in group:
            for link, to, slope in slopes[place]:
                if link is not None:
                    of_links[link] += arrived[place] * slope
                if to is not None and to not in inside:
                    arrived[to] += arrived[place] * slope
    return tuple(of_links)


Slope = tuple[int | None, int | None, float]


def _go_round(
    group: tuple[int, ...], slopes: list[list[Slope]], arrived: list[float], most: int
) -> None:
    """Let what arrived at a circle go round in it until nothing more comes back."""
    outside = {place: arrived[place] for place in group}
    for _ in range(most):
        back = dict(outside)
        for place in group:
            for _, to, slope in slopes[place]:
                if to in back:
                    back[to] += arrived[place] * slope
        change = max(abs(back[place] - arrived[place]) for place in group)
        for place in group:
            arrived[place] = back[place]
        if change < ENOUGH:
            return


def _slopes(settled: Propagation, place: int) -> Iterator[Slope]:
    """(link, holder below, ∂ value of the holder / ∂ L of the link) for every item that weighs."""
    policy, graph = settled.policy, settled.graph
    holder = graph.holders[place]
    n, outer = _norm_and_slope(settled, place, holder)
    if n == 0 or outer == 0:
        return
    for item in holder.items:
        phi = settled.power(item) ** (1 / policy.norm)
        part = outer * (phi / n) ** (policy.norm - 1)
        match item:
            case Firm(number, d):
                link = graph.links[number]
                c, left = policy.attenuation * d, math.exp(-settled.weight(link))
                yield number, link.below, part * c * left / (1 - c * (1 - left))
            case Through(bundle, _):
                yield None, bundle, part
            case Unnamed():
                pass


def _norm_and_slope(settled: Propagation, place: int, holder: Holder) -> tuple[float, float]:
    """The norm n of a holder and ∂ value / ∂ n."""
    policy, value = settled.policy, settled.values[place]
    if place == settled.graph.total:
        return value, 1.0
    if holder.ceiling is not None:
        worst = -math.log1p(-policy.attenuation * holder.ceiling)
        return value, 1.0 if value < worst else 0.0
    left = 1 - value / policy.sigma_max
    return (-policy.sigma_max * math.log(left), left) if left > 0 else (0.0, 0.0)
