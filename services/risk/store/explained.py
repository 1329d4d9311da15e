"""What is kept beside each snapshot to explain it: how each own link stood, what to do next, and
each respondent's own score as that requester sees it. Derived from the signed facts, never a fact.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, SmallInteger, Text, cast, exists, func, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.risk.store.base import Base, Json
from services.risk.store.heard import Dialogue, Enrolment, Link
from services.risk.store.shown import Score, SnapshotRefused, SnapshotSigned


class SeenLink(Base):
    """One of the requester's own links as a snapshot's facts have it (`rules.moves`)."""

    __tablename__ = "seen_link"
    __table_args__ = (Index("ix_seen_link_link", "link_id", "snapshot_id"),)

    snapshot_id: Mapped[UUID] = mapped_column(
        ForeignKey("risk.snapshot_signed.snapshot_id"), primary_key=True
    )
    link_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    seen: Mapped[Json]


class Advised(Base):
    """One of the best next actions, computed exactly; `rank` 1 lowers the total most."""

    __tablename__ = "advised"

    snapshot_id: Mapped[UUID] = mapped_column(
        ForeignKey("risk.snapshot_signed.snapshot_id"), primary_key=True
    )
    rank: Mapped[int] = mapped_column(SmallInteger, primary_key=True)
    org_id: Mapped[UUID]
    action: Mapped[Json]


class OwnScore(Base):
    """A respondent's score as one requester sees it, for the respondent to read.

    `explanation` has components and questions; what the requester classes, weighs or sums up over
    its other suppliers is not in it.
    """

    __tablename__ = "own_score"
    __table_args__ = (Index("ix_own_score_respondent", "respondent_id", "org_id"),)

    snapshot_id: Mapped[UUID] = mapped_column(
        ForeignKey("risk.snapshot_signed.snapshot_id"), primary_key=True
    )
    link_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    respondent_id: Mapped[UUID]
    as_of: Mapped[datetime]
    model: Mapped[str]
    policy_digest: Mapped[str]
    band: Mapped[str | None]
    claimed: Mapped[str | None]
    evidenced: Mapped[str | None]
    coverage: Mapped[str | None]
    explanation: Mapped[Json]


def respondents(tx: Session, org: UUID) -> dict[str, UUID]:
    """Return by link of an organization's own, as text, the organization at its far end."""
    query = (
        select(cast(Link.link_id, Text), Link.supplier_org_id, Enrolment.org_id)
        .outerjoin(Enrolment, Enrolment.link_id == Link.link_id)
        .where(Link.org_id == org, Link.ended.is_(False))
    )
    found = {link: known or enrolled for link, known, enrolled in tx.execute(query)}
    return {link: firm for link, firm in found.items() if firm is not None}


def advised(tx: Session, org: UUID, snapshot_id: UUID) -> list[Advised]:
    """Return the actions of one snapshot, the best first."""
    query = select(Advised).where(Advised.org_id == org, Advised.snapshot_id == snapshot_id)
    return list(tx.scalars(query.order_by(Advised.rank)))


def responses(tx: Session, org: UUID, snapshot_id: UUID) -> tuple[int, int]:
    """Return how many own links a request went out on, and how many of those were answered."""
    was_asked = SeenLink.seen["link"]["due_at"].astext.is_not(None)
    answered = SeenLink.seen["link"]["submitted"].as_boolean()
    query = select(func.count(), func.count().filter(answered)).where(
        SeenLink.org_id == org, SeenLink.snapshot_id == snapshot_id, was_asked
    )
    asked, submitted = tx.execute(query).one()
    return asked, submitted


def dialogue(tx: Session, org: UUID, since: datetime) -> dict[str, int]:
    """Return with how many suppliers a requester has talked about cost, and how many it helped."""
    query = (
        select(Dialogue.kind, func.count(Dialogue.supplier_id.distinct()))
        .where(Dialogue.org_id == org, Dialogue.said_at >= since)
        .group_by(Dialogue.kind)
    )
    return dict(tx.execute(query).all())


def history(
    tx: Session, org: UUID, supplier: str, *, before: UUID | None, limit: int
) -> list[tuple[SnapshotSigned, Score, SeenLink | None]]:
    """Return a firm's scores in an organization's snapshots, newest first, older than `before`."""
    refused = exists().where(SnapshotRefused.snapshot_id == SnapshotSigned.snapshot_id)
    query = (
        select(SnapshotSigned, Score, SeenLink)
        .join(Score, Score.snapshot_id == SnapshotSigned.snapshot_id)
        .outerjoin(
            SeenLink,
            (SeenLink.snapshot_id == Score.snapshot_id) & (SeenLink.link_id == Score.link_id),
        )
        .where(SnapshotSigned.org_id == org, Score.org_id == org, Score.id == supplier, ~refused)
    )
    if before is not None:
        query = query.where(SnapshotSigned.snapshot_id < before)
    rows = tx.execute(query.order_by(SnapshotSigned.snapshot_id.desc()).limit(limit))
    return [(signed, score, seen) for signed, score, seen in rows]


def own_scores(tx: Session, respondent: UUID) -> list[OwnScore]:
    """Return a respondent's newest score with each requester, by link."""
    query = (
        select(OwnScore)
        .where(OwnScore.respondent_id == respondent)
        .ext(distinct_on(OwnScore.link_id))
        .order_by(OwnScore.link_id, OwnScore.snapshot_id.desc())
    )
    return list(tx.scalars(query))


def own_score(tx: Session, respondent: UUID, link_id: UUID) -> OwnScore | None:
    """Return a respondent's newest score on one link."""
    query = select(OwnScore).where(
        OwnScore.respondent_id == respondent, OwnScore.link_id == link_id
    )
    return tx.scalar(query.order_by(OwnScore.snapshot_id.desc()).limit(1))
