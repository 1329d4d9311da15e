"""At least once on the wire, once in effect: nothing lost, nothing done twice."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import jsonschema_rs
import psycopg
import pytest
from kombu.exceptions import OperationalError as BrokerAway
from sqlalchemy.orm import Session

from services.kit.db import Database, new_id
from services.kit.log import request_id
from services.kit.outbox import (
    LEASE,
    MAX_ATTEMPTS,
    Event,
    Relay,
    due_before,
    receive,
    remember_revocation,
    say,
)
from tests.kit.conftest import WORKER, Wire

Admin = psycopg.Connection[Any]
Tell = Callable[[], UUID]

pytestmark = pytest.mark.usefixtures("nothing_due")


@pytest.fixture
def relay(worker_db: Database, wire: Wire) -> Relay:
    return Relay({"identity": worker_db}, wire)


def lease_runs_out(admin: Admin) -> None:
    admin.execute("UPDATE identity.delivery SET next_attempt_at = now() WHERE effect_at IS NULL")


def _say_and_fail(tx: Session) -> None:
    say(tx, "code.issued.v1", code_id=new_id())
    raise RuntimeError


def nothing(_tx: Session, _event: Event) -> None:
    """Handle an event whose arrival is effect enough."""


def test_an_event_is_sent_once_and_done_when_it_had_its_effect(
    relay: Relay, wire: Wire, tell: Tell, worker_db: Database, admin: Admin
) -> None:
    told = tell()
    assert relay.backlog() == 1
    assert relay.pump() == 1
    assert relay.pump() == 0
    assert [e["id"] for e in wire.sent] == [str(told)]
    assert receive(worker_db, wire.sent[0], {"code.issued.v1": nothing})
    assert relay.backlog() == 0
    lease_runs_out(admin)
    assert relay.pump() == 0


def test_an_event_of_a_transaction_that_failed_is_never_sent(
    relay: Relay, wire: Wire, worker_db: Database
) -> None:
    with pytest.raises(RuntimeError), worker_db.begin(WORKER) as tx:
        _say_and_fail(tx)
    assert relay.pump() == 0
    assert wire.sent == []


def test_duplicates_on_the_wire_have_one_effect(
    relay: Relay, wire: Wire, tell: Tell, worker_db: Database
) -> None:
    tell()
    relay.pump()
    effects: list[str] = []

    def handle(_tx: Session, event: Event) -> None:
        effects.append(event["id"])

    def arrive(_: int) -> bool:
        return receive(worker_db, wire.sent[0], {"code.issued.v1": handle})

    with ThreadPoolExecutor(8) as pool:
        fresh = list(pool.map(arrive, range(16)))
    assert fresh.count(True) == 1
    assert len(effects) == 1


def test_what_is_being_handled_is_left_alone_and_other_subscribers_go_on(
    relay: Relay, wire: Wire, tell: Tell, worker_db: Database, admin: Admin
) -> None:
    tell()
    relay.pump()
    (sent,) = wire.sent
    again: list[object] = []

    def handle(_tx: Session, event: Event) -> None:
        again.append(receive(worker_db, sent, {"code.issued.v1": nothing}))
        for service in ("identity", "risk"):
            lock = "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 2))"
            row = admin.execute(lock, [f"{service} {event['id']}"]).fetchone()
            again.append(row and row[0])

    assert receive(worker_db, sent, {"code.issued.v1": handle})
    assert again == [False, False, True]


def test_who_commits_late_is_not_skipped(
    relay: Relay, wire: Wire, tell: Tell, worker_db: Database
) -> None:
    with worker_db.begin(WORKER) as slow:
        late = say(slow, "code.issued.v1", code_id=new_id())
        early = tell()
        assert late < early
        relay.pump()
        assert [e["id"] for e in wire.sent] == [str(early)]
    relay.pump()
    assert [e["id"] for e in wire.sent] == [str(early), str(late)]


def test_a_failed_receiver_is_tried_again_after_the_lease_and_not_before(
    relay: Relay, wire: Wire, tell: Tell, worker_db: Database, admin: Admin
) -> None:
    tell()
    relay.pump()

    def fails(_tx: Session, _event: Event) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        receive(worker_db, wire.sent[0], {"code.issued.v1": fails})
    assert relay.pump() == 0
    waits = admin.execute("SELECT next_attempt_at - now() FROM identity.delivery").fetchone()
    assert waits is not None
    assert timedelta(0) < waits[0] <= LEASE
    lease_runs_out(admin)
    assert relay.pump() == 1
    assert wire.sent[0] == wire.sent[1]
    assert receive(worker_db, wire.sent[1], {"code.issued.v1": nothing})


def test_each_try_waits_twice_as_long(relay: Relay, tell: Tell, admin: Admin) -> None:
    tell()
    waits = []
    for _ in range(3):
        lease_runs_out(admin)
        relay.pump()
        row = admin.execute("SELECT next_attempt_at - now() FROM identity.delivery").fetchone()
        assert row is not None
        waits.append(round(row[0] / LEASE))
    assert waits == [1, 2, 4]


def test_after_the_last_attempt_it_stays_visible_and_is_not_sent(
    relay: Relay, wire: Wire, tell: Tell, admin: Admin
) -> None:
    tell()
    admin.execute("UPDATE identity.delivery SET attempts = %s", [MAX_ATTEMPTS])
    assert relay.pump() == 0
    assert wire.sent == []
    assert relay.backlog() == 1


def test_a_broker_that_is_away_costs_no_attempt(
    tell: Tell, worker_db: Database, admin: Admin
) -> None:
    tell()

    def away(_subscriber: str, _event: Event) -> None:
        raise BrokerAway

    with pytest.raises(BrokerAway):
        Relay({"identity": worker_db}, away).pump()
    assert admin.execute("SELECT attempts FROM identity.delivery").fetchall() == [(0,)]


def test_a_running_relay_outlives_the_broker_and_is_woken_by_the_commit(
    tell: Tell, worker_db: Database
) -> None:
    arrived: list[str] = []
    up = threading.Event()
    tried = threading.Event()

    def send(_subscriber: str, event: Event) -> None:
        tried.set()
        if not up.is_set():
            raise BrokerAway
        arrived.append(event["id"])

    stop = threading.Event()
    thread = threading.Thread(target=Relay({"identity": worker_db}, send).run, args=[stop])
    thread.start()
    try:
        first = str(tell())
        assert tried.wait(5)
        up.set()
        _until(lambda: arrived == [first])
        second = str(tell())
        started = time.monotonic()
        _until(lambda: arrived == [first, second])
        assert time.monotonic() - started < 0.9, "it was not woken but looked by itself"
    finally:
        stop.set()
        thread.join(10)
    assert not thread.is_alive()


def _until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 5
    while not done():
        assert time.monotonic() < end, "did not happen within five seconds"
        time.sleep(0.01)


def test_two_relays_send_each_event_once(
    tell: Tell, worker_db: Database, own_settings: Any
) -> None:
    told = {str(tell()) for _ in range(40)}
    wires = [Wire(), Wire()]
    relays = [Relay({"identity": worker_db}, w) for w in wires]
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(lambda r: r.pump(), relays))
    sent = [e["id"] for w in wires for e in w.sent]
    assert sorted(sent) == sorted(told)


def test_an_event_that_breaks_its_contract_is_not_said(worker_db: Database) -> None:
    with pytest.raises(jsonschema_rs.ValidationError), worker_db.begin(WORKER) as tx:
        say(tx, "code.issued.v1", code_id="no uuid")


def test_an_event_nobody_agreed_on_is_not_said(worker_db: Database) -> None:
    with pytest.raises(FileNotFoundError), worker_db.begin(WORKER) as tx:
        say(tx, "bicycle.sold.v1")


def test_a_service_does_not_say_the_events_of_another(worker_db: Database) -> None:
    with pytest.raises(AssertionError), worker_db.begin(WORKER) as tx:
        say(tx, "snapshot.requested.v1", snapshot_id=new_id(), org_id=new_id())


def test_an_event_over_256_kib_is_not_said(worker_db: Database) -> None:
    many = [{"scheme": "lei", "value": "X" * 2000}] * 140
    with pytest.raises(ValueError, match="split it"), worker_db.begin(WORKER) as tx:
        say(
            tx,
            "organization.enrolled.v1",
            org_id=new_id(),
            name="架空工業株式会社",
            country="JP",
            identifiers=many,
            member_id=new_id(),
            invitation={"id": new_id(), "link_id": None, "inviter_org_id": None},
        )


def test_a_received_event_that_breaks_its_contract_has_no_effect(worker_db: Database) -> None:
    bad = {"id": str(new_id()), "type": "code.issued.v1", "code_id": "no uuid"}
    with pytest.raises(jsonschema_rs.ValidationError):
        receive(worker_db, bad, {"code.issued.v1": nothing})


def test_the_request_id_goes_with_the_event_to_its_handler(
    relay: Relay, wire: Wire, tell: Tell, worker_db: Database
) -> None:
    token = request_id.set("trace-of-a-test")
    tell()
    request_id.reset(token)
    relay.pump()
    seen: list[str] = []

    def look(_tx: Session, _event: Event) -> None:
        seen.append(request_id.get())

    receive(worker_db, wire.sent[0], {"code.issued.v1": look})
    assert seen == ["trace-of-a-test"]
    assert request_id.get() == "-"


def test_the_latest_revocation_counts_in_whatever_order_they_arrive(
    worker_db: Database, admin: Admin
) -> None:
    subject = f"urn:rensho:member:{new_id()}"
    for moment in ("2026-11-23T10:00:02Z", "2026-11-23T10:00:01Z"):
        with worker_db.begin(WORKER) as tx:
            remember_revocation(tx, {"subject": subject, "not_before": moment})
    kept = admin.execute(
        "SELECT not_before FROM identity.access_revoked WHERE subject = %s", [subject]
    ).fetchone()
    assert kept == (datetime(2026, 11, 23, 10, 0, 2, tzinfo=UTC),)


def test_readiness_sees_what_should_have_been_sent_long_ago(
    tell: Tell, worker_db: Database
) -> None:
    tell()
    now = datetime.now(UTC)
    assert due_before(now - timedelta(minutes=1), worker_db) == 0
    assert due_before(now + timedelta(minutes=1), worker_db) == 1
