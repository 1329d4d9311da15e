"""`renshod log freeze` and `renshod log succeed`: ending a log, and beginning the next."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeVar

from rensho.merkle import EMPTY_ROOT
from sqlalchemy.orm import Session

from services.attestation.actions import epochs, guard_file
from services.attestation.rules.guard import Head, SequencerRefused
from services.attestation.rules.names import log_origin
from services.attestation.store import PLUMBING, log
from services.attestation.store import epochs as store
from services.attestation.store.log import Checkpoint
from services.attestation.tasks.sequencer import exclusive, keys_of, make, worker
from services.kit import clock, keyfiles
from services.kit.db import Actor, Database
from services.kit.settings import Settings

_PATIENCE_SECONDS: Final = 90.0
_LOOK_SECONDS: Final = 0.2
_OPERATOR: Final = Actor(subject="urn:rensho:operator")
_T = TypeVar("_T")


class NotEnded(Exception):
    """The log could not be ended yet; it stays frozen, and asking again goes on."""


@dataclass(frozen=True)
class Succeeded:
    """The next log: its origin, and how many submissions wait for it that were cut off."""

    origin: str
    cut_off: int


def freeze(settings: Settings, patience: float = _PATIENCE_SECONDS) -> Head:
    """End the log in use: what was promised is logged and published, and nothing after it.

    The running sequencer does the work; where none runs, this process does. Ending an ended log
    changes nothing.

    Returns:
        The final head.

    Raises:
        SequencerRefused: no log is open, or its sequencer would refuse to sign.
        NotEnded: something is under way still, as a witness is away.
    """
    db = worker(settings)
    try:
        _do(db, _refuse_unopened)
        _do(db, lambda tx: epochs.ask_freeze(tx, clock.now()))
        deadline = time.monotonic() + patience
        while (final := _do(db, _final)) is None:
            if time.monotonic() > deadline:
                msg = "the log is frozen and not ended: see what its sequencer says, then ask again"
                raise NotEnded(msg)
            _work(settings)
            time.sleep(_LOOK_SECONDS)
        return final
    finally:
        db.close()


def succeed(settings: Settings, *, after_loss: bool = False) -> Succeeded:
    """Begin the next log after one that has ended.

    Args:
        after_loss: end the log first, where it stands in this database, because it cannot be gone
            on with: an older copy, a fork, damage. Whatever was signed beyond is lost for good.

    Raises:
        SequencerRefused: `busy`, a sequencer is at work; `log.not_ended`; `guard.older_database`,
            the next log was begun before and this database does not know; what `begin_next` raises.
        services.kit.keyfiles.UnsafeKeys: the old log's key is missing.
    """
    db = worker(settings)
    try:
        with exclusive(settings):
            _do(db, _refuse_unopened)
            number = _do(db, lambda tx: log.epochs(tx)[-1].number)
            host = _do(db, lambda tx: log.epochs(tx)[0].origin)
            remembered = guard_file.read(settings.guard)
            _refuse_begun(remembered, log_origin(host, number), log_origin(host, number + 1))
            cut_off = 0
            if _do(db, _final) is None:
                if not after_loss:
                    raise SequencerRefused("log.not_ended", "run `renshod log freeze` first")
                cut_off = _cut(settings, db, remembered)
            keyfiles.init_log(settings, number + 1)
            old_key = keys_of(settings, number).log
            keys, demo = keys_of(settings, number + 1), keyfiles.demo(settings)
            origin = log_origin(host, number + 1)
            guard_file.write(settings.guard, Head(origin, 0, EMPTY_ROOT))
            _do(db, lambda tx: epochs.begin_next(tx, old_key, keys, clock.now(), demo=demo))
            return Succeeded(origin, cut_off)
    finally:
        db.close()


def _work(settings: Settings) -> None:
    """Be the sequencer until the log has ended, unless one is at work."""
    try:
        with exclusive(settings):
            sequencer = make(settings)
            try:
                sequencer.start()
                while sequencer.round():
                    pass
            finally:
                sequencer.witnesses.close()
                sequencer.db.close()
    except SequencerRefused as why:
        if why.code != "busy":
            raise


def _cut(settings: Settings, db: Database, remembered: Head | None) -> int:
    owner = Database(PLUMBING, settings.service_url("attestation", "owner"), pool_size=1)
    try:
        again = _do(db, epochs.beyond)
        with owner.begin(_OPERATOR) as tx:
            epochs.take_out(tx, again)
        _do(db, lambda tx: epochs.cut(tx, remembered, clock.now()))
        return len(again)
    finally:
        owner.close()


def _refuse_unopened(tx: Session) -> None:
    if not log.epochs(tx):
        raise SequencerRefused("log.not_ended", "there is no log yet")


def _refuse_begun(remembered: Head | None, origin: str, following: str) -> None:
    """Refuse where the guard file is of a later log than this database knows."""
    begun = Head(following, 0, EMPTY_ROOT)
    if remembered is not None and remembered.origin != origin and remembered != begun:
        raise SequencerRefused(
            "guard.older_database",
            f"the guard file is of {remembered.origin}: restore a newer copy",
        )


def _final(tx: Session) -> Head | None:
    epoch = log.epochs(tx)[-1]
    found: Checkpoint | None = store.end_of(tx, epoch.number)
    return Head(epoch.origin, found.size, found.root_hash) if found else None


def _do(db: Database, work: Callable[[Session], _T]) -> _T:
    with db.begin(_OPERATOR) as tx:
        return work(tx)
