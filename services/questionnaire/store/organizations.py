"""Enrolled organizations and their signing keys, as events told."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.questionnaire.store.tables import Organization, SigningKey


def name_of(tx: Session, org_id: UUID) -> str | None:
    """Return the name an organization enrolled under; None while its event has not arrived."""
    return tx.scalar(select(Organization.name).where(Organization.org_id == org_id))


def remember(tx: Session, org_id: UUID, name: str, country: str) -> None:
    """Note an organization; the newest name told wins."""
    new = insert(Organization).values(org_id=org_id, name=name, country=country)
    tx.execute(
        new.on_conflict_do_update(
            index_elements=["org_id"], set_={"name": new.excluded.name, "country": country}
        )
    )


def remember_key(tx: Session, key_id: str, org_id: UUID, event: str, log_index: int) -> bool:
    """Note a key event; the one deepest in the log wins, whatever order they arrive in.

    Returns:
        Whether this was news: one event is told once for each link it concerns.
    """
    new = insert(SigningKey).values(key_id=key_id, org_id=org_id, event=event, log_index=log_index)
    noted = tx.execute(
        new.on_conflict_do_update(
            index_elements=["key_id"],
            set_={"org_id": org_id, "event": event, "log_index": log_index},
            where=SigningKey.log_index < log_index,
        ).returning(SigningKey.key_id)
    )
    return noted.first() is not None


def has_another_key(tx: Session, org_id: UUID, key_id: str) -> bool:
    """Whether a firm is known by another key already (worker)."""
    query = select(SigningKey.key_id).where(
        SigningKey.org_id == org_id, SigningKey.key_id != key_id
    )
    return tx.scalar(query.limit(1)) is not None


def country_of(tx: Session, org_id: UUID) -> str | None:
    """Return where an organization enrolled from; None while its event has not arrived."""
    return tx.scalar(select(Organization.country).where(Organization.org_id == org_id))


def key_event(tx: Session, key_id: str) -> str | None:
    """Return the newest event of a key of one's own; None where none is known."""
    return tx.scalar(select(SigningKey.event).where(SigningKey.key_id == key_id))
