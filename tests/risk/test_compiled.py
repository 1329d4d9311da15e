"""The compiled engine against the plain one: in full, and after any sequence of single changes."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.risk.rules import engine
from services.risk.rules.graph import Firm, Graph, Holder, Item, Link, Through, Unnamed, graph
from services.risk.rules.number import BOUNDS, Bound, Interval
from services.risk.rules.propagation import Propagation, propagate
from services.risk.rules.refusal import NotSettled
from services.risk.rules.resident import Resident
from services.risk.rules.world import World
from tests.risk.test_laws import thorough
from tests.risk.worlds import POLICY, seen_by, worlds

CLASSES = sorted(set(POLICY.dependency.values()))


def a_link(number: int, own: Interval, below: int | None, *, is_silent: bool) -> Link:
    return Link(
        id=f"l{number}",
        supplier=f"f{number}",
        own=own,
        coverage=None,
        awaiting=False,
        principles={},
        topics={},
        below=below,
        is_silent=is_silent,
        is_closed=False,
    )


def an_own(chance: random.Random) -> Interval:
    """Mostly claimed 0, as most of the world claims: only then a circle can feed on itself."""
    evidenced = chance.choice((0.05, 0.3, 1.2, 3.0))
    return Interval(chance.choice((0.0, 0.0, 0.0, 0.05, 0.3)), evidenced)


def a_way(chance: random.Random, lists: int) -> tuple[int | None, bool]:
    kind = chance.random()
    if kind < 0.75:
        return chance.randrange(lists), False
    return None, kind < 0.9


def a_graph(seed: int, lists: int = 12, entries: int = 6) -> Graph:
    """Lists that lead to each other in every direction, densely enough to feed on themselves."""
    chance = random.Random(seed)
    links: list[Link] = []

    def item(holder: int) -> Item:
        if chance.random() < 0.1:
            return Unnamed(chance.choice(CLASSES), chance.randint(1, 3), None)
        if holder >= lists or chance.random() < 0.9:
            below, silent = a_way(chance, lists)
            links.append(a_link(len(links), an_own(chance), below, is_silent=silent))
            return Firm(len(links) - 1, chance.choice((0.65, 1.0, 1.0)))
        return Through(lists, 0.35)

    holders = [
        Holder(tuple(item(place) for place in range(chance.randint(0, entries))))
        for place in range(lists)
    ]
    bundle = Holder((item(lists), item(lists)), ceiling=0.65)
    total = Holder((item(lists), item(lists), Through(lists, 0.65)))
    return Graph(
        links=tuple(links),
        holders=(*holders, bundle, total),
        bundles=range(lists, lists + 1),
        own={},
        judgements={},
    )


def differences(one: Propagation, other: Propagation) -> float:
    return max(abs(a - b) for a, b in zip(one.values, other.values, strict=True))


@thorough
@given(worlds())
def test_the_compiled_engine_agrees_with_the_plain_one_on_random_worlds(world: World) -> None:
    laid_out = graph(seen_by("firm-0", world))
    found = engine.compiled(laid_out, POLICY)
    for bound in BOUNDS:
        assert differences(found[bound], propagate(laid_out, POLICY, bound)) < 1e-9


@given(st.integers(0, 10**9))
@settings(max_examples=60, deadline=None)
def test_the_compiled_engine_agrees_on_dense_circles(seed: int) -> None:
    laid_out = a_graph(seed)
    found = engine.compiled(laid_out, POLICY)
    for bound in BOUNDS:
        assert differences(found[bound], propagate(laid_out, POLICY, bound)) < 1e-9


@pytest.mark.parametrize("norm", ["1.000000000", "3.000000000"])
def test_the_compiled_engine_agrees_under_another_norm(norm: str) -> None:
    other = replace(POLICY, norm=float(norm))
    laid_out = a_graph(5)
    for bound, found in engine.compiled(laid_out, other).items():
        assert differences(found, propagate(laid_out, other, bound)) < 1e-9


def test_both_engines_give_up_on_the_same_world() -> None:
    short = replace(POLICY, max_sweeps=2)
    laid_out = a_graph(3)
    with pytest.raises(NotSettled, match="mutual suppliers"):
        propagate(laid_out, short, "evidenced")
    with pytest.raises(NotSettled, match="mutual suppliers"):
        engine.compiled(laid_out, short)


def changed(of: Graph, link: int, own: Interval, below: int | None, *, is_silent: bool) -> Graph:
    links = list(of.links)
    links[link] = replace(links[link], own=own, below=below, is_silent=is_silent)
    return replace(of, links=tuple(links))


@given(st.integers(0, 10**9))
@settings(max_examples=60, deadline=None)
def test_following_changes_equals_settling_anew(seed: int) -> None:
    """Rises and falls, lists opened, closed and exchanged: never further off than 1e-8."""
    chance = random.Random(seed)
    now = a_graph(seed)
    resident = Resident(now, POLICY)
    for _ in range(8):
        link = chance.randrange(len(now.links))
        own, (below, silent) = an_own(chance), a_way(chance, 12)
        if chance.random() < 0.5:
            old = now.links[link]
            below, silent = old.below, old.is_silent
        resident.change(link, own, below, is_silent=silent)
        now = changed(now, link, own, below, is_silent=silent)
        for bound in BOUNDS:
            full = propagate(now, POLICY, bound)
            for holder, value in enumerate(full.values):
                assert resident.value(holder, bound) == pytest.approx(value, abs=1e-8)
            assert resident.weight(link, bound) == pytest.approx(
                full.weight(now.links[link]), abs=1e-8
            )


def everybody_lists_everybody(firms: int, source: Interval) -> Graph:
    """A circle so dense that it would keep itself up: only firm 0 claims any risk of its own."""
    nothing = Interval(0.0, 0.05)
    links = [
        a_link(number, source if number == 0 else nothing, number, is_silent=False)
        for number in range(firms)
    ]
    lists = [
        Holder(tuple(Firm(other, 1.0) for other in range(firms) if other != number))
        for number in range(firms)
    ]
    total = Holder((Firm(0, 1.0),))
    return Graph(tuple(links), (*lists, total), range(firms, firms), {}, {})


def test_a_circle_whose_last_source_dried_up_does_not_feed_on_itself() -> None:
    before = everybody_lists_everybody(12, Interval(0.3, 0.3))
    resident = Resident(before, POLICY)
    assert resident.total("claimed") > 0.3
    resident.change(0, Interval(0.0, 0.05), 0, is_silent=False)
    assert resident.total("claimed") == 0.0
    after = changed(before, 0, Interval(0.0, 0.05), 0, is_silent=False)
    full = propagate(after, POLICY, "evidenced").total
    assert resident.total("evidenced") == pytest.approx(full, abs=1e-8)


def test_a_change_and_its_opposite_leave_everything_as_it_was() -> None:
    resident = Resident(a_graph(11), POLICY)
    before = {bound: resident.total(bound) for bound in BOUNDS}
    own, below, silent = resident.state(3)
    for _ in range(50):
        resident.change(3, Interval(0.0, 2.5), None, is_silent=True)
        resident.change(3, own, below, is_silent=silent)
    for bound, value in before.items():
        assert resident.total(bound) == pytest.approx(value, abs=1e-8)


def test_a_small_world_is_settled_plainly_and_a_great_one_compiled() -> None:
    assert (engine.name(10), engine.name(engine.SMALL + 1)) == ("plain", "compiled")


def test_without_the_extra_the_plain_engine_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.risk.rules.engine.find_spec", lambda _: None)
    monkeypatch.setattr("services.risk.rules.engine.SMALL", 0)
    assert not engine.has_compiled()
    laid_out = a_graph(2)
    found: Mapping[Bound, Propagation] = engine.both(laid_out, POLICY)
    assert found["claimed"].values == propagate(laid_out, POLICY, "claimed").values
