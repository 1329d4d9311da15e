"""Campaigns, their preparations for signing, and the invitations that went out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ARRAY, Integer, Uuid, cast, delete, func, insert, literal, select, update
from sqlalchemy.dialects.postgresql import JSONB, distinct_on
from sqlalchemy.orm import Session, defer

from services.kit.bulk import insert_many
from services.questionnaire.store.tables import (
    Campaign,
    CampaignPreparation,
    FairDealing,
    Invitation,
    Request,
    Supplier,
    SupplyLink,
)


def own(tx: Session, org: UUID, campaign_id: UUID) -> Campaign | None:
    """Return a campaign of `org`."""
    query = select(Campaign).where(Campaign.org_id == org, Campaign.id == campaign_id)
    return tx.scalar(query)


def own_for_update(tx: Session, org: UUID, campaign_id: UUID) -> Campaign | None:
    """Return a campaign of `org`, locked until the transaction ends."""
    query = select(Campaign).where(Campaign.org_id == org, Campaign.id == campaign_id)
    return tx.scalar(query.with_for_update())


def page(tx: Session, org: UUID, after: UUID | None, limit: int) -> Sequence[Campaign]:
    """Return up to `limit` campaigns of `org`, in the order they were made."""
    query = select(Campaign).where(Campaign.org_id == org).order_by(Campaign.id)
    if after is not None:
        query = query.where(Campaign.id > after)
    return tx.scalars(query.limit(limit)).all()


def counts(tx: Session, org: UUID, campaign_ids: Collection[UUID]) -> Mapping[UUID, dict[str, int]]:
    """Return, per campaign, how many requests are in each state."""
    query = (
        select(Request.campaign_id, Request.state, func.count())
        .where(Request.requester_org_id == org, Request.campaign_id.in_(campaign_ids))
        .group_by(Request.campaign_id, Request.state)
    )
    found: dict[UUID, dict[str, int]] = {campaign_id: {} for campaign_id in campaign_ids}
    for campaign_id, state, count in tx.execute(query):
        found[campaign_id][state] = count
    return found


def preparation_for_update(tx: Session, statement_id: str) -> CampaignPreparation | None:
    """Return what was handed out for signing under this statement id, locked (worker)."""
    query = select(CampaignPreparation).where(CampaignPreparation.statement_id == statement_id)
    # Nonces and disclosures are megabytes, and only their requests want them.
    return tx.scalar(query.options(defer(CampaignPreparation.requests)).with_for_update())


def newest_on_links_to(tx: Session, supplier_org: UUID) -> list[tuple[Request, Campaign]]:
    """Return, for each live link to a supplier, its newest request and campaign (worker)."""
    newest = (
        select(Request.id)
        .join(SupplyLink, SupplyLink.id == Request.link_id)
        .where(SupplyLink.supplier_org_id == supplier_org, SupplyLink.ended.is_(False))
        .ext(distinct_on(Request.link_id))
        .order_by(Request.link_id, Request.id.desc())
        .subquery()
    )
    query = (
        select(Request, Campaign)
        .join(newest, newest.c.id == Request.id)
        .join(Campaign, Campaign.id == Request.campaign_id)
        .order_by(Request.link_id)
    )
    return [(request, campaign) for request, campaign in tx.execute(query)]


def newest_preparation(tx: Session, campaign_id: UUID) -> CampaignPreparation | None:
    """Return the newest preparation of a campaign."""
    query = (
        select(CampaignPreparation)
        .where(CampaignPreparation.campaign_id == campaign_id)
        .order_by(CampaignPreparation.created_at.desc())
        .limit(1)
    )
    return tx.scalar(query)


def for_update(tx: Session, campaign_id: UUID) -> Campaign:
    """Return a campaign that is known to exist, locked (worker)."""
    return tx.scalars(select(Campaign).where(Campaign.id == campaign_id).with_for_update()).one()


def record_fair_dealing(
    tx: Session,
    campaign: Campaign,
    records: Sequence[Mapping[str, Any]],
    which: Mapping[UUID, int],
) -> None:
    """Record how suppliers are dealt with in a draft: supplier id → number of its record."""
    tx.execute(
        delete(FairDealing)
        .where(FairDealing.campaign_id == campaign.id)
        .execution_options(synchronize_session=False)
    )
    # Most are dealt with alike, so a record travels once, however many it is of.
    each = select(
        func.unnest(cast(list(which), ARRAY(Uuid)), type_=Uuid).label("supplier"),
        func.unnest(cast(list(which.values()), ARRAY(Integer)), type_=Integer).label("number"),
    ).subquery()
    given = select(
        literal(campaign.id),
        literal(campaign.org_id),
        each.c.supplier,
        cast(list(records), JSONB)[each.c.number],
    )
    columns = ["campaign_id", "org_id", "supplier_id", "record"]
    tx.execute(insert(FairDealing).from_select(columns, given))


def fair_dealing(
    tx: Session, org: UUID, campaign_id: UUID, after: UUID | None, limit: int
) -> Sequence[FairDealing]:
    """Return how up to `limit` suppliers are dealt with in a campaign, by supplier id."""
    query = select(FairDealing).where(
        FairDealing.org_id == org, FairDealing.campaign_id == campaign_id
    )
    if after is not None:
        query = query.where(FairDealing.supplier_id > after)
    return tx.scalars(query.order_by(FairDealing.supplier_id).limit(limit)).all()


def countries(tx: Session, campaign_id: UUID) -> dict[str, int]:
    """Return how many suppliers of a campaign are in each country."""
    query = (
        select(Supplier.country, func.count())
        .join(Request, Request.supplier_id == Supplier.id)
        .where(Request.campaign_id == campaign_id)
        .group_by(Supplier.country)
    )
    return {name: count for name, count in tx.execute(query)}  # noqa: C416 (typed)


def add_invitations(
    tx: Session, org: UUID, rows: Sequence[Mapping[str, Any]], at: datetime
) -> None:
    """Add invitations of one requester, issued at one time."""
    insert_many(tx, Invitation, rows, org_id=org, issued_at=at)


def invitations(tx: Session, org: UUID, request_ids: Collection[UUID]) -> Mapping[UUID, Invitation]:
    """Return request id → its newest invitation."""
    query = select(Invitation).where(
        Invitation.org_id == org, Invitation.request_id.in_(request_ids)
    )
    return {each.request_id: each for each in tx.scalars(query.order_by(Invitation.id))}


def newest_invitation(tx: Session, request_id: UUID) -> Invitation | None:
    """Return the invitation of a request that counts."""
    query = select(Invitation).where(Invitation.request_id == request_id)
    return tx.scalar(query.order_by(Invitation.id.desc()).limit(1))


def mailed(tx: Session, request_id: UUID, at: datetime) -> None:
    """Note that the mail with a request's invitation was handed over (worker)."""
    tx.execute(
        update(Invitation)
        .where(Invitation.request_id == request_id, Invitation.mailed_at.is_(None))
        .values(mailed_at=at)
    )


def accept_invitations(tx: Session, link_id: UUID, at: datetime) -> None:
    """Note that the link's invitations served their purpose (worker)."""
    tx.execute(
        update(Invitation)
        .where(Invitation.link_id == link_id, Invitation.accepted_at.is_(None))
        .values(accepted_at=at)
    )
