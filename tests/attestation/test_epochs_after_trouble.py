"""Whoever dies between two logs is followed by somebody who goes on; what was lost is admitted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from rensho import strict_json
from rensho.documents import Response
from rensho.merkle import EMPTY_ROOT
from rensho.verify import Material, verify

from services.attestation.actions import epochs, guard_file, sequencing
from services.attestation.app import SequencerRefused
from services.attestation.rules.guard import Head
from services.attestation.store import metadata
from services.attestation.tasks.sequencer import keys_of
from services.attestation.tasks.succession import freeze, succeed
from services.kit import clock, keyfiles
from services.kit.db import new_id
from tests.attestation.site import Relation, Site, relation
from tests.attestation.succeeding import ANYBODY, NEXT, logged, taken, work


@pytest.fixture
def here(site: Site) -> Relation:
    return relation(site)


STEPS = ("asked", "drained", "ended", "keys", "guard", "begun", "first head")


@pytest.mark.parametrize("last", STEPS)
def test_a_crash_after_any_step_of_a_succession_is_gone_on_from(
    site: Site, here: Relation, last: str
) -> None:
    response = Response(str(new_id()), 1)
    assert site.submit(here.respondent, here.maker(response=response).make()).status_code == 202
    site.sequencer.step(lambda tx: sequencing.promise(tx, site.sequencer.keys))
    _succeed_until(site, last)
    # The sequencer that is started again in the middle does no harm.
    work(site)
    freeze(site.settings) if last in STEPS[:2] else None
    if last not in ("begun", "first head"):
        assert succeed(site.settings).origin == NEXT
    work(site)
    assert site.sql("SELECT count(*) FROM attestation.epoch") == [(2,)]
    verdict = verify(Material(taken(here, response)), site.trust, ANYBODY, site.now)
    assert (verdict.status, verdict.codes) == ("VALID", ())
    assert site.damage() == []


def _succeed_until(site: Site, last: str) -> None:
    def begin(tx: Any) -> None:
        keys = keys_of(site.settings, 1)
        old = keys_of(site.settings, 0).log
        epochs.begin_next(tx, old, keys, clock.now(), demo=True)

    def first_head() -> None:
        sequencer = site.new_sequencer()
        head = sequencer.step(lambda tx: sequencing.next_head(tx, sequencer.keys, clock.now()))
        assert head is not None
        guard_file.write(sequencer.guard, head)
        sequencer.step(lambda tx: sequencing.sign_head(tx, sequencer.keys, head, clock.now()))

    def drain() -> None:
        site.sequencer.step(sequencing.append)
        head = site.sequencer.step(
            lambda tx: sequencing.next_head(tx, site.sequencer.keys, clock.now())
        )
        assert head is not None
        guard_file.write(site.sequencer.guard, head)

    do: dict[str, Callable[[], object]] = {
        "asked": lambda: site.sequencer.step(lambda tx: epochs.ask_freeze(tx, clock.now())),
        "drained": drain,
        "ended": lambda: freeze(site.settings),
        "keys": lambda: keyfiles.init_log(site.settings, 1),
        "guard": lambda: guard_file.write(site.settings.guard, Head(NEXT, 0, EMPTY_ROOT)),
        "begun": lambda: site.sequencer.step(begin),
        "first head": first_head,
    }
    for name in STEPS[: STEPS.index(last) + 1]:
        do[name]()


def test_of_a_succession_that_breaks_nothing_is_there(site: Site) -> None:
    site.enrolled()
    freeze(site.settings)
    keyfiles.init_log(site.settings, 1)

    class _Crash(Exception):
        pass

    def broken(tx: Any) -> None:
        keys = keys_of(site.settings, 1)
        epochs.begin_next(tx, keys_of(site.settings, 0).log, keys, clock.now(), demo=True)
        raise _Crash

    with pytest.raises(_Crash):
        site.sequencer.step(broken)
    assert site.sql("SELECT count(*) FROM attestation.epoch") == [(1,)]
    assert succeed(site.settings).origin == NEXT
    assert site.damage() == []


def test_another_key_than_the_old_logs_names_no_successor(site: Site) -> None:
    site.enrolled()
    freeze(site.settings)
    keyfiles.init_log(site.settings, 1)
    keys = keys_of(site.settings, 1)
    with pytest.raises(SequencerRefused) as why:
        site.sequencer.step(
            lambda tx: epochs.begin_next(tx, keys.log, keys, clock.now(), demo=True)
        )
    assert why.value.code == "log.other_key"


def test_a_clock_that_went_back_begins_no_log(site: Site) -> None:
    site.enrolled()
    freeze(site.settings)
    clock.configure("-86400")
    try:
        with pytest.raises(SequencerRefused) as why:
            succeed(site.settings)
    finally:
        clock.configure(None)
    assert why.value.code == "clock"
    assert succeed(site.settings).origin == NEXT


def test_a_restored_backup_ends_its_log_and_begins_the_next(site: Site, here: Relation) -> None:
    response, lost = Response(str(new_id()), 1), Response(str(new_id()), 1)
    logged(here, response)
    backup = _backup(site)
    logged(here, lost)
    signed = guard_file.read(site.settings.guard)
    _restore(site, backup)
    with pytest.raises(SequencerRefused) as why:
        site.new_sequencer().start()
    assert why.value.code == "guard.older_database"
    with pytest.raises(SequencerRefused) as not_ended:
        succeed(site.settings)
    assert not_ended.value.code == "log.not_ended"
    assert succeed(site.settings, after_loss=True).origin == NEXT
    work(site)
    verdict = verify(Material(taken(here, response)), site.trust, ANYBODY, site.now)
    assert (verdict.status, verdict.codes) == ("VALID", ())
    ((admitted,),) = site.sql("SELECT lost FROM attestation.epoch_end")
    assert signed is not None
    assert strict_json.loads(admitted)["size"] == signed.size
    # What was lost is handed in again; the same statements, now in the next log.
    logged(here, Response(lost.id, 1))
    assert taken(here, lost)
    assert site.damage() == []


def test_leaves_under_no_head_wait_for_the_next_log(site: Site, here: Relation) -> None:
    response = Response(str(new_id()), 1)
    assert site.submit(here.respondent, here.maker(response=response).make()).status_code == 202
    site.sequencer.step(lambda tx: sequencing.promise(tx, site.sequencer.keys))
    size = site.anchor.size
    site.sequencer.step(sequencing.append)
    site.settings.guard.unlink()
    with pytest.raises(SequencerRefused, match=r"guard\.missing"):
        site.new_sequencer().start()
    assert succeed(site.settings, after_loss=True).cut_off == 1
    assert site.sql('SELECT max("index") FROM attestation.leaf WHERE epoch = 0') == [(size - 1,)]
    work(site)
    verdict = verify(Material(taken(here, response)), site.trust, ANYBODY, site.now)
    assert (verdict.status, verdict.codes) == ("VALID", ())
    assert site.damage() == []


def test_a_database_older_than_its_next_log_begins_no_third(site: Site) -> None:
    site.enrolled()
    freeze(site.settings)
    backup = _backup(site)
    succeed(site.settings)
    work(site)
    _restore(site, backup)
    for after_loss in (False, True):
        with pytest.raises(SequencerRefused) as why:
            succeed(site.settings, after_loss=after_loss)
        assert why.value.code == "guard.older_database"


def _backup(site: Site) -> list[str]:
    """Copy every table of the service; return their names."""
    names = sorted(metadata.tables)
    for name in names:
        copied = name.replace("attestation.", "public.copy_of_")
        site.sql(f"DROP TABLE IF EXISTS {copied}")
        site.sql(f"CREATE TABLE {copied} AS SELECT * FROM {name}")
    return names


def _restore(site: Site, names: list[str]) -> None:
    """Put the tables back as they were; the guard file is outside and stays as it is."""
    site.sql(
        "SET session_replication_role = replica;"
        + "".join(f"DELETE FROM {name};" for name in names)
        + "".join(
            f"INSERT INTO {name} OVERRIDING SYSTEM VALUE"
            f" SELECT * FROM {name.replace('attestation.', 'public.copy_of_')};"
            for name in names
        )
    )
