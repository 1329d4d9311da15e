"""The monitor says nothing about an honest log, and names everything an operator may try."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from rensho import checkpoint, log_access
from rensho.errors import VerificationError
from rensho.keys import PrivateKey
from rensho.log_reader import LogReader, Unreachable
from rensho.monitor import Watch
from rensho.monitor_state import State
from rensho.trust import Witness

from tests.client.deployment import DAY, HOST, HOUR, Log, World
from tests.client.monitoring import Monitor, logged, other_history, published
from tests.client.shown_log import Shown, serving


@pytest.fixture
def world() -> World:
    return published()


@pytest.fixture
def shown(world: World) -> Iterator[Shown]:
    with serving(Shown(world)) as made:
        yield made


@pytest.mark.parametrize("entries", [True, False])
def test_an_honest_log_is_followed_in_silence(world: World, shown: Shown, entries: bool) -> None:
    monitor = Monitor(shown, entries=entries)
    assert monitor.alarms() == []
    for count in (1, 3, 252, 1, 300, 0):
        world.log.leaves += [b"leaf %d" % n for n in range(count)]
        world.publish()
        report = monitor.look()
        assert (report.alarms, report.failure) == ([], None)
        assert report.head is not None
        assert report.head.size == len(world.log.leaves)
        assert monitor.state.logs[HOST].root == report.head.root_hash
        assert bool(report.notes) is not entries
    fetched = [path for path in shown.asked if "/tile/" in path]
    assert all(("entries" in path) is entries for path in fetched)


def test_a_fork_at_the_same_size_is_told_with_both_notes(world: World, shown: Shown) -> None:
    logged(world, world.supplier.key, 5)
    monitor = Monitor(shown)
    assert monitor.alarms() == []
    honest = world.log.heads[5]
    shown.log = other_history(world, 3, 2)
    for _ in range(2):
        (alarm,) = monitor.look().alarms
        assert alarm.code == "log.split_view"
        assert set(alarm.evidence) == {honest.decode(), shown.log.heads[5].decode()}
    shown.log = None
    assert monitor.alarms() == []


@pytest.mark.parametrize("entries", [True, False])
def test_a_fork_that_went_on_is_told(world: World, shown: Shown, entries: bool) -> None:
    logged(world, world.supplier.key, 5)
    monitor = Monitor(shown, entries=entries)
    monitor.look()
    shown.log = other_history(world, 3, 9)
    assert monitor.alarms() == ["log.split_view"]


def test_tiles_that_do_not_lead_to_the_signed_root_are_told(world: World, shown: Shown) -> None:
    logged(world, world.supplier.key, 2)
    shown.instead[f"/log/{HOST}/tile/entries/000.p/2"] = (200, b"\0\1a\0\1b")
    assert Monitor(shown).alarms() == ["log.split_view"]


def test_a_rollback_is_told(world: World, shown: Shown) -> None:
    logged(world, world.supplier.key, 3)
    monitor = Monitor(shown)
    monitor.look()
    shown.instead["/log/checkpoint"] = (200, world.log.publish(world.now))
    logged(world, world.supplier.key, 4)
    assert monitor.alarms() == []
    del shown.instead["/log/checkpoint"]
    assert monitor.alarms() == []
    shown.instead["/log/checkpoint"] = (200, world.log.heads[3])
    (alarm,) = monitor.look().alarms
    assert alarm.code == "log.rollback"
    assert len(alarm.evidence) == 2


def test_a_rollback_is_told_also_while_all_is_read_anew(world: World, shown: Shown) -> None:
    logged(world, world.supplier.key, 3)
    monitor = Monitor(shown)
    monitor.look()
    shown.log = other_history(world, 2, 0)
    monitor.watch = Watch(key_ids=frozenset({"mine"}), entries=True)
    assert monitor.alarms() == ["log.rollback"]


def test_a_bad_signature_and_a_strange_log_are_told(world: World, shown: Shown) -> None:
    monitor = Monitor(shown)
    note = world.log.heads[0]
    impostor = Log(origin=HOST)
    stranger = Log(origin="other.example")
    for data, code in [
        (impostor.publish(world.now), "checkpoint.signature"),
        (note.replace(b"\n0\n", b"\n1\n"), "checkpoint.signature"),
        (stranger.publish(world.now), "checkpoint.origin"),
        (b"\xff", "checkpoint.malformed"),
    ]:
        shown.instead["/log/checkpoint"] = (200, data)
        (alarm,) = monitor.look().alarms
        assert alarm.code == code
        assert alarm.evidence == (data.decode(errors="replace"),)


def test_a_stalled_log_is_told_and_so_is_one_that_lives_ahead(world: World, shown: Shown) -> None:
    monitor = Monitor(shown, stalled_after=3 * HOUR)
    assert monitor.alarms(world.now + 3 * HOUR) == []
    assert monitor.alarms(world.now + 3 * HOUR + timedelta(seconds=1)) == ["log.stalled"]
    assert monitor.alarms(world.now - timedelta(minutes=6)) == ["log.stalled"]
    plain = checkpoint.sign(HOST, 0, monitor.state.logs[HOST].root, world.log.key)
    shown.instead["/log/checkpoint"] = (200, plain)
    assert monitor.alarms() == ["log.stalled"]


def test_a_log_that_is_away_stalls_too(world: World, shown: Shown) -> None:
    monitor = Monitor(shown)
    monitor.look()
    shown.instead["/log/checkpoint"] = (503, b"")
    report = monitor.look(world.now + HOUR)
    assert report.failure == "/log/checkpoint: HTTP 503"
    assert report.alarms == []
    assert [one.code for one in monitor.look(world.now + DAY).alarms] == ["log.stalled"]


def test_a_head_without_its_witnesses_is_told(world: World, shown: Shown) -> None:
    key = PrivateKey.generate("ed25519")
    witness = Witness("w.example", key.public.raw_ed25519)
    trust: dict[str, Any] = {"witnesses": (witness,), "witness_quorum": 1}
    monitor = Monitor(shown)
    assert monitor.alarms(**trust) == ["checkpoint.witness_quorum"]
    world.witness_keys.append(("w.example", key))
    world.publish()
    assert monitor.alarms(**trust) == []


def test_a_succession_is_followed_through_trust(world: World, shown: Shown) -> None:
    mine = world.supplier.key
    before = logged(world, mine, 2)
    monitor = Monitor(shown, key_ids=frozenset({mine.public.key_id}), known=frozenset(before))
    assert monitor.alarms() == []
    more = logged(world, mine)
    world.succeed()
    more += logged(world, mine)
    assert monitor.alarms() == ["key.unknown_statement"] * 2
    assert set(monitor.state.logs) == {HOST, f"e2.{HOST}"}
    monitor.watch = Watch(monitor.watch.key_ids, frozenset([*before, *more]), entries=True)
    assert monitor.alarms() == []
    # Somebody who begins only now reads the old log too.
    assert Monitor(shown).alarms() == []


def test_an_ended_log_that_is_shown_as_the_newest_is_a_rollback(world: World, shown: Shown) -> None:
    logged(world, world.supplier.key, 2)
    world.succeed()
    monitor = Monitor(shown)
    assert monitor.alarms() == []
    shown.instead["/log/checkpoint"] = (200, world.past[0].heads[2])
    assert monitor.alarms() == ["log.rollback"]


def test_a_log_that_begins_otherwise_than_was_signed_is_told(world: World, shown: Shown) -> None:
    logged(world, world.supplier.key, 2)
    world.succeed()
    world.log.leaves[0] = b"another beginning"
    world.publish()
    assert Monitor(shown).alarms() == ["log.split_view"]


def test_an_end_that_does_not_fit_is_told(world: World, shown: Shown) -> None:
    logged(world, world.supplier.key, 2)
    monitor = Monitor(shown)
    monitor.look()
    shorter = world.log.publish(world.now)
    logged(world, world.supplier.key, 2)
    world.succeed()
    old = world.past[0]
    good = (old.final, old.succession)
    fork = other_history(World(log=old, now=world.now), 1, 3)
    other = Log(origin=HOST, key=old.key, time_key=old.time_key)
    other.publish(world.now)
    for final, succession, code in [
        (None, good[1], "log.succession"),
        (good[0], None, "log.succession"),
        (shorter, good[1], "log.rollback"),
        (fork.heads[4], good[1], "log.split_view"),
        (other.heads[0], good[1], "log.rollback"),
        (world.log.heads[1], good[1], "log.succession"),
        (b"none", good[1], "checkpoint.malformed"),
    ]:
        old.final, old.succession = final, succession
        assert monitor.alarms() == [code]
    old.final, old.succession = good
    assert monitor.alarms() == []


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("checkpoint", (200, b"x" * 70_000)),
        (f"{HOST}/tile/0/000.p/3", (200, b"x" * 64)),
        (f"{HOST}/tile/0/000.p/3", (404, b"")),
        (f"{HOST}/tile/entries/000.p/3", (200, b"\0")),
        (f"{HOST}/tile/entries/000.p/3", (200, b"\0\5x")),
        (f"{HOST}/tile/entries/000.p/3", (200, b"\0\1x")),
        (f"{HOST}/tile/entries/000.p/3", (401, b"")),
        ("checkpoint", (302, b"http://127.0.0.1:1/elsewhere")),
    ],
)
def test_what_cannot_be_read_is_a_failure_and_no_alarm(
    world: World, shown: Shown, path: str, answer: tuple[int, bytes]
) -> None:
    monitor = Monitor(shown, entries="entries" in path)
    monitor.look()
    logged(world, world.supplier.key, 3)
    shown.instead[f"/log/{path}"] = answer
    report = monitor.look()
    assert report.failure is not None
    assert report.alarms == []
    assert monitor.state.logs[HOST].size == 0
    del shown.instead[f"/log/{path}"]
    assert monitor.alarms() == []


def test_nobody_answers(world: World) -> None:
    with pytest.raises(Unreachable):
        LogReader("http://127.0.0.1:1").checkpoint()


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://a", "log.example", "http://"])
def test_only_http_addresses_are_read(url: str) -> None:
    with pytest.raises(ValueError, match="no http"):
        LogReader(url)


def test_a_tile_path_has_three_digits_a_part(world: World, shown: Shown) -> None:
    reader = LogReader(shown.url)
    with pytest.raises(Unreachable):
        next(reader.hashes(HOST, 1234067 * 256, 1234067 * 256 + 1))
    assert shown.asked == [f"/log/{HOST}/tile/0/x001/x234/067.p/1"]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"{}",
        b"[]",
        b'{"version": 2}',
        b'{"version": 1, "logs": [], "keys": [], "kept": [], "seenAt": null}',
        b'{"version": 1, "logs": {"a": %b}, "keys": [], "kept": [], "seenAt": null}'
        % b'{"size": 3, "peaks": [], "note": "", "mine": {}, "ahead": {}, "greatest": 3}',
    ],
)
def test_a_memory_of_something_else_is_refused(data: bytes) -> None:
    with pytest.raises(VerificationError) as why:
        State.load(data)
    assert why.value.code == "json.malformed"


def test_a_witness_is_known_by_its_header_for_a_few_minutes() -> None:
    key = PrivateKey.generate("ed25519")
    mine = Witness("w.example", key.public.raw_ed25519)
    now = datetime.now(UTC)
    header = log_access.header("w.example", key, HOST, now)
    assert log_access.check(header, [mine], HOST, now + timedelta(minutes=4)) == mine
    scheme, name, at, signature = header.split(" ")
    other = PrivateKey.generate("ed25519")
    for value, origin, moment, code in [
        (header, "e2." + HOST, now, "sig.invalid"),
        (header, HOST, now + timedelta(minutes=6), "time.claimed_time"),
        (header, HOST, now - timedelta(minutes=6), "time.claimed_time"),
        (log_access.header("w.example", other, HOST, now), HOST, now, "sig.invalid"),
        (log_access.header("x.example", key, HOST, now), HOST, now, "key.unknown"),
        (f"Bearer {name} {at} {signature}", HOST, now, "sig.encoding"),
        (f"{scheme} {name} {at}", HOST, now, "sig.encoding"),
        (f"{scheme} {name} {at} x", HOST, now, "base64.not_canonical"),
    ]:
        with pytest.raises(VerificationError) as why:
            log_access.check(value, [mine], origin, moment)
        assert why.value.code == code
    # A cosignature's text is another one: neither can be passed off as the other.
    assert not log_access._message("w", HOST, at).startswith(b"cosignature/v1")
