"""The monitor tells what was signed in somebody's name, and what promise was broken."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta

import pytest
from rensho.monitor import Watch, claims

from tests.client.deployment import HOST, HOUR, World
from tests.client.monitoring import Monitor, logged, other_history, promise, published
from tests.client.shown_log import Shown, serving


@pytest.fixture
def world() -> World:
    return published()


@pytest.fixture
def shown(world: World) -> Iterator[Shown]:
    with serving(Shown(world)) as made:
        yield made


def test_a_statement_under_my_key_that_i_do_not_know_is_told(world: World, shown: Shown) -> None:
    mine = world.supplier.key
    known = logged(world, mine, 2)
    monitor = Monitor(shown, key_ids=frozenset({mine.public.key_id}), known=frozenset(known))
    assert monitor.alarms() == []
    logged(world, world.requester.key, 3)
    assert monitor.alarms() == []
    (unknown,) = logged(world, mine)
    for _ in range(2):
        (alarm,) = monitor.look().alarms
        assert alarm.code == "key.unknown_statement"
        assert alarm.detail == f"{unknown} was logged under your key: {HOST}, leaf 5"
    monitor.watch = Watch(monitor.watch.key_ids, frozenset({*known, unknown}), entries=True)
    assert monitor.alarms() == []
    # A key that is not mine any more is nobody's business.
    monitor.watch = Watch(entries=True)
    assert monitor.alarms() == []


def test_a_key_that_is_named_later_is_looked_for_from_the_beginning(
    world: World, shown: Shown
) -> None:
    logged(world, world.supplier.key, 2)
    monitor = Monitor(shown)
    assert monitor.alarms() == []
    mine = frozenset({world.supplier.key.public.key_id})
    monitor.watch = Watch(key_ids=mine, entries=True)
    assert monitor.alarms() == ["key.unknown_statement"] * 2
    # Without entries nobody looked: what came meanwhile is looked at when there are entries again.
    monitor.watch = Watch(key_ids=mine)
    logged(world, world.supplier.key)
    monitor.look()
    monitor.watch = Watch(key_ids=mine, entries=True)
    assert monitor.alarms() == ["key.unknown_statement"] * 3


def test_what_was_seen_before_reading_anew_must_come_out_again(world: World, shown: Shown) -> None:
    logged(world, world.supplier.key, 4)
    monitor = Monitor(shown)
    monitor.look()
    monitor.watch = Watch(key_ids=frozenset({"mine"}), entries=True)
    shown.log = other_history(world, 2, 5)
    assert monitor.alarms() == ["log.split_view"]
    shown.log = None
    assert monitor.alarms() == []


@pytest.mark.parametrize("entries", [True, False])
def test_a_missed_promise_is_told(world: World, shown: Shown, entries: bool) -> None:
    (kept,) = logged(world, world.supplier.key)
    given = (
        promise(world, kept),
        promise(world, "ab" * 32),
        promise(world, "ef" * 32, origin="x.y"),
    )
    monitor = Monitor(shown, promises=given, entries=entries)
    assert monitor.alarms() == []
    later = world.now + timedelta(seconds=61)
    report = monitor.look(later)
    (alarm,) = report.alarms
    assert alarm.code == "promise.missed"
    assert alarm.detail.startswith(f"{'ab' * 32} was promised until ")
    assert any("of another log" in note for note in report.notes)
    assert monitor.state.kept == {kept}
    shown.asked.clear()
    assert monitor.alarms(later) == ["promise.missed"]
    assert f"/log/proof/{kept}" not in shown.asked


def test_a_promise_is_not_kept_by_a_proof_that_does_not_hold(world: World, shown: Shown) -> None:
    ids = logged(world, world.supplier.key, 300)
    later = world.now + timedelta(seconds=61)
    monitor = Monitor(shown, promises=(promise(world, ids[4]),))
    path = f"/log/proof/{ids[4]}"
    good = json.loads(shown.proof_of(world.log, 4))
    older = json.loads(shown.proof_of(other_history(world, 290, 0), 4, 290))
    fork = other_history(world, 200, 101)
    for bad, why in [
        (good | {"index": 5}, "something else stands at leaf 5"),
        (good | {"hashes": []}, "does not hold: log.inclusion"),
        (good | {"hashes": [1]}, "does not hold: base64.not_canonical"),
        (good | {"index": 300}, "under an older head"),
        (good | {"checkpoint": "none"}, "does not hold: checkpoint.malformed"),
        (older, "under an older head"),
        ([], "malformed"),
    ]:
        shown.instead[path] = (200, json.dumps(bad).encode())
        (alarm,) = monitor.look(later).alarms
        assert alarm.code == "promise.missed"
        assert why in alarm.detail
    shown.instead[path] = (200, shown.proof_of(fork, 4))
    # The fork is newer than the head that was followed: nobody can tell yet, the next look can.
    assert monitor.alarms(later) == []
    del shown.instead[path]
    logged(world, world.supplier.key, 1)
    assert monitor.alarms(later) == ["log.split_view"]


def test_a_proof_of_a_fork_of_the_size_that_was_followed_keeps_no_promise(
    world: World, shown: Shown
) -> None:
    ids = logged(world, world.supplier.key, 8)
    monitor = Monitor(shown, promises=(promise(world, ids[1]),))
    fork = other_history(world, 5, 3)
    shown.instead[f"/log/proof/{ids[1]}"] = (200, shown.proof_of(fork, 1))
    (alarm,) = monitor.look(world.now + timedelta(seconds=61)).alarms
    assert "does not hold: log.split_view" in alarm.detail


def test_a_proof_that_is_no_json_is_a_failure_to_read(world: World, shown: Shown) -> None:
    (one,) = logged(world, world.supplier.key)
    shown.instead[f"/log/proof/{one}"] = (200, b"{")
    report = Monitor(shown, promises=(promise(world, one),)).look(world.now + HOUR)
    assert report.failure is not None
    assert "json.malformed" in report.failure


def test_a_leaf_that_no_bundle_could_be_of_claims_nothing() -> None:
    for leaf in (b"", b"{}", b"[]", b"1", b'{"spec": 1}', b"\xff"):
        assert claims(leaf) is None
