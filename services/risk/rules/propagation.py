"""Risk up the chain: the least fixed point of S over lists, by Gauss-Seidel, deepest first."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import assert_never

from services.risk.rules.cycle import deepest_first, is_circle
from services.risk.rules.graph import Firm, Graph, Holder, Item, Link, Through, Unnamed
from services.risk.rules.number import Bound, norm
from services.risk.rules.policy import Policy
from services.risk.rules.refusal import NotSettled

# Below this a change is binary noise and its ratio to the last one says nothing.
NOISE = 1e-15


@dataclass(frozen=True, slots=True)
class Propagation:
    """One bound, settled. `values`: S of each list, φ of each bundle, n of the total, in nats."""

    graph: Graph
    policy: Policy
    bound: Bound
    values: tuple[float, ...]

    @property
    def total(self) -> float:
        """T: the requester's total, in nats."""
        return self.values[self.graph.total]

    def sub_tier(self, link: Link) -> float:
        """S below a link, in nats."""
        return _sub_tier(link, self.values, self.policy, self.bound)

    def weight(self, link: Link) -> float:
        """L = ℓ + S of a link, in nats."""
        return link.own.at(self.bound) + self.sub_tier(link)

    def risk(self, link: Link) -> float:
        """R of a link in 0..1."""
        return -math.expm1(-self.weight(link))

    def power(self, item: Item) -> float:
        """φ^p of an item of any holder: what its share is measured by."""
        return _power(item, self.graph, self.values, self.policy, self.bound)


def propagate(graph: Graph, policy: Policy, bound: Bound) -> Propagation:
    """Settle one bound. Raises NotSettled if a group of mutual suppliers needs too many sweeps."""
    values = [0.0] * len(graph.holders)
    below = [_holders_below(holder, graph) for holder in graph.holders]
    for group in deepest_first(below):
        if is_circle(group, below):
            _settle(group, graph, values, policy, bound)
        else:
            values[group[0]] = _value(group[0], graph, values, policy, bound)
    return Propagation(graph, policy, bound, tuple(values))


def _holders_below(holder: Holder, graph: Graph) -> list[int]:
    found = []
    for item in holder.items:
        match item:
            case Firm(link, _):
                below = graph.links[link].below
                if below is not None:
                    found.append(below)
            case Through(bundle, _):
                found.append(bundle)
            case Unnamed():
                pass
            case _:
                assert_never(item)
    return found


def _settle(
    group: tuple[int, ...], graph: Graph, values: list[float], policy: Policy, bound: Bound
) -> None:
    """Sweep one group from 0 until what is still missing is below the policy's stop.

    From below every sweep only raises, so the last change times ρ/(1 − ρ) bounds the rest.
    """
    last = 0.0
    for _ in range(policy.max_sweeps):
        change = 0.0
        for place in group:
            value = _value(place, graph, values, policy, bound)
            change = max(change, abs(value - values[place]))
            values[place] = value
        if change <= NOISE:
            return
        ratio = change / last if last else math.inf
        if ratio < 1 and change * ratio / (1 - ratio) < policy.stop:
            return
        last = change
    raise NotSettled(f"{len(group)} mutual suppliers did not settle in {policy.max_sweeps} sweeps")


def _value(place: int, graph: Graph, values: list[float], policy: Policy, bound: Bound) -> float:
    holder = graph.holders[place]
    powers = (_power(item, graph, values, policy, bound) for item in holder.items)
    n = norm(powers, policy.norm)
    if holder.ceiling is not None:
        return min(n, _phi(holder.ceiling, 1.0, policy))
    if place == graph.total:
        return n
    return -policy.sigma_max * math.expm1(-n / policy.sigma_max)


def _phi(dependency: float, risk: float, policy: Policy) -> float:
    return -math.log1p(-policy.attenuation * dependency * risk)


def _power(
    item: Item,
    graph: Graph,
    values: list[float] | tuple[float, ...],
    policy: Policy,
    bound: Bound,
) -> float:
    match item:
        case Firm(place, dependency):
            link = graph.links[place]
            risk = -math.expm1(-link.own.at(bound) - _sub_tier(link, values, policy, bound))
            return float(_phi(dependency, risk, policy) ** policy.norm)
        case Unnamed(dependency, count, _):
            worst = 1.0 if bound == "evidenced" else 0.0
            return float(count * _phi(dependency, worst, policy) ** policy.norm)
        case Through(bundle, _):
            return float(values[bundle] ** policy.norm)
        case _:
            assert_never(item)


def _sub_tier(
    link: Link, values: list[float] | tuple[float, ...], policy: Policy, bound: Bound
) -> float:
    if link.below is not None:
        return values[link.below]
    return policy.sigma_max if link.is_silent and bound == "evidenced" else 0.0
