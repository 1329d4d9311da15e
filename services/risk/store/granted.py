"""What reaches a customer by another way than its own request: grants, and what it typed in."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, and_, exists, func, select
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from services.risk.store.base import Base, Json
from services.risk.store.heard import Recorded, Response, Withdrawn
from services.risk.store.world import Position, recorded_for


class Granted(Base):
    """That a firm opened to a further requester what it had signed for another.

    `component` is as `response.submitted` tells one; `opened` is false in what stays closed.
    """

    __tablename__ = "granted"
    __table_args__ = (Index("ix_granted_ends", "respondent_org_id", "requester_org_id"),)

    grant_id: Mapped[str] = mapped_column(primary_key=True)
    request_id: Mapped[UUID]
    requester_org_id: Mapped[UUID]
    respondent_org_id: Mapped[UUID]
    response_id: Mapped[UUID]
    revision: Mapped[int]
    origin: Mapped[str]
    component: Mapped[Json]
    not_after: Mapped[datetime]


class SheetWord(Base):
    """The supplier's word on the returned sheet of a typed or relayed revision."""

    __tablename__ = "sheet_word"

    declaration_id: Mapped[str] = mapped_column(primary_key=True)
    requester_org_id: Mapped[UUID]
    confirmed: Mapped[bool]


def grants_between(
    tx: Session,
    respondents: Collection[UUID],
    requesters: Collection[UUID],
    place: Position,
    as_of: datetime,
) -> list[tuple[Granted, Recorded]]:
    """Return the grants in force between these firms, each with the statement it opens; by id.

    Both are in the log by the same firm and as they were told; a grant that was taken back, or has
    run out, opens nothing.
    """
    statement, back = aliased(Recorded), aliased(Recorded)
    withdrawn = (
        select(Withdrawn.withdrawal_id)
        .join(back, back.statement_id == Withdrawn.withdrawal_id)
        .where(
            Withdrawn.statement_id == Granted.grant_id,
            Withdrawn.org_id == Granted.respondent_org_id,
            back.type == "withdrawal",
            back.org_id == Granted.respondent_org_id,
        )
    )
    told = Granted.component["statement_id"].astext
    query = (
        select(Granted, statement)
        .join(
            Recorded,
            and_(
                Recorded.statement_id == Granted.grant_id,
                Recorded.type == "grant",
                Recorded.org_id == Granted.respondent_org_id,
                Recorded.subject_sha256 == told,
                Granted.requester_org_id == func.any(Recorded.audience),
            ),
        )
        .join(
            statement,
            and_(
                statement.statement_id == told,
                statement.type == "ai-governance",
                statement.org_id == Granted.respondent_org_id,
                statement.subject_sha256 == Granted.component["descriptor_sha256"].astext,
                statement.answers_sha256 == Granted.component["answers_sha256"].astext,
                statement.response_id == Granted.response_id,
                statement.revision == Granted.revision,
            ),
        )
        .where(
            Granted.respondent_org_id.in_(respondents),
            Granted.requester_org_id.in_(requesters),
            Granted.not_after > as_of,
            place.covers,
            ~exists(withdrawn.correlate(Granted)),
        )
        .order_by(Granted.grant_id)
    )
    return [(granted, of) for granted, of in tx.execute(query)]


def typed(
    tx: Session, request_ids: Collection[UUID], place: Position
) -> list[tuple[Response, Recorded]]:
    """Return what requesters typed in themselves on these requests of theirs; newest first."""
    query = (
        select(Response, Recorded)
        .join(Recorded, recorded_for(Response.requester_org_id))
        .where(
            Response.request_id.in_(request_ids),
            Response.respondent_org_id == Response.requester_org_id,
            Response.said["origin"].astext == "transcribed",
            place.covers,
        )
        .order_by(Recorded.received_at.desc(), Recorded.log_index.desc())
    )
    return [(response, recorded) for response, recorded in tx.execute(query)]


def confirmed(tx: Session, declaration_ids: Collection[str]) -> set[str]:
    """Return those of the revisions whose returned sheet the supplier confirmed."""
    query = select(SheetWord.declaration_id).where(
        SheetWord.declaration_id.in_(declaration_ids), SheetWord.confirmed
    )
    return set(tx.scalars(query))
