"""The per-tier table, bands and firms."""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import timedelta
from operator import itemgetter
from typing import Any

import pytest

from services.risk.rules.band import band
from services.risk.rules.results import results
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
from tests.risk.worlds import AS_OF, POLICY, alias, seen_by

PRINCIPLES = {"C-1", "C-2", "C-4", "C-7"}


@pytest.mark.parametrize(
    ("risk", "expected"),
    [
        (0.0, "A"),
        (0.0999999994, "A"),
        (0.0999999996, "B"),
        (0.25, "C"),
        (0.4499999, "C"),
        (0.45, "D"),
        (0.7, "E"),
        (1.0, "E"),
    ],
)
def test_bands_are_read_from_the_stored_nine_decimals(risk: float, expected: str) -> None:
    assert band(risk, 1.0, awaiting=False, policy=POLICY) == expected


def test_too_little_coverage_or_an_open_deadline_shows_unseen() -> None:
    assert band(0.0, 0.4999, awaiting=False, policy=POLICY) == "unseen"
    assert band(0.0, 0.5, awaiting=False, policy=POLICY) == "A"
    assert band(0.0, None, awaiting=False, policy=POLICY) == "A"
    assert band(0.0, 1.0, awaiting=True, policy=POLICY) == "unseen"


def test_the_tier_index_is_the_mean_by_dependence() -> None:
    found = judged(link("me", "a"), link("me", "b", dependency="moderate", facts=SILENT_FIRM))
    silent = 1 - math.exp(-3.729513466 - 1.049822124)
    expected = (1 * 0.0475 + 0.35 * silent) / 1.35
    assert evidenced(found["tiers"][0]["index"]) == pytest.approx(expected, abs=1e-8)
    assert found["tiers"][0]["index"]["claimed"] == "0.000000000"
    assert found["tiers"][0]["unseen_width"] == found["tiers"][0]["index"]["evidenced"]


def test_a_silent_list_is_unseen_in_every_deeper_tier() -> None:
    found = judged(link("me", "a"), link("me", "b", sub_tier="silent"))
    assert [tier["tier"] for tier in found["tiers"]] == list(range(1, 11))
    for tier in found["tiers"][1:]:
        assert tier["index"] == {"claimed": "0.000000000", "evidenced": "1.000000000"}
        assert (tier["unseen_weight"], tier["coverage"]) == ("1.000000000", "0.000000000")
        assert tier["principles"]["C-2"] == {
            "gap": {"claimed": "0.000000000", "evidenced": "1.000000000"},
            "coverage": "0.000000000",
        }


def test_a_closed_list_weighs_as_much_as_a_silent_one_and_adds_no_risk() -> None:
    found = judged(
        link("me", "a", facts=no_ai(), sub_tier="silent"),
        link("me", "b", facts=SILENT_FIRM, dependency="moderate"),
    )
    assert [tier["tier"] for tier in found["tiers"]] == list(range(1, 11))
    for tier in found["tiers"][1:]:
        # .35 / (1 + .35): b's class against both.
        assert tier["index"] == {"claimed": "0.000000000", "evidenced": "0.259259259"}
        assert tier["unseen_width"] == tier["unseen_weight"] == "0.259259259"
        # What is closed has nothing to answer.
        assert tier["coverage"] == "0.000000000"
        assert tier["principles"]["C-2"]["gap"]["evidenced"] == "1.000000000"
    silent = 1 - math.exp(-3.729513466 - 1.049822124)
    deeper = sum(0.65**n for n in range(1, 10))
    expected = (0.025 + 0.35 * silent + 0.35 * deeper) / (1.35 * (1 + deeper))
    assert evidenced(found["portfolio_index"]) == pytest.approx(expected, abs=1e-8)


def test_what_is_closed_alone_makes_no_tier_but_counts_in_the_portfolio() -> None:
    found = judged(link("me", "a", facts=no_ai(), sub_tier=listed(entry("b"))), link("a", "b"))
    assert [tier["tier"] for tier in found["tiers"]] == [1]
    assert found["tiers"][0]["index"]["evidenced"] == "0.025000000"
    expected = 0.025 / sum(0.65**n for n in range(10))
    assert evidenced(found["portfolio_index"]) == pytest.approx(expected, abs=1e-8)


def test_the_portfolio_index_goes_over_all_tiers() -> None:
    found = judged(link("me", "a", sub_tier="silent"))
    risk = evidenced(found["suppliers"][0]["risk"])
    deeper = sum(0.65**n for n in range(1, 10))
    expected = (risk + deeper) / (1 + deeper)
    assert evidenced(found["portfolio_index"]) == pytest.approx(expected, abs=1e-8)


