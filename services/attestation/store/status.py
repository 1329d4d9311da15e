"""What a status list is made of: logged statements that no longer hold, and keys that ended."""

from __future__ import annotations

from datetime import datetime

from rensho.keyring import Position
from sqlalchemy import ColumnElement, ScalarSelect, Select, or_, select, tuple_
from sqlalchemy.orm import Session, aliased

from services.attestation.store.keys import KeyEvent
from services.attestation.store.log import Leaf
from services.attestation.store.speaking import Withdrawal
from services.attestation.store.statements import Statement, Submission

_ENDS = ("suspend", "revoke")
_STATES = ("enrol", "rotate", *_ENDS)


def taken_back(tx: Session, start: Position, end: Position) -> bool:
    """Whether a leaf from `start` up to, not including, `end` withdraws or ends or renews a key."""
    query = (
        _within(start, end)
        .outerjoin(KeyEvent, KeyEvent.statement_id == Leaf.statement_id)
        .where(
            or_(
                Statement.type == "withdrawal",
                KeyEvent.event.in_(_STATES) & KeyEvent.key_id.in_(_ended_keys()),
            )
        )
    )
    return tx.scalar(query.limit(1)) is not None


def any_replaced(tx: Session, start: Position, end: Position) -> bool:
    """Whether a leaf from `start` up to, not including, `end` replaces a statement."""
    query = _within(start, end).where(Statement.supersedes.is_not(None))
    return tx.scalar(query.limit(1)) is not None


def replaced(tx: Session, end: Position, now: datetime) -> dict[str, datetime]:
    """Return what was replaced before `end` and is not past its own end at `now`: id → T.

    T is when what replaced it was received; the earliest where several did.
    """
    target = aliased(Statement)
    by_successor = (
        select(target.statement_id, Submission.received_at)
        .join(Statement, Statement.supersedes == target.statement_id)
        .join(Submission, Submission.id == Statement.submission_id)
        .join(Leaf, Leaf.statement_id == Statement.statement_id)
        .where(_place() < tuple_(*end), target.not_after >= now)
    )
    found: dict[str, datetime] = {}
    for statement_id, moment in [
        *tx.execute(by_successor),
        *_withdrawn(tx, "superseded", end, now),
    ]:
        found[statement_id] = min(moment, found.get(statement_id, moment))
    return found


def retracted(tx: Session, end: Position, now: datetime) -> list[str]:
    """Return what was taken back before `end` and is not past its own end at `now`."""
    return [statement_id for statement_id, _ in _withdrawn(tx, "retracted", end, now)]


def key_events(tx: Session, end: Position) -> list[tuple[KeyEvent, bytes, Position]]:
    """Return, for each key that was ever ended, what began and ended it before `end`, in order."""
    query = (
        select(KeyEvent, Statement.payload, Leaf.epoch, Leaf.index)
        .join(Statement, Statement.statement_id == KeyEvent.statement_id)
        .join(Leaf, Leaf.statement_id == KeyEvent.statement_id)
        .where(
            _place() < tuple_(*end),
            KeyEvent.event.in_(_STATES),
            KeyEvent.key_id.in_(_ended_keys()),
        )
        .order_by(Leaf.epoch, Leaf.index)
    )
    return [(event, payload, (epoch, index)) for event, payload, epoch, index in tx.execute(query)]


def _withdrawn(
    tx: Session, effect: str, end: Position, now: datetime
) -> list[tuple[str, datetime]]:
    target = aliased(Statement)
    query = (
        select(target.statement_id, Submission.received_at)
        .join(Withdrawal, Withdrawal.target_id == target.statement_id)
        .join(Statement, Statement.statement_id == Withdrawal.statement_id)
        .join(Submission, Submission.id == Statement.submission_id)
        .join(Leaf, Leaf.statement_id == Withdrawal.statement_id)
        .where(Withdrawal.effect == effect, _place() < tuple_(*end), target.not_after >= now)
    )
    return [(statement_id, moment) for statement_id, moment in tx.execute(query)]


def _within(start: Position, end: Position) -> Select[int]:
    return (
        select(Leaf.index)
        .join(Statement, Statement.statement_id == Leaf.statement_id)
        .where(_place() >= tuple_(*start), _place() < tuple_(*end))
    )


def _place() -> ColumnElement[tuple[int, int]]:
    return tuple_(Leaf.epoch, Leaf.index)


def _ended_keys() -> ScalarSelect[str]:
    ended = aliased(KeyEvent)
    return select(ended.key_id).where(ended.event.in_(_ENDS)).scalar_subquery()
