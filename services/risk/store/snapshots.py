"""Queries over snapshots and the scores in them, as a requester reads them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import Select, Text, cast, exists, select, text
from sqlalchemy.orm import Session, undefer

from services.risk.store.heard import LogHead
from services.risk.store.shown import (
    Label,
    Snapshot,
    SnapshotLogged,
    SnapshotRefused,
    SnapshotSigned,
)


@dataclass(frozen=True, slots=True)
class Standing:
    """A snapshot and what became of it so far."""

    asked: Snapshot
    signed: SnapshotSigned | None
    logged: SnapshotLogged | None
    refused: SnapshotRefused | None


def _standings(
    org: UUID,
) -> Select[Snapshot, SnapshotSigned | None, SnapshotLogged | None, SnapshotRefused | None]:
    return (
        select(Snapshot, SnapshotSigned, SnapshotLogged, SnapshotRefused)
        .outerjoin(SnapshotSigned, SnapshotSigned.snapshot_id == Snapshot.id)
        .outerjoin(SnapshotLogged, SnapshotLogged.snapshot_id == Snapshot.id)
        .outerjoin(SnapshotRefused, SnapshotRefused.snapshot_id == Snapshot.id)
        .where(Snapshot.org_id == org)
    )


def standing(tx: Session, org: UUID, snapshot_id: UUID) -> Standing | None:
    """Return one snapshot of an organization."""
    row = tx.execute(_standings(org).where(Snapshot.id == snapshot_id)).first()
    return None if row is None else Standing(*row)


def standings(tx: Session, org: UUID, *, before: UUID | None, limit: int) -> list[Standing]:
    """Return up to `limit` snapshots of an organization, newest first, older than `before`."""
    query = _standings(org)
    if before is not None:
        query = query.where(Snapshot.id < before)
    return [Standing(*row) for row in tx.execute(query.order_by(Snapshot.id.desc()).limit(limit))]


def documents(tx: Session, org: UUID, snapshot_id: UUID) -> SnapshotSigned | None:
    """Return a signed snapshot with the bytes of its facts and results."""
    # Those of a great world are hundreds of megabytes.
    tx.execute(text("SET LOCAL statement_timeout = '2min'"))
    return tx.scalar(
        select(SnapshotSigned)
        .where(SnapshotSigned.snapshot_id == snapshot_id, SnapshotSigned.org_id == org)
        .options(undefer(SnapshotSigned.facts), undefer(SnapshotSigned.results))
    )


def newest(tx: Session, org: UUID) -> SnapshotSigned | None:
    """Return the newest signed snapshot that the log did not refuse."""
    refused = exists().where(SnapshotRefused.snapshot_id == SnapshotSigned.snapshot_id)
    return tx.scalar(
        select(SnapshotSigned)
        .where(SnapshotSigned.org_id == org, ~refused)
        .order_by(SnapshotSigned.as_of.desc(), SnapshotSigned.snapshot_id.desc())
        .limit(1)
    )


def last_before(tx: Session, org: UUID, moment: datetime) -> SnapshotSigned | None:
    """Return the last signed snapshot from before a moment that the log did not refuse."""
    refused = exists().where(SnapshotRefused.snapshot_id == SnapshotSigned.snapshot_id)
    return tx.scalar(
        select(SnapshotSigned)
        .where(SnapshotSigned.org_id == org, SnapshotSigned.as_of < moment, ~refused)
        .order_by(SnapshotSigned.as_of.desc(), SnapshotSigned.snapshot_id.desc())
        .limit(1)
    )


def names(tx: Session, org: UUID, links: Sequence[str]) -> dict[str, str]:
    """Return by link, as text, what an organization calls its own suppliers."""
    link = cast(Label.link_id, Text)
    query = select(link, Label.name).where(Label.org_id == org, link.in_(links))
    return {row[0]: row[1] for row in tx.execute(query)}


def newest_head(tx: Session) -> LogHead | None:
    """Return the newest head of the log that risk has heard of."""
    return tx.scalar(
        select(LogHead).order_by(LogHead.signed_at.desc(), LogHead.size.desc()).limit(1)
    )


def signed(tx: Session, org: UUID, snapshot_id: UUID) -> SnapshotSigned | None:
    """Return a signed snapshot without its documents."""
    return tx.scalar(
        select(SnapshotSigned).where(
            SnapshotSigned.snapshot_id == snapshot_id, SnapshotSigned.org_id == org
        )
    )


def by_statement(tx: Session, statement_id: str) -> SnapshotSigned | None:
    """Return the snapshot that was signed as this statement."""
    return tx.scalar(select(SnapshotSigned).where(SnapshotSigned.statement_id == statement_id))
