"""Issuing one-use codes and trying them."""

from __future__ import annotations

from datetime import datetime, timedelta
from http import HTTPStatus
from uuid import UUID

from sqlalchemy.orm import Session

from services.identity.actions.deployment import Deployment
from services.identity.rules import codes, mailboxes
from services.identity.store import Code, Invitation, invitations
from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.outbox import say
from services.kit.problems import NotFound, Refused

UNKNOWN_INVITATION = "there is no such invitation, or it has expired"


class AlreadyAccepted(Refused):
    """The invitation was accepted: there is nothing left to prove. Log in instead."""

    urn = "invitations/accepted"


class TooManyCodes(Refused):
    """More codes than anybody needs went out within an hour; the telephone is quicker now."""

    urn = "invitations/too-many-codes"
    status = HTTPStatus.TOO_MANY_REQUESTS


class CodesAreMailed(Refused):
    """This deployment has a mail server: a code goes to the mailbox and to nobody else."""

    urn = "codes/mailed"


def request_code(tx: Session, here: Deployment, handle: str, now: datetime) -> Code:
    """Whoever holds an invitation's link asks for the code that goes with it.

    With a mail server a new code goes to the invited mailbox. Without one the inviter tells it; a
    code that may already be on the telephone is not replaced.

    Raises:
        NotFound: unknown or expired handle.
        AlreadyAccepted: the invitation has served.
        TooManyCodes: six within the hour.
    """
    invitation = invitations.by_handle(tx, handle, now, lock=True)
    if invitation is None:
        raise NotFound(UNKNOWN_INVITATION)
    if invitation.accepted_at is not None:
        msg = "this invitation was accepted; log in instead"
        raise AlreadyAccepted(msg)
    tx.info["details"]["invitation"] = str(invitation.id)
    if not here.mails:
        known = newest_of(tx, invitation)
        if known is not None and codes.alive(state(known), now):
            return known
    _refuse_too_many(tx, invitation, now)
    code = issue(tx, invitation=invitation, now=now, told=not here.mails)
    if here.mails or here.shows_mails:
        say(tx, "code.issued.v1", code_id=code.id)
    return code


def tell_code(
    tx: Session, who: Principal, here: Deployment, invitation_id: UUID, now: datetime
) -> tuple[str, datetime]:
    """The inviter reads the code to the invited by telephone. Returns the digits and their end.

    Raises:
        NotFound: not an open invitation of the asking organization.
        CodesAreMailed: there is a mail server.
    """
    if here.mails:
        msg = "codes go to the mailbox here; ask for a new one on the invitation's page"
        raise CodesAreMailed(msg)
    invitation = invitations.issued_by(tx, who.org, invitation_id, now)
    if invitation is None:
        raise NotFound(UNKNOWN_INVITATION)
    code = newest_of(tx, invitation)
    if code is None or not codes.alive(state(code), now, left=codes.WORTH_TELLING):
        code = issue(tx, invitation=invitation, now=now, told=True)
    return codes.derive(here.code_secret, code.id), code.expires_at


def issue(tx: Session, *, invitation: Invitation, now: datetime, told: bool) -> Code:
    """Record a new code for an invitation; from now on its elders are void."""
    return record(tx, invitation.id, mailboxes.match_key(invitation.mailbox), now, told=told)


def record(
    tx: Session, invitation_id: UUID | None, mailbox_key: str, now: datetime, *, told: bool
) -> Code:
    """Record a new code; `invitation_id` None is a log-in."""
    code = Code(
        id=new_id(),
        invitation_id=invitation_id,
        mailbox_key=mailbox_key,
        told=told,
        issued_at=now,
        expires_at=now + codes.LIFETIME,
        attempts=0,
        used_at=None,
    )
    tx.add(code)
    tx.flush()
    return code


def newest_of(tx: Session, invitation: Invitation) -> Code | None:
    """Return the one code of an invitation that counts, locked."""
    return invitations.newest_code(
        tx,
        invitation_id=invitation.id,
        mailbox_key=mailboxes.match_key(invitation.mailbox),
        lock=True,
    )


def attempt(code: Code | None, given: str, here: Deployment, now: datetime) -> codes.Verdict:
    """Try a code that is locked; a wrong one costs an attempt, a right one is used.

    The cost must be kept although the answer is a refusal, so callers return refusals of a code
    instead of raising them: the transaction commits, then the answer leaves.
    """
    if code is None:
        return "wrong"
    verdict = codes.judge(state(code), given, here.code_secret, now)
    if verdict == "wrong":
        code.attempts += 1
    elif verdict == "right":
        code.used_at = now
    return verdict


def state(code: Code) -> codes.CodeState:
    """Return the row as the rules know it."""
    return codes.CodeState(code.id, code.expires_at, code.attempts, code.used_at)


def _refuse_too_many(tx: Session, invitation: Invitation, now: datetime) -> None:
    hour_ago = now - timedelta(hours=1)
    key = mailboxes.match_key(invitation.mailbox)
    sent = invitations.codes_since(tx, hour_ago, invitation_id=invitation.id, mailbox_key=key)
    if sent >= codes.MAX_PER_HOUR:
        msg = "several codes were sent already; look into the mailbox or try again in an hour"
        raise TooManyCodes(msg, headers={"Retry-After": "3600"})
