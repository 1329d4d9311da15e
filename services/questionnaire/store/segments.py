"""Saved choices of suppliers, and whom they choose at this moment."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.questionnaire.rules.segments import Filter
from services.questionnaire.store import suppliers
from services.questionnaire.store.firm_rows import Segment


def one(tx: Session, org: UUID, segment_id: UUID) -> Segment | None:
    """Return one segment of `org`."""
    return tx.scalar(select(Segment).where(Segment.org_id == org, Segment.id == segment_id))


def named(tx: Session, org: UUID, name: str) -> Segment | None:
    """Return the segment of `org` with this name."""
    return tx.scalar(select(Segment).where(Segment.org_id == org, Segment.name == name))


def page(tx: Session, org: UUID, after: UUID | None, limit: int) -> Sequence[Segment]:
    """Return up to `limit` segments of `org`, oldest first."""
    query = select(Segment).where(Segment.org_id == org).order_by(Segment.id).limit(limit)
    return tx.scalars(query if after is None else query.where(Segment.id > after)).all()


def members(tx: Session, org: UUID, segment_id: UUID) -> list[UUID] | None:
    """Return the suppliers with a living link a segment chooses now; None for no such segment."""
    found = one(tx, org, segment_id)
    return None if found is None else chosen(tx, org, Filter.of(found.filter))


def chosen(tx: Session, org: UUID, wanted: Filter) -> list[UUID]:
    """Return the suppliers of `org` with a living link that a filter chooses now, by id."""
    return suppliers.ids_alive(tx, org, wanted)
