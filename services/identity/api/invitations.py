"""Invitations: greeted by link, opened by link and code."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path, Response
from pydantic import Field, StringConstraints

from services.identity.actions import codes, enrolment
from services.identity.api.edge import (
    Here,
    Mailbox,
    Name,
    SessionToken,
    WantsToken,
    after,
    answer,
    cursor_after,
    set_session_cookie,
)
from services.identity.api.members import MemberOut
from services.identity.api.organizations import Country, IdentifierIn, OrganizationOut, in_full
from services.identity.rules import identifiers, mailboxes
from services.identity.store import Invitation
from services.identity.store import invitations as store
from services.kit.auth import PUBLIC, Who, needs
from services.kit.problems import NotFound, Refused
from services.kit.web import Cursor, Limit, Model, Now, Page, Tx

router = APIRouter(prefix="/invitations", tags=["invitations"])

Handle = Annotated[str, Path(min_length=1, max_length=200)]


class InvitationOut(Model):
    """What the page behind an invitation's link shows. `requester_name` null: the operator.

    `colleague`: it leads into the firm that issued it, so its reader names no organization.
    """

    requester_name: str | None
    supplier_name: str
    mailbox_hint: str
    language: str
    expires_at: datetime
    enrolled: bool
    colleague: bool


class CodeRequested(Model):
    """A code is on its way: by mail, or by the telephone call you now make to your contact."""

    delivery: Literal["mail", "ask_requester"]
    expires_at: datetime


class OrganizationIn(Model):
    """What a firm says of itself when it enrols."""

    name: Name
    country: Country
    identifiers: list[IdentifierIn] = Field(default=[], max_length=20)


class FirstMember(Model):
    """Who enrols; left out, the invited mailbox is used."""

    name: Name | None = None
    mailbox: Mailbox | None = None


class Acceptance(Model):
    """The code, and the organization unless a session of an enrolled one comes along."""

    code: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    organization: OrganizationIn | None = None
    member: FirstMember | None = None


class Accepted(Model):
    """An accepted invitation."""

    organization: OrganizationOut
    member: MemberOut
    session_token: str | None


class ToldCode(Model):
    """A code to read out by telephone."""

    code: str
    expires_at: datetime


class IssuedInvitation(Model):
    """An invitation of your organization and what became of it."""

    id: UUID
    link_id: UUID | None
    supplier_name: str
    mailbox: str
    language: str
    expires_at: datetime
    accepted_at: datetime | None
    accepted_org_id: UUID | None


class IssuedPage(Page):
    """A page of issued invitations, oldest first."""

    items: list[IssuedInvitation]


@router.get("", dependencies=[needs("codes.write")])
def list_invitations(
    tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100, link_id: UUID | None = None
) -> IssuedPage:
    """List the invitations your organization issued, for telling codes and for follow-up."""
    found = store.page_of(tx, who.org, after=after(cursor), limit=limit + 1, link_id=link_id)
    return IssuedPage(
        items=[IssuedInvitation.model_validate(i) for i in found[:limit]],
        next_cursor=cursor_after([i.id for i in found], limit),
    )


@router.get("/{handle}", dependencies=[needs(PUBLIC)])
def get_invitation(tx: Tx, now: Now, handle: Handle) -> InvitationOut:
    """Read an invitation by its link. Changes nothing: mail scanners open links too."""
    found = _known(store.by_handle(tx, handle, now, lock=False))
    return InvitationOut(
        requester_name=found.requester_name,
        supplier_name=found.supplier_name,
        mailbox_hint=mailboxes.hint(found.mailbox),
        language=found.language,
        expires_at=found.expires_at,
        enrolled=found.accepted_at is not None,
        colleague=found.colleague_of is not None,
    )


@router.post("/{handle}/code", status_code=202, dependencies=[needs(PUBLIC)])
def request_invitation_code(tx: Tx, now: Now, here: Here, handle: Handle) -> CodeRequested:
    """Ask for the one-use code of an invitation."""
    code = codes.request_code(tx, here, handle, now)
    return CodeRequested(
        delivery="mail" if here.mails or here.shows_mails else "ask_requester",
        expires_at=code.expires_at,
    )


@router.post(
    "/{handle}/accept", status_code=201, response_model=Accepted, dependencies=[needs(PUBLIC)]
)
def accept_invitation(
    tx: Tx, now: Now, here: Here, handle: Handle, body: Acceptance, response: Response,
    session_token: SessionToken, wants: WantsToken = None,
) -> Accepted | Response:  # fmt: skip
    """Enrol your organization, or accept one more invitation for one already enrolled."""
    done = enrolment.accept(tx, here, handle, _given(body, session_token), now)
    if isinstance(done, Refused):
        return answer(done)
    if done.session_token is not None:
        set_session_cookie(response, done.session_token)
    return Accepted(
        organization=in_full(done.organization, done.identifiers),
        member=MemberOut.model_validate(done.member),
        session_token=done.session_token if wants == "api" else None,
    )


@router.post("/{invitation_id}/told-code", dependencies=[needs("codes.write")])
def tell_invitation_code(tx: Tx, who: Who, now: Now, here: Here, invitation_id: UUID) -> ToldCode:
    """Read a code to tell by telephone; only where no mail server is set."""
    code, expires_at = codes.tell_code(tx, who, here, invitation_id, now)
    return ToldCode(code=code, expires_at=expires_at)


def _known(found: Invitation | None) -> Invitation:
    if found is None:
        raise NotFound(codes.UNKNOWN_INVITATION)
    return found


def _given(body: Acceptance, session_token: str | None) -> enrolment.Acceptance:
    organization = None
    if body.organization is not None:
        given = body.organization
        organization = enrolment.NewOrganization(
            given.name,
            given.country,
            [identifiers.claimed(i.scheme, i.value) for i in given.identifiers],
        )
    return enrolment.Acceptance(
        code=body.code,
        organization=organization,
        member_name=body.member.name if body.member else None,
        member_mailbox=body.member.mailbox if body.member else None,
        # A browser may still carry an old session while its user enrols another firm.
        session_token=session_token if body.organization is None else None,
    )
