"""Members of one's own organization."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from services.identity.actions import members as actions
from services.identity.api.edge import Mailbox, Name, after, cursor_after
from services.identity.store import people
from services.kit.auth import Who, needs
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx

router = APIRouter(prefix="/members", tags=["members"])

Role = Literal["admin", "procurement", "respondent", "signer", "delegate", "auditor"]
Roles = Annotated[list[Role], Field(min_length=1, max_length=5)]


class MemberIn(Model):
    """A new member; logs in by a code to the mailbox."""

    name: Name
    mailbox: Mailbox
    roles: Roles
    language: Literal["ja", "en"] = "ja"


class MemberChange(Model):
    """What changes; left out is left as it is."""

    name: Name | None = None
    roles: Roles | None = None


class MemberOut(Model):
    """An active member."""

    id: UUID
    name: str
    mailbox: str
    language: str
    roles: list[Role]
    joined_at: datetime


class MemberPage(Page):
    """A page of members, oldest first."""

    items: list[MemberOut]


@router.get("", dependencies=[needs("members.read")])
def list_members(tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100) -> MemberPage:
    """List the active members of your organization."""
    found = people.members(tx, who.org, after=after(cursor), limit=limit + 1)
    return MemberPage(
        items=[MemberOut.model_validate(m) for m in found[:limit]],
        next_cursor=cursor_after([m.id for m in found], limit),
    )


@router.post("", status_code=201, response_model=MemberOut, dependencies=[needs("members.write")])
def add_member(tx: Tx, who: Who, now: Now, once: OnceOnly, body: MemberIn) -> Response:
    """Add a member to your organization."""
    return once(
        lambda: MemberOut.model_validate(
            actions.add(
                tx,
                who,
                name=body.name,
                mailbox=body.mailbox,
                language=body.language,
                roles=body.roles,
                now=now,
            )
        )
    )


@router.patch("/{member_id}", dependencies=[needs("members.write")])
def change_member(tx: Tx, who: Who, now: Now, member_id: UUID, body: MemberChange) -> MemberOut:
    """Change a member's name or roles; tokens with a lost right are refused at once."""
    changed = actions.change(tx, who, member_id, name=body.name, roles=body.roles, now=now)
    return MemberOut.model_validate(changed)


@router.delete("/{member_id}", status_code=204, dependencies=[needs("members.write")])
def remove_member(tx: Tx, who: Who, now: Now, member_id: UUID) -> None:
    """Remove a member; sessions and tokens end at once."""
    actions.remove(tx, who, member_id, now)
