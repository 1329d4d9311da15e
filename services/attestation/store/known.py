"""What other services said and this one must know: firms, links, requests."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import ForeignKey, Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.attestation.store.base import Base, Moment, Sha256, remembered


class Organization(Base):
    """An enrolled organization; its name is nobody's business here."""

    __tablename__ = "organization"
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    enrolled_at: Mapped[Moment]


class LinkEnd(Base):
    """A supply link whose two ends are known, because the respondent accepted its invitation."""

    __tablename__ = "link_end"
    __table_args__ = (Index("ix_link_end_respondent", "respondent_org_id"),)
    link_id: Mapped[UUID] = mapped_column(primary_key=True)
    requester_org_id: Mapped[UUID]
    respondent_org_id: Mapped[UUID] = mapped_column(ForeignKey("organization.org_id"))
    known_at: Mapped[Moment]


class CampaignPrepared(Base):
    """A request statement a requester may sign; the newest `event_id` of a campaign counts."""

    __tablename__ = "campaign_prepared"
    __table_args__ = (Index("ix_campaign_prepared_campaign", "campaign_id"),)
    statement_id: Mapped[Sha256] = mapped_column(primary_key=True)
    campaign_id: Mapped[UUID]
    org_id: Mapped[UUID]
    questionnaire_digest: Mapped[Sha256]
    event_id: Mapped[UUID]


class RequestKnown(Base):
    """One issued request: what a response to it must repeat."""

    __tablename__ = "request_known"
    __table_args__ = (Index("ix_request_known_link", "link_id"),)
    request_id: Mapped[UUID] = mapped_column(primary_key=True)
    statement_id: Mapped[Sha256]
    link_id: Mapped[UUID]
    requester_org_id: Mapped[UUID]
    nonce: Mapped[str]
    due_at: Mapped[Moment]
    questionnaire_digest: Mapped[Sha256]


def link_of_requester(tx: Session, link_id: UUID, requester: UUID) -> LinkEnd | None:
    """Return a link if it is this requester's and its other end is known."""
    return tx.scalar(
        select(LinkEnd).where(LinkEnd.link_id == link_id, LinkEnd.requester_org_id == requester)
    )


@remembered
def links_of_respondent(tx: Session, org_id: UUID) -> list[LinkEnd]:
    """Return the links on which this firm is the supplier, oldest first."""
    query = select(LinkEnd).where(LinkEnd.respondent_org_id == org_id)
    return list(tx.scalars(query.order_by(LinkEnd.known_at, LinkEnd.link_id)))


@remembered
def requests_by_id(tx: Session, request_ids: Iterable[UUID]) -> dict[UUID, RequestKnown]:
    """Return those of the requests that the asking organization is an end of."""
    query = select(RequestKnown).where(RequestKnown.request_id.in_(list(request_ids)))
    return {found.request_id: found for found in tx.scalars(query)}


def preparations_like(tx: Session, statement_id: str) -> list[CampaignPrepared]:
    """Return all preparations of the campaign this request statement was prepared for."""
    campaign = select(CampaignPrepared.campaign_id).where(
        CampaignPrepared.statement_id == statement_id
    )
    query = select(CampaignPrepared).where(CampaignPrepared.campaign_id.in_(campaign))
    return list(tx.scalars(query.order_by(CampaignPrepared.event_id)))