def test_standing_against_principles_and_topics_is_told_per_tier() -> None:
    found = judged(
        link("me", "a", sub_tier=listed(entry("b"))), link("a", "b", facts=answered("L3"))
    )
    first, second = found["tiers"]
    assert set(first["principles"]) == PRINCIPLES
    assert set(first["topics"]) == {"safety-verification", "supply-chain"}
    assert first["topics"]["safety-verification"] == {
        "gap": {"claimed": "0.000000000", "evidenced": "0.250000000"},
        "coverage": "1.000000000",
    }
    assert second["topics"]["safety-verification"]["gap"]["evidenced"] == "0.100000000"
    assert first["principles"]["C-1"] == {"gap": None, "coverage": None}
    assert first["topics"]["supply-chain"] == {"gap": None, "coverage": None}


def test_coverage_of_a_tier_is_the_mean_by_dependence() -> None:
    found = judged(link("me", "a"), link("me", "b", facts=SILENT_FIRM, dependency="moderate"))
    assert float(found["tiers"][0]["coverage"]) == pytest.approx(1 / 1.35)
    assert found["tiers"][0]["firms"] == {"A": 1, "B": 0, "C": 0, "D": 0, "E": 0, "unseen": 1}


def test_coverage_is_unknown_where_nothing_is_required() -> None:
    facts = answered()
    (one,) = facts.components
    left = tuple(replace(a, state="not_applicable", accepted=True) for a in one.answers)
    found = judged(link("me", "a", facts=replace(facts, components=(replace(one, answers=left),))))
    assert found["tiers"][0]["coverage"] is None
    assert found["suppliers"][0]["coverage"] is None


def test_an_open_deadline_shows_unseen_above_and_below() -> None:
    waiting = replace(SILENT_FIRM, due_at=AS_OF + timedelta(days=3))
    found = judged(
        link("me", "a", facts=answered(), sub_tier=listed(entry("b"))),
        link("a", "b", facts=waiting),
        link("me", "c", facts=replace(answered(), due_at=AS_OF, submitted=False)),
    )
    assert [row["band"] for row in found["suppliers"]] == ["D", "unseen"]
    assert found["tiers"][1]["firms"]["unseen"] == 1


def test_concentration_is_one_for_one_contributor_and_half_for_two_alike() -> None:
    assert judged(link("me", "a"))["tiers"][0]["herfindahl"] == "1.000000000"
    alike = judged(link("me", "a"), link("me", "b"))
    assert alike["tiers"][0]["herfindahl"] == "0.500000000"


def test_at_most_ten_contributors_are_told_the_greatest_first() -> None:
    firms = [link("me", f"s{n:02}") for n in range(11)]
    found = judged(*firms, link("me", "worst", facts=SILENT_FIRM))
    largest = found["tiers"][0]["largest"]
    assert len(largest) == 10
    assert [one["id"] for one in largest] == ["worst", *(f"s{n:02}" for n in range(9))]


def firm(found: dict[str, Any], name: str) -> dict[str, Any]:
    (row,) = [row for row in found["firms"] if row["id"] == alias("firm", name)]
    return dict(row)


def test_a_firm_seen_through_several_links_shows_its_highest_risk_and_the_range() -> None:
    found = judged(
        link("me", "a", sub_tier=listed(entry("c"))),
        link("me", "b", sub_tier=listed(entry("c"))),
        link("a", "c", facts=answered("L3")),
        link("b", "c", facts=SILENT_FIRM),
    )
    row = firm(found, "c")
    assert row["lowest"] < row["highest"] == row["risk"]["evidenced"]
    assert row["band"] == "unseen"
    assert found["tiers"][1]["firms"]["unseen"] == 1
    assert sum(found["tiers"][1]["firms"].values()) == 1


def test_a_firm_in_two_tiers_says_so() -> None:
    found = judged(
        link("me", "a", sub_tier=listed(entry("b"), entry("c"))),
        link("a", "b", sub_tier=listed(entry("c"))),
        link("a", "c"),
        link("b", "c"),
    )
    assert (firm(found, "c")["tier_min"], firm(found, "c")["tiers"]) == (2, [2, 3])


def test_where_the_total_is_nought_no_tier_is_anybodys() -> None:
    found = judged(
        link("me", "house", pass_through=True, sub_tier=listed(entry("m"))),
        link("house", "m", facts=answered("L4")),
    )
    assert firm(found, "m")["tiers"] == [1]
    assert found["tiers"][0]["contribution"]["claimed"] == "0.000000000"


@pytest.mark.parametrize(("floor", "tiers"), [(0.4, [[1], []]), (0.0, [[1], [1]])])
def test_a_firm_stands_in_a_tier_with_more_than_the_least_share_of_the_total(
    floor: float, tiers: list[list[int]]
) -> None:
    seen = seen_by("me", world(link("me", "a", facts=SILENT_FIRM), link("me", "b")))
    found = results(replace(seen, policy=replace(seen.policy, share_floor=floor)))
    assert evidenced(found["total"]) > 0.4
    assert [row["tiers"] for row in sorted(found["firms"], key=itemgetter("id"))] == tiers
