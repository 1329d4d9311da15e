"""Facts leave a service through its outbox and enter another through its inbox.

`say` writes the event in the transaction that made it true; the relay sends it; the receiver
notes the event id in the transaction of its effect: at least once on the wire, once in effect.
A delivery is done when the subscriber's inbox holds the event, so a lost message, a killed worker
or a forgetful broker costs one lease and nothing else.
"""

from __future__ import annotations

import json
import select
import threading
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema_rs
import psycopg
from sqlalchemy import Interval, Table, Uuid, bindparam, cast, func, text, update
from sqlalchemy import select as sql
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.kit import clock
from services.kit.db import Actor, Database, Plumbing, new_id
from services.kit.log import log, request_id

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts"
LEASE = timedelta(seconds=10)
MAX_ATTEMPTS = 20
MAX_EVENT_BYTES = 256 * 1024
_BATCH = 200

Event = dict[str, Any]
Handler = Callable[[Session, Event], None]
Listeners = dict[str, psycopg.Connection[Any]]


@dataclass(frozen=True)
class EventContract:
    """One file of `contracts/events`: who says it, who hears it, what it looks like."""

    type: str
    producer: str
    consumers: tuple[str, ...]
    validator: jsonschema_rs.Draft202012Validator


@cache
def event_contract(event_type: str) -> EventContract:
    """Load the contract of one event type.

    Raises:
        FileNotFoundError: no such event is agreed.
    """
    schema = json.loads((CONTRACTS / "events" / f"{event_type}.json").read_bytes())
    validator = jsonschema_rs.Draft202012Validator(schema, validate_formats=True)
    return EventContract(event_type, schema["x-producer"], tuple(schema["x-consumers"]), validator)


def say(tx: Session, event_type: str, **fields: Any) -> UUID:
    """Record in this transaction that something happened; the relay tells the subscribers.

    Raises:
        jsonschema_rs.ValidationError: the event breaks its contract (a fault of ours).
        ValueError: the event is over 256 KiB.
    """
    return say_many(tx, event_type, [fields])[0]


def say_many(tx: Session, event_type: str, events: Iterable[Mapping[str, Any]]) -> list[UUID]:
    """As `say`, for many events of one type in one round trip; raises the same."""
    contract = event_contract(event_type)
    plumbing: Plumbing = tx.info["plumbing"]
    assert contract.producer == plumbing.service, f"{plumbing.service} may not say {event_type}"
    bodies: dict[UUID, str] = {}
    for fields in events:
        event_id = new_id()
        bodies[event_id] = _body(contract, event_id, fields)
    if not bodies:
        return []
    tx.execute(
        # The events, a delivery of each for each subscriber, and the wake-up, which PostgreSQL
        # gives at commit, once per transaction; a missed one costs a second.
        text(
            # One JSON array and no array of texts: the driver would escape each text by itself.
            "WITH event AS (SELECT CAST(body ->> 'id' AS uuid) AS id, body"  # noqa: S608
            " FROM jsonb_array_elements(CAST(:bodies AS jsonb)) AS body),"
            f" said AS (INSERT INTO {plumbing.service}.outbox (id, type, body)"
            " SELECT id, :type, body FROM event), due AS"
            f" (INSERT INTO {plumbing.service}.delivery (event_id, subscriber)"
            " SELECT id, subscriber FROM event,"
            " unnest(CAST(:subscribers AS text[])) AS subscriber)"
            " SELECT pg_notify(:channel, '')"
        ),
        {
            "bodies": f"[{','.join(bodies.values())}]",
            "type": event_type,
            "subscribers": list(contract.consumers),
            "channel": _channel(plumbing.service),
        },
    )
    return list(bodies)


def _body(contract: EventContract, event_id: UUID, fields: Mapping[str, Any]) -> str:
    event: Event = {
        "id": str(event_id),
        "type": contract.type,
        "at": clock.rfc3339(clock.now()),
        "trace": request_id.get(),
        **fields,
    }
    body = json.dumps(event, default=str, ensure_ascii=False)
    contract.validator.validate(json.loads(body))
    if len(body.encode()) > MAX_EVENT_BYTES:
        msg = f"{contract.type} is over {MAX_EVENT_BYTES} bytes: split it"
        raise ValueError(msg)
    return body


