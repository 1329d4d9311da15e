"""Drafts (the respondent's alone), revisions handed out for signing, and reviews."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.kit.db import new_id
from services.questionnaire.store.tables import (
    Json,
    Request,
    Response,
    ResponsePreparation,
    Review,
)


def own(tx: Session, org: UUID, response_id: UUID) -> Response | None:
    """Return a response of `org`."""
    query = select(Response).where(Response.id == response_id, Response.respondent_org_id == org)
    return tx.scalar(query)


def own_for_update(tx: Session, org: UUID, response_id: UUID) -> Response | None:
    """Return a response of `org`, locked until the transaction ends."""
    query = select(Response).where(Response.id == response_id, Response.respondent_org_id == org)
    return tx.scalar(query.with_for_update())


def of_request(tx: Session, org: UUID, request_id: UUID) -> Response | None:
    """Return what `org` has drafted for a request."""
    query = select(Response).where(Response.request_id == request_id)
    return tx.scalar(query.where(Response.respondent_org_id == org))


def create(tx: Session, request: Request, org: UUID, document: Json) -> Response:
    """Return the one response of `org` to a request, made now unless somebody was faster."""
    new = insert(Response).values(
        id=new_id(),
        request_id=request.id,
        questionnaire_id=request.questionnaire_id,
        requester_org_id=request.requester_org_id,
        respondent_org_id=org,
        document=document,
    )
    ends = ["request_id", "respondent_org_id"]
    tx.execute(new.on_conflict_do_nothing(index_elements=ends))
    made = select(Response).where(
        Response.request_id == request.id, Response.respondent_org_id == org
    )
    return tx.scalars(made).one()


def for_update(tx: Session, response_id: UUID) -> Response:
    """Return a response that is known to exist, locked (worker)."""
    return tx.scalars(select(Response).where(Response.id == response_id).with_for_update()).one()


def preparation_for_update(tx: Session, declaration_id: str) -> ResponsePreparation | None:
    """Return the revision handed out under this declaration, locked (worker)."""
    query = select(ResponsePreparation).where(ResponsePreparation.declaration_id == declaration_id)
    return tx.scalar(query.with_for_update())


def preparation_of(tx: Session, statement_id: str) -> ResponsePreparation | None:
    """Return the revision that one of its statements belongs to, if it may be seen."""
    return tx.scalar(
        select(ResponsePreparation).where(
            ResponsePreparation.statements.contains([{"statement_id": statement_id}])
        )
    )


def newest_recorded(
    tx: Session, *, response_id: UUID | None = None, request_id: UUID | None = None
) -> ResponsePreparation | None:
    """Return the newest revision on record of a response or of a request.

    What the supplier signed itself goes before what was typed in for it, whenever that was.
    """
    query = select(ResponsePreparation).where(ResponsePreparation.recorded_at.is_not(None))
    if response_id is not None:
        query = query.where(ResponsePreparation.response_id == response_id)
    if request_id is not None:
        query = query.where(ResponsePreparation.request_id == request_id)
    typed = ResponsePreparation.respondent_org_id == ResponsePreparation.requester_org_id
    return tx.scalar(query.order_by(typed, ResponsePreparation.revision.desc()).limit(1))


def recorded(tx: Session, response_id: UUID) -> Sequence[ResponsePreparation]:
    """Return the revisions on record of a response, oldest first."""
    query = select(ResponsePreparation).where(
        ResponsePreparation.response_id == response_id,
        ResponsePreparation.recorded_at.is_not(None),
    )
    return tx.scalars(query.order_by(ResponsePreparation.revision)).all()


def newest(tx: Session, response_id: UUID) -> ResponsePreparation | None:
    """Return the revision of a response that was handed out last."""
    query = (
        select(ResponsePreparation)
        .where(ResponsePreparation.response_id == response_id)
        .order_by(ResponsePreparation.created_at.desc())
        .limit(1)
    )
    return tx.scalar(query)


def review_for_update(tx: Session, review_statement_id: str) -> Review | None:
    """Return the review handed out under this statement id, locked (worker)."""
    query = select(Review).where(Review.review_statement_id == review_statement_id)
    return tx.scalar(query.with_for_update())


def recorded_reviews(tx: Session, response_id: UUID) -> Sequence[Review]:
    """Return the reviews on record of a response."""
    query = select(Review).where(Review.response_id == response_id, Review.recorded_at.is_not(None))
    return tx.scalars(query.order_by(Review.id)).all()


def reviews(tx: Session, org: UUID, after: UUID | None, limit: int) -> Sequence[Review]:
    """Return up to `limit` reviews by or about `org`, in the order they were made."""
    query = select(Review).where(
        (Review.requester_org_id == org)
        | ((Review.respondent_org_id == org) & Review.recorded_at.is_not(None))
    )
    if after is not None:
        query = query.where(Review.id > after)
    return tx.scalars(query.order_by(Review.id).limit(limit)).all()
