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
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any
from uuid import UUID

import jsonschema
import psycopg
from sqlalchemy import Interval, Table, bindparam, func, text, update
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
_CHANNEL = "rensho_outbox"

Event = dict[str, Any]
Handler = Callable[[Session, Event], None]


@dataclass(frozen=True)
class EventContract:
    """One file of `contracts/events`: who says it, who hears it, what it looks like."""

    type: str
    producer: str
    consumers: tuple[str, ...]
    validator: jsonschema.protocols.Validator


@cache
def event_contract(event_type: str) -> EventContract:
    """Load the contract of one event type.

    Raises:
        FileNotFoundError: no such event is agreed.
    """
    schema = json.loads((CONTRACTS / "events" / f"{event_type}.json").read_bytes())
    validator = jsonschema.Draft202012Validator(
        schema, format_checker=jsonschema.Draft202012Validator.FORMAT_CHECKER
    )
    return EventContract(event_type, schema["x-producer"], tuple(schema["x-consumers"]), validator)


def say(tx: Session, event_type: str, **fields: Any) -> UUID:
    """Record in this transaction that something happened; the relay tells the subscribers.

    Raises:
        jsonschema.ValidationError: the event breaks its contract (a fault of ours).
        ValueError: the event is over 256 KiB.
    """
    contract = event_contract(event_type)
    plumbing: Plumbing = tx.info["plumbing"]
    assert contract.producer == plumbing.service, f"{plumbing.service} may not say {event_type}"
    event: Event = {
        "id": str(new_id()),
        "type": event_type,
        "at": clock.rfc3339(clock.now()),
        "trace": request_id.get(),
        **fields,
    }
    body = json.dumps(event, default=str, ensure_ascii=False)
    contract.validator.validate(json.loads(body))
    if len(body.encode()) > MAX_EVENT_BYTES:
        msg = f"{event_type} is over {MAX_EVENT_BYTES} bytes: split it"
        raise ValueError(msg)
    tx.execute(
        # One round trip: the event, a delivery for each subscriber, and the wake-up, which
        # PostgreSQL gives at commit, once per transaction; a missed one costs a second.
        text(
            f"WITH said AS (INSERT INTO {plumbing.service}.outbox (id, type, body)"  # noqa: S608
            " VALUES (CAST(:id AS uuid), :type, CAST(:body AS jsonb))), due AS"
            f" (INSERT INTO {plumbing.service}.delivery (event_id, subscriber)"
            " SELECT CAST(:id AS uuid), unnest(CAST(:subscribers AS text[])))"
            " SELECT pg_notify(:channel, '')"
        ),
        {
            "id": event["id"],
            "type": event_type,
            "body": body,
            "subscribers": list(contract.consumers),
            "channel": _CHANNEL,
        },
    )
    return UUID(event["id"])


def receive(db: Database, event: Event, handlers: Mapping[str, Handler]) -> bool:
    """Handle one event once: its id goes into the inbox in the transaction of its effect.

    Returns:
        False when the event had its effect before.
    """
    token = request_id.set(event.get("trace", "-"))
    try:
        event_contract(event["type"]).validator.validate(event)
        with db.begin(Actor(subject="urn:rensho:service:" + db.plumbing.service)) as tx:
            fresh = tx.execute(
                insert(db.plumbing.inbox)
                .values(event_id=event["id"])
                .on_conflict_do_nothing()
                .returning(db.plumbing.inbox.c.event_id)
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

    def pump(self) -> int:
        """Send what is due, once over all services. Returns how many events were sent."""
        return sum(self._pump(db) for db in self._databases.values())

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
        listeners: list[psycopg.Connection[Any]] = []
        while not stop.is_set():
            try:
                listeners = listeners or [_listen(db) for db in self._databases.values()]
                while self.pump() >= 1:
                    pass
                _wait(listeners)
            except Exception as why:  # noqa: BLE001 (database or broker away, each with its own kinds)
                # Nothing is lost: what was not committed is still due. Look again in a second.
                log.warning("relay could not work", error=repr(why))
                for listener in listeners:
                    listener.close()
                listeners = []
                stop.wait(1.0)
        for listener in listeners:
            listener.close()


def _one_delivery(delivery: Table) -> Any:
    return update(delivery).where(
        delivery.c.event_id == bindparam("e"), delivery.c.subscriber == bindparam("s")
    )


def _listen(db: Database) -> psycopg.Connection[Any]:
    url = db.url.set(drivername="postgresql").render_as_string(hide_password=False)
    connection = psycopg.connect(url, autocommit=True)
    connection.execute(f"LISTEN {_CHANNEL}")
    return connection


def _wait(listeners: list[psycopg.Connection[Any]]) -> None:
    ready, _, _ = select.select([c.fileno() for c in listeners], [], [], 1.0)
    for connection in listeners:
        if connection.fileno() in ready:
            for _ in connection.notifies(timeout=0):
                pass


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
