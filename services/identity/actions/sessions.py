"""Log-in by a one-use code to the mailbox, and its end."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from sqlalchemy.orm import Session

from services.identity.actions import codes as code_actions
from services.identity.actions.deployment import Deployment
from services.identity.rules import codes, mailboxes
from services.identity.store import Member, MemberSession, Organization, invitations, people
from services.kit.db import Actor, new_id
from services.kit.outbox import say
from services.kit.problems import Refused, Unauthenticated
from services.kit.web import act_as


class LogInRefused(Refused):
    """The code does not open a session; `reason` is wrong, expired, used or dead.

    A mailbox nobody registered is refused in the same words: its codes exist and were sent to
    nobody.
    """

    urn = "sessions/code-refused"


class ChooseOrganization(Refused):
    """This mailbox belongs to members of several organizations; send `organization_id` too."""

    urn = "sessions/choose-organization"


class NoSession(Unauthenticated):
    """No valid session came along."""

    urn = "sessions/none"
    status = HTTPStatus.UNAUTHORIZED


@dataclass(frozen=True)
class LoggedIn:
    """A new session; the token is shown once and kept as a digest."""

    member: Member
    session_token: str


def request_log_in(tx: Session, mailbox: str, now: datetime) -> None:
    """Somebody asks for a log-in code to a mailbox; the worker mails it if a member reads it.

    Whether one does makes no difference here, neither in the answer nor in the work done.

    Raises:
        MalformedMailbox: this is no address.
    """
    key = mailboxes.match_key(mailbox)
    invitations.prove(tx, "mailbox", key)
    invitations.take_turns(tx, f"log-in {key}")
    hour_ago = now - timedelta(hours=1)
    sent = invitations.codes_since(tx, hour_ago, invitation_id=None, mailbox_key=key)
    if sent >= codes.MAX_PER_HOUR:
        return
    code = code_actions.record(tx, None, key, now, told=False)
    say(tx, "code.issued.v1", code_id=code.id)


def log_in(
    tx: Session, here: Deployment, mailbox: str, given: str, org: UUID | None, now: datetime
) -> LoggedIn | Refused:
    """A member proves to read the mailbox and gets a session.

    Returns a refusal, instead of raising it, where the attempt must be remembered.

    Raises:
        MalformedMailbox: this is no address.
        ChooseOrganization: the code is right and `org` is needed; the code stays unused.
    """
    key = mailboxes.match_key(mailbox)
    found = people.members_by_mailbox(tx, key)
    code = invitations.newest_code(tx, invitation_id=None, mailbox_key=key, lock=True)
    verdict = code_actions.attempt(code, given, here, now)
    mine = [m for m in found if org is None or m.org_id == org]
    if verdict != "right" or not mine:
        reason = verdict if verdict != "right" else "wrong"
        tx.info["details"]["refused"] = reason
        return LogInRefused("this code opens no session; ask for a new one", reason=reason)
    if len(mine) > 1:
        raise _choose(tx, mine)
    member = mine[0]
    act_as(tx, Actor(member.subject, member.org_id))
    return LoggedIn(member, start_session(tx, member, now))


def _choose(tx: Session, members: list[Member]) -> ChooseOrganization:
    known = []
    for member in members:
        act_as(tx, Actor(member.subject, member.org_id))
        organization = tx.get(Organization, member.org_id)
        assert organization is not None, "a member's organization is enrolled"
        known.append({"id": str(organization.id), "name": organization.name})
    msg = "this mailbox belongs to several organizations; send organization_id too"
    return ChooseOrganization(msg, organizations=known)


def start_session(tx: Session, member: Member, now: datetime) -> str:
    """Record a session of `member` and return its token, 256 random bits."""
    token = secrets.token_urlsafe(32)
    tx.add(
        MemberSession(
            id=new_id(),
            token_sha256=people.digest(token),
            member_id=member.id,
            org_id=member.org_id,
            started_at=now,
            last_seen_at=now,
            ended_at=None,
        )
    )
    tx.flush()
    return token


def member_of_session(tx: Session, token: str, now: datetime) -> Member | None:
    """Return the active member whose session this is; see `in_session`."""
    found = in_session(tx, token, now)
    return found[0] if found else None


def in_session(tx: Session, token: str, now: datetime) -> tuple[Member, MemberSession] | None:
    """Return a session with its active member, and note that it is in use.

    From here on the transaction sees what the member's organization sees.
    """
    session = people.live_session(tx, token, now)
    if session is None:
        return None
    if now - session.last_seen_at >= timedelta(minutes=1):
        session.last_seen_at = now
        tx.flush()
    act_as(tx, Actor(f"urn:rensho:member:{session.member_id}", session.org_id))
    member = people.member(tx, session.org_id, session.member_id)
    return None if member is None else (member, session)


def log_out(tx: Session, token: str | None, now: datetime) -> None:
    """A member ends a session; the access tokens made from it end with it.

    Tokens carry no session, so all of the member's are refused; other sessions get new ones.

    Raises:
        NoSession: there is no such session.
    """
    session = people.live_session(tx, token, now) if token else None
    if session is None:
        msg = "no valid session came along"
        raise NoSession(msg)
    subject = f"urn:rensho:member:{session.member_id}"
    act_as(tx, Actor(subject, session.org_id))
    session.ended_at = now
    people.revoke(tx, subject, now)
