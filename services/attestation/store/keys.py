"""Keys on their way in, and the key events that say what became of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any
from uuid import UUID

from rensho import disclosure, keyring, strict_json
from rensho.entries import Voucher
from rensho.keyring import Position
from sqlalchemy import BigInteger, ForeignKey, Identity, Index, UniqueConstraint, func, select
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from services.attestation.store.base import Base, Bytes, Moment, Sha256, Texts, remembered
from services.attestation.store.log import Leaf
from services.attestation.store.statements import Statement, disclosures_of


class Challenge(Base):
    """What a key must sign to show that its holder has it; all of it was shown to the signer."""

    __tablename__ = "challenge"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    key_id: Mapped[str]
    spki: Mapped[Bytes]
    roles: Mapped[Texts]
    custody: Mapped[str]
    purpose: Mapped[str] = mapped_column(server_default="enrol")
    replaces: Mapped[str | None]
    payload: Mapped[Bytes]
    expires_at: Mapped[Moment]


class Enrolment(Base):
    """A proved key that waits for its key event; `proof` is the signed challenge.

    `purpose` enrol, rotate or recover; the latter two name in `replaces` the key id whose place it
    takes. `handover` is the replaced key's own word for a rotation, `due_at` when that is due.
    """

    __tablename__ = "enrolment"
    __table_args__ = (Index("ix_enrolment_key", "key_id"),)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    # One use: the second of two answers to one challenge breaks this.
    challenge_id: Mapped[UUID] = mapped_column(ForeignKey("challenge.id"), unique=True)
    org_id: Mapped[UUID]
    key_id: Mapped[str]
    spki: Mapped[Bytes]
    roles: Mapped[Texts]
    custody: Mapped[str]
    purpose: Mapped[str] = mapped_column(server_default="enrol")
    replaces: Mapped[str | None]
    handover: Mapped[Bytes | None]
    due_at: Mapped[Moment | None]
    proof: Mapped[Bytes]
    received_at: Mapped[Moment]


class Confirmation(Base):
    """A requester's word that it compared the fingerprint of its supplier's key.

    What it looked at is told by kind, number and day, and by no name of a person.
    """

    __tablename__ = "confirmation"
    __table_args__ = (UniqueConstraint("key_id", "link_id"),)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    key_id: Mapped[str]
    link_id: Mapped[UUID]
    by_org_id: Mapped[UUID]
    org_id: Mapped[UUID]
    evidence_kind: Mapped[str | None]
    evidence_number: Mapped[str | None]
    seen_on: Mapped[date | None]
    received_at: Mapped[Moment]


class KeyEvent(Base):
    """An operator-signed key event. `prev` chains the events of one organization."""

    __tablename__ = "key_event"
    __table_args__ = (
        # Two successors of one event would be a fork of the chain; so would be two beginnings.
        UniqueConstraint("org_id", "prev", postgresql_nulls_not_distinct=True),
        Index("ix_key_event_key", "key_id"),
    )
    statement_id: Mapped[Sha256] = mapped_column(
        ForeignKey("statement.statement_id"), primary_key=True
    )
    seq: Mapped[int] = mapped_column(BigInteger, Identity(always=True), unique=True)
    org_id: Mapped[UUID]
    key_id: Mapped[str]
    event: Mapped[str]
    roles: Mapped[Texts]
    prev: Mapped[str | None]
    reason: Mapped[str | None]
    invalid_since: Mapped[Moment | None]
    cause_id: Mapped[UUID] = mapped_column(unique=True)


def own_challenge(tx: Session, challenge_id: UUID, org_id: UUID) -> Challenge | None:
    """Return a challenge if it was given to this organization."""
    query = select(Challenge).where(Challenge.id == challenge_id, Challenge.org_id == org_id)
    return tx.scalar(query)


def add_enrolment(tx: Session, **columns: Any) -> Enrolment | None:
    """Store a proved key; None where its challenge was answered before, even a moment ago."""
    statement = insert(Enrolment).values(**columns)
    return tx.scalar(
        statement.on_conflict_do_nothing(index_elements=["challenge_id"]).returning(Enrolment)
    )


def enrolments_of(tx: Session, org_id: UUID, key_id: str) -> list[Enrolment]:
    """Return how an organization proved one key, newest first: it may do so more than once."""
    query = select(Enrolment).where(Enrolment.org_id == org_id, Enrolment.key_id == key_id)
    return list(tx.scalars(query.order_by(Enrolment.id.desc())))


def confirmations_of(tx: Session, org_id: UUID, key_id: str) -> list[Confirmation]:
    """Return the confirmations of a key, as far as the asking firm gave or got them."""
    query = select(Confirmation).where(Confirmation.org_id == org_id, Confirmation.key_id == key_id)
    return list(tx.scalars(query))


def keys_of(tx: Session, org_id: UUID, before: UUID | None, limit: int) -> list[Enrolment]:
    """Return the newest proof of each key of an organization, newest first."""
    newest = (
        select(Enrolment)
        .where(Enrolment.org_id == org_id)
        .ext(distinct_on(Enrolment.key_id))
        .order_by(Enrolment.key_id, Enrolment.id.desc())
        .subquery()
    )
    each = aliased(Enrolment, newest)
    query = select(each).order_by(each.id.desc()).limit(limit)
    return list(tx.scalars(query if before is None else query.where(each.id < before)))


def public_keys(
    tx: Session, org_id: UUID, after: int, limit: int
) -> list[tuple[KeyEvent, Mapping[str, Any], int]]:
    """Return an organization's logged keys in log order: newest event, what it says, its number."""
    # The number of a key event grows with its place in the log, over the epochs too.
    newest = (
        select(KeyEvent.statement_id, KeyEvent.seq)
        .join(Leaf, Leaf.statement_id == KeyEvent.statement_id)
        .where(KeyEvent.org_id == org_id)
        .ext(distinct_on(KeyEvent.key_id))
        .order_by(KeyEvent.key_id, KeyEvent.seq.desc())
        .subquery()
    )
    query = (
        select(KeyEvent, Statement.payload)
        .join(newest, newest.c.statement_id == KeyEvent.statement_id)
        .join(Statement, Statement.statement_id == KeyEvent.statement_id)
        .where(KeyEvent.seq > after)
        .order_by(KeyEvent.seq)
        .limit(limit)
    )
    return [
        (event, strict_json.loads(payload)["predicate"], event.seq)
        for event, payload in tx.execute(query)
    ]


