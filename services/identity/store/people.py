"""Organizations, members and their sessions, and what withdraws their access."""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from services.identity.rules import sessions
from services.identity.store.invitations import prove
from services.identity.store.tables import (
    PLUMBING,
    Identifier,
    Member,
    MemberSession,
    Organization,
)
from services.kit.clock import rfc3339
from services.kit.outbox import remember_revocation, say


def organization(tx: Session, org: UUID) -> Organization | None:
    """Return an enrolled organization: name and country are known to all who are enrolled."""
    return tx.get(Organization, org)


def identifiers(tx: Session, org: UUID) -> list[Identifier]:
    """Return the numbers an organization claims, visible to itself."""
    query = select(Identifier).where(Identifier.org_id == org)
    return list(tx.scalars(query.order_by(Identifier.scheme, Identifier.value)))


def lock_organization(tx: Session, org: UUID) -> None:
    """Let changes to the members of one organization go one after the other."""
    tx.execute(select(Organization.id).where(Organization.id == org).with_for_update())


def member(tx: Session, org: UUID, member_id: UUID) -> Member | None:
    """Return an active member of `org`."""
    return tx.scalar(
        select(Member).where(
            Member.id == member_id, Member.org_id == org, Member.removed_at.is_(None)
        )
    )


def members(tx: Session, org: UUID, *, after: UUID | None, limit: int) -> list[Member]:
    """Return up to `limit` active members of `org`, by id."""
    query = select(Member).where(Member.org_id == org, Member.removed_at.is_(None))
    if after is not None:
        query = query.where(Member.id > after)
    return list(tx.scalars(query.order_by(Member.id).limit(limit)))


def other_admin(tx: Session, org: UUID, member_id: UUID) -> UUID | None:
    """Return an active admin of `org` other than the given member."""
    return tx.scalar(
        select(Member.id).where(
            Member.org_id == org,
            Member.id != member_id,
            Member.removed_at.is_(None),
            Member.roles.any_() == "admin",
        )
    )


def member_by_mailbox(tx: Session, org: UUID, mailbox_key: str) -> Member | None:
    """Return the active member of `org` who reads a mailbox."""
    return tx.scalar(
        select(Member).where(
            Member.org_id == org, Member.mailbox_key == mailbox_key, Member.removed_at.is_(None)
        )
    )


def members_by_mailbox(tx: Session, mailbox_key: str) -> list[Member]:
    """Return the active members, of whatever organization, who read this mailbox."""
    prove(tx, "mailbox", mailbox_key)
    return list(
        tx.scalars(
            select(Member)
            .where(Member.mailbox_key == mailbox_key, Member.removed_at.is_(None))
            .order_by(Member.id)
        )
    )


def digest(token: str) -> bytes:
    """What is kept of a random 256-bit token: it cannot be guessed, so a plain digest will do."""
    return hashlib.sha256(token.encode()).digest()


def live_session(tx: Session, token: str, now: datetime) -> MemberSession | None:
    """Return the session of `token` if it still counts."""
    key = digest(token)
    prove(tx, "session", key.hex())
    found = tx.scalar(select(MemberSession).where(MemberSession.token_sha256 == key))
    if found is None or not sessions.alive(
        now,
        started_at=found.started_at,
        last_seen_at=found.last_seen_at,
        ended_at=found.ended_at,
    ):
        return None
    return found


def end_sessions(tx: Session, member_id: UUID, now: datetime) -> None:
    """End every session of a member."""
    tx.execute(
        update(MemberSession)
        .where(MemberSession.member_id == member_id, MemberSession.ended_at.is_(None))
        .values(ended_at=now)
    )


def forget_sessions(tx: Session, now: datetime) -> None:
    """Delete sessions that ended or ran out more than a day ago."""
    tx.execute(
        delete(MemberSession).where(
            MemberSession.started_at < now - sessions.ABSOLUTE - timedelta(days=1)
        )
    )


def revoke(tx: Session, subject: str, now: datetime) -> None:
    """Refuse the subject's access tokens issued up to this second: here at once, elsewhere soon."""
    fields = {"subject": subject, "not_before": rfc3339(now)}
    remember_revocation(tx, fields)
    say(tx, "access.revoked.v1", **fields)


def revoked_until(tx: Session, subject: str) -> datetime | None:
    """Return the second up to which the subject's tokens are refused."""
    table = PLUMBING.access_revoked
    return tx.scalar(select(table.c.not_before).where(table.c.subject == subject))
