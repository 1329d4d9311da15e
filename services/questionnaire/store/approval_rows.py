"""Who checks and approves a campaign before it is signed, and who stands in for whom."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, SmallInteger, UniqueConstraint, func
from sqlalchemy.orm import Mapped, mapped_column

from services.kit.db import new_id
from services.questionnaire.store.tables import Base


class CampaignStep(Base):
    """One step of a campaign's approval: 確認 (`check`) or 承認 (`approve`), by one mailbox.

    `decision`: null while it is to be decided, `agreed` or `returned`; `by_deputy` where somebody
    stood in.
    """

    __tablename__ = "campaign_step"
    __table_args__ = (
        UniqueConstraint("campaign_id", "round", "position"),
        Index("ix_campaign_step_mailbox", "org_id", "mailbox"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.campaign.id"))
    round: Mapped[int] = mapped_column(SmallInteger)
    position: Mapped[int] = mapped_column(SmallInteger)
    kind: Mapped[str]
    name: Mapped[str]
    mailbox: Mapped[str]
    decision: Mapped[str | None]
    comment: Mapped[str | None]
    decided_at: Mapped[datetime | None]
    decided_by: Mapped[str | None]
    decided_by_name: Mapped[str | None]
    by_deputy: Mapped[bool | None]


class Deputy(Base):
    """That somebody stands in for a mailbox from one day to another, both included."""

    __tablename__ = "deputy"
    __table_args__ = (Index("ix_deputy_of", "org_id", "mailbox"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    mailbox: Mapped[str]
    deputy_name: Mapped[str]
    deputy_mailbox: Mapped[str]
    from_on: Mapped[date]
    to_on: Mapped[date]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
