"""What is asked of a key once it is there, who agreed, who objected, and who vouches for it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.attestation.store.base import Base, Bytes, Moment, Sha256
from services.attestation.store.keys import Enrolment, KeyEvent


class KeyChange(Base):
    """A wish to suspend or revoke a key; where `enrolment_id` is set, in favour of that key."""

    __tablename__ = "key_change"
    __table_args__ = (
        Index("ix_key_change_key", "org_id", "key_id"),
        Index("ix_key_change_enrolment", "enrolment_id", unique=True),
    )
    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    key_id: Mapped[str]
    event: Mapped[str]
    reason: Mapped[str | None]
    invalid_since: Mapped[Moment | None]
    enrolment_id: Mapped[UUID | None] = mapped_column(ForeignKey("enrolment.id"))
    asked_by: Mapped[str]
    received_at: Mapped[Moment]


class KeyApproval(Base):
    """The second pair of eyes on a change that needs four."""

    __tablename__ = "key_approval"
    change_id: Mapped[UUID] = mapped_column(ForeignKey("key_change.id"), primary_key=True)
    org_id: Mapped[UUID]
    approved_by: Mapped[str]
    received_at: Mapped[Moment]


class KeyVeto(Base):
    """The old key's signed objection to the rotation that would end it."""

    __tablename__ = "key_veto"
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolment.id"), primary_key=True)
    org_id: Mapped[UUID]
    envelope: Mapped[Bytes]
    received_at: Mapped[Moment]


class KeyReview(Base):
    """What a person of the operator decided on a key that two firms proved, and what it saw."""

    __tablename__ = "key_review"
    enrolment_id: Mapped[UUID] = mapped_column(ForeignKey("enrolment.id"), primary_key=True)
    org_id: Mapped[UUID]
    accepted: Mapped[bool]
    evidence_kind: Mapped[str]
    evidence_number: Mapped[str]
    seen_on: Mapped[date]
    decided_at: Mapped[Moment]


class Voucher(Base):
    """A `vouchedBy` entry of a key event in the clear, for its two ends alone."""

    __tablename__ = "voucher"
    __table_args__ = (Index("ix_voucher_key", "org_id", "key_id"),)
    statement_id: Mapped[Sha256] = mapped_column(
        ForeignKey("key_event.statement_id"), primary_key=True
    )
    link_id: Mapped[UUID] = mapped_column(primary_key=True)
    by_org_id: Mapped[UUID]
    org_id: Mapped[UUID]
    key_id: Mapped[str]
    assurance: Mapped[str]


def change(tx: Session, change_id: UUID) -> KeyChange | None:
    """Return a change by its id, as far as it may be seen."""
    return tx.get(KeyChange, change_id)


def approval(tx: Session, change_id: UUID) -> KeyApproval | None:
    """Return the second member's word on a change."""
    return tx.get(KeyApproval, change_id)


def changes_of(
    tx: Session, org_id: UUID, before: UUID | None, limit: int
) -> list[tuple[KeyChange, KeyApproval | None, KeyEvent | None]]:
    """Return an organization's changes, newest first, with approval and what came of each."""
    query = (
        select(KeyChange, KeyApproval, KeyEvent)
        .outerjoin(KeyApproval, KeyApproval.change_id == KeyChange.id)
        .outerjoin(KeyEvent, KeyEvent.cause_id == KeyChange.id)
        .where(KeyChange.org_id == org_id)
        .order_by(KeyChange.id.desc())
        .limit(limit)
    )
    rows = tx.execute(query if before is None else query.where(KeyChange.id < before))
    return [(change, approval, event) for change, approval, event in rows]


def rotations_of(tx: Session, org_id: UUID, key_id: str) -> list[Enrolment]:
    """Return the rotations away from a key that nobody objected to and that were not stated."""
    query = (
        select(Enrolment)
        .outerjoin(KeyVeto, KeyVeto.enrolment_id == Enrolment.id)
        .outerjoin(KeyEvent, KeyEvent.cause_id == Enrolment.id)
        .where(
            Enrolment.org_id == org_id,
            Enrolment.purpose == "rotate",
            Enrolment.replaces == key_id,
            KeyVeto.enrolment_id.is_(None),
            KeyEvent.cause_id.is_(None),
        )
        .order_by(Enrolment.id)
    )
    return list(tx.scalars(query))


def rotations_due(tx: Session, now: datetime) -> list[Enrolment]:
    """Return the rotations whose time came, oldest first, each once (worker)."""
    query = (
        select(Enrolment)
        .outerjoin(KeyVeto, KeyVeto.enrolment_id == Enrolment.id)
        .outerjoin(KeyChange, KeyChange.enrolment_id == Enrolment.id)
        .where(
            Enrolment.purpose == "rotate",
            Enrolment.due_at <= now,
            KeyVeto.enrolment_id.is_(None),
            KeyChange.id.is_(None),
        )
        .order_by(Enrolment.id)
    )
    return list(tx.scalars(query))


def rotation(tx: Session, enrolment_id: UUID) -> Enrolment | None:
    """Return a rotation by its id, as far as it may be seen."""
    found = tx.get(Enrolment, enrolment_id)
    return found if found is not None and found.purpose == "rotate" else None


def is_vetoed(tx: Session, enrolment_id: UUID) -> bool:
    """Whether the old key objected."""
    return tx.get(KeyVeto, enrolment_id) is not None


def ended_since(tx: Session, org_id: UUID, key_id: str, moment: datetime) -> bool:
    """Whether a key was suspended or revoked on a wish that came after `moment`.

    Moments are whole seconds: what came within the same one counts as after it.
    """
    query = (
        select(KeyChange.id)
        .join(KeyEvent, KeyEvent.cause_id == KeyChange.id)
        .where(
            KeyChange.org_id == org_id, KeyChange.key_id == key_id, KeyChange.received_at >= moment
        )
    )
    return tx.scalar(query.limit(1)) is not None


def is_stated(tx: Session, cause_id: UUID) -> bool:
    """Whether a key event came of a proof, a confirmation or a change."""
    return tx.scalar(select(KeyEvent.cause_id).where(KeyEvent.cause_id == cause_id)) is not None


def review(tx: Session, enrolment_id: UUID) -> KeyReview | None:
    """Return what the operator decided on an enrolment."""
    return tx.get(KeyReview, enrolment_id)


def is_cleared(tx: Session, org_id: UUID, key_id: str) -> bool:
    """Whether the operator looked at this firm's claim to a shared key and accepted it."""
    query = (
        select(KeyReview.accepted)
        .join(Enrolment, Enrolment.id == KeyReview.enrolment_id)
        .where(KeyReview.org_id == org_id, Enrolment.key_id == key_id)
        .order_by(KeyReview.decided_at.desc())
    )
    return bool(tx.scalar(query.limit(1)))


def vouchers_for(tx: Session, org_id: UUID, key_ids: Sequence[str]) -> list[Voucher]:
    """Return who vouches for some keys of an organization, as far as the asking firm is an end."""
    query = select(Voucher).where(Voucher.org_id == org_id, Voucher.key_id.in_(key_ids))
    return list(tx.scalars(query.order_by(Voucher.link_id, Voucher.statement_id)))
