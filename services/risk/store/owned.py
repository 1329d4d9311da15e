"""What a requester sets for itself, every version kept: its policy, and what it says it buys."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.risk.store.base import Base, Json


class PolicyVersion(Base):
    """A requester's own policy from `made_at` on; `document` null goes back to the deployment's.

    `changed` is what it was asked for: weights and band edges.
    """

    __tablename__ = "policy_version"
    __table_args__ = (Index("ix_policy_version_org", "org_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    made_at: Mapped[datetime]
    made_by: Mapped[str]
    digest: Mapped[str]
    changed: Mapped[Json]
    document: Mapped[Json | None]
    note: Mapped[str]


class ClassVersion(Base):
    """What a customer said it buys on a link, each time it said so."""

    __tablename__ = "class_version"
    __table_args__ = (Index("ix_class_version_link", "link_id", "event_id"),)

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    link_id: Mapped[UUID]
    org_id: Mapped[UUID]
    said_at: Mapped[datetime]
    classification: Mapped[Json]


def policy(tx: Session, org: UUID) -> PolicyVersion | None:
    """Return an organization's newest policy version."""
    query = select(PolicyVersion).where(PolicyVersion.org_id == org)
    return tx.scalar(query.order_by(PolicyVersion.id.desc()).limit(1))


def policies(tx: Session, org: UUID, *, before: UUID | None, limit: int) -> list[PolicyVersion]:
    """Return an organization's policy versions, newest first, older than `before`."""
    query = select(PolicyVersion).where(PolicyVersion.org_id == org)
    if before is not None:
        query = query.where(PolicyVersion.id < before)
    return list(tx.scalars(query.order_by(PolicyVersion.id.desc()).limit(limit)))


def classifications(
    tx: Session, org: UUID, link_id: UUID, *, before: UUID | None, limit: int
) -> list[ClassVersion]:
    """Return what an organization said it buys on a link, newest first, older than `before`."""
    query = select(ClassVersion).where(ClassVersion.org_id == org, ClassVersion.link_id == link_id)
    if before is not None:
        query = query.where(ClassVersion.event_id < before)
    return list(tx.scalars(query.order_by(ClassVersion.event_id.desc()).limit(limit)))
