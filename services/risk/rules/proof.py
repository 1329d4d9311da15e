"""Proof by doing it again: the engine in use against the plain one, and followed changes against
settling anew, on facts of this very deployment.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from services.risk.rules import engine
from services.risk.rules.facts import Facts
from services.risk.rules.graph import Graph, graph
from services.risk.rules.number import BOUNDS, Interval
from services.risk.rules.policy import Policy
from services.risk.rules.propagation import propagate

CHANGES = 20
ENGINES_AGREE = 1e-9
CHANGES_AGREE = 1e-8


@dataclass(frozen=True, slots=True)
class Proof:
    """The greatest difference found, in nats, between the engines and after followed changes."""

    engines: float
    changes: float

    @property
    def holds(self) -> bool:
        """Whether both lie within what is promised."""
        return self.engines < ENGINES_AGREE and self.changes < CHANGES_AGREE


def prove(facts: Facts, seed: int) -> Proof | None:
    """Compare on one requester's facts; None where only the plain engine is there.

    Raises:
        NotSettled: a group of mutual suppliers does not settle within the policy's sweeps.
    """
    if not engine.has_compiled():
        return None
    laid_out, policy = graph(facts), facts.policy
    found = engine.compiled(laid_out, policy)
    plain = {bound: propagate(laid_out, policy, bound) for bound in BOUNDS}
    engines = max(
        (
            abs(a - b)
            for bound in BOUNDS
            for a, b in zip(found[bound].values, plain[bound].values, strict=True)
        ),
        default=0.0,
    )
    return Proof(engines, max(_followed(laid_out, policy, seed), default=0.0))


def _followed(of: Graph, policy: Policy, seed: int) -> Iterator[float]:
    # Imported here: a machine without the extra must be able to import this module.
    from services.risk.rules.resident import Resident  # noqa: PLC0415

    if not of.links:
        return
    # The same seed finds the same difference again; nothing here is a secret.
    chance = random.Random(seed)  # noqa: S311
    resident = Resident(of, policy)
    links = list(of.links)
    for _ in range(CHANGES):
        place = chance.randrange(len(links))
        factor = chance.choice((0.0, 0.5, 2.0))
        own = Interval(links[place].own.claimed * factor, links[place].own.evidenced * factor)
        silent = links[place].is_silent or chance.random() < 0.2  # noqa: PLR2004 (one in five)
        below = None if silent else links[place].below
        links[place] = replace(links[place], own=own, below=below, is_silent=silent)
        resident.change(place, own, below, is_silent=silent)
    anew = engine.compiled(replace(of, links=tuple(links)), policy)
    for bound in BOUNDS:
        for holder, value in enumerate(anew[bound].values):
            yield abs(resident.value(holder, bound) - value)