def receive(db: Database, event: Event, handlers: Mapping[str, Handler]) -> bool:
    """Handle one event once: its id goes into the inbox in the transaction of its effect.

    Returns:
        False when the event had its effect before, or is having it now elsewhere: work that takes
        longer than a lease is sent again, and nobody has to wait for it.
    """
    token = request_id.set(event.get("trace", "-"))
    try:
        event_contract(event["type"]).validator.validate(event)
        with db.begin(Actor(subject="urn:rensho:service:" + db.plumbing.service)) as tx:
            inbox = db.plumbing.inbox
            # Its subscribers share one database: each has a lock of its own on the event.
            name = f"{db.plumbing.service} {event['id']}"
            mine = sql(cast(event["id"], Uuid)).where(
                func.pg_try_advisory_xact_lock(func.hashtextextended(name, 2))
            )
            fresh = tx.execute(
                insert(inbox)
                .from_select(["event_id"], mine)
                .on_conflict_do_nothing()
                .returning(inbox.c.event_id)
            ).first()
            if fresh is None:
                return False
            handlers[event["type"]](tx, event)
        return True
    finally:
        request_id.reset(token)


def remember_revocation(tx: Session, event: Event) -> None:
    """Handle `access.revoked.v1`: from now on the opening statement refuses the subject."""
    revoked: Table = tx.info["plumbing"].access_revoked
    statement = insert(revoked).values(subject=event["subject"], not_before=event["not_before"])
    tx.execute(
        statement.on_conflict_do_update(
            index_elements=["subject"],
            set_={"not_before": func.greatest(revoked.c.not_before, statement.excluded.not_before)},
        )
    )


Send = Callable[[str, Event], None]


