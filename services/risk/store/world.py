"""Queries over what was heard: each answers for many firms at once, level by level of the chain."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session, aliased

from services.risk.store.heard import (
    Enrolment,
    KeyChange,
    Link,
    Questionnaire,
    Recorded,
    Request,
    Response,
    Review,
)


@dataclass(frozen=True, slots=True)
class Position:
    """How much of the newest log is counted: leaves below `size`."""

    origin: str
    size: int

    @property
    def covers(self) -> ColumnElement[bool]:
        """Whether a recorded statement lies below the position; a closed log counts whole."""
        return or_(Recorded.log_origin != self.origin, Recorded.log_index < self.size)


@dataclass(frozen=True, slots=True)
class Ends:
    """A supply link and the firm at its far end: an organization, else a private supplier id."""

    link: Link
    firm: UUID


def position(tx: Session) -> Position | None:
    """Return the place in the newest log up to which statements were heard of; None for nothing."""
    newest = select(Recorded.log_origin).order_by(
        Recorded.received_at.desc(), Recorded.log_index.desc()
    )
    origin = tx.scalar(newest.limit(1))
    if origin is None:
        return None
    last = tx.scalar(select(func.max(Recorded.log_index)).where(Recorded.log_origin == origin))
    assert last is not None
    return Position(origin, last + 1)


def links_of(tx: Session, customers: Collection[UUID]) -> list[Ends]:
    """Return every supply link of these customers, ended ones too, by id."""
    query = (
        select(Link, func.coalesce(Link.supplier_org_id, Enrolment.org_id, Link.supplier_id))
        .outerjoin(Enrolment, Enrolment.link_id == Link.link_id)
        .where(Link.org_id.in_(customers))
        .order_by(Link.link_id)
    )
    return [Ends(link, firm) for link, firm in tx.execute(query)]


def declared(
    tx: Session, respondents: Collection[UUID], requesters: Collection[UUID], place: Position
) -> list[tuple[Response, Recorded]]:
    """Return revisions whose declaration is recorded with equal digests and their reader in it.

    Newest first. Their component statements are not looked at here.
    """
    query = (
        select(Response, Recorded)
        .join(
            Recorded,
            and_(
                Recorded.statement_id == Response.declaration_id,
                Recorded.type == "declaration",
                Recorded.org_id == Response.respondent_org_id,
                Recorded.subject_sha256 == Response.declaration_sha256,
                Recorded.answers_sha256 == Response.answers_sha256,
                Recorded.response_id == Response.response_id,
                Recorded.revision == Response.revision,
                Response.requester_org_id == func.any(Recorded.audience),
            ),
        )
        .where(
            Response.respondent_org_id.in_(respondents),
            Response.requester_org_id.in_(requesters),
            place.covers,
        )
        .order_by(Recorded.received_at.desc(), Recorded.log_index.desc())
    )
    return [(response, recorded) for response, recorded in tx.execute(query)]


def recorded_by_id(
    tx: Session, statement_ids: Collection[str], place: Position
) -> dict[str, Recorded]:
    """Return those of the statements that are recorded, by id."""
    query = select(Recorded).where(Recorded.statement_id.in_(statement_ids), place.covers)
    return {found.statement_id: found for found in tx.scalars(query)}


def superseders_of(
    tx: Session, statement_ids: Collection[str], place: Position
) -> dict[str, Recorded]:
    """Return by id of the superseded statement what superseded it first, by the same firm."""
    old = aliased(Recorded)
    query = (
        select(Recorded)
        .join(
            old,
            and_(
                old.statement_id == Recorded.supersedes,
                old.org_id == Recorded.org_id,
                old.type == Recorded.type,
            ),
        )
        .where(Recorded.supersedes.in_(statement_ids), place.covers)
        .order_by(Recorded.received_at.desc(), Recorded.log_index.desc())
    )
    return {str(found.supersedes): found for found in tx.scalars(query)}


def key_changes_of(tx: Session, firms: Collection[UUID]) -> list[KeyChange]:
    """Return all key events of these firms in the order of the log."""
    query = select(KeyChange).where(KeyChange.org_id.in_(firms))
    return list(tx.scalars(query.order_by(KeyChange.log_index, KeyChange.event_id)))


def requests_on(tx: Session, link_ids: Collection[UUID]) -> list[Request]:
    """Return the requests on these links, the newest last."""
    query = select(Request).where(Request.link_id.in_(link_ids))
    return list(tx.scalars(query.order_by(Request.event_id, Request.request_id)))


def reviews_of(
    tx: Session, statement_ids: Collection[str], place: Position
) -> list[tuple[Review, Recorded]]:
    """Return the recorded reviews of these statements, each by who was asked to read it; newest
    last.
    """
    query = (
        select(Review, Recorded)
        .join(
            Recorded,
            and_(
                Recorded.statement_id == Review.review_statement_id,
                Recorded.type == "review",
                Recorded.subject_sha256 == Review.statement_id,
                Recorded.org_id == Review.requester_org_id,
            ),
        )
        .where(Review.statement_id.in_(statement_ids), place.covers)
        .order_by(Recorded.received_at, Recorded.log_index)
    )
    return [(review, recorded) for review, recorded in tx.execute(query)]


def questionnaires(tx: Session, ids: Iterable[UUID], requester: UUID) -> list[Questionnaire]:
    """Return these questionnaires and the requester's own, its own last and newest last of all.

    Where there is none at all, the newest of anybody: the starter set applies on every link.
    """
    mine = Questionnaire.org_id == requester
    query = select(Questionnaire).where(or_(mine, Questionnaire.questionnaire_id.in_(list(ids))))
    found = list(tx.scalars(query.order_by(mine, Questionnaire.event_id)))
    if not found:
        newest = select(Questionnaire).order_by(Questionnaire.event_id.desc()).limit(1)
        found = list(tx.scalars(newest))
    return found


def requesters(tx: Session) -> list[UUID]:
    """Return every organization with a supply link of its own, by id."""
    query = select(Link.org_id).where(Link.ended.is_(False)).distinct().order_by(Link.org_id)
    return list(tx.scalars(query))
