"""Requests, seen from both ends."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy import Text, Uuid, column, delete, func, select, update
from sqlalchemy.orm import Session

from services.kit.bulk import insert_many
from services.kit.db import new_id
from services.kit.problems import Refused
from services.questionnaire.rules.progress import SHUT
from services.questionnaire.store.suppliers import among
from services.questionnaire.store.tables import Campaign, CampaignPreparation, Request, SupplyLink

Side = Literal["requester", "respondent"]


def shown(tx: Session, org: UUID, request_id: UUID) -> Request | None:
    """Return a request at either of whose ends `org` is; to its respondent only once issued."""
    query = select(Request).where(Request.id == request_id, _at_an_end(org))
    return tx.scalar(query)


class Shut(Refused):
    """The requester no longer takes an answer to this; what was signed before stays."""

    urn = "requests/shut"


def answered_by(tx: Session, org: UUID, request_id: UUID) -> Request | None:
    """Return an issued request that `org` is to answer, locked until the transaction ends.

    Raises:
        Shut: it was closed or withdrawn; here, so that no way of answering can forget to ask.
    """
    query = select(Request).where(
        Request.id == request_id, Request.respondent_org_id == org, Request.issued_at.is_not(None)
    )
    return _open(tx.scalar(query.with_for_update()))


def _open(found: Request | None) -> Request | None:
    if found is not None and found.state in SHUT:
        raise Shut("the requester no longer takes an answer to this", state=found.state)
    return found


def at_an_end(tx: Session, org: UUID, request_id: UUID) -> Request | None:
    """Return an issued request at either of whose ends `org` is, locked."""
    query = select(Request).where(
        Request.id == request_id, Request.issued_at.is_not(None), _at_an_end(org)
    )
    return tx.scalar(query.with_for_update())


def written_by(tx: Session, org: UUID, request_id: UUID) -> Request | None:
    """Return an issued request that `org` answers, or typed in the answers to itself, locked.

    Raises:
        Shut: as for `answered_by`.
    """
    query = select(Request).where(
        Request.id == request_id,
        (Request.respondent_org_id == org) | (Request.requester_org_id == org),
        Request.issued_at.is_not(None),
    )
    return _open(tx.scalar(query.with_for_update()))


def asked_by(tx: Session, org: UUID, request_id: UUID) -> Request | None:
    """Return a request that `org` made."""
    query = select(Request).where(Request.id == request_id, Request.requester_org_id == org)
    return tx.scalar(query)


@dataclass(frozen=True, slots=True)
class Listed:
    """A request as a list shows it: columns, not rows; thousands are paged through."""

    id: UUID
    requester_org_id: UUID
    respondent_org_id: UUID | None
    campaign_id: UUID
    supplier_id: UUID
    state: str
    due_at: datetime
    answer_by: datetime
    issued_at: datetime | None
    title: str
    requester_name: str


_LISTED: Final = select(
    Request.id,
    Request.requester_org_id,
    Request.respondent_org_id,
    Request.campaign_id,
    Request.supplier_id,
    Request.state,
    Request.due_at,
    func.coalesce(Request.extended_to, Request.due_at),
    Request.issued_at,
    Campaign.title,
    Campaign.requester_name,
).join(Campaign, Campaign.id == Request.campaign_id)


def page(
    tx: Session, org: UUID, side: Side, state: str | None, after: UUID | None, limit: int
) -> list[Listed]:
    """Return up to `limit` requests of one side, in the order they were made."""
    query = _LISTED.order_by(Request.id).limit(limit)
    if side == "requester":
        query = query.where(Request.requester_org_id == org)
    else:
        query = query.where(Request.respondent_org_id == org, Request.issued_at.is_not(None))
    if state is not None:
        query = query.where(Request.state == state)
    if after is not None:
        query = query.where(Request.id > after)
    return [Listed(*row) for row in tx.execute(query)]


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


def add(tx: Session, campaign: Campaign, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add the requests of a draft; a row has `respondent_org_id`, `supplier_id` and `link_id`."""
    insert_many(
        tx,
        Request,
        ({"id": new_id(), **row} for row in rows),
        requester_org_id=campaign.org_id,
        campaign_id=campaign.id,
        questionnaire_id=campaign.questionnaire_id,
        due_at=campaign.due_at,
    )


def to_prepare(tx: Session, campaign_id: UUID) -> list[tuple[UUID, UUID, datetime]]:
    """Return id, link and due date of the requests of a campaign, in order of id."""
    query = select(Request.id, Request.link_id, Request.due_at).where(
        Request.campaign_id == campaign_id
    )
    return [(row[0], row[1], row[2]) for row in tx.execute(query.order_by(Request.id))]


def count(tx: Session, campaign_id: UUID) -> int:
    """Return how many requests a campaign has (worker)."""
    query = select(func.count()).where(Request.campaign_id == campaign_id)
    return tx.scalar(query) or 0


@dataclass(frozen=True, slots=True)
class Issued:
    """A request that went out."""

    id: UUID
    link_id: UUID
    supplier_id: UUID
    respondent_org_id: UUID | None
    nonce: str | None
    answer_by: datetime


def issue(tx: Session, campaign_id: UUID, statement_id: str, at: datetime) -> list[Issued]:
    """Issue a campaign's requests with the nonces of its signed statement, in order of id.

    A link that was bound meanwhile gives the respondent (worker).
    """
    # The nonces were stored when they were handed out, and never leave the database for this.
    given = (
        func.jsonb_to_recordset(CampaignPreparation.requests)
        .table_valued(
            column("id", Uuid),
            column("nonce", Text),
            column("disclosure", Text),
            joins_implicitly=True,
        )
        .render_derived(name="given", with_types=True)
    )
    changed = tx.execute(
        update(Request)
        .where(
            CampaignPreparation.statement_id == statement_id,
            CampaignPreparation.campaign_id == Request.campaign_id,
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
        .returning(
            Request.id,
            Request.link_id,
            Request.supplier_id,
            Request.respondent_org_id,
            Request.nonce,
            Request.due_at,
        )
        .execution_options(synchronize_session=False)
    )
    return sorted((Issued(*row) for row in changed), key=lambda each: each.id)


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


def choose(tx: Session, campaign: Campaign, rows: Sequence[Mapping[str, Any]]) -> None:
    """Let a draft ask these links and no others; a row is as for `add`."""
    of_it = Request.campaign_id == campaign.id
    there = set(tx.scalars(select(Request.link_id).where(of_it)))
    if gone := there - {row["link_id"] for row in rows}:
        tx.execute(
            delete(Request)
            .where(of_it, among(Request.link_id, gone))
            .execution_options(synchronize_session=False)
        )
    add(tx, campaign, [row for row in rows if row["link_id"] not in there])


def suppliers_of(tx: Session, campaign_id: UUID) -> list[UUID]:
    """Return whom a campaign asks."""
    return list(tx.scalars(select(Request.supplier_id).where(Request.campaign_id == campaign_id)))


def follow(tx: Session, campaign: Campaign) -> None:
    """Let the requests of a draft ask what it asks, until when it does."""
    tx.execute(
        update(Request)
        .where(Request.campaign_id == campaign.id)
        .values(questionnaire_id=campaign.questionnaire_id, due_at=campaign.due_at)
        .execution_options(synchronize_session=False)
    )
