"""What is served right now: per requester and firm the bytes of its newest snapshot, made once.

Nothing here is evidence: `actions.serving` makes it anew from snapshots and labels. A firm that
left keeps a row without bytes, so that whoever follows the changes hears of it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, Index, Select, SmallInteger, delete, exists, func, select, text
from sqlalchemy.dialects.postgresql import distinct_on, insert
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.risk.store.base import Base
from services.risk.store.heard import Enrolment
from services.risk.store.shown import Label, Score, SnapshotRefused, SnapshotSigned

BATCH = 500


class Served(Base):
    """One firm as a requester is served it; the byte columns are null once it left.

    `change` counts the changes of one requester's scores: it is the greater the later something
    else was said of the firm. `band` and `score` are those of the newest snapshot (score 0..100).
    """

    __tablename__ = "served"
    __table_args__ = (
        Index("ix_served_change", "org_id", "change"),
        # Control totals are summed from the index alone.
        Index(
            "ix_served_totals",
            "org_id",
            postgresql_include=["row_count", "score", "unholdable"],
            postgresql_where=text("etag IS NOT NULL"),
        ),
    )

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    snapshot_id: Mapped[UUID]
    link_id: Mapped[UUID | None]
    names: Mapped[list[str]]
    tier: Mapped[int] = mapped_column(SmallInteger)
    band: Mapped[str | None]
    score: Mapped[float | None]
    content: Mapped[str | None]
    change: Mapped[int] = mapped_column(BigInteger)
    changed_at: Mapped[datetime]
    etag: Mapped[str | None]
    body: Mapped[bytes | None] = mapped_column(deferred=True)
    line: Mapped[str | None] = mapped_column(deferred=True)
    rows: Mapped[str | None] = mapped_column(deferred=True)
    row_count: Mapped[int] = mapped_column(SmallInteger)
    unholdable: Mapped[str]


class ServedName(Base):
    """A key a firm is found by, `vendor-code:…` or `lei:…`.

    A table of its own: behind row-level security an index over arrays is of no use, because
    their operators are not leak-proof.
    """

    __tablename__ = "served_name"
    __table_args__ = (Index("ix_served_name_id", "org_id", "id"),)

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)


@dataclass(frozen=True, slots=True)
class Before:
    """What a firm's row says before it is written anew; `content` is null once it left."""

    content: str | None
    change: int
    changed_at: datetime
    band: str | None
    score: float | None


def take_turns(tx: Session, org: UUID) -> None:
    """Let one transaction at a time write what a requester is served.

    So a change that is committed later has a greater number, and a reader that follows the
    numbers misses none.
    """
    tx.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"risk.served {org}"},
    )


def last_change(tx: Session, org: UUID) -> int:
    """Return the number of a requester's newest change; 0 for none."""
    return tx.scalar(select(func.max(Served.change)).where(Served.org_id == org)) or 0


def before(tx: Session, org: UUID, ids: Sequence[str] | None = None) -> dict[str, Before]:
    """Return what the rows of these firms, or of all, say now."""
    query = select(
        Served.id, Served.content, Served.change, Served.changed_at, Served.band, Served.score
    ).where(Served.org_id == org)
    if ids is not None:
        query = query.where(Served.id.in_(ids))
    return {row[0]: Before(*row[1:]) for row in tx.execute(query)}


