"""Steps of approval, and who stands in for whom."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.questionnaire.store.approval_rows import CampaignStep, Deputy
from services.questionnaire.store.tables import Campaign

_OVER = ("closed", "cancelled")


def rounds(tx: Session, campaign_id: UUID) -> int:
    """Return how often a campaign was handed in."""
    query = select(func.max(CampaignStep.round)).where(CampaignStep.campaign_id == campaign_id)
    return tx.scalar(query) or 0


def steps(tx: Session, campaign_id: UUID) -> Sequence[CampaignStep]:
    """Return all steps of a campaign, those of earlier rounds too, in their order."""
    query = select(CampaignStep).where(CampaignStep.campaign_id == campaign_id)
    return tx.scalars(query.order_by(CampaignStep.round, CampaignStep.position)).all()


def newest_round(tx: Session, campaign_id: UUID) -> Sequence[CampaignStep]:
    """Return the steps of the newest round, in their order."""
    found = steps(tx, campaign_id)
    return [each for each in found if each.round == found[-1].round]


def undecided(tx: Session, org: UUID) -> Sequence[CampaignStep]:
    """Return the steps of `org` that wait for somebody, locked."""
    query = (
        select(CampaignStep)
        .join(Campaign, Campaign.id == CampaignStep.campaign_id)
        .where(
            CampaignStep.org_id == org,
            CampaignStep.decision.is_(None),
            Campaign.state == "in-approval",
        )
    )
    return tx.scalars(query.order_by(CampaignStep.id).with_for_update(of=CampaignStep)).all()


def living(tx: Session, org: UUID) -> Sequence[Campaign]:
    """Return the campaigns of `org` that are not over, locked."""
    query = select(Campaign).where(Campaign.org_id == org, Campaign.state.not_in(_OVER))
    return tx.scalars(query.order_by(Campaign.id).with_for_update()).all()


def deputy(tx: Session, org: UUID, deputy_id: UUID) -> Deputy | None:
    """Return one appointment of `org`."""
    return tx.scalar(select(Deputy).where(Deputy.org_id == org, Deputy.id == deputy_id))


def deputies(tx: Session, org: UUID, after: UUID | None, limit: int) -> Sequence[Deputy]:
    """Return up to `limit` appointments of `org`, oldest first."""
    query = select(Deputy).where(Deputy.org_id == org)
    if after is not None:
        query = query.where(Deputy.id > after)
    return tx.scalars(query.order_by(Deputy.id).limit(limit)).all()


def deputies_of(tx: Session, org: UUID, mailbox: str, on: date) -> Sequence[Deputy]:
    """Return who stands in for a mailbox on a day."""
    query = select(Deputy).where(
        Deputy.org_id == org,
        func.lower(Deputy.mailbox) == mailbox.lower(),
        Deputy.from_on <= on,
        Deputy.to_on >= on,
    )
    return tx.scalars(query).all()
