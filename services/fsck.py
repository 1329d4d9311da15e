"""`renshod fsck`: is every promise kept? All evidence from its bytes up, every event its effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

import jsonschema_rs
from sqlalchemy import select
from sqlalchemy.orm import Session

from services import parts
from services.kit.db import Actor, Database
from services.kit.outbox import MAX_ATTEMPTS, event_contract
from services.kit.settings import Settings

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
    rows: int
    events: int
    on_the_way: int

    def as_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return asdict(self)

    def lines(self) -> Iterator[str]:
        """Yield the report as people read it."""
        for found in self.damage:
            yield f"damage in {found.service}: {found.kind} at {found.where}: {found.what}"
        yield (
            f"{self.rows} rows and {self.events} events looked at, "
            f"{self.on_the_way} events still on their way, {len(self.damage)} damaged"
        )


def check(
    settings: Settings, databases: Mapping[str, Database], say: Callable[[str], None]
) -> Report:
    """Check everything once; the system may go on working meanwhile.

    Args:
        settings: by which the log's keys are found.
        databases: per service, its database as the worker role.
        say: told what is being looked at, and how far that is.

    Raises:
        services.kit.problems.Unavailable: there is no log yet.
        sqlalchemy.exc.DBAPIError: a database is away or a table cannot be read.
    """
    rows = 0
    damage: list[Found] = []
    for service in databases:

        def seen(more: int, service: str = service) -> None:
            nonlocal rows
            rows += more
            say(f"the evidence of {service}: {rows:,} rows")

        say(f"the evidence of {service}")
        damage += [
            Found(service, one.table, one.row, one.what)
            for one in parts.fsck(service, settings, seen)
        ]
    events = waiting = 0
    for service in databases:
        say(f"the events of {service}")
        for found in _events(service, databases):
            events += 1
            waiting += found is _WAITING
            if isinstance(found, Found):
                damage.append(found)
        damage += _unsaid(databases[service])
    return Report(tuple(damage), rows, events, waiting)


class _Waiting:
    """An event whose effect is still to come."""


_WAITING = _Waiting()


def _events(service: str, databases: Mapping[str, Database]) -> Iterator[Found | _Waiting | None]:
    """Yield, for each event a service ever said: damage, still waiting, or None for well."""
    for rows, states in _pages(databases[service]):
        ids = [row.id for row in rows]
        heard = {name: _heard(databases[name], ids) for name in databases}
        for row in rows:
            yield _altered(service, row) or _judge(service, row, states, heard)


def _pages(db: Database) -> Iterator[tuple[list[Any], dict[tuple[UUID, str], Any]]]:
    """Yield events with their deliveries; no transaction is held while they are looked at."""
    outbox = db.plumbing.outbox
    last: UUID | None = None
    while True:
        query = select(outbox.c.id, outbox.c.type, outbox.c.body).order_by(outbox.c.id)
        query = query.limit(_CHUNK)
        with db.begin(_ACTOR, read_only=True) as tx:
            rows = list(tx.execute(query if last is None else query.where(outbox.c.id > last)))
            states = _deliveries(tx, db, [row.id for row in rows])
        if not rows:
            return
        yield rows, states
        last = rows[-1].id


def _altered(service: str, row: Any) -> Found | None:
    """Whether the event is one that could have been said: it keeps its contract, by its name."""
    try:
        contract = event_contract(row.type)
        contract.validator.validate(row.body)
    except FileNotFoundError:
        return Found(service, "outbox", str(row.id), f"there is no event {row.type[:80]!r}")
    except jsonschema_rs.ValidationError as why:
        return Found(service, "outbox", str(row.id), f"it breaks its contract: {why.message[:200]}")
    if (row.body["id"], row.body["type"]) != (str(row.id), row.type):
        return Found(service, "outbox", str(row.id), "id or type is not that of the event")
    return None


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


def _unsaid(db: Database) -> Iterator[Found]:
    """Deliveries of events that are not in the outbox: nothing could ever be sent."""
    delivery, outbox = db.plumbing.delivery, db.plumbing.outbox
    there = select(outbox.c.id).where(outbox.c.id == delivery.c.event_id).exists()
    with db.begin(_ACTOR, read_only=True) as tx:
        for row in tx.execute(select(delivery).where(~there)):
            where = f"{row.event_id}/{row.subscriber}"
            yield Found(db.plumbing.service, "delivery", where, "its event is missing")
