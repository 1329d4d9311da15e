"""`renshod replay-events`: give recorded events their effect at a consumer that lacks them."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import select

from services.kit.db import Actor, Database
from services.kit.log import log
from services.kit.outbox import Event, Handler, event_contract, receive
from services.kit.settings import Settings
from services.parts import part

_ACTOR = Actor(subject="urn:rensho:replay")
_CHUNK = 500


@dataclass(frozen=True)
class Replayed:
    """How many events were told to the consumer: `effects` had one now, `before` had had it.

    `failed` names events whose handler failed, with why; they stay without effect.
    """

    effects: int
    before: int
    failed: tuple[str, ...]

    def lines(self, consumer: str) -> Iterator[str]:
        """Yield it as people read it."""
        yield f"{consumer}: {self.effects} events had their effect now, {self.before} before"
        for one in self.failed:
            yield f"failed: {one}"


def replay(
    settings: Settings,
    databases: Mapping[str, Database],
    consumer: str,
    say: Callable[[str], None] = lambda _: None,
) -> Replayed:
    """Tell a consumer every event it was ever told, in the order they were said.

    What its inbox holds had its effect and is skipped, so this is safe to repeat and to run beside
    relay and workers: each event is handled in the transaction that notes it, as ever. An event
    that fails may have waited for another: it is told again after the others, for as long as that
    gets any of them through.

    Args:
        settings: by which the consumer's handlers are made.
        databases: per service, its database as the worker role.
        consumer: one of the services.
        say: told how far it is.
    """
    handlers = part(consumer).handlers(settings)
    effects = before = 0
    waiting: list[tuple[str, UUID]] = []
    for number, (event, producer) in enumerate(_in_order(databases, consumer), start=1):
        if number % _CHUNK == 0:
            say(f"{number} events told to {consumer}")
        try:
            fresh = receive(databases[consumer], event, handlers)
        except Exception as why:  # noqa: BLE001 (one event that fails must not hold up the rest)
            log.warning("told once more later", id=event["id"], type=event["type"], why=repr(why))
            waiting.append((producer, UUID(event["id"])))
            continue
        effects += fresh
        before += not fresh
    while waiting:
        left = {one: _failure(databases, consumer, handlers, one) for one in waiting}
        failed = {one: problem for one, problem in left.items() if problem}
        effects += len(waiting) - len(failed)
        if len(failed) == len(waiting):
            return Replayed(effects, before, tuple(failed.values()))
        waiting = list(failed)
    return Replayed(effects, before, ())


def _failure(
    databases: Mapping[str, Database],
    consumer: str,
    handlers: Mapping[str, Handler],
    waiting: tuple[str, UUID],
) -> str | None:
    """Tell one event once more; return what went wrong, None for nothing."""
    producer, event_id = waiting
    outbox = databases[producer].plumbing.outbox
    with databases[producer].begin(_ACTOR, read_only=True) as tx:
        event: Event = tx.execute(select(outbox.c.body).where(outbox.c.id == event_id)).scalar_one()
    try:
        receive(databases[consumer], event, handlers)
    except Exception as why:  # noqa: BLE001 (reported by name, the others go on)
        return f"{event_id} ({event['type']}): {why!r}"
    return None


def _in_order(databases: Mapping[str, Database], consumer: str) -> Iterator[tuple[Event, str]]:
    """Yield every event for the consumer, of all producers, by id: UUIDv7 sorts by time."""
    said = (_said_by(producer, db, consumer) for producer, db in databases.items())
    for _, producer, event in heapq.merge(*said, key=lambda one: one[0]):
        yield event, producer


def _said_by(producer: str, db: Database, consumer: str) -> Iterator[tuple[UUID, str, Event]]:
    outbox = db.plumbing.outbox
    last: UUID | None = None
    while True:
        query = select(outbox.c.id, outbox.c.type, outbox.c.body).order_by(outbox.c.id)
        # A transaction per page: replaying may take longer than one should live.
        with db.begin(_ACTOR, read_only=True) as tx:
            rows: list[Any] = list(
                tx.execute(
                    query.limit(_CHUNK)
                    if last is None
                    else query.where(outbox.c.id > last).limit(_CHUNK)
                )
            )
        for row in rows:
            if consumer in event_contract(row.type).consumers:
                yield row.id, producer, row.body
        if len(rows) < _CHUNK:
            return
        last = rows[-1].id
