"""Members of an organization: who joins, what they may do, who leaves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.identity.rules import mailboxes
from services.identity.rules.rights import ADMIN
from services.identity.store import Member, people
from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.outbox import say
from services.kit.problems import NotFound, Refused


class AlreadyMember(Refused):
    """Somebody with this mailbox is a member already."""

    urn = "members/already"


class LastAdmin(Refused):
    """An organization keeps at least one admin."""

    urn = "members/last-admin"


def add(
    tx: Session, who: Principal, *, name: str, mailbox: str, language: str, roles: Sequence[str],
    now: datetime,
) -> Member:  # fmt: skip
    """An admin adds a member, who then logs in by a code to the mailbox.

    Raises:
        MalformedMailbox: this is no address.
        AlreadyMember: the mailbox is a member's.
    """
    key = mailboxes.match_key(mailbox)
    people.lock_organization(tx, who.org)
    taken = select(Member.id).where(
        Member.org_id == who.org, Member.mailbox_key == key, Member.removed_at.is_(None)
    )
    if tx.scalar(taken) is not None:
        msg = "somebody with this mailbox is a member already"
        raise AlreadyMember(msg)
    member = Member(
        id=new_id(),
        org_id=who.org,
        name=name,
        mailbox=mailbox.strip(),
        mailbox_key=key,
        language=language,
        roles=sorted(set(roles)),
        joined_at=now,
        removed_at=None,
    )
    tx.add(member)
    tx.flush()
    tell(tx, member)
    return member


def change(
    tx: Session, who: Principal, member_id: UUID, *, name: str | None,
    roles: Sequence[str] | None, now: datetime,
) -> Member:  # fmt: skip
    """An admin changes a member's name or roles; a lost right ends with the tokens in use.

    Raises:
        NotFound: no active member of this organization.
        LastAdmin: the only admin would lose the role.
    """
    member = _mine(tx, who, member_id)
    if name is not None:
        member.name = name
    if roles is not None and set(roles) != set(member.roles):
        if ADMIN in member.roles and ADMIN not in roles:
            _refuse_last_admin(tx, who, member_id)
        lost = set(member.roles) - set(roles)
        member.roles = sorted(set(roles))
        if lost:
            people.revoke(tx, member.subject, now)
    tx.flush()
    tell(tx, member)
    return member


def remove(tx: Session, who: Principal, member_id: UUID, now: datetime) -> None:
    """An admin removes a member; sessions and tokens end at once.

    Raises:
        NotFound: no active member of this organization.
        LastAdmin: the only admin.
    """
    member = _mine(tx, who, member_id)
    if ADMIN in member.roles:
        _refuse_last_admin(tx, who, member_id)
    member.removed_at = now
    people.end_sessions(tx, member_id, now)
    people.revoke(tx, member.subject, now)
    tx.flush()
    tell(tx, member)


def _mine(tx: Session, who: Principal, member_id: UUID) -> Member:
    # Before the look: two admins who remove each other must see each other's change.
    people.lock_organization(tx, who.org)
    member = people.member(tx, who.org, member_id)
    if member is None:
        msg = "there is no such member"
        raise NotFound(msg)
    return member


def _refuse_last_admin(tx: Session, who: Principal, member_id: UUID) -> None:
    if people.other_admin(tx, who.org, member_id) is None:
        msg = "an organization keeps at least one admin"
        raise LastAdmin(msg)


def tell(tx: Session, member: Member) -> None:
    """Say what is so of a member now."""
    say(
        tx,
        "member.changed.v1",
        org_id=member.org_id,
        member_id=member.id,
        roles=list(member.roles),
        active=member.removed_at is None,
    )
