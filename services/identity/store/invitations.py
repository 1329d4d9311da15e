"""Invitations and codes. A row is seen by its inviter, or by whoever proves to hold its handle."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, text
from sqlalchemy.orm import Session

from services.identity.store.tables import Code, Invitation


def prove(tx: Session, name: str, value: str) -> None:
    """Tell row-level security what the caller proved to hold, for this transaction.

    `name` is one of `handle` (hex digest), `mailbox` (match key), `session` (hex digest) and
    `client` (UUID); the policies compare it with the row.
    """
    tx.execute(
        text("SELECT set_config(:name, :value, true)"), {"name": f"rensho.{name}", "value": value}
    )


def by_handle(tx: Session, handle: str, now: datetime, *, lock: bool) -> Invitation | None:
    """Return the invitation a handle opens; an expired one is as unknown as one that never was.

    With `lock` the row is held until the transaction ends: of many that accept, one gets through.
    """
    digest = hashlib.sha256(handle.encode()).digest()
    prove(tx, "handle", digest.hex())
    query = select(Invitation).where(
        Invitation.handle_sha256 == digest, Invitation.expires_at > now
    )
    return tx.scalar(query.with_for_update() if lock else query)


def issued_by(tx: Session, org: UUID, invitation_id: UUID, now: datetime) -> Invitation | None:
    """Return an open invitation that `org` issued, locked."""
    return tx.scalar(
        select(Invitation)
        .where(
            Invitation.id == invitation_id,
            Invitation.requester_org_id == org,
            Invitation.accepted_at.is_(None),
            Invitation.expires_at > now,
        )
        .with_for_update()
    )


def page_of(
    tx: Session, org: UUID, *, after: UUID | None, limit: int, link_id: UUID | None
) -> list[Invitation]:
    """Return up to `limit` invitations that `org` issued, by id."""
    query = select(Invitation).where(Invitation.requester_org_id == org)
    if after is not None:
        query = query.where(Invitation.id > after)
    if link_id is not None:
        query = query.where(Invitation.link_id == link_id)
    return list(tx.scalars(query.order_by(Invitation.id).limit(limit)))


def newest_code(
    tx: Session, *, invitation_id: UUID | None, mailbox_key: str, lock: bool = False
) -> Code | None:
    """Return the code that counts: a newer one makes its elders void."""
    query = (
        select(Code)
        .where(Code.mailbox_key == mailbox_key, _for(invitation_id))
        .order_by(Code.issued_at.desc(), Code.id.desc())
        .limit(1)
    )
    return tx.scalar(query.with_for_update() if lock else query)


def codes_since(
    tx: Session, moment: datetime, *, invitation_id: UUID | None, mailbox_key: str
) -> int:
    """How many codes went out for this invitation or log-in since `moment`."""
    query = select(func.count()).select_from(Code)
    found = tx.scalar(
        query.where(Code.mailbox_key == mailbox_key, _for(invitation_id), Code.issued_at > moment)
    )
    return found or 0


def take_turns(tx: Session, name: str) -> None:
    """Let equal `name`s go one after the other until the transaction ends."""
    tx.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"identity {name}"},
    )


def forget_codes(tx: Session, now: datetime) -> None:
    """Delete codes that nobody can use and no limit counts any more."""
    tx.execute(delete(Code).where(Code.expires_at < now - timedelta(days=1)))


def _for(invitation_id: UUID | None) -> ColumnElement[bool]:
    return (
        Code.invitation_id.is_(None)
        if invitation_id is None
        else Code.invitation_id == invitation_id
    )
