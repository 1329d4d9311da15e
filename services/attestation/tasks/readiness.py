"""What must be true for the log to be fit for use: looked at by `/readyz` and the doctor."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from services.attestation.actions.sequencing import IDLE_HEAD_AFTER, INCLUDE_WITHIN
from services.attestation.store import epochs, log, witnesses
from services.kit import clock
from services.kit.db import Actor, Database
from services.kit.settings import Settings

QUEUE_AGE: Final = timedelta(seconds=30)
HEAD_AGE: Final = IDLE_HEAD_AFTER + timedelta(minutes=10)
_LEAST_FREE: Final = 500 * 1024**2
_LEAST_SHARE: Final = 0.1
_READINESS: Final = Actor(subject="readiness")


def of_reader(settings: Settings, db: Database) -> Mapping[str, Callable[[], bool]]:
    """Return what a process that shows the log looks at: disk, and the age of the newest head."""
    return {
        "disk": lambda: has_room(settings.data_dir),
        "log head": lambda: _holds(db, head_is_young),
    }


def of_writer(settings: Settings, db: Database) -> Mapping[str, Callable[[], bool]]:
    """Return what the sequencer's process looks at; `db` is seen as the worker."""
    return {
        **of_reader(settings, db),
        "disk of the guard file": lambda: has_room(settings.guard.parent),
        "log queue": lambda: _holds(db, queue_moves),
        "promises": lambda: _holds(db, promises_are_kept),
        "witnesses": lambda: _holds(db, witnesses_follow),
    }


def has_room(folder: Path) -> bool:
    """Whether the disk of a folder, made yet or not, has more than a tenth or 500 MiB left."""
    here = next(path for path in (folder, *folder.parents) if path.exists())
    found = shutil.disk_usage(here)
    return found.free >= min(_LEAST_FREE, found.total * _LEAST_SHARE)


def head_is_young(tx: Session, now: datetime) -> bool:
    """Whether a head was signed and published lately; of a log that ended, that it did."""
    head = witnesses.newest_published(tx)
    if head is None:
        return False
    return now - head.signed_at <= HEAD_AGE or epochs.end_of(tx, head.epoch) is not None


def queue_moves(tx: Session, now: datetime) -> bool:
    """Whether nothing waits long for its promise, unless the log shall take no more."""
    opened = log.epochs(tx)
    if opened and epochs.is_frozen(tx, opened[-1].number):
        return True
    return _younger(log.oldest_waiting(tx, "queued"), now - QUEUE_AGE)


def promises_are_kept(tx: Session, now: datetime) -> bool:
    """Whether whatever was promised has its leaf in time: a missed promise is evidence."""
    return _younger(log.oldest_waiting(tx, "promised"), now - INCLUDE_WITHIN)


def witnesses_follow(tx: Session, now: datetime) -> bool:
    """Whether the newest head has its quorum of witnesses; a fresh one may still wait for it."""
    head = log.newest_checkpoint(tx)
    if head is None or now - head.signed_at <= INCLUDE_WITHIN:
        return True
    return witnesses.has_quorum(tx, head.seq)


def _younger(oldest: datetime | None, than: datetime) -> bool:
    return oldest is None or oldest >= than


def _holds(db: Database, check: Callable[[Session, datetime], bool]) -> bool:
    try:
        with db.begin(_READINESS, read_only=True) as tx:
            return check(tx, clock.now())
    except SQLAlchemyError:
        return False
