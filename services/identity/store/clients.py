"""Machine clients and the assertions they used."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import delete, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.identity.store.invitations import prove
from services.identity.store.tables import ClientAssertion, MachineClient


def by_client_id(tx: Session, client_id: UUID) -> MachineClient | None:
    """Return the active client that says it is `client_id`, whose organization is not known yet."""
    prove(tx, "client", str(client_id))
    return tx.scalar(
        select(MachineClient).where(MachineClient.id == client_id, MachineClient.ended_at.is_(None))
    )


def of_organization(tx: Session, org: UUID, client_id: UUID) -> MachineClient | None:
    """Return an active client of `org`, locked."""
    return tx.scalar(
        select(MachineClient)
        .where(
            MachineClient.id == client_id,
            MachineClient.org_id == org,
            MachineClient.ended_at.is_(None),
        )
        .with_for_update()
    )


def page_of(tx: Session, org: UUID, *, after: UUID | None, limit: int) -> list[MachineClient]:
    """Return up to `limit` active clients of `org`, by id."""
    query = select(MachineClient).where(
        MachineClient.org_id == org, MachineClient.ended_at.is_(None)
    )
    if after is not None:
        query = query.where(MachineClient.id > after)
    return list(tx.scalars(query.order_by(MachineClient.id).limit(limit)))


def first_use(tx: Session, client_id: UUID, jti: str, expires_at: datetime) -> bool:
    """Note an assertion as used; False if it was used before, also by a call at the same moment."""
    fresh = tx.execute(
        insert(ClientAssertion)
        .values(client_id=client_id, jti=jti, expires_at=expires_at)
        .on_conflict_do_nothing()
        .returning(ClientAssertion.jti)
    ).first()
    return fresh is not None


def forget_assertions(tx: Session, now: datetime) -> None:
    """Delete used assertions that have expired: they are refused for their age now."""
    tx.execute(delete(ClientAssertion).where(ClientAssertion.expires_at < now))
