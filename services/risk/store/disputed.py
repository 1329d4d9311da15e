"""Requests to look again, and every step taken on them: rows are added, never changed."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, SmallInteger, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from services.risk.store.base import Base


class Dispute(Base):
    """A respondent asks a requester to look again at its score on one link, in one snapshot."""

    __tablename__ = "dispute"
    __table_args__ = (
        Index("ix_dispute_requester", "requester_id", "id"),
        Index("ix_dispute_respondent", "respondent_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    requester_id: Mapped[UUID]
    respondent_id: Mapped[UUID]
    link_id: Mapped[UUID]
    snapshot_id: Mapped[UUID]
    component: Mapped[str | None]
    question: Mapped[str | None]


class DisputeStep(Base):
    """One step, and where the dispute stood after it (`rules.dispute`)."""

    __tablename__ = "dispute_step"
    __table_args__ = (Index("ix_dispute_step_dispute", "dispute_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    dispute_id: Mapped[UUID] = mapped_column(ForeignKey("risk.dispute.id"))
    requester_id: Mapped[UUID]
    respondent_id: Mapped[UUID]
    at: Mapped[datetime]
    by: Mapped[str]
    step: Mapped[str]
    text: Mapped[str]
    state: Mapped[str]
    rounds: Mapped[int] = mapped_column(SmallInteger)
    due_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    ending: Mapped[str | None]


Found = tuple[Dispute, DisputeStep]


def _newest_step() -> type[DisputeStep]:
    newest = (
        select(DisputeStep)
        .where(DisputeStep.dispute_id == Dispute.id)
        .order_by(DisputeStep.id.desc())
        .limit(1)
        .correlate(Dispute)
        .lateral("newest_step")
    )
    return aliased(DisputeStep, newest)


def disputes(
    tx: Session, org: UUID, *, before: UUID | None, limit: int, unsettled: bool
) -> list[Found]:
    """Return an organization's disputes on either side, newest first, older than `before`."""
    step = _newest_step()
    query = (
        select(Dispute, step)
        .join(step, step.dispute_id == Dispute.id)
        .where((Dispute.requester_id == org) | (Dispute.respondent_id == org))
    )
    if before is not None:
        query = query.where(Dispute.id < before)
    if unsettled:
        query = query.where(step.state != "settled")
    rows = tx.execute(query.order_by(Dispute.id.desc()).limit(limit))
    return [(dispute, at) for dispute, at in rows]


def dispute(tx: Session, org: UUID, dispute_id: UUID) -> Found | None:
    """Return one dispute of an organization, on either side, and where it stands."""
    step = _newest_step()
    query = (
        select(Dispute, step)
        .join(step, step.dispute_id == Dispute.id)
        .where(
            Dispute.id == dispute_id,
            (Dispute.requester_id == org) | (Dispute.respondent_id == org),
        )
    )
    row = tx.execute(query).first()
    return None if row is None else (row[0], row[1])


def steps(tx: Session, dispute_id: UUID) -> list[DisputeStep]:
    """Return the steps of a dispute, oldest first."""
    query = select(DisputeStep).where(DisputeStep.dispute_id == dispute_id)
    return list(tx.scalars(query.order_by(DisputeStep.id)))


def unsettled(tx: Session, link_id: UUID) -> Found | None:
    """Return the dispute of a link that is not settled."""
    return next(iter(unsettled_of(tx, [link_id]).values()), None)


def unsettled_of(tx: Session, link_ids: list[UUID]) -> dict[UUID, Found]:
    """Return by link the dispute that is not settled."""
    step = _newest_step()
    query = (
        select(Dispute, step)
        .join(step, step.dispute_id == Dispute.id)
        .where(Dispute.link_id.in_(link_ids), step.state != "settled")
    )
    return {one.link_id: (one, at) for one, at in tx.execute(query)}


def unsettled_for(tx: Session, requester: UUID) -> dict[UUID, Found]:
    """Return by link what suppliers of one requester asked and is not settled."""
    step = _newest_step()
    query = (
        select(Dispute, step)
        .join(step, step.dispute_id == Dispute.id)
        .where(Dispute.requester_id == requester, step.state != "settled")
    )
    return {one.link_id: (one, at) for one, at in tx.execute(query)}


def answered_before(tx: Session, moment: datetime) -> list[Found]:
    """Return the disputes that were answered and whose time to react ended before `moment`."""
    step = _newest_step()
    query = (
        select(Dispute, step)
        .join(step, step.dispute_id == Dispute.id)
        .where(step.state == "answered", step.due_at < moment)
    )
    return [(one, at) for one, at in tx.execute(query)]
