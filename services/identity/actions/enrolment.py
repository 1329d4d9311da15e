"""From an invitation to an enrolled organization."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from services.identity.actions import codes as code_actions
from services.identity.actions import members
from services.identity.actions.deployment import Deployment
from services.identity.actions.sessions import member_of_session, start_session
from services.identity.rules import codes, mailboxes
from services.identity.rules.identifiers import Identifier as Claim
from services.identity.rules.rights import ADMIN, DELEGATE
from services.identity.store import (
    Code,
    Identifier,
    Invitation,
    Member,
    Organization,
    invitations,
    people,
)
from services.kit.db import Actor, new_id
from services.kit.outbox import say
from services.kit.problems import Forbidden, Invalid, NotFound, Refused
from services.kit.web import act_as

FIRST_INVITATION_LIFETIME = timedelta(days=30)


class CodeWrong(Refused):
    """Not the code that was sent; `attempts_left` says how often one may still try."""

    urn = "invitations/code-wrong"


class CodeExpired(Refused):
    """The code is over ten minutes old; ask for a new one."""

    urn = "invitations/code-expired"


class CodeUsed(Refused):
    """The code, or the invitation it belongs to, has served; it serves once."""

    urn = "invitations/code-used"


class CodeDead(Refused):
    """Five wrong attempts: this code opens nothing any more; ask for a new one."""

    urn = "invitations/code-dead"


class MailboxNotProven(Refused):
    """The code went to another mailbox than the one the member names."""

    urn = "invitations/mailbox-not-proven"


class OwnInvitation(Refused):
    """An organization cannot accept its own invitation."""

    urn = "invitations/own"


@dataclass(frozen=True)
class NewOrganization:
    """What an organization says of itself when it enrols."""

    name: str
    country: str
    """ISO 3166-1 alpha-2."""
    identifiers: Sequence[Claim]


@dataclass(frozen=True)
class Acceptance:
    """What came with an acceptance."""

    code: str
    organization: NewOrganization | None
    """None when an enrolled organization accepts one more invitation."""
    member_name: str | None
    member_mailbox: str | None
    session_token: str | None


@dataclass(frozen=True)
class Enrolled:
    """An accepted invitation; `session_token` is new and None when a session came along."""

    organization: Organization
    identifiers: list[Identifier]
    member: Member
    session_token: str | None


def invite_first(
    tx: Session, *, mailbox: str, name: str, now: datetime, code_secret: bytes
) -> tuple[str, str]:
    """The operator invites a first organization. Returns the handle and the code to be told.

    `tx` is a transaction of the worker role: requests cannot invite on behalf of nobody.

    Raises:
        MalformedMailbox: `mailbox` is none.
    """
    mailboxes.match_key(mailbox)
    handle = secrets.token_urlsafe(32)
    invitation = Invitation(
        id=new_id(),
        handle_sha256=hashlib.sha256(handle.encode()).digest(),
        link_id=None,
        requester_org_id=None,
        requester_name=None,
        supplier_name=name,
        mailbox=mailbox.strip(),
        language="ja",
        expires_at=now + FIRST_INVITATION_LIFETIME,
        accepted_at=None,
        accepted_org_id=None,
    )
    tx.add(invitation)
    tx.flush()
    code = code_actions.issue(tx, invitation=invitation, now=now, told=True)
    return handle, codes.derive(code_secret, code.id)


def accept(
    tx: Session, here: Deployment, handle: str, given: Acceptance, now: datetime
) -> Enrolled | Refused:
    """Whoever holds link and code enrols an organization, or accepts for one already enrolled.

    A colleague that a member passed work on to joins that member's firm.

    Returns a refusal, instead of raising it, where the attempt must be remembered.

    Raises:
        NotFound: unknown or expired handle.
        Invalid: neither an organization nor a session of one came along, or both did.
        Forbidden: the session's member may not answer requests.
        MailboxNotProven, OwnInvitation: see there.
    """
    # The row lock makes one of many simultaneous acceptances the first; the others see it taken.
    invitation = invitations.by_handle(tx, handle, now, lock=True)
    if invitation is None:
        raise NotFound(code_actions.UNKNOWN_INVITATION)
    tx.info["details"]["invitation"] = str(invitation.id)
    if invitation.accepted_at is not None:
        return _refusal("used", None)
    if invitation.colleague_of is not None:
        return _join(tx, here, invitation, given, now)
    acting = member_of_session(tx, given.session_token, now) if given.session_token else None
    if (acting is None) == (given.organization is None):
        msg = "name your organization, or come with a valid session of an enrolled one, not both"
        raise Invalid(msg)
    code = code_actions.newest_of(tx, invitation)
    verdict = code_actions.attempt(code, given.code, here, now)
    if verdict != "right" or code is None:
        tx.info["details"]["refused"] = verdict
        return _refusal(verdict, code)
    if acting is not None:
        return _accept_as(tx, here, invitation, acting, now)
    return _enrol(tx, invitation, given, now, proven=not code.told)


def _join(
    tx: Session, here: Deployment, invitation: Invitation, given: Acceptance, now: datetime
) -> Enrolled | Refused:
    """Let a colleague into the firm by link and code: no account, and no right but the delegate's.

    Who is a member already keeps what they may and gets the delegate's right besides.
    """
    assert invitation.colleague_of is not None
    if given.organization is not None:
        msg = "a colleague joins the firm that invited them and brings none"
        raise Invalid(msg)
    code = code_actions.newest_of(tx, invitation)
    verdict = code_actions.attempt(code, given.code, here, now)
    if verdict != "right":
        tx.info["details"]["refused"] = verdict
        return _refusal(verdict, code)
    org = invitation.colleague_of
    act_as(tx, Actor(f"urn:rensho:invitation:{invitation.id}", org))
    people.lock_organization(tx, org)
    key = mailboxes.match_key(invitation.mailbox)
    member = people.member_by_mailbox(tx, org, key)
    if member is None:
        member = Member(
            id=new_id(),
            org_id=org,
            name=invitation.colleague_name or invitation.mailbox,
            mailbox=invitation.mailbox,
            mailbox_key=key,
            language=invitation.language,
            roles=[DELEGATE],
            joined_at=now,
            removed_at=None,
        )
        tx.add(member)
    elif DELEGATE not in member.roles:
        member.roles = sorted({*member.roles, DELEGATE})
    tx.flush()
    act_as(tx, Actor(member.subject, org))
    invitation.accepted_at, invitation.accepted_org_id = now, org
    token = start_session(tx, member, now)
    members.tell(tx, member)
    organization = people.organization(tx, org)
    assert organization is not None, "whoever invites is enrolled"
    return Enrolled(organization, people.identifiers(tx, org), member, token)


def _refusal(verdict: codes.Verdict, code: Code | None) -> Refused:
    match verdict:
        case "expired":
            return CodeExpired("this code is over ten minutes old; ask for a new one")
        case "used":
            return CodeUsed("this invitation was accepted already; log in instead")
        case "dead":
            return CodeDead("too many wrong attempts; ask for a new code")
    left = codes.MAX_ATTEMPTS - code.attempts if code is not None else 0
    return CodeWrong("this is not the code", attempts_left=left)


def _enrol(
    tx: Session, invitation: Invitation, given: Acceptance, now: datetime, *, proven: bool
) -> Enrolled:
    assert given.organization is not None
    mailbox = (given.member_mailbox or invitation.mailbox).strip()
    key = mailboxes.match_key(mailbox)
    if proven and key != mailboxes.match_key(invitation.mailbox):
        msg = "the code went to another mailbox; have the inviter change the contact first"
        raise MailboxNotProven(msg)
    organization = Organization(
        id=new_id(),
        name=given.organization.name,
        country=given.organization.country,
        enrolled_at=now,
    )
    member = Member(
        id=new_id(),
        org_id=organization.id,
        name=given.member_name or mailbox,
        mailbox=mailbox,
        mailbox_key=key,
        language=invitation.language,
        roles=[ADMIN],
        joined_at=now,
        removed_at=None,
    )
    act_as(tx, Actor(member.subject, organization.id))
    identifiers = [
        Identifier(org_id=organization.id, scheme=c.scheme, value=c.value, claimed_at=now)
        for c in sorted(set(given.organization.identifiers), key=lambda c: (c.scheme, c.value))
    ]
    tx.add(organization)
    tx.flush()
    tx.add_all([member, *identifiers])
    tx.flush()
    token = start_session(tx, member, now)
    members.tell(tx, member)
    _close(tx, invitation, organization, identifiers, member, now)
    return Enrolled(organization, identifiers, member, token)


def _accept_as(
    tx: Session, here: Deployment, invitation: Invitation, member: Member, now: datetime
) -> Enrolled:
    if "responses.write" not in here.rights.of(member.roles, "questionnaire"):
        msg = "this needs the permission responses.write"
        raise Forbidden(msg)
    if invitation.requester_org_id == member.org_id:
        msg = "this invitation is your own organization's"
        raise OwnInvitation(msg)
    act_as(tx, Actor(member.subject, member.org_id))
    organization = people.organization(tx, member.org_id)
    assert organization is not None, "a member's organization is enrolled"
    identifiers = people.identifiers(tx, member.org_id)
    _close(tx, invitation, organization, identifiers, member, now)
    return Enrolled(organization, identifiers, member, None)


def _close(
    tx: Session,
    invitation: Invitation,
    organization: Organization,
    identifiers: Sequence[Identifier],
    member: Member,
    now: datetime,
) -> None:
    invitation.accepted_at, invitation.accepted_org_id = now, organization.id
    origin: Mapping[str, object] = {
        "id": invitation.id,
        "link_id": invitation.link_id,
        "inviter_org_id": invitation.requester_org_id,
    }
    say(
        tx,
        "organization.enrolled.v1",
        org_id=organization.id,
        name=organization.name,
        country=organization.country,
        identifiers=[{"scheme": i.scheme, "value": i.value} for i in identifiers],
        member_id=member.id,
        invitation=origin,
    )
