"""What requesters read: labels of their own suppliers, snapshots, scores. Rows are per requester
(`org_id`) and closed to all others by row-level security (migrations/risk/grants.sql).

A snapshot is never edited: what becomes of it is told by further rows.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from services.risk.store.base import Base, Json


class Label(Base):
    """What a requester calls one of its own suppliers; never part of facts or snapshots."""

    __tablename__ = "label"
    __table_args__ = (
        Index("ix_label_org_supplier", "org_id", "supplier_id"),
        Index("ix_label_vendor_codes", "vendor_codes", postgresql_using="gin"),
    )

    link_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    org_id: Mapped[UUID]
    supplier_id: Mapped[UUID]
    name: Mapped[str]
    vendor_codes: Mapped[list[str]]
    tags: Mapped[list[str]]
    product_lines: Mapped[list[str]] = mapped_column(server_default="{}")
    identifiers: Mapped[Json] = mapped_column(server_default=text("'{}'::jsonb"))


class Snapshot(Base):
    """A judgement that was asked for."""

    __tablename__ = "snapshot"
    __table_args__ = (Index("ix_snapshot_org", "org_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    requested_at: Mapped[datetime]


class SnapshotSigned(Base):
    """The judgement, frozen and signed. `facts` and `results` are the bytes that were digested.

    `unchanging` is the digest of the facts apart from the moment they were read at: equal digests
    mean that nothing was learned in between.
    """

    __tablename__ = "snapshot_signed"
    __table_args__ = (Index("ix_snapshot_signed_org", "org_id", "snapshot_id"),)

    snapshot_id: Mapped[UUID] = mapped_column(ForeignKey("risk.snapshot.id"), primary_key=True)
    org_id: Mapped[UUID]
    as_of: Mapped[datetime]
    statement_id: Mapped[str] = mapped_column(unique=True)
    model: Mapped[str]
    policy_digest: Mapped[str]
    facts_sha256: Mapped[str]
    results_sha256: Mapped[str]
    unchanging: Mapped[str]
    facts: Mapped[bytes] = mapped_column(deferred=True)
    results: Mapped[bytes] = mapped_column(deferred=True)
    summary: Mapped[Json]
    """synthetic, total, portfolio_index, deeper, tiers: as the results document has them."""


class SnapshotLogged(Base):
    """The place of a snapshot in the log."""

    __tablename__ = "snapshot_logged"

    snapshot_id: Mapped[UUID] = mapped_column(
        ForeignKey("risk.snapshot_signed.snapshot_id"), primary_key=True
    )
    org_id: Mapped[UUID]
    log_origin: Mapped[str]
    log_index: Mapped[int] = mapped_column(BigInteger)


class SnapshotRefused(Base):
    """The log did not take a snapshot; it is not served."""

    __tablename__ = "snapshot_refused"

    snapshot_id: Mapped[UUID] = mapped_column(
        ForeignKey("risk.snapshot_signed.snapshot_id"), primary_key=True
    )
    org_id: Mapped[UUID]
    codes: Mapped[list[str]]


class Score(Base):
    """One firm in one snapshot. `id`: the requester's own supplier id, or this viewer's pseudonym.

    `claimed`, `evidenced` and `coverage` are nine-place strings, null where a firm is not judged
    or nothing was asked. `explanation` is the supplier's part of the results, on direct links.
    """

    __tablename__ = "score"
    __table_args__ = (Index("ix_score_link", "snapshot_id", "link_id"),)

    snapshot_id: Mapped[UUID] = mapped_column(
        ForeignKey("risk.snapshot_signed.snapshot_id"), primary_key=True
    )
    id: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    link_id: Mapped[UUID | None]
    tier: Mapped[int] = mapped_column(SmallInteger)
    tiers: Mapped[list[int]]
    band: Mapped[str | None]
    claimed: Mapped[str | None]
    evidenced: Mapped[str | None]
    coverage: Mapped[str | None]
    explanation: Mapped[Json | None] = mapped_column(JSONB(none_as_null=True))
