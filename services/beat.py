"""The beat: work that is due by the clock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from datetime import time as time_of_day

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from services.kit import clock
from services.kit.db import Actor, Database
from services.kit.log import log
from services.kit.settings import Settings
from services.parts import ticks

_LOCK = 7_201_128


def run_beat(settings: Settings, opened: Mapping[str, Database], stop: threading.Event) -> None:
    """Run each service's ticks when due: work that says which service, at what time, is its own.

    The work is idempotent, so two beats, or one that was away at the hour, do no harm.
    """
    work = {
        (service, name): tick
        for service in opened
        for name, tick in ticks(service, settings).items()
    }
    due = {key: _first_due(when, clock.now()) for key, (when, _) in work.items()}
    while not stop.wait(0.5):
        now = clock.now()
        for key in [key for key, moment in due.items() if moment <= now]:
            when, do = work[key]
            _run_tick(opened[key[0]], key[1], do, now)
            due[key] = _next_due(when, now)


def _run_tick(db: Database, name: str, do: Callable[..., None], now: datetime) -> None:
    actor = Actor(subject=f"urn:rensho:beat:{name}")
    try:
        with db.begin(actor) as tx:
            got = tx.scalar(text("SELECT pg_try_advisory_xact_lock(:k)"), {"k": _LOCK})
            if got:
                do(tx, now)
    except DBAPIError as why:
        # Nothing was committed; it is done at the next turn.
        log.warning("tick failed", tick=name, error=repr(why))


def _first_due(when: timedelta | time_of_day, now: datetime) -> datetime:
    return now if isinstance(when, timedelta) else _next_due(when, now)


def _next_due(when: timedelta | time_of_day, now: datetime) -> datetime:
    if isinstance(when, timedelta):
        return now + when
    today = datetime.combine(now.date(), when, UTC)
    return today if today > now else today + timedelta(days=1)
