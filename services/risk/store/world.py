"""Queries over what was heard: each answers for many firms at once, level by level of the chain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, and_, any_, cast, exists, func, or_, select
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from services.risk.store.heard import (
    Enrolment,
    KeyChange,
    Link,
    LinkClass,
    Merged,
    Questionnaire,
    Recorded,
    Request,
    RequestChange,
    Response,
    Review,
    Withdrawn,
)

SYNTHETIC = "synthetic.invalid"
"""The origin that statements fed for a trial of size name: no log has it (RFC 6761)."""


def among(column: Any, values: Collection[Any]) -> ColumnElement[bool]:
    """Whether a column has one of these values: one array, however many they are.

    A parameter for each would end at 65,535 of them, which a level of a great chain passes.
    """
    found: ColumnElement[bool] = column == any_(cast(list(values), ARRAY(column.type)))
    return found


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
    """A supply link and the firm at its far end: an organization, else a private supplier id.

    `classification`: what its customer says it buys.
    """

    link: Link
    firm: UUID
    classification: Mapping[str, Sequence[str]]


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


def is_synthetic(tx: Session) -> bool:
    """Whether anything that was heard is made up: statements that no log holds."""
    return bool(tx.scalar(select(exists().where(Recorded.log_origin == SYNTHETIC))))


def links_of(tx: Session, customers: Collection[UUID], requester: UUID) -> list[Ends]:
    """Return every supply link of these customers, ended ones too, by id.

    A record of the requester's own that nobody enrolled by and that was merged into another one is
    the other one's firm. Of anybody else only a signed list decides who is one firm: a merge that
    nobody signed would make two silent suppliers one, and hide the second.
    """
    firm = func.coalesce(Link.supplier_org_id, Enrolment.org_id)
    query = (
        select(Link, firm, LinkClass.classification, Merged.kept_supplier_id)
        .outerjoin(Enrolment, Enrolment.link_id == Link.link_id)
        .outerjoin(LinkClass, LinkClass.link_id == Link.link_id)
        .outerjoin(Merged, and_(Merged.link_id == Link.link_id, Merged.undone.is_(False)))
        .where(among(Link.org_id, customers))
        .order_by(Link.link_id)
    )
    rows = tx.execute(query).all()
    enrolled = {link.supplier_id: known for link, known, _, _ in rows if known is not None}
    kept = {
        link.supplier_id: other
        for link, _, _, other in rows
        if other is not None and link.org_id == requester
    }
    return [
        Ends(link, _firm(link.supplier_id, enrolled, kept), bought or {})
        for link, _, bought, _ in rows
    ]


def _firm(supplier: UUID, enrolled: Mapping[UUID, UUID], kept: Mapping[UUID, UUID]) -> UUID:
    """Follow merges to an organization, or to the last record; a circle ends where it began."""
    seen: set[UUID] = set()
    while supplier not in enrolled and supplier in kept and supplier not in seen:
        seen.add(supplier)
        supplier = kept[supplier]
    return enrolled.get(supplier, supplier)


def recorded_for(signer: InstrumentedAttribute[UUID]) -> ColumnElement[bool]:
    """Whether a revision's declaration is recorded as signed by `signer`, with equal digests."""
    return and_(
        Recorded.statement_id == Response.declaration_id,
        Recorded.type == "declaration",
        Recorded.org_id == signer,
        Recorded.subject_sha256 == Response.declaration_sha256,
        Recorded.answers_sha256 == Response.answers_sha256,
        Recorded.response_id == Response.response_id,
        Recorded.revision == Response.revision,
    )


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
                recorded_for(Response.respondent_org_id),
                Response.requester_org_id == func.any(Recorded.audience),
            ),
        )
        .where(
            among(Response.respondent_org_id, respondents),
            among(Response.requester_org_id, requesters),
            place.covers,
        )
        .order_by(Recorded.received_at.desc(), Recorded.log_index.desc())
    )
    return [(response, recorded) for response, recorded in tx.execute(query)]


def recorded_by_id(
    tx: Session, statement_ids: Collection[str], place: Position
) -> dict[str, Recorded]:
    """Return those of the statements that are recorded, by id."""
    query = select(Recorded).where(among(Recorded.statement_id, statement_ids), place.covers)
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
        .where(among(Recorded.supersedes, statement_ids), place.covers)
        .order_by(Recorded.received_at.desc(), Recorded.log_index.desc())
    )
    return {str(found.supersedes): found for found in tx.scalars(query)}


def withdrawals_of(
    tx: Session, statement_ids: Collection[str], place: Position
) -> list[tuple[Withdrawn, Recorded]]:
    """Return the recorded withdrawals of these statements by their own firms, oldest first."""
    target = aliased(Recorded)
    query = (
        select(Withdrawn, Recorded)
        .join(
            Recorded,
            and_(
                Recorded.statement_id == Withdrawn.withdrawal_id,
                Recorded.type == "withdrawal",
                Recorded.subject_sha256 == Withdrawn.statement_id,
                Recorded.org_id == Withdrawn.org_id,
            ),
        )
        .join(
            target,
            and_(
                target.statement_id == Withdrawn.statement_id,
                target.org_id == Withdrawn.org_id,
            ),
        )
        .where(among(Withdrawn.statement_id, statement_ids), place.covers)
        .order_by(Recorded.received_at, Recorded.log_index)
    )
    return [(withdrawn, recorded) for withdrawn, recorded in tx.execute(query)]


def key_changes_of(tx: Session, firms: Collection[UUID]) -> list[KeyChange]:
    """Return all key events of these firms in the order of the log."""
    query = select(KeyChange).where(among(KeyChange.org_id, firms))
    # The origin of a later log is longer: `e2.<host>` follows `<host>`, and `e9.` comes before
    # `e10.` (profile section 4).
    origin = KeyChange.log_origin
    in_order = (func.length(origin), origin, KeyChange.log_index, KeyChange.event_id)
    return list(tx.scalars(query.order_by(*in_order)))


def requests_on(
    tx: Session, link_ids: Collection[UUID]
) -> list[tuple[Request, list[RequestChange]]]:
    """Return the requests on these links, the newest last, each with what was said of it since."""
    query = select(RequestChange).where(among(RequestChange.link_id, link_ids))
    changes: defaultdict[UUID, list[RequestChange]] = defaultdict(list)
    for change in tx.scalars(query.order_by(RequestChange.event_id)):
        changes[change.request_id].append(change)
    asked = select(Request).where(among(Request.link_id, link_ids))
    asked = asked.order_by(Request.event_id, Request.request_id)
    return [(request, changes[request.request_id]) for request in tx.scalars(asked)]


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
        .where(among(Review.statement_id, statement_ids), place.covers)
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
