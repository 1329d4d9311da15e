"""Small worlds built by hand: who supplies whom, with what list, and how well they answered."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import Any

from services.risk.rules.facts import Answer, Component, Declaration, LinkFacts, PreScreen
from services.risk.rules.results import results
from services.risk.rules.world import UNHEARD, Listed, SubTier, World, WorldLink
from tests.risk.worlds import AS_OF, seen_by, world_of

HARMLESS = {
    "safetyFunction": "none",
    "relianceType": "assist",
    "agentOrPhysical": "no",
    "personalData": "no",
    "customerData": "no",
    "learnsAfterDelivery": "no",
    "userFacing": "no",
    "thirdPartyBaseModel": "yes",
}
SILENT_FIRM = UNHEARD


def answered(level: str = "L2", **attributes: str) -> LinkFacts:
    """One component, e = .19 unless told otherwise, every starter question fully answered."""
    recently = AS_OF - timedelta(days=1)
    said = {"Q-1": "implemented", "Q-6": "no"}
    return LinkFacts(
        classification={},
        asked=frozenset(),
        due_at=None,
        submitted=True,
        declaration=Declaration(
            statement=None,
            assurance=level,
            covered=True,
            time=recently,
            superseded_at=None,
            pre_screen={"embedded": "yes", "process": "none", "customer_data": "none"},
            withheld_components=0,
        ),
        organization=(),
        components=(
            Component(
                id="component",
                statement=None,
                assurance="L2",
                covered=True,
                time=recently,
                superseded_at=None,
                roles={"developer": True, "provider": True, "user": True},
                attributes=HARMLESS | attributes,
                answers=tuple(
                    Answer(name, "answered", code, level, covered=True, time=recently)
                    for name, code in said.items()
                ),
            ),
        ),
    )


def no_ai(level: str = "L2") -> LinkFacts:
    """No component, and "none" signed for all three ticks: the list is closed."""
    facts = answered(level)
    assert facts.declaration is not None
    ticks: dict[str, PreScreen] = dict.fromkeys(facts.declaration.pre_screen, "none")
    declared = replace(facts.declaration, pre_screen=ticks)
    return replace(facts, components=(), declaration=declared)


def entry(supplier: str, dependency: str = "critical", **changes: Any) -> Listed:
    return Listed(
        supplier,
        dependency,
        changes.get("visibility", "masked"),
        changes.get("pass_through", False),
    )


def listed(*entries: Listed, **undisclosed: int) -> SubTier:
    totals = Counter(one.dependency for one in entries)
    totals.update(undisclosed)
    return SubTier(tuple(entries), dict(totals))


def link(customer: str, supplier: str, **changes: Any) -> WorldLink:
    return WorldLink(
        id=f"{customer}>{supplier}",
        customer=customer,
        supplier=supplier,
        dependency=changes.get("dependency", "critical"),
        pass_through=changes.get("pass_through", False),
        facts=changes.get("facts", answered()),
        sub_tier=changes.get("sub_tier", "none"),
    )


def world(*links: WorldLink) -> World:
    return world_of({(one.customer, one.supplier): one for one in links})


def judged(*links: WorldLink, requester: str = "me") -> dict[str, Any]:
    return results(seen_by(requester, world(*links)))


def evidenced(node: dict[str, Any]) -> float:
    return float(node["evidenced"])