class Relay:
    """Takes due deliveries of every service to their subscribers, and notices their effect."""

    def __init__(self, databases: Mapping[str, Database], send: Send) -> None:
        """Make a relay.

        Args:
            databases: per service, its database as the worker role.
            send: hands one event to one subscriber's queue; raises if the broker is away.
        """
        self._databases = databases
        self._send = send

    def pump(self, services: Collection[str] | None = None) -> int:
        """Send what is due, once over these services or all. Returns how many events were sent."""
        return sum(self._pump(self._databases[name]) for name in services or self._databases)

    def _pump(self, db: Database) -> int:
        delivery, outbox = db.plumbing.delivery, db.plumbing.outbox
        with db.begin(Actor(subject="urn:rensho:relay")) as tx:
            # Claim by state, never by "id greater than the last": ids are taken at insert, not at
            # commit, and such a reader skips what commits late.
            due = tx.execute(
                sql(delivery.c.event_id, delivery.c.subscriber, delivery.c.attempts, outbox.c.body)
                .join(outbox, outbox.c.id == delivery.c.event_id)
                .where(
                    delivery.c.effect_at.is_(None),
                    delivery.c.next_attempt_at <= func.now(),
                    delivery.c.attempts < MAX_ATTEMPTS,
                )
                .order_by(delivery.c.next_attempt_at, delivery.c.event_id)
                .limit(_BATCH)
                .with_for_update(skip_locked=True, of=delivery)
            ).all()
            done = self._effects(due)
            unsent = [row for row in due if (row.event_id, row.subscriber) not in done]
            self._mark_done(tx, delivery, done)
            # Mark first, send after, commit last: a crash here sends again and the inbox absorbs
            # the double; the reverse order would lose the event.
            self._mark_sent(tx, delivery, unsent)
            for row in unsent:
                self._send(row.subscriber, row.body)
        return len(unsent)

    def _effects(self, rows: Any) -> set[tuple[UUID, str]]:
        """Which of the deliveries tried before had their effect meanwhile."""
        tried: dict[str, list[UUID]] = {}
        for row in rows:
            if row.attempts:
                tried.setdefault(row.subscriber, []).append(row.event_id)
        return {
            (event_id, subscriber)
            for subscriber, ids in tried.items()
            for event_id in self._in_inbox(subscriber, ids)
        }

    def _in_inbox(self, subscriber: str, ids: list[UUID]) -> list[UUID]:
        db = self._databases[subscriber]
        inbox = db.plumbing.inbox
        with db.begin(Actor(subject="urn:rensho:relay"), read_only=True) as tx:
            return list(tx.scalars(sql(inbox.c.event_id).where(inbox.c.event_id.in_(ids))))

    @staticmethod
    def _mark_done(tx: Session, delivery: Table, done: set[tuple[UUID, str]]) -> None:
        if done:
            tx.execute(
                _one_delivery(delivery).values(effect_at=func.now()),
                [{"e": event_id, "s": subscriber} for event_id, subscriber in done],
            )

    @staticmethod
    def _mark_sent(tx: Session, delivery: Table, rows: Any) -> None:
        if rows:
            tx.execute(
                _one_delivery(delivery).values(
                    attempts=delivery.c.attempts + 1,
                    next_attempt_at=func.now() + bindparam("lease", type_=Interval),
                ),
                [
                    {"e": r.event_id, "s": r.subscriber, "lease": LEASE * min(2**r.attempts, 360)}
                    for r in rows
                ],
            )

    def backlog(self) -> int:
        """How many deliveries of all services have no known effect yet; looks before it counts."""
        return sum(self._unfinished(db) for db in self._databases.values())

    def _unfinished(self, db: Database) -> int:
        delivery = db.plumbing.delivery
        with db.begin(Actor(subject="urn:rensho:relay")) as tx:
            rows = tx.execute(
                sql(delivery.c.event_id, delivery.c.subscriber, delivery.c.attempts).where(
                    delivery.c.effect_at.is_(None)
                )
            ).all()
            done = self._effects(rows)
            self._mark_done(tx, delivery, done)
        return len(rows) - len(done)

    def run(self, stop: threading.Event) -> None:
        """Pump until told to stop; woken by NOTIFY, at the latest after a second."""
        listeners: Listeners = {}
        woken: Collection[str] = ()
        while not stop.is_set():
            try:
                listeners = listeners or _listen(self._databases)
                while self.pump(woken) >= 1:
                    pass
                woken = _wait(listeners)
            except Exception as why:  # noqa: BLE001 (database or broker away, each with its own kinds)
                # Nothing is lost: what was not committed is still due. Look again in a second.
                log.warning("relay could not work", error=repr(why))
                _close(listeners)
                listeners, woken = {}, ()
                stop.wait(1.0)
        _close(listeners)


def _one_delivery(delivery: Table) -> Any:
    return update(delivery).where(
        delivery.c.event_id == bindparam("e"), delivery.c.subscriber == bindparam("s")
    )


def _channel(service: str) -> str:
    return f"{service}_outbox"


def _listen(databases: Mapping[str, Database]) -> Listeners:
    listeners = {}
    for service, db in databases.items():
        url = db.url.set(drivername="postgresql").render_as_string(hide_password=False)
        listeners[service] = psycopg.connect(url, autocommit=True)
        listeners[service].execute(f"LISTEN {_channel(service)}")
    return listeners


def _wait(listeners: Listeners) -> Collection[str]:
    """Return the services that said something; none (so all are looked at) after a second."""
    ready, _, _ = select.select(list(listeners.values()), [], [], 1.0)
    woken = [service for service, connection in listeners.items() if connection in ready]
    for service in woken:
        for _ in listeners[service].notifies(timeout=0):
            pass
    return woken


def _close(listeners: Listeners) -> None:
    for connection in listeners.values():
        connection.close()


def due_before(moment: datetime, db: Database) -> int:
    """How many deliveries should have been tried before `moment` and were not (readiness)."""
    delivery = db.plumbing.delivery
    with db.begin(Actor(subject="urn:rensho:relay"), read_only=True) as tx:
        return (
            tx.scalar(
                sql(func.count())
                .select_from(delivery)
                .where(delivery.c.effect_at.is_(None), delivery.c.next_attempt_at < moment)
            )
            or 0
        )
