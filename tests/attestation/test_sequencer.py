"""A crash between any two steps, a flipped bit, a second sequencer, an old copy of the database."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from rensho import checkpoint
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.attestation.actions import guard_file, sequencing
from services.attestation.actions.key_events import state_changes
from services.attestation.actions.publishing import publish
from services.attestation.app import SequencerRefused, run_sequencer
from services.attestation.rules.guard import Head
from services.attestation.store import log
from services.attestation.tasks.sequencer import Sequencer, exclusive
from services.kit import clock
from tests.attestation.site import Site, relation
from tests.factories.attestation import Firm, Made, OrganizationEnrolled, event

STEPS = ("state_changes", "promise", "append", "next_head", "guard", "sign_head", "publish")


def _run_until(sequencer: Sequencer, last: str) -> None:
    """Run the steps one by one and stop after `last`, as if the process died there."""
    head: Head | None = None

    def find_head(tx: Any) -> None:
        nonlocal head
        head = sequencing.next_head(tx, sequencer.keys, clock.now())

    def sign(tx: Any) -> None:
        if head is not None:
            sequencing.sign_head(tx, sequencer.keys, head, clock.now())

    in_transactions: dict[str, Callable[[Any], Any]] = {
        "state_changes": lambda tx: state_changes(tx, sequencer.keys),
        "promise": lambda tx: sequencing.promise(tx, sequencer.keys),
        "append": sequencing.append,
        "next_head": find_head,
        "sign_head": sign,
        "publish": publish,
    }
    for name in STEPS[: STEPS.index(last) + 1]:
        if name == "guard":
            if head is not None:
                guard_file.write(sequencer.guard, head)
        else:
            sequencer.step(in_transactions[name])


def _acknowledged(site: Site) -> tuple[Made, Firm, Firm]:
    """A response and a key, both acknowledged, neither seen by the sequencer."""
    here = relation(site)
    made = here.maker().make()
    assert site.submit(here.respondent, made).status_code == 202
    newcomer = Firm()
    site.hear(event(OrganizationEnrolled, org_id=str(newcomer.org)))
    site.enrol_key(newcomer)
    return made, here.respondent, newcomer


def _nothing_is_lost(site: Site, made: Made, respondent: Firm, newcomer: Firm) -> None:
    for statement_id in made.ids:
        assert site.get(f"/statements/{statement_id}/bundle", respondent.org).status_code == 200
    assert site.get("/keys", newcomer.org).json()["items"][0]["state"] == "enrolled"
    indexes = site.sql('SELECT "index" FROM attestation.leaf ORDER BY 1')
    assert [row[0] for row in indexes] == list(range(len(indexes)))
    said = [one["statement_id"] for one in site.said("statement.recorded.v1")]
    assert len(said) == len(set(said)) == len(indexes)
    assert site.sql("SELECT count(*) FROM attestation.queue") == [(0,)]
    assert site.damage() == []


@pytest.mark.parametrize("last", STEPS)
def test_a_crash_after_any_step_loses_nothing(site: Site, last: str) -> None:
    made, respondent, newcomer = _acknowledged(site)
    _run_until(site.sequencer, last)
    assert site.damage() == []
    after = site.new_sequencer()
    after.start()
    while after.round():
        pass
    _nothing_is_lost(site, made, respondent, newcomer)


@pytest.mark.parametrize("last", STEPS)
def test_a_step_that_fails_leaves_what_was_before(site: Site, last: str) -> None:
    """The transaction of a step did its work and then broke: none of it is there."""
    made, respondent, newcomer = _acknowledged(site)
    before = STEPS[STEPS.index(last) - 1] if last != STEPS[0] else None
    if before is not None:
        _run_until(site.sequencer, before)

    class _Crash(Exception):
        pass

    def broken(tx: Any) -> None:
        match last:
            case "state_changes":
                assert state_changes(tx, site.sequencer.keys)
            case "promise":
                assert sequencing.promise(tx, site.sequencer.keys)
            case "append":
                assert sequencing.append(tx)
            case "next_head" | "guard":
                assert sequencing.next_head(tx, site.sequencer.keys, clock.now())
            case "sign_head":
                head = sequencing.next_head(tx, site.sequencer.keys, clock.now())
                assert head is not None
                sequencing.sign_head(tx, site.sequencer.keys, head, clock.now())
            case _:
                assert publish(tx)
        raise _Crash

    with pytest.raises(_Crash):
        site.sequencer.step(broken)
    assert site.damage() == []
    after = site.new_sequencer()
    after.start()
    while after.round():
        pass
    _nothing_is_lost(site, made, respondent, newcomer)


def test_the_guard_is_on_disk_before_the_head_is_signed(site: Site) -> None:
    _acknowledged(site)
    before = guard_file.read(site.settings.guard)
    _run_until(site.sequencer, "guard")
    after = guard_file.read(site.settings.guard)
    assert before is not None
    assert after is not None
    assert after.size > before.size
    assert site.sql("SELECT max(size) FROM attestation.checkpoint") == [(before.size,)]
    assert oct(site.settings.guard.stat().st_mode)[-3:] == "600"


FLIPS = {
    "leaf": """UPDATE attestation.leaf SET data = set_bit(data, 77, 1 - get_bit(data, 77))
        WHERE "index" = (SELECT max("index") FROM attestation.leaf)""",
    "node": """UPDATE attestation.node SET hash = set_bit(hash, 9, 1 - get_bit(hash, 9))
        WHERE level = 0 AND "index" = (SELECT max("index") FROM attestation.leaf)""",
    "node below": """UPDATE attestation.node SET hash = set_bit(hash, 9, 1 - get_bit(hash, 9))
        WHERE (level, "index") = (SELECT level, "index" FROM attestation.node
            WHERE "index" = 0 ORDER BY level DESC LIMIT 1)""",
    "payload": """UPDATE attestation.statement SET payload = set_bit(payload, 99,
        1 - get_bit(payload, 99)) WHERE statement_id = (SELECT statement_id
        FROM attestation.leaf ORDER BY "index" DESC LIMIT 1)""",
    "signature": """UPDATE attestation.statement SET signature = set_bit(signature, 99,
        1 - get_bit(signature, 99)) WHERE statement_id = (SELECT statement_id
        FROM attestation.leaf ORDER BY "index" DESC LIMIT 1)""",
    "checkpoint": """UPDATE attestation.checkpoint SET note = set_bit(note, 500,
        1 - get_bit(note, 500)) WHERE seq = (SELECT max(seq) FROM attestation.checkpoint)""",
    "a lost leaf": """DELETE FROM attestation.leaf
        WHERE "index" = (SELECT max("index") - 1 FROM attestation.leaf)""",
    "a lost node": """DELETE FROM attestation.node
        WHERE level = 0 AND "index" = (SELECT max("index") - 1 FROM attestation.leaf)""",
}


@pytest.mark.parametrize("what", FLIPS)
def test_a_bit_that_flips_before_signing_stops_the_sequencer(site: Site, what: str) -> None:
    made, respondent, _ = _acknowledged(site)
    _run_until(site.sequencer, "append")
    site.sql(FLIPS[what])
    heads = site.sql("SELECT count(*) FROM attestation.checkpoint")
    with pytest.raises(SequencerRefused, match=r"log\.corrupt"):
        site.sequencer.round()
    assert site.sql("SELECT count(*) FROM attestation.checkpoint") == heads
    assert site.get(f"/statements/{made.ids[0]}/bundle", respondent.org).status_code == 404
    assert site.damage() != []


def test_a_bit_that_flipped_below_a_signed_head_stops_the_next_start(site: Site) -> None:
    relation(site)
    site.sql("UPDATE attestation.leaf SET data = set_bit(data, 5, 1 - get_bit(data, 5))")
    with pytest.raises(SequencerRefused, match=r"guard\.forked|log\.corrupt"):
        site.new_sequencer().start()


def test_a_second_sequencer_is_turned_away(site: Site) -> None:
    with exclusive(site.settings), pytest.raises(SequencerRefused) as why:
        run_sequencer(site.settings, threading.Event())
    assert why.value.code == "busy"


def test_of_two_that_sign_the_same_number_one_fails(site: Site) -> None:
    """The lock failed us: two sequencers signed after the same head."""
    _acknowledged(site)
    _run_until(site.sequencer, "append")
    other = site.new_sequencer()
    mine = site.sequencer.step(
        lambda tx: sequencing.next_head(tx, site.sequencer.keys, clock.now())
    )
    assert mine is not None
    guard_file.write(other.guard, mine)
    other.step(lambda tx: sequencing.sign_head(tx, other.keys, mine, clock.now()))

    def sign_after_the_head_read_before(tx: Session) -> None:
        sequencing._sign(tx, site.sequencer.keys, mine, _newest_seq(site), clock.now())

    with pytest.raises(IntegrityError):
        site.sequencer.step(sign_after_the_head_read_before)
    assert site.damage() == []


def test_two_appends_cannot_take_the_same_index(site: Site) -> None:
    _acknowledged(site)
    _run_until(site.sequencer, "append")
    with pytest.raises(IntegrityError):
        site.sequencer.step(lambda tx: log.add_leaves(tx, 0, [(0, "ab" * 32, b"something else")]))


def test_a_restored_backup_refuses_to_sign(site: Site) -> None:
    here = relation(site)
    guard = site.settings.guard.read_bytes()
    site.submit(here.respondent, here.maker().make())
    site.sequencer.round()
    newer = site.settings.guard.read_bytes()
    assert newer != guard
    # The backup: everything after the guard's old head is gone.
    size = guard_file.read(site.settings.guard)
    assert size is not None
    old = site.sql("SELECT size FROM attestation.checkpoint ORDER BY seq DESC OFFSET 1 LIMIT 1")
    site.sql("DELETE FROM attestation.bundle")
    site.sql('DELETE FROM attestation.leaf WHERE "index" >= %s', old[0][0])
    site.sql("DELETE FROM attestation.checkpoint WHERE size > %s", old[0][0])
    with pytest.raises(SequencerRefused) as why:
        run_sequencer(site.settings, threading.Event())
    assert why.value.code == "guard.older_database"
    assert "older copy" in why.value.detail


def test_an_empty_database_does_not_begin_the_log_again(site: Site) -> None:
    relation(site)
    site.sql(
        "TRUNCATE attestation.leaf, attestation.node, attestation.checkpoint, attestation.epoch"
        " CASCADE"
    )
    with pytest.raises(SequencerRefused) as why:
        site.new_sequencer().start()
    assert why.value.code == "guard.older_database"


def test_a_lost_guard_is_for_a_person(site: Site) -> None:
    site.settings.guard.unlink()
    with pytest.raises(SequencerRefused) as why:
        site.new_sequencer().start()
    assert why.value.code == "guard.missing"


def test_other_keys_do_not_go_on_with_a_log(site: Site) -> None:
    sequencer = site.new_sequencer()
    other = Sequencer(
        db=sequencer.db,
        keys=sequencing.Keys(
            log=sequencer.keys.time,
            time=sequencer.keys.log,
            operator=sequencer.keys.operator,
            risk=sequencer.keys.risk,
        ),
        guard=sequencer.guard,
        origin=sequencer.origin,
        predicate_base=sequencer.predicate_base,
        demo=True,
    )
    with pytest.raises(SequencerRefused) as why:
        other.start()
    assert why.value.code == "log.other_key"


@pytest.mark.parametrize("offset", ["-86400", "-1"])
def test_a_clock_that_went_back_signs_nothing(site: Site, offset: str) -> None:
    _acknowledged(site)
    site.sequencer.step(lambda tx: sequencing.promise(tx, site.sequencer.keys))
    site.sequencer.step(sequencing.append)
    site.sql("UPDATE attestation.checkpoint SET signed_at = now() WHERE seq > 0")
    clock.configure(offset)
    try:
        with pytest.raises(SequencerRefused) as why:
            site.sequencer.round()
    finally:
        clock.configure(None)
    assert why.value.code == "clock"


def test_an_idle_log_says_once_an_hour_that_it_is_alive(site: Site) -> None:
    assert site.sequencer.round() == 0
    before = site.log.get("/checkpoint").content
    clock.configure("+3601")
    try:
        site.sequencer.round()
        after = site.log.get("/checkpoint").content
    finally:
        clock.configure(None)
    epoch = site.trust.deployments[0].epochs[0]
    heads = [
        checkpoint.open(note, site.trust.deployments[0].note_keys(epoch))
        for note in (before, after)
    ]
    assert heads[0].body == heads[1].body
    times = [head.cosigned_at[epoch.time_note_key] for head in heads]
    assert times[1] > times[0]
    assert site.damage() == []


def test_every_signed_head_is_said_as_it_was_signed(site: Site) -> None:
    site.enrolled()
    said = [(one["size"], one["root_hash"]) for one in site.said("checkpoint.signed.v1")]
    signed = site.sql("SELECT size, encode(root_hash, 'hex') FROM attestation.checkpoint")
    assert sorted(said) == sorted((size, root) for size, root in signed)
    assert said[0][0] == 0
    assert len(said) > 1


def test_the_process_sequences_until_it_is_told_to_stop(site: Site) -> None:
    here = relation(site)
    made = here.maker().make()
    stop = threading.Event()
    thread = threading.Thread(target=run_sequencer, args=(site.settings, stop))
    thread.start()
    try:
        place = site.submit(here.respondent, made).headers["location"]
        path = place.removeprefix("/attestation/v1")
        waited = threading.Event()
        for _ in range(100):
            if site.get(path, here.respondent.org).json()["state"] == "logged":
                break
            waited.wait(0.05)
    finally:
        stop.set()
        thread.join(10)
    assert site.get(path, here.respondent.org).json()["state"] == "logged"
    assert not thread.is_alive()
    assert site.damage() == []


def _newest_seq(site: Site) -> int:
    found: int = site.sql("SELECT max(seq) FROM attestation.checkpoint")[0][0]
    return found
