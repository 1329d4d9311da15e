"""Trying single changes on a settled view: what the total and one link's risk would be."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from services.risk.rules import engine
from services.risk.rules.graph import Graph
from services.risk.rules.number import BOUNDS, Bound, Interval
from services.risk.rules.policy import Policy
from services.risk.rules.propagation import propagate
from services.risk.rules.tier import Settled


@dataclass(frozen=True, slots=True)
class Outcome:
    """The requester's total in nats, and R of the changed link in 0..1."""

    total: Interval
    risk: Interval


Try = Callable[[int, Interval, int | None, bool], Outcome]


def trying(settled: Settled) -> Try:
    """Return a function (link, ℓ, holder below, list is silent) → outcome. Nothing stays changed.

    Great worlds follow each change incrementally where the compiled engine is there.
    """
    graph, policy = settled.graph, settled.facts.policy
    if engine.name(sum(len(holder.items) for holder in graph.holders)) == "compiled":
        return _resident(graph, policy)
    return _anew(graph, policy)


def _anew(graph: Graph, policy: Policy) -> Try:
    def attempt(link: int, own: Interval, below: int | None, is_silent: bool) -> Outcome:  # noqa: FBT001
        links = list(graph.links)
        links[link] = replace(links[link], own=own, below=below, is_silent=is_silent)
        changed = replace(graph, links=tuple(links))
        bounds = {bound: propagate(changed, policy, bound) for bound in BOUNDS}
        return _outcome(
            lambda bound: bounds[bound].total, lambda bound: bounds[bound].weight(links[link])
        )

    return attempt


def _resident(graph: Graph, policy: Policy) -> Try:
    # Imported here: a machine without the extra must be able to import this module.
    from services.risk.rules.resident import Resident  # noqa: PLC0415

    resident = Resident(graph, policy)

    def attempt(link: int, own: Interval, below: int | None, is_silent: bool) -> Outcome:  # noqa: FBT001
        before = resident.state(link)
        resident.change(link, own, below, is_silent=is_silent)
        found = _outcome(resident.total, lambda bound: resident.weight(link, bound))
        resident.change(link, before[0], before[1], is_silent=before[2])
        return found

    return attempt


def _outcome(total: Callable[[Bound], float], weight: Callable[[Bound], float]) -> Outcome:
    return Outcome(
        total=Interval(*(total(bound) for bound in BOUNDS)),
        risk=Interval(*(-math.expm1(-weight(bound)) for bound in BOUNDS)),
    )
