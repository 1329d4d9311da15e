"""The laws of RM-1 section 1, over random worlds with circles, trading houses and hidden firms."""

from __future__ import annotations

import math
import os
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from services.risk.rules import reading, writing
from services.risk.rules.facts import Facts, LinkFacts
from services.risk.rules.number import BOUNDS
from services.risk.rules.results import results, settle
from services.risk.rules.standing import Judge
from services.risk.rules.world import World, WorldLink
from tests.risk.chains import SILENT_FIRM, answered, entry, link, listed, no_ai, world
from tests.risk.worlds import (
    link_facts,
    seen_by,
    withholdings,
    worlds,
)

REQUESTER = "firm-0"
CLOSE = 2e-9

thorough = settings(
    max_examples=int(os.environ.get("RENSHO_TEST_WORLDS", "60")),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def judged(world: World) -> dict[str, Any]:
    return results(seen_by(REQUESTER, world))


def number(text: str | None) -> float:
    assert text is not None
    return float(text)


def indices(judgement: dict[str, Any]) -> dict[str, float]:
    """Everything the one rule covers: ℓ, S, R per own supplier, T, tier and portfolio indices."""
    found = {"total": number(judgement["total"]["evidenced"])}
    if judgement["portfolio_index"] is not None:
        found["portfolio"] = number(judgement["portfolio_index"]["evidenced"])
    for tier in judgement["tiers"]:
        found[f"tier {tier['tier']}"] = number(tier["index"]["evidenced"])
    for supplier in judgement["suppliers"]:
        if not supplier["pass_through"]:
            for measure in ("own", "sub_tier", "risk"):
                found[f"{supplier['id']} {measure}"] = number(supplier[measure]["evidenced"])
    return found


def lowered(world: World, hidden: WorldLink, requester: str = REQUESTER) -> dict[str, Any]:
    """Which indices fall if one link becomes what is left of it; a tier that is gone fell."""
    links = dict(world.links) | {(hidden.customer, hidden.supplier): hidden}
    before, after = (
        indices(results(seen_by(requester, one))) for one in (world, replace(world, links=links))
    )
    return {
        name: (value, after.get(name))
        for name, value in before.items()
        if after.get(name, -1.0) < value - CLOSE
    }


@thorough
@given(worlds(), st.data())
def test_hiding_never_helps(world: World, data: st.DataObject) -> None:
    chosen = data.draw(st.sampled_from(list(world.links.values())))
    kind, hidden = data.draw(st.sampled_from(list(withholdings(chosen))))
    note(f"{chosen.id} withholds: {kind}")
    assert not lowered(world, hidden)


CLOSED = {
    "an own link": (
        link("me", "closed", facts=no_ai(), sub_tier=listed(entry("below"))),
        link("me", "silent", facts=SILENT_FIRM),
    ),
    "an own link between bad ones": (
        link("me", "closed", facts=no_ai(), sub_tier=listed(entry("below", "negligible"))),
        link("me", "bad", facts=SILENT_FIRM, sub_tier="none"),
    ),
    "a link below": (
        link("me", "top", sub_tier=listed(entry("closed"), critical=1)),
        link("top", "closed", facts=no_ai(), sub_tier=listed(entry("below"))),
    ),
    "a trading house below": (
        link("me", "top", sub_tier=listed(entry("closed", pass_through=True))),
        link("top", "closed", facts=no_ai(), sub_tier=listed(entry("below"))),
    ),
    "a trading house that is a supplier elsewhere": (
        link("me", "top", sub_tier=listed(entry("closed", pass_through=True))),
        link("me", "side", sub_tier=listed(entry("top"))),
        link("side", "top", sub_tier=listed(entry("closed"))),
        link("top", "closed", facts=no_ai(), sub_tier=listed(entry("below"))),
    ),
}


@pytest.mark.parametrize("links", CLOSED.values(), ids=CLOSED)
@pytest.mark.parametrize("behind", ["none", "silent", listed(), listed(entry("closed"))])
def test_hiding_what_closes_a_list_never_helps(links: tuple[WorldLink, ...], behind: Any) -> None:
    """Decision 0044: what a firm with "no AI" withholds lowers no index of its buyers."""
    below = link("closed", "below", sub_tier=behind)
    seen = world(*links, below)
    (closed,) = (one for one in links if one.supplier == "closed")
    for kind, hidden in withholdings(closed):
        assert not lowered(seen, hidden, requester="me"), kind


@pytest.mark.parametrize("judged_as", ["negligible", "minor"])
@pytest.mark.parametrize("passed_as", ["moderate", "critical"])
def test_hiding_one_of_two_entries_for_a_firm_never_helps(judged_as: str, passed_as: str) -> None:
    """A firm that is both supplier and trading house in one list is two entries."""
    twice = listed(entry("twice", judged_as), entry("twice", passed_as, pass_through=True))
    seen = world(
        link("me", "top", sub_tier=twice),
        link(
            *("top", "twice"),
            facts=answered("L1", safetyFunction="critical"),
            sub_tier=listed(entry("good", "negligible")),
        ),
        link("twice", "good", facts=no_ai()),
    )
    for one in seen.links.values():
        for kind, hidden in withholdings(one):
            assert not lowered(seen, hidden, requester="me"), (one.id, kind)


@thorough
@given(worlds())
def test_hiding_never_raises_the_gap_of_a_component(world: World) -> None:
    """Each G and ℓ on a requester's own links, against every single withholding on that link."""
    link = next(link for link in world.links.values() if link.customer == REQUESTER)
    facts = seen_by(REQUESTER, world)
    judge = _judge(facts)
    before = judge.judge(link.facts)
    for kind, hidden in withholdings(link):
        after = judge.judge(hidden.facts)
        assert after.own.evidenced >= before.own.evidenced - CLOSE, kind
        gaps = {c.id: c.gap.evidenced for c in after.components}
        for component in before.components:
            if component.kind == "declared" and component.id in gaps:
                assert gaps[component.id] >= component.gap.evidenced - CLOSE, kind


def _judge(facts: Facts) -> Judge:
    return Judge(facts.questions, facts.starter, facts.policy, facts.as_of)


def intervals(node: Any) -> list[dict[str, Any]]:
    if isinstance(node, dict):
        here = [node] if node.keys() == {"claimed", "evidenced"} else []
        return here + [found for value in node.values() for found in intervals(value)]
    return [found for value in node for found in intervals(value)] if isinstance(node, list) else []


@thorough
@given(worlds())
def test_what_is_claimed_is_never_above_what_is_evidenced(world: World) -> None:
    judgement = judged(world)
    shown = [
        judgement["total"],
        judgement["portfolio_index"],
        *(tier["index"] for tier in judgement["tiers"]),
        *(row[key] for row in judgement["suppliers"] for key in ("own", "sub_tier", "risk")),
        *(firm["risk"] for firm in judgement["firms"]),
        *(
            component[key]
            for row in judgement["suppliers"]
            for component in row["components"]
            for key in ("exposure", "gap", "weight")
        ),
    ]
    for interval in shown:
        if interval is not None:
            assert 0 <= number(interval["claimed"]) <= number(interval["evidenced"]) + CLOSE


@thorough
@given(worlds())
def test_shares_add_up_to_the_total(world: World) -> None:
    settled = settle(seen_by(REQUESTER, world))
    for bound in BOUNDS:
        sent, total = settled.sent[bound], settled.bounds[bound].total
        by_tier = math.fsum([*(tier.sum for tier in sent.kept), sent.deeper])
        assert math.isclose(by_tier, total, rel_tol=1e-9)
        assert math.isclose(math.fsum(sent.direct.values()), total, rel_tol=1e-9)


@thorough
@given(worlds())
def test_shares_add_up_inside_a_supplier_to_its_single_answers(world: World) -> None:
    for row in judged(world)["suppliers"]:
        for bound in ("claimed", "evidenced"):
            parts = [number(part["contribution"][bound]) for part in row["components"]]
            kept = 0.0 if row["pass_through"] else number(row["retained"][bound])
            assert sum(parts) == pytest.approx(kept, abs=1e-8)
            for part in row["components"]:
                answers = [number(q["contribution"][bound]) for q in part["questions"]]
                if any(answers):
                    assert sum(answers) == pytest.approx(
                        number(part["contribution"][bound]), abs=2e-8
                    )


@thorough
@given(worlds(), link_facts(), st.sampled_from(("minor", "critical")), st.data())
def test_adding_a_supplier_never_lowers_the_total(
    world: World, facts: LinkFacts, dependency: str, data: st.DataObject
) -> None:
    known = data.draw(st.sampled_from(list(world.links.values())))
    sub_tier = data.draw(st.sampled_from([link.sub_tier for link in world.links.values()]))
    new = replace(
        known,
        id="new",
        customer=REQUESTER,
        supplier="firm-new",
        dependency=dependency,
        facts=facts,
        sub_tier=sub_tier,
    )
    more = replace(world, links=dict(world.links) | {(REQUESTER, "firm-new"): new})
    for bound in ("claimed", "evidenced"):
        before = number(judged(world)["total"][bound])
        assert number(judged(more)["total"][bound]) >= before - CLOSE


@thorough
@given(worlds(), st.randoms(use_true_random=False))
def test_the_order_of_facts_never_matters(world: World, shuffle: Any) -> None:
    facts = writing.document(seen_by(REQUESTER, world))

    def mixed(node: Any) -> Any:
        if isinstance(node, dict):
            keys = list(node)
            shuffle.shuffle(keys)
            # Weights run by criticality, and a classification from least to greatest.
            fixed = ("policy", "classification")
            return {key: node[key] if key in fixed else mixed(node[key]) for key in keys}
        if isinstance(node, list):
            return shuffle.sample([mixed(value) for value in node], len(node))
        return node

    other = dict(world.links)
    reordered = dict(sorted(other.items(), reverse=True))
    assert writing.document(seen_by(REQUESTER, replace(world, links=reordered))) == facts
    assert results(reading.facts(mixed(facts))) == results(reading.facts(facts))


@thorough
@given(worlds())
def test_a_document_says_what_the_view_said(world: World) -> None:
    facts = seen_by(REQUESTER, world)
    document = writing.document(facts)
    again = reading.facts(document)
    assert writing.document(again) == document
    assert results(again) == results(facts)