def write(tx: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Put rows in place of what was there."""
    for start in range(0, len(rows), BATCH):
        new = insert(Served)
        others = {
            column.name: new.excluded[column.name]
            for column in Served.__table__.columns
            if not column.primary_key
        }
        tx.execute(
            new.on_conflict_do_update(index_elements=["org_id", "id"], set_=others),
            rows[start : start + BATCH],
        )


def name(tx: Session, org: UUID, names: Mapping[str, Sequence[str]]) -> None:
    """Put the keys by which these firms (by id) are found in place of those they had."""
    if not names:
        return
    tx.execute(delete(ServedName).where(ServedName.org_id == org, ServedName.id.in_(names)))
    rows = [
        {"org_id": org, "name": key, "id": firm} for firm, keys in names.items() for key in keys
    ]
    if rows:
        tx.execute(insert(ServedName).on_conflict_do_nothing(), rows)


Judged = tuple[Score, Label | None, dict[str, Any] | None]


def judged(
    tx: Session, org: UUID, snapshot_id: UUID, link_id: UUID | None = None
) -> Iterator[Judged]:
    """Yield the scores of a snapshot (or of one link) by id, with label and claimed identifiers."""
    query = (
        select(Score, Label, Enrolment.identifiers)
        .outerjoin(Label, Label.link_id == Score.link_id)
        .outerjoin(Enrolment, Enrolment.link_id == Score.link_id)
        .where(Score.org_id == org, Score.snapshot_id == snapshot_id)
        .order_by(Score.id)
        .execution_options(yield_per=BATCH)
    )
    if link_id is not None:
        query = query.where(Score.link_id == link_id)
    for score, label, claimed in tx.execute(query):
        yield score, label, claimed
        tx.expunge(score)


def behind(tx: Session) -> list[UUID]:
    """Return the requesters that are not served their newest snapshot."""
    refused = exists().where(SnapshotRefused.snapshot_id == SnapshotSigned.snapshot_id)
    newest = (
        select(SnapshotSigned.org_id, SnapshotSigned.snapshot_id)
        .where(~refused)
        .ext(distinct_on(SnapshotSigned.org_id))
        .order_by(
            SnapshotSigned.org_id,
            SnapshotSigned.as_of.desc(),
            SnapshotSigned.snapshot_id.desc(),
        )
        .subquery()
    )
    served = exists().where(
        Served.org_id == newest.c.org_id, Served.snapshot_id == newest.c.snapshot_id
    )
    scored = exists().where(Score.snapshot_id == newest.c.snapshot_id)
    return list(tx.scalars(select(newest.c.org_id).where(~served, scored)))


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which scores are asked for; None asks for all.

    `changed_since`: those of which something else is said since that moment.
    """

    tier: int | None = None
    band: str | None = None
    vendor_code: str | None = None
    tag: str | None = None
    product_line: str | None = None
    changed_since: datetime | None = None


def of_snapshot(org: UUID, snapshot_id: UUID, wanted: Wanted) -> Select[Score, Label | None]:
    """Return the query for the scores of a snapshot with what the requester calls the firms."""
    query = (
        select(Score, Label)
        .outerjoin(Label, Label.link_id == Score.link_id)
        .where(Score.org_id == org, Score.snapshot_id == snapshot_id)
    )
    if wanted.tier is not None:
        query = query.where(Score.tier == wanted.tier)
    if wanted.band is not None:
        query = query.where(Score.band == wanted.band)
    for column, value in (
        (Label.vendor_codes, wanted.vendor_code),
        (Label.tags, wanted.tag),
        (Label.product_lines, wanted.product_line),
    ):
        if value is not None:
            query = query.where(column.contains([value]))
    if wanted.changed_since is not None:
        changed = exists().where(
            Served.org_id == org,
            Served.id == Score.id,
            Served.changed_at >= wanted.changed_since,
        )
        query = query.where(changed)
    return query


def scores(
    tx: Session, org: UUID, snapshot_id: UUID, wanted: Wanted, *, after: str | None, limit: int
) -> list[tuple[Score, Label | None]]:
    """Return up to `limit` scores of a snapshot by id."""
    query = of_snapshot(org, snapshot_id, wanted)
    if after is not None:
        query = query.where(Score.id > after)
    return [(score, label) for score, label in tx.execute(query.order_by(Score.id).limit(limit))]


def score(tx: Session, org: UUID, snapshot_id: UUID, firm: str) -> Score | None:
    """Return one firm's score in a snapshot."""
    query = select(Score).where(
        Score.org_id == org, Score.snapshot_id == snapshot_id, Score.id == firm
    )
    return tx.scalar(query)


def changes(tx: Session, org: UUID, *, since: int, limit: int) -> list[tuple[int, str, str | None]]:
    """Return up to `limit` changes after a number: the number, the firm, its JSON line or None."""
    query = (
        select(Served.change, Served.id, Served.line)
        .where(Served.org_id == org, Served.change > since)
        .order_by(Served.change)
        .limit(limit)
    )
    return [(change, firm, line) for change, firm, line in tx.execute(query)]
