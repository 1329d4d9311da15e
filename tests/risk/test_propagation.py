"""Risk up the chain: lists, circles, trading houses, and what is rounded above the first link."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from services.risk.rules import engine
from services.risk.rules import policy as policies
from services.risk.rules.graph import Graph, graph
from services.risk.rules.number import BOUNDS, Bound, nine_places, outward
from services.risk.rules.policy import Policy
from services.risk.rules.propagation import Propagation, propagate
from services.risk.rules.refusal import NotSettled
from services.risk.rules.results import results
from services.risk.rules.world import World
from tests.risk.chains import (
    SILENT_FIRM,
    answered,
    entry,
    evidenced,
    judged,
    link,
    listed,
    world,
)
from tests.risk.worlds import POLICY, seen_by

SIGMA = -math.log(0.35)
OWN = -math.log(1 - 0.19 * 0.25)


def phi(dependency: float, risk: float) -> float:
    return -math.log(1 - 0.65 * dependency * risk)


def list_of(*phis: float) -> float:
    n = math.hypot(*phis)
    return SIGMA * (1 - math.exp(-n / SIGMA))


def circle_of(*firms: str) -> World:
    """Each supplies the one before it, the first supplies the last and the requester."""
    after = dict(zip(firms, (*firms[1:], firms[0]), strict=True))
    around = (link(one, to, sub_tier=listed(entry(after[to]))) for one, to in after.items())
    return world(link("me", firms[0], sub_tier=listed(entry(after[firms[0]]))), *around)


def in_plain_python(laid_out: Graph, policy: Policy) -> dict[Bound, Propagation]:
    return {bound: propagate(laid_out, policy, bound) for bound in BOUNDS}


def test_a_list_signed_none_adds_nothing() -> None:
    row = judged(link("me", "a"))["suppliers"][0]
    assert evidenced(row["own"]) == pytest.approx(OWN, abs=1e-9)
    assert row["sub_tier"] == {"claimed": "0.000000000", "evidenced": "0.000000000"}
    assert row["risk"] == {"claimed": "0.000000000", "evidenced": "0.047500000"}


def test_a_silent_list_costs_the_soft_ceiling_and_claims_nothing() -> None:
    row = judged(link("me", "a", sub_tier="silent"))["suppliers"][0]
    assert row["sub_tier"] == {"claimed": "0.000000000", "evidenced": "1.049822124"}


def test_an_entry_is_seen_through_its_customers_eyes_and_rounded_outward() -> None:
    row = judged(
        link("me", "a", sub_tier=listed(entry("b", "moderate"))),
        link("a", "b", facts=answered("L3")),
    )["suppliers"][0]
    rounded_up = 0.05  # −ln(1 − .19·.10) = .019
    expected = list_of(phi(0.35, 1 - math.exp(-rounded_up)))
    assert evidenced(row["sub_tier"]) == pytest.approx(expected, abs=1e-9)


def test_what_a_firm_tells_somebody_else_moves_nothing_here() -> None:
    told_elsewhere = judged(
        link("me", "a", sub_tier=listed(entry("b"))), link("other", "b", facts=answered())
    )
    told_here = judged(
        link("me", "a", sub_tier=listed(entry("b"))), link("a", "b", facts=answered())
    )
    assert evidenced(told_elsewhere["total"]) > evidenced(told_here["total"])


def test_an_undisclosed_entry_counts_as_the_worst_of_its_class() -> None:
    row = judged(link("me", "a", sub_tier=listed(minor=2)))["suppliers"][0]
    expected = list_of(phi(0.15, 1), phi(0.15, 1))
    assert row["sub_tier"] == {"claimed": "0.000000000", "evidenced": nine_places(expected)}


def test_a_firm_listed_twice_counts_once_with_the_strongest_dependency() -> None:
    both = link("me", "a", sub_tier=listed(entry("b", "minor"), entry("b", "major")))
    once = link("me", "a", sub_tier=listed(entry("b", "major")))
    behind = link("a", "b")
    assert judged(both, behind)["total"] == judged(once, behind)["total"]


def test_the_total_is_the_norm_over_the_requesters_own_links() -> None:
    found = judged(link("me", "a"), link("me", "b", dependency="minor"))
    expected = math.hypot(phi(1, 0.0475), phi(0.15, 0.0475))
    assert evidenced(found["total"]) == pytest.approx(expected, abs=1e-9)


def test_nobody_supplying_makes_a_total_of_nought_and_no_index() -> None:
    found = judged(link("x", "y"))
    assert found["total"] == {"claimed": "0.000000000", "evidenced": "0.000000000"}
    assert (found["portfolio_index"], found["suppliers"], found["tiers"]) == (None, [], [])


def test_mutual_suppliers_settle_where_each_agrees_with_the_other() -> None:
    circle = (
        link("me", "a", sub_tier=listed(entry("b"))),
        link("a", "b", sub_tier=listed(entry("a"))),
        link("b", "a", sub_tier=listed(entry("b"))),
    )
    row = judged(*circle)["suppliers"][0]
    s = 0.0
    for _ in range(5000):  # ℓ of both is .0487, rounded up to .05 beyond the first link
        s = list_of(phi(1, 1 - math.exp(-0.05 - s)))
    assert evidenced(row["sub_tier"]) == pytest.approx(s, abs=1e-9)


def test_a_firm_that_lists_itself_settles() -> None:
    row = judged(
        link("me", "a", sub_tier=listed(entry("a"))), link("a", "a", sub_tier=listed(entry("a")))
    )["suppliers"][0]
    assert 0 < evidenced(row["sub_tier"]) < SIGMA


@pytest.mark.parametrize("stop", [1e-2, 1e-3, 1e-4, 1e-5, 1e-6])
@pytest.mark.parametrize("firms", ["a", "ab", "abc"])
@pytest.mark.parametrize("settle", [in_plain_python, engine.compiled])
def test_what_a_circle_still_lacks_is_less_than_the_stop(
    settle: Any, firms: str, stop: float
) -> None:
    laid_out = graph(seen_by("me", circle_of(*firms)))
    settled = settle(laid_out, replace(POLICY, stop=1e-15))["evidenced"].values
    stopped = settle(laid_out, replace(POLICY, stop=stop))["evidenced"].values
    lacking = max(full - so_far for full, so_far in zip(settled, stopped, strict=True))
    assert 0 < lacking < stop


def test_too_many_sweeps_is_an_error_not_a_silent_stop() -> None:
    document = dict(POLICY.document)
    document["propagation"] = dict(document["propagation"]) | {"max_sweeps": 3}
    circle = world(
        link("me", "a", sub_tier=listed(entry("a"))), link("a", "a", sub_tier=listed(entry("a")))
    )
    with pytest.raises(NotSettled):
        results(seen_by("me", replace(circle, policy=policies.policy(document))))


def test_a_trading_house_is_contracted_without_a_tier_step_or_attenuation() -> None:
    found = judged(
        link(
            "me",
            "house",
            dependency="moderate",
            pass_through=True,
            sub_tier=listed(entry("maker", "major")),
        ),
        link("house", "maker", facts=answered("L3")),
    )
    expected = phi(0.65, 1 - math.exp(-0.05))
    assert evidenced(found["total"]) == pytest.approx(expected, abs=1e-9)
    assert [firm["tier_min"] for firm in found["firms"]] == [1]
    row = found["suppliers"][0]
    assert (row["pass_through"], row["risk"], row["band"], row["components"]) == (
        True,
        None,
        None,
        [],
    )
    assert row["contribution"] == found["total"]


def test_the_larger_dependency_of_the_two_counts() -> None:
    for mine, signed in (("critical", "minor"), ("minor", "critical")):
        found = judged(
            link(
                "me",
                "house",
                dependency=mine,
                pass_through=True,
                sub_tier=listed(entry("maker", signed)),
            ),
            link("house", "maker"),
        )
        expected = phi(1, 1 - math.exp(-0.05))
        assert evidenced(found["total"]) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("sub_tier", ["silent", "none", listed()])
def test_a_house_that_names_no_maker_stands_for_an_undisclosed_one(sub_tier: object) -> None:
    found = judged(link("me", "house", dependency="minor", pass_through=True, sub_tier=sub_tier))
    assert found["total"] == {"claimed": "0.000000000", "evidenced": "1.049822124"}
    assert found["tiers"][0]["undisclosed"] == "1.049822124"
    assert found["tiers"][0]["largest"][0]["id"] == "house"


def test_a_house_without_a_valid_declaration_names_no_maker() -> None:
    house = link(
        "me", "house", pass_through=True, facts=SILENT_FIRM, sub_tier=listed(entry("maker"))
    )
    assert evidenced(judged(house, link("house", "maker"))["total"]) == pytest.approx(SIGMA)


def test_a_house_that_names_three_bad_makers_is_never_worse_than_one_that_names_none() -> None:
    """The literal contraction would give √3 times the ceiling: silence would pay."""
    makers = [entry(name) for name in ("x", "y", "z")]
    found = judged(link("me", "house", pass_through=True, sub_tier=listed(*makers)))
    assert evidenced(found["total"]) == pytest.approx(SIGMA, abs=1e-9)


def test_an_opened_house_in_a_list_is_never_worse_than_the_same_entry_undisclosed() -> None:
    opened = judged(
        link("me", "a", sub_tier=listed(entry("house", "minor", pass_through=True))),
        link("a", "house", sub_tier=listed(entry("maker", "critical"))),
    )
    hidden = judged(link("me", "a", sub_tier=listed(minor=1)))
    assert opened["total"]["evidenced"] == hidden["total"]["evidenced"]


def test_houses_behind_houses_are_contracted_together() -> None:
    found = judged(
        link(
            "me",
            "one",
            dependency="minor",
            pass_through=True,
            sub_tier=listed(entry("two", "moderate", pass_through=True)),
        ),
        link("one", "two", sub_tier=listed(entry("maker", "minor"))),
        link("two", "maker"),
    )
    expected = phi(0.35, 1 - math.exp(-0.05))
    assert evidenced(found["total"]) == pytest.approx(expected, abs=1e-9)


def test_houses_that_only_pass_goods_in_a_circle_name_nobody() -> None:
    found = judged(
        link(
            "me",
            "one",
            pass_through=True,
            sub_tier=listed(entry("two", "minor", pass_through=True)),
        ),
        link("one", "two", sub_tier=listed(entry("one", "minor", pass_through=True))),
        link("two", "one", sub_tier=listed(entry("two", "minor", pass_through=True))),
    )
    assert evidenced(found["total"]) == pytest.approx(SIGMA, abs=1e-9)


def test_a_house_on_a_circle_inside_a_list_is_undisclosed() -> None:
    found = judged(
        link("me", "a", sub_tier=listed(entry("two", "minor", pass_through=True))),
        link("a", "two", sub_tier=listed(entry("two", "minor", pass_through=True))),
        link("two", "two", sub_tier=listed(entry("two", "minor", pass_through=True))),
    )
    hidden = judged(link("me", "a", sub_tier=listed(minor=1)))
    assert found["total"]["evidenced"] == hidden["total"]["evidenced"]


STEP = Decimal("0.05")


@pytest.mark.parametrize(
    ("value", "claimed", "evidenced_"),
    [
        (0.0, 0.0, 0.0),
        (0.051, 0.05, 0.1),
        (0.15, 0.15, 0.15),
        (0.1500000000004, 0.15, 0.15),
        (3.7295, 3.7, 3.75),
    ],
)
def test_steps_go_outward_and_stay_on_a_step(
    value: float, claimed: float, evidenced_: float
) -> None:
    assert outward(value, STEP, "claimed") == claimed
    assert outward(value, STEP, "evidenced") == evidenced_


def test_nought_has_no_sign() -> None:
    assert nine_places(-0.0) == nine_places(-1e-12) == "0.000000000"
    assert nine_places(-0.5) == "-0.500000000"
