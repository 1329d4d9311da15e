"""The process that shows or writes the log says when it is not fit for it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from typing import NamedTuple

import pytest

from services.attestation.actions import epochs, sequencing
from services.attestation.app import PLUMBING
from services.attestation.tasks import readiness
from services.kit import clock
from services.kit.db import Database
from tests.attestation.site import Site, relation

MIB = 1024**2


class Usage(NamedTuple):
    """What `shutil.disk_usage` says."""

    total: int
    used: int
    free: int


def shown(site: Site) -> Mapping[str, Callable[[], bool]]:
    return readiness.of_reader(site.settings, site.log.app.state.db)  # type: ignore[attr-defined]


def written(site: Site) -> Mapping[str, Callable[[], bool]]:
    return readiness.of_writer(site.settings, site.worker)


def wrong(checks: Mapping[str, Callable[[], bool]]) -> set[str]:
    return {name for name, holds in checks.items() if not holds()}


def test_a_working_log_is_ready(site: Site) -> None:
    relation(site)
    assert wrong(shown(site)) == wrong(written(site)) == set()
    assert set(written(site)) > set(shown(site))


def test_a_head_that_nobody_signed_for_too_long_is_told(site: Site) -> None:
    relation(site)
    for seconds, found in ((3_600, set()), (4_300, {"log head"})):
        clock.configure(f"+{seconds}")
        try:
            assert wrong(shown(site)) == found
        finally:
            clock.configure(None)


def test_a_log_that_is_not_open_is_not_ready(site: Site) -> None:
    site.sql("TRUNCATE attestation.epoch, attestation.checkpoint CASCADE")
    assert wrong(shown(site)) == {"log head"}


def test_a_queue_that_stands_still_and_a_promise_not_kept_are_told(site: Site) -> None:
    here = relation(site)
    assert site.submit(here.respondent, here.maker().make()).status_code == 202
    assert wrong(written(site)) == set()
    clock.configure("+31")
    try:
        assert wrong(written(site)) == {"log queue"}
        site.sequencer.step(lambda tx: sequencing.promise(tx, site.sequencer.keys))
        assert wrong(written(site)) == set()
    finally:
        clock.configure(None)
    clock.configure("+61")
    try:
        assert wrong(written(site)) == {"promises"}
        site.sequencer.round()
        assert wrong(written(site)) == set()
    finally:
        clock.configure(None)


def test_what_waits_for_the_next_log_is_no_fault_of_this_one(site: Site) -> None:
    here = relation(site)
    assert site.submit(here.respondent, here.maker().make()).status_code == 202
    site.sequencer.step(lambda tx: epochs.ask_freeze(tx, clock.now()))
    site.sequencer.round()
    clock.configure("+7200")
    try:
        assert wrong(written(site)) == set()
    finally:
        clock.configure(None)


@pytest.mark.parametrize(
    ("total", "free", "ready"),
    [
        (64 * MIB, 7 * MIB, True),
        (64 * MIB, 6 * MIB, False),
        (10**6 * MIB, 501 * MIB, True),
        (10**6 * MIB, 499 * MIB, False),
    ],
)
def test_a_disk_that_fills_up_is_told_while_there_is_room(
    site: Site, monkeypatch: pytest.MonkeyPatch, total: int, free: int, ready: bool
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(total, total - free, free))
    assert (wrong(written(site)) == set()) == ready
    assert wrong(written(site)) <= {"disk", "disk of the guard file"}


def test_a_database_that_is_away_is_not_ready(site: Site) -> None:
    away = Database(PLUMBING, site.worker.url.set(port=1))
    try:
        checks = readiness.of_writer(site.settings, away)
        assert wrong(checks) >= {"log head", "log queue", "promises"}
    finally:
        away.close()
