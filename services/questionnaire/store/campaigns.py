"""Campaigns, their preparations for signing, and the invitations that went out."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from services.questionnaire.store.tables import (
    Campaign,
    CampaignPreparation,
    Invitation,
    Request,
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
    return tx.scalar(query.with_for_update())


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


def invitations(tx: Session, org: UUID, request_ids: Collection[UUID]) -> Mapping[UUID, Invitation]:
    """Return request id → its invitation."""
    query = select(Invitation).where(
        Invitation.org_id == org, Invitation.request_id.in_(request_ids)
    )
    return {each.request_id: each for each in tx.scalars(query)}


def invitation(tx: Session, invitation_id: UUID) -> Invitation | None:
    """Return one invitation (worker)."""
    return tx.get(Invitation, invitation_id)


def accept_invitations(tx: Session, link_id: UUID, at: datetime) -> None:
    """Note that the link's invitations served their purpose (worker)."""
    tx.execute(
        update(Invitation)
        .where(Invitation.link_id == link_id, Invitation.accepted_at.is_(None))
        .values(accepted_at=at)
    )


def has_invitation(tx: Session, request_id: UUID) -> bool:
    """Whether a request went out with an invitation (worker)."""
    query = select(Invitation.id).where(Invitation.request_id == request_id)
    return tx.scalar(query) is not None
