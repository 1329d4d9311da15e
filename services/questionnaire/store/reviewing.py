"""What follows from a signed response: corrective actions, renewals, grants, returned sheets."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.kit.db import new_id
from services.questionnaire.store.tables import Base, ResponsePreparation


class CorrectiveAction(Base):
    """One finding and what is done about it, seen by both ends. `history` only grows.

    `state`: opened, agreed, done, checked, dropped (`rules.corrective`). `history`:
    `[{"step", "by", "name", "note", "due_on", "evidence", "at"}]`.
    """

    __tablename__ = "corrective_action"
    __table_args__ = (
        Index("ix_corrective_action_request", "request_id"),
        Index("ix_corrective_action_requester", "requester_org_id", "id"),
        Index("ix_corrective_action_respondent", "respondent_org_id", "id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.request.id"))
    requester_org_id: Mapped[UUID]
    respondent_org_id: Mapped[UUID]
    question: Mapped[str | None]
    finding: Mapped[str]
    state: Mapped[str]
    due_on: Mapped[date]
    history: Mapped[list[Any]]
    version: Mapped[int]
    opened_at: Mapped[datetime]


class Renewal(Base):
    """That what a revision says runs out, and when its next round was opened."""

    __tablename__ = "renewal"
    __table_args__ = (
        Index("ix_renewal_due", "opened_at", "not_after"),
        Index("ix_renewal_requester", "requester_org_id", "id"),
        Index("ix_renewal_respondent", "respondent_org_id", "id"),
        Index("ix_renewal_response", "response_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    declaration_id: Mapped[str] = mapped_column(unique=True)
    response_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.response.id"))
    request_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.request.id"))
    requester_org_id: Mapped[UUID]
    respondent_org_id: Mapped[UUID]
    not_after: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]


class Granted(Base):
    """A signed grant in the log: a requester reads some answers of a statement made for another.

    `opened` is what it reads of the component; it reads until `not_after`, or until `ended_at`.
    """

    __tablename__ = "granted"
    __table_args__ = (
        Index("ix_granted_request", "request_id"),
        Index("ix_granted_statement", "statement_id"),
    )

    grant_id: Mapped[str] = mapped_column(primary_key=True)
    statement_id: Mapped[str]
    declaration_id: Mapped[str] = mapped_column(
        ForeignKey("questionnaire.response_preparation.declaration_id")
    )
    request_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.request.id"))
    requester_org_id: Mapped[UUID]
    respondent_org_id: Mapped[UUID]
    component: Mapped[str]
    questions: Mapped[list[Any]]
    opened: Mapped[dict[str, Any]]
    onward: Mapped[str]
    not_after: Mapped[datetime]
    granted_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class SheetReturn(Base):
    """A typed or relayed response given back to whose answers it holds, and their word on it.

    `sheet_sha256` is of what was shown (`rules.sheets`). `outcome`: null, confirmed, objected.
    `reply_sha256` is of the paper it came back on; null where the supplier said so here.
    """

    __tablename__ = "sheet_return"
    __table_args__ = (Index("ix_sheet_return_response", "response_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    declaration_id: Mapped[str] = mapped_column(
        ForeignKey("questionnaire.response_preparation.declaration_id"), unique=True
    )
    response_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.response.id"))
    request_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.request.id"))
    requester_org_id: Mapped[UUID]
    respondent_org_id: Mapped[UUID]
    supplier_org_id: Mapped[UUID | None]
    sheet_sha256: Mapped[str]
    channel: Mapped[str]
    returned_at: Mapped[datetime]
    outcome: Mapped[str | None]
    confirmed_by: Mapped[str | None]
    note: Mapped[str | None]
    reply_sha256: Mapped[str | None]
    decided_at: Mapped[datetime | None]


def actions_of(
    tx: Session, org: UUID, request_id: UUID | None, after: UUID | None, limit: int
) -> Sequence[CorrectiveAction]:
    """Return up to `limit` corrective actions at either end of which `org` is, oldest first."""
    query = select(CorrectiveAction).where(
        (CorrectiveAction.requester_org_id == org) | (CorrectiveAction.respondent_org_id == org)
    )
    if request_id is not None:
        query = query.where(CorrectiveAction.request_id == request_id)
    if after is not None:
        query = query.where(CorrectiveAction.id > after)
    return tx.scalars(query.order_by(CorrectiveAction.id).limit(limit)).all()


def action_for_update(tx: Session, org: UUID, action_id: UUID) -> CorrectiveAction | None:
    """Return one corrective action at either end of which `org` is, locked."""
    query = select(CorrectiveAction).where(
        CorrectiveAction.id == action_id,
        (CorrectiveAction.requester_org_id == org) | (CorrectiveAction.respondent_org_id == org),
    )
    return tx.scalar(query.with_for_update())


def renewals(tx: Session, org: UUID, after: UUID | None, limit: int) -> Sequence[Renewal]:
    """Return up to `limit` renewals whose round is open, of either end, oldest first."""
    query = select(Renewal).where(
        (Renewal.requester_org_id == org) | (Renewal.respondent_org_id == org),
        Renewal.opened_at.is_not(None),
    )
    if after is not None:
        query = query.where(Renewal.id > after)
    return tx.scalars(query.order_by(Renewal.id).limit(limit)).all()


def renewals_due(tx: Session, before: datetime, limit: int) -> Sequence[Renewal]:
    """Return what runs out before a moment and was neither renewed nor opened yet (worker)."""
    query = (
        select(Renewal)
        .where(Renewal.opened_at.is_(None), Renewal.closed_at.is_(None), Renewal.not_after < before)
        .order_by(Renewal.not_after)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return tx.scalars(query).all()


def renewals_of(tx: Session, response_id: UUID) -> Sequence[Renewal]:
    """Return the renewals of a response that are not closed (worker)."""
    query = select(Renewal).where(Renewal.response_id == response_id, Renewal.closed_at.is_(None))
    return tx.scalars(query).all()


def granted_on(tx: Session, request_id: UUID, at: datetime) -> Sequence[Granted]:
    """Return the grants that read at a moment, on one request, as far as they may be seen."""
    query = select(Granted).where(
        Granted.request_id == request_id,
        Granted.not_after > at,
        Granted.ended_at.is_(None) | (Granted.ended_at > at),
    )
    return tx.scalars(query.order_by(Granted.grant_id)).all()


def grants_of_request(tx: Session, request_id: UUID) -> Sequence[Granted]:
    """Return all grants there ever were on a request, as far as they may be seen."""
    query = select(Granted).where(Granted.request_id == request_id)
    return tx.scalars(query.order_by(Granted.granted_at, Granted.grant_id)).all()


def grants_of_statements(tx: Session, ids: Collection[str]) -> Sequence[Granted]:
    """Return the grants that are, or that open, some statements (worker)."""
    query = select(Granted).where(Granted.grant_id.in_(ids) | Granted.statement_id.in_(ids))
    return tx.scalars(query).all()


def recorded_elsewhere(tx: Session, org: UUID, request_id: UUID) -> Sequence[ResponsePreparation]:
    """Return the newest revision on record of each other response that `org` signed as its own."""
    newest = (
        select(ResponsePreparation)
        .where(
            ResponsePreparation.respondent_org_id == org,
            ResponsePreparation.requester_org_id != org,
            ResponsePreparation.request_id != request_id,
            ResponsePreparation.recorded_at.is_not(None),
        )
        .ext(distinct_on(ResponsePreparation.response_id))
        .order_by(ResponsePreparation.response_id, ResponsePreparation.revision.desc())
    )
    return tx.scalars(newest).all()


def sheet(tx: Session, declaration_id: str) -> SheetReturn | None:
    """Return what became of the returned sheet of a revision."""
    return tx.scalar(select(SheetReturn).where(SheetReturn.declaration_id == declaration_id))


def sheet_by_id(tx: Session, org: UUID, sheet_id: UUID) -> SheetReturn | None:
    """Return a returned sheet that `org` asked for or is to confirm, locked."""
    query = select(SheetReturn).where(
        SheetReturn.id == sheet_id,
        (SheetReturn.requester_org_id == org) | (SheetReturn.supplier_org_id == org),
    )
    return tx.scalar(query.with_for_update())


def sheets_of(tx: Session, request_id: UUID) -> Sequence[SheetReturn]:
    """Return the returned sheets of a request, as far as they may be seen, oldest first."""
    query = select(SheetReturn).where(SheetReturn.request_id == request_id)
    return tx.scalars(query.order_by(SheetReturn.id)).all()
