"""Requests that wait for an answer, the rungs taken towards it, and what people noted of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from sqlalchemy import exists, insert, select, tuple_
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Session

from services.questionnaire.rules.progress import OPEN
from services.questionnaire.store.asking_rows import (
    ContactRecord,
    DueChange,
    NonResponse,
    RungTaken,
)
from services.questionnaire.store.tables import Campaign, Request

ASKS_A_PERSON = ("call", "escalate")


def waiting(
    tx: Session, after: tuple[UUID, UUID] | None, limit: int
) -> Sequence[tuple[Request, Campaign]]:
    """Return up to `limit` open requests of running campaigns, by campaign and id (worker)."""
    query = (
        select(Request, Campaign)
        .join(Campaign, Campaign.id == Request.campaign_id)
        .where(Request.state.in_(OPEN), Campaign.state == "issued")
        .order_by(Request.campaign_id, Request.id)
        .limit(limit)
    )
    if after is not None:
        query = query.where(tuple_(Request.campaign_id, Request.id) > after)
    return [(request, campaign) for request, campaign in tx.execute(query)]


def taken(tx: Session, request_ids: Collection[UUID]) -> Mapping[UUID, list[tuple[str, date]]]:
    """Return per request the rungs taken, each with the due date it was taken towards."""
    query = select(RungTaken).where(RungTaken.request_id.in_(request_ids))
    found: dict[UUID, list[tuple[str, date]]] = {}
    for row in tx.scalars(query.order_by(RungTaken.taken_at)):
        found.setdefault(row.request_id, []).append((row.rung, row.due_on))
    return found


def take(tx: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Note the rungs taken (worker)."""
    if rows:
        tx.execute(insert(RungTaken), list(rows))


def to_call(
    tx: Session, org: UUID, campaign_id: UUID | None, after: UUID | None, limit: int
) -> Sequence[Request]:
    """Return up to `limit` requests of `org` that wait for a person to call, in order of id."""
    asked = exists().where(RungTaken.request_id == Request.id, RungTaken.rung.in_(ASKS_A_PERSON))
    query = select(Request).where(Request.requester_org_id == org, Request.state.in_(OPEN), asked)
    if campaign_id is not None:
        query = query.where(Request.campaign_id == campaign_id)
    if after is not None:
        query = query.where(Request.id > after)
    return tx.scalars(query.order_by(Request.id).limit(limit)).all()


def records(
    tx: Session, request_id: UUID, after: UUID | None, limit: int
) -> Sequence[ContactRecord]:
    """Return up to `limit` notes about a request, oldest first."""
    query = select(ContactRecord).where(ContactRecord.request_id == request_id)
    if after is not None:
        query = query.where(ContactRecord.id > after)
    return tx.scalars(query.order_by(ContactRecord.id).limit(limit)).all()


def newest_records(tx: Session, request_ids: Collection[UUID]) -> Mapping[UUID, ContactRecord]:
    """Return per request its newest note."""
    query = (
        select(ContactRecord)
        .where(ContactRecord.request_id.in_(request_ids))
        .ext(distinct_on(ContactRecord.request_id))
        .order_by(ContactRecord.request_id, ContactRecord.id.desc())
    )
    return {row.request_id: row for row in tx.scalars(query)}


def open_of(
    tx: Session, org: UUID, campaign_id: UUID, ids: Collection[UUID] | None
) -> Sequence[Request]:
    """Return the requests of a campaign of `org`, or those of `ids` among them, locked."""
    query = select(Request).where(
        Request.requester_org_id == org, Request.campaign_id == campaign_id
    )
    if ids is not None:
        query = query.where(Request.id.in_(ids))
    return tx.scalars(query.order_by(Request.id).with_for_update()).all()


def asked_by_for_update(tx: Session, org: UUID, request_id: UUID) -> Request | None:
    """Return an issued request that `org` made, locked until the transaction ends."""
    query = select(Request).where(
        Request.id == request_id, Request.requester_org_id == org, Request.issued_at.is_not(None)
    )
    return tx.scalar(query.with_for_update())


def reasons(tx: Session, request_id: UUID) -> Sequence[NonResponse]:
    """Return why a request has no answer, and when it was opened again, oldest first."""
    query = select(NonResponse).where(NonResponse.request_id == request_id)
    return tx.scalars(query.order_by(NonResponse.id)).all()


def newest_reason(tx: Session, request_id: UUID) -> NonResponse | None:
    """Return what was last said of why a request has no answer."""
    query = select(NonResponse).where(NonResponse.request_id == request_id)
    return tx.scalar(query.order_by(NonResponse.id.desc()).limit(1))


def due_changes(tx: Session, request_id: UUID) -> Sequence[DueChange]:
    """Return how the due date of a request was moved, oldest first."""
    query = select(DueChange).where(DueChange.request_id == request_id)
    return tx.scalars(query.order_by(DueChange.id)).all()
