"""Requests, seen from both ends."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import Text, Uuid, bindparam, column, func, select, update
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from services.questionnaire.store.tables import Request, SupplyLink

Side = Literal["requester", "respondent"]


def shown(tx: Session, org: UUID, request_id: UUID) -> Request | None:
    """Return a request at either of whose ends `org` is; to its respondent only once issued."""
    query = select(Request).where(Request.id == request_id, _at_an_end(org))
    return tx.scalar(query)


def answered_by(tx: Session, org: UUID, request_id: UUID) -> Request | None:
    """Return an issued request that `org` is to answer, locked until the transaction ends."""
    query = select(Request).where(
        Request.id == request_id, Request.respondent_org_id == org, Request.issued_at.is_not(None)
    )
    return tx.scalar(query.with_for_update())


def asked_by(tx: Session, org: UUID, request_id: UUID) -> Request | None:
    """Return a request that `org` made."""
    query = select(Request).where(Request.id == request_id, Request.requester_org_id == org)
    return tx.scalar(query)


def page(
    tx: Session, org: UUID, side: Side, state: str | None, after: UUID | None, limit: int
) -> Sequence[Request]:
    """Return up to `limit` requests of one side, in the order they were made."""
    query = select(Request).order_by(Request.id).limit(limit)
    if side == "requester":
        query = query.where(Request.requester_org_id == org)
    else:
        query = query.where(Request.respondent_org_id == org, Request.issued_at.is_not(None))
    if state is not None:
        query = query.where(Request.state == state)
    if after is not None:
        query = query.where(Request.id > after)
    return tx.scalars(query).all()


def of_campaign(
    tx: Session, org: UUID, campaign_id: UUID, after: UUID | None = None, limit: int | None = None
) -> Sequence[Request]:
    """Return the requests of a campaign of `org`, in order of id."""
    query = select(Request).where(
        Request.requester_org_id == org, Request.campaign_id == campaign_id
    )
    if after is not None:
        query = query.where(Request.id > after)
    return tx.scalars(query.order_by(Request.id).limit(limit)).all()


def issue(
    tx: Session, campaign_id: UUID, statement_id: str, prepared: list[Any], at: datetime
) -> int:
    """Issue a campaign's requests with the nonces of its signed statement; return how many.

    A link that was bound meanwhile gives the respondent (worker).
    """
    given = (
        func.jsonb_to_recordset(bindparam("prepared", prepared, JSONB))
        .table_valued(column("id", Uuid), column("nonce", Text), column("disclosure", Text))
        .render_derived(name="given", with_types=True)
    )
    changed = tx.execute(
        update(Request)
        .where(
            Request.id == given.c.id,
            Request.campaign_id == campaign_id,
            SupplyLink.id == Request.link_id,
        )
        .values(
            state="issued",
            issued_at=at,
            statement_id=statement_id,
            nonce=given.c.nonce,
            disclosure=given.c.disclosure,
            respondent_org_id=func.coalesce(Request.respondent_org_id, SupplyLink.supplier_org_id),
        )
        .execution_options(synchronize_session=False)
    )
    return changed.rowcount  # type: ignore[no-any-return,attr-defined]


def bind(tx: Session, link_id: UUID, respondent: UUID) -> None:
    """Give the requests of a link their respondent (worker)."""
    tx.execute(
        update(Request)
        .where(Request.link_id == link_id, Request.respondent_org_id.is_(None))
        .values(respondent_org_id=respondent)
    )


def by_id(tx: Session, request_ids: Collection[UUID]) -> Sequence[Request]:
    """Return these requests (worker)."""
    return tx.scalars(select(Request).where(Request.id.in_(request_ids))).all()


def _at_an_end(org: UUID) -> Any:
    return (Request.requester_org_id == org) | (
        (Request.respondent_org_id == org) & Request.issued_at.is_not(None)
    )