def newest_event(tx: Session, org_id: UUID) -> KeyEvent | None:
    """Return the end of an organization's chain of key events, logged or about to be."""
    return tx.scalar(
        select(KeyEvent).where(KeyEvent.org_id == org_id).order_by(KeyEvent.seq.desc()).limit(1)
    )


def logged_events(tx: Session, org_id: UUID) -> list[tuple[KeyEvent, Statement, Position]]:
    """Return an organization's key events that are in the log, with statement and place."""
    query = (
        select(KeyEvent, Statement, Leaf.epoch, Leaf.index)
        .join(Statement, Statement.statement_id == KeyEvent.statement_id)
        .join(Leaf, Leaf.statement_id == KeyEvent.statement_id)
        .where(KeyEvent.org_id == org_id)
        .order_by(Leaf.epoch, Leaf.index)
    )
    return [
        (event, statement, (epoch, index)) for event, statement, epoch, index in tx.execute(query)
    ]


def events_of(tx: Session, org_id: UUID, key_id: str) -> list[KeyEvent]:
    """Return all events of a key of an organization, logged or about to be, in their order."""
    query = select(KeyEvent).where(KeyEvent.org_id == org_id, KeyEvent.key_id == key_id)
    return list(tx.scalars(query.order_by(KeyEvent.seq)))


def introduction_of(tx: Session, org_id: UUID, key_id: str) -> Enrolment:
    """Return the proof by which a key was introduced last. The key has an event."""
    query = (
        select(Enrolment)
        .join(KeyEvent, KeyEvent.cause_id == Enrolment.id)
        .where(Enrolment.org_id == org_id, Enrolment.key_id == key_id)
        .order_by(KeyEvent.seq.desc())
    )
    return tx.scalars(query.limit(1)).one()


def event_of(tx: Session, statement_id: str) -> KeyEvent:
    """Return the key event a statement is."""
    return tx.get_one(KeyEvent, statement_id)


def with_event_number(
    tx: Session, submission_ids: Iterable[UUID]
) -> list[tuple[Statement, int | None]]:
    """Return the statements of some submissions, key events with their number among all."""
    query = (
        select(Statement, KeyEvent.seq)
        .outerjoin(KeyEvent, KeyEvent.statement_id == Statement.statement_id)
        .where(Statement.submission_id.in_(list(submission_ids)))
    )
    return [(statement, seq) for statement, seq in tx.execute(query)]


def unlogged_events(tx: Session, org_ids: Iterable[UUID]) -> tuple[keyring.KeyEvent, ...]:
    """Return the key events that have no leaf yet: they will stand behind all that is logged, and
    before whatever is promised after them.
    """
    query = (
        select(KeyEvent, Statement)
        .join(Statement, Statement.statement_id == KeyEvent.statement_id)
        .outerjoin(Leaf, Leaf.statement_id == KeyEvent.statement_id)
        .where(KeyEvent.org_id.in_(list(org_ids)), Leaf.statement_id.is_(None))
    )
    return tuple(
        keyring.KeyEvent(
            event.statement_id,
            (keyring.NOT_LOGGED[0] - 1, event.seq),
            strict_json.loads(statement.payload)["predicate"],
        )
        for event, statement in tx.execute(query)
    )


@remembered
def ring_events(tx: Session, org_ids: Iterable[UUID]) -> tuple[keyring.KeyEvent, ...]:
    """Return the logged key events of some firms as `rensho.keyring` wants them.

    Vouchers are opened as far as the asking organization may read them.
    """
    logged = [found for org_id in org_ids for found in logged_events(tx, org_id)]
    opened: dict[str, list[dict[str, Any]]] = {}
    for one in disclosures_of(tx, [event.statement_id for event, _, _ in logged]):
        opened.setdefault(one.statement_id, []).append(disclosure.parse(one.text).value)
    return tuple(
        keyring.KeyEvent(
            event.statement_id,
            position,
            strict_json.loads(statement.payload)["predicate"],
            tuple(Voucher.from_json(value) for value in opened.get(event.statement_id, ())),
        )
        for event, statement, position in logged
    )


@remembered
def holders(tx: Session, key_ids: Iterable[str]) -> set[UUID]:
    """Return the organizations that have any of these keys."""
    query = select(KeyEvent.org_id).where(KeyEvent.key_id.in_(list(key_ids))).distinct()
    return set(tx.scalars(query))


def held_by_another(tx: Session, key_id: str, org_id: UUID) -> bool:
    """Whether another organization has this key: that is for a person to look at."""
    query = select(func.count()).where(KeyEvent.key_id == key_id, KeyEvent.org_id != org_id)
    return bool(tx.scalar(query))
