"""Frozen questionnaires."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.questionnaire.store.tables import Questionnaire


def own(tx: Session, org: UUID, questionnaire_id: UUID) -> Questionnaire | None:
    """Return a questionnaire that `org` made."""
    found = tx.get(Questionnaire, questionnaire_id)
    return found if found is not None and found.org_id == org else None


def shown(tx: Session, questionnaire_id: UUID) -> Questionnaire | None:
    """Return a questionnaire the organization made or was asked with (row-level security)."""
    return tx.get(Questionnaire, questionnaire_id)


def digest_of(tx: Session, questionnaire_id: UUID) -> str | None:
    """Return the digest of a questionnaire the organization made or was asked with."""
    query = select(Questionnaire.digest).where(Questionnaire.id == questionnaire_id)
    return tx.scalar(query)


def page(tx: Session, org: UUID, after: UUID | None, limit: int) -> Sequence[Questionnaire]:
    """Return up to `limit` of the organization's own, in the order they were made."""
    query = select(Questionnaire).where(Questionnaire.org_id == org).order_by(Questionnaire.id)
    if after is not None:
        query = query.where(Questionnaire.id > after)
    return tx.scalars(query.limit(limit)).all()
