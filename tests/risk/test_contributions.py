"""Sending the total down: every nat of it stays somewhere, to the last answer."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from services.risk.rules.number import BOUNDS
from services.risk.rules.results import settle
from tests.risk.chains import (
    SILENT_FIRM,
    answered,
    entry,
    evidenced,
    judged,
    link,
    listed,
    no_ai,
    world,
)
from tests.risk.worlds import alias, seen_by


def test_what_stays_and_what_goes_deeper_is_the_total() -> None:
    chain = world(
        link("me", "a", sub_tier=listed(entry("b"), entry("c", "minor"), moderate=1)),
        link("a", "b", sub_tier=listed(entry("c"), entry("a"))),
        link("b", "c", sub_tier="silent"),
        link("b", "a", sub_tier=listed(entry("b"))),
        link("me", "d", facts=SILENT_FIRM, dependency="minor"),
    )
    settled = settle(seen_by("me", chain))
    for bound in BOUNDS:
        sent = settled.sent[bound]
        total = settled.bounds[bound].total
        parts = [tier.sum for tier in sent.kept]
        assert math.isclose(math.fsum([*parts, sent.deeper]), total, rel_tol=1e-9)
        assert math.isclose(math.fsum(sent.direct.values()), total, rel_tol=1e-9)


def test_a_supplier_keeps_its_own_part_and_sends_the_rest_down() -> None:
    found = judged(link("me", "a", sub_tier=listed(entry("b"))), link("a", "b"))
    row = found["suppliers"][0]
    own, below = evidenced(row["own"]), evidenced(row["sub_tier"])
    assert evidenced(row["retained"]) == pytest.approx(
        evidenced(found["total"]) * own / (own + below), abs=2e-9
    )
    assert [tier["tier"] for tier in found["tiers"]] == [1, 2]


def test_a_silent_list_stays_one_tier_below_its_keeper_and_is_credited_to_it() -> None:
    found = judged(link("me", "a", sub_tier="silent"))
    below = found["tiers"][1]
    assert below["undisclosed"] == below["contribution"]["evidenced"]
    assert below["largest"] == [
        {
            "id": "a",
            "contribution": below["undisclosed"],
            "undisclosed": below["undisclosed"],
        }
    ]
    assert found["tiers"][2]["contribution"]["evidenced"] == "0.000000000"


def test_an_undisclosed_entry_of_a_deeper_list_is_credited_to_that_firm() -> None:
    found = judged(
        link("me", "a", sub_tier=listed(entry("b"))), link("a", "b", sub_tier=listed(major=1))
    )
    assert found["tiers"][2]["largest"][0]["id"] == alias("firm", "b")


def test_what_an_unnamed_maker_weighs_is_credited_to_the_trading_house() -> None:
    found = judged(
        link("me", "a", sub_tier=listed(entry("house", pass_through=True))),
        link("a", "house", sub_tier="silent"),
    )
    assert found["tiers"][1]["largest"][0]["id"] == alias("firm", "house")


def test_a_firm_below_that_signed_no_ai_has_no_sub_tier() -> None:
    found = judged(
        link("me", "a", sub_tier=listed(entry("b"))),
        link("a", "b", facts=no_ai(), sub_tier="silent"),
        link("me", "c", facts=no_ai(), sub_tier="silent"),
    )
    assert [tier["tier"] for tier in found["tiers"]] == [1, 2]
    assert found["suppliers"][1]["sub_tier"]["evidenced"] == "0.000000000"
    assert found["suppliers"][1]["risk"]["evidenced"] == "0.025000000"


def test_beyond_the_depth_limit_the_rest_is_deeper() -> None:
    names = ["me", *(f"firm-{n}" for n in range(12))]
    chain = [
        link(customer, supplier, sub_tier=listed(entry(below)))
        for customer, supplier, below in zip(names, names[1:], names[2:], strict=False)
    ]
    found = judged(*chain)
    assert [tier["tier"] for tier in found["tiers"]] == list(range(1, 11))
    assert evidenced(found["deeper"]) > 0


def test_components_share_by_the_square_of_what_they_weigh_and_questions_by_gap() -> None:
    facts = answered()
    (one,) = facts.components
    worse = replace(one, id="worse", answers=one.answers[:1])
    found = judged(link("me", "a", facts=replace(facts, components=(one, worse))))
    row = found["suppliers"][0]
    parts = {c["id"]: c for c in row["components"]}
    weights = {name: evidenced(c["weight"]) ** 2 for name, c in parts.items()}
    for name, part in parts.items():
        expected = evidenced(row["retained"]) * weights[name] / sum(weights.values())
        assert evidenced(part["contribution"]) == pytest.approx(expected, abs=2e-9)
    asked = {q["id"]: q for q in parts["worse"]["questions"]}
    assert evidenced(asked["Q-1"]["contribution"]) == pytest.approx(
        evidenced(parts["worse"]["contribution"]) * (16 * 0.25) / (16 * 0.25 + 8), abs=2e-9
    )


def test_a_component_without_a_gap_keeps_its_floor_undivided() -> None:
    found = judged(link("me", "a", facts=answered("L4")))
    (only,) = found["suppliers"][0]["components"]
    assert only["weight"] == {"claimed": "0.000000000", "evidenced": "0.001000000"}
    assert evidenced(only["contribution"]) > 0
    assert {q["contribution"]["evidenced"] for q in only["questions"]} == {"0.000000000"}


def test_shares_of_nothing_are_unknown() -> None:
    found = judged(link("me", "a"))
    assert found["suppliers"][0]["share"] == {"claimed": None, "evidenced": "1.000000000"}
    assert found["tiers"][0]["share"]["claimed"] is None
