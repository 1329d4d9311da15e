"""What to do next: the reverse pass against finite differences, actions against full recomputes."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.risk.rules import engine, hypothesis
from services.risk.rules.advice import Advice, advice
from services.risk.rules.facts import Facts
from services.risk.rules.graph import Graph
from services.risk.rules.hypothesis import Change, ChangeRefused
from services.risk.rules.influence import influence
from services.risk.rules.number import BOUNDS, Interval
from services.risk.rules.propagation import propagate
from services.risk.rules.results import settle
from services.risk.rules.world import World
from tests.risk.chains import SILENT_FIRM, answered, entry, link, listed, no_ai, world
from tests.risk.test_compiled import a_graph
from tests.risk.test_laws import thorough
from tests.risk.worlds import AS_OF, POLICY, seen_by, worlds

# Sharp enough for differences of 1e-6; a hundredth of a millionth is what they cannot tell.
STEP, CLOSE = 1e-6, 1e-5


def nudged(of: Graph, place: int, by: float) -> Graph:
    links = list(of.links)
    own = links[place].own
    links[place] = replace(links[place], own=Interval(own.claimed, own.evidenced + by))
    return replace(of, links=tuple(links))


@given(st.integers(0, 10**9))
@settings(max_examples=25, deadline=None)
def test_the_influence_of_a_link_is_the_slope_of_the_total(seed: int) -> None:
    laid_out = a_graph(seed)
    slopes = influence(propagate(laid_out, POLICY, "evidenced"))
    for place in random.Random(seed).sample(range(len(laid_out.links)), 4):
        up, down = (
            propagate(nudged(laid_out, place, by), POLICY, "evidenced").total
            for by in (STEP, -STEP)
        )
        assert slopes[place] == pytest.approx((up - down) / (2 * STEP), abs=CLOSE)


def test_where_nothing_weighs_nothing_has_an_influence() -> None:
    laid_out = settle(seen_by("me", world(link("me", "a")))).graph
    nothing = replace(
        laid_out,
        links=tuple(replace(one, own=Interval(0.0, 0.0)) for one in laid_out.links),
    )
    assert influence(propagate(nothing, POLICY, "claimed")) == (0.0,)


def told(facts: Facts) -> list[Advice]:
    return advice(settle(facts))


@thorough
@given(worlds())
def test_each_action_is_told_as_a_full_recompute_would_find_it(world: World) -> None:
    facts = seen_by("firm-0", world)
    before = settle(facts)
    for one in told(facts)[:5]:
        after = settle(hypothesis.apply(facts, [one.change]))
        for bound in BOUNDS:
            assert one.before.total.at(bound) == pytest.approx(before.bounds[bound].total, abs=1e-8)
            assert one.after.total.at(bound) == pytest.approx(after.bounds[bound].total, abs=1e-8)


@thorough
@given(worlds())
def test_every_action_lowers_the_total_and_the_best_comes_first(world: World) -> None:
    effects = [one.effect for one in told(seen_by("firm-0", world))]
    assert effects == sorted(effects, reverse=True)
    assert all(effect > 0 for effect in effects)
    assert len(effects) <= 50


def test_a_silent_firm_is_first_asked_to_declare() -> None:
    facts = seen_by("me", world(link("me", "a", facts=SILENT_FIRM), link("me", "b")))
    best = told(facts)[0]
    assert (best.change.kind, best.supplier) == ("declare_components", "a")
    assert best.before.risk.evidenced == pytest.approx(0.9916, abs=1e-4)


def kinds(facts: Facts) -> set[str]:
    return {one.change.kind for one in told(facts)}


def test_an_answer_given_at_l1_leads_to_confirming_the_key_and_checking_evidence() -> None:
    facts = seen_by("me", world(link("me", "a", facts=answered("L1"))))
    assert {"confirm_key", "raise_assurance"} <= kinds(facts)


def test_an_old_attestation_is_to_be_renewed() -> None:
    fresh = answered()
    old = replace(
        fresh,
        components=tuple(
            replace(
                component,
                answers=tuple(
                    replace(one, time=AS_OF - timedelta(days=900)) for one in component.answers
                ),
            )
            for component in fresh.components
        ),
    )
    assert "renew" not in kinds(seen_by("me", world(link("me", "a", facts=fresh))))
    assert "renew" in kinds(seen_by("me", world(link("me", "a", facts=old))))


def test_a_silent_list_far_down_is_to_be_declared_there() -> None:
    facts = seen_by(
        "me",
        world(link("me", "a", sub_tier=listed(entry("b"))), link("a", "b", sub_tier="silent")),
    )
    best = told(facts)[0]
    (deeper,) = facts.deeper
    assert (best.change.kind, best.change.link) == ("declare_sub_tier", deeper)


def test_a_list_closed_by_no_ai_has_nothing_to_declare() -> None:
    facts = seen_by(
        "me",
        world(link("me", "a", sub_tier=listed(entry("b"))), link("a", "b", facts=no_ai())),
    )
    (closed,) = facts.deeper
    assert all(one.change.link != closed for one in told(facts))
    assert hypothesis.apply(facts, [Change("declare_sub_tier", closed)]).deeper == facts.deeper


def test_an_admitted_gap_is_to_be_closed_and_a_silent_question_answered() -> None:
    held = answered()
    (component,) = held.components
    first, _ = component.answers
    partly = replace(component, answers=(replace(first, value="partial"),))
    facts = seen_by("me", world(link("me", "a", facts=replace(held, components=(partly,)))))
    found = {(one.change.kind, one.change.question) for one in told(facts)}
    assert {("close_gap", "Q-1"), ("answer", "Q-6")} <= found


def test_great_worlds_are_tried_incrementally_with_the_same_result(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts = seen_by(
        "me",
        world(
            link("me", "a", sub_tier=listed(entry("b"), moderate=1)),
            link("a", "b", sub_tier=listed(entry("a"))),
            link("b", "a", sub_tier="silent"),
        ),
    )
    plain = told(facts)
    monkeypatch.setattr(engine, "SMALL", 0)
    compiled = told(facts)
    assert [one.change for one in compiled] == [one.change for one in plain]
    for one, other in zip(compiled, plain, strict=True):
        assert one.effect == pytest.approx(other.effect, abs=1e-8)


@pytest.mark.parametrize(
    "change",
    [
        Change("answer", "nobody"),
        Change("answer", "me>a", "component", "Q-nowhere"),
        Change("answer", "me>a", "nothing", "Q-1"),
        Change("answer", "me>a", "component", "Q-1", "maybe"),
        Change("close_gap", "me>a", "component", "Q-2"),
        Change("raise_assurance", "me>a", "component", "Q-2"),
        Change("dependency", "me>a", value="enormous"),
    ],
)
def test_a_change_of_nothing_that_is_there_is_refused(change: Change) -> None:
    with pytest.raises(ChangeRefused):
        hypothesis.apply(seen_by("me", world(link("me", "a"))), [change])


def total_after(*changes: Change) -> float:
    facts = seen_by("me", world(link("me", "a"), link("me", "b")))
    return settle(hypothesis.apply(facts, changes)).bounds["evidenced"].total


def test_bad_news_is_imagined_as_well() -> None:
    plain = total_after()
    assert total_after(Change("go_silent", "me>a")) > plain
    assert total_after(Change("lose_attestation", "me>a")) > plain
    assert total_after(Change("end", "me>a")) < plain
    assert total_after(Change("dependency", "me>a", value="minor")) < plain
