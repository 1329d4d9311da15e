"""`renshod fsck`: is every promise kept? The log from its bytes up, and every event its effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.kit.db import Actor, Database
from services.kit.outbox import MAX_ATTEMPTS, event_contract
from services.kit.settings import Settings
from services.parts import log_part

_ACTOR = Actor(subject="urn:rensho:fsck")
_CHUNK = 1_000


@dataclass(frozen=True)
class Found:
    """One piece of damage: which service, what kind, where, and what is wrong there."""

    service: str
    kind: str
    where: str
    what: str


@dataclass(frozen=True)
class Report:
    """What was looked at and what is wrong; `on_the_way` events wait for their effect, unharmed."""

    damage: tuple[Found, ...]
    events: int
    on_the_way: int

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return asdict(self)


def check(
    settings: Settings, databases: Mapping[str, Database], say: Callable[[str], None]
) -> Report:
    """Check everything once.

    Args:
        settings: by which the log's keys are found.
        databases: per service, its database as the worker role.
        say: told what is being looked at.

    Raises:
        sqlalchemy.exc.DBAPIError: a database is away or a table cannot be read.
    """
    say("the log")
    damage = [
        Found("attestation", one.table, str(one.row), one.what) for one in log_part().fsck(settings)
    ]
    events = waiting = 0
    for service in databases:
        say(f"the events of {service}")
        for found in _events(service, databases):
            events += 1
            waiting += found is _WAITING
            if isinstance(found, Found):
                damage.append(found)
    return Report(tuple(damage), events, waiting)


class _Waiting:
    """An event whose effect is still to come."""


_WAITING = _Waiting()


def _events(service: str, databases: Mapping[str, Database]) -> Iterator[Found | _Waiting | None]:
    """Yield, for each event a service ever said: damage, still waiting, or None for well."""
    db = databases[service]
    with db.begin(_ACTOR, read_only=True) as tx:
        for rows in _chunks(tx, service, db):
            ids = [row.id for row in rows]
            states = _deliveries(tx, db, ids)
            heard = {name: _heard(databases[name], ids) for name in databases}
            for row in rows:
                yield _judge(service, row, states, heard)


def _chunks(tx: Session, service: str, db: Database) -> Iterator[list[Any]]:
    outbox = db.plumbing.outbox
    assert service == db.plumbing.service
    last: UUID | None = None
    while True:
        query = select(outbox.c.id, outbox.c.type).order_by(outbox.c.id).limit(_CHUNK)
        rows = list(tx.execute(query if last is None else query.where(outbox.c.id > last)))
        if not rows:
            return
        yield rows
        last = rows[-1].id


def _deliveries(tx: Session, db: Database, ids: Iterable[UUID]) -> dict[tuple[UUID, str], Any]:
    table = db.plumbing.delivery
    rows = tx.execute(select(table).where(table.c.event_id.in_(ids)))
    return {(row.event_id, row.subscriber): row for row in rows}


def _heard(db: Database, ids: Iterable[UUID]) -> set[UUID]:
    inbox = db.plumbing.inbox
    with db.begin(_ACTOR, read_only=True) as tx:
        return set(tx.scalars(select(inbox.c.event_id).where(inbox.c.event_id.in_(ids))))


def _judge(
    service: str,
    row: Any,
    deliveries: Mapping[tuple[UUID, str], Any],
    heard: Mapping[str, set[UUID]],
) -> Found | _Waiting | None:
    waiting = False
    for subscriber in event_contract(row.type).consumers:
        where = f"event {row.id} ({row.type}) for {subscriber}"
        delivery = deliveries.get((row.id, subscriber))
        effect = row.id in heard.get(subscriber, set())
        if delivery is None:
            return Found(service, "no-delivery", where, "said, but nobody was to be told")
        if delivery.effect_at is not None and not effect:
            return Found(service, "lost-effect", where, "marked done, but not in the inbox")
        if not effect and delivery.attempts >= MAX_ATTEMPTS:
            return Found(
                service, "given-up", where, f"no effect after {delivery.attempts} attempts"
            )
        waiting = waiting or not effect
    return _WAITING if waiting else None
