"""Another contact is named by whoever holds an invitation's link, before any code."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Path

from services.kit.auth import PUBLIC, Who, needs
from services.kit.web import Cursor, Limit, Model, Now, Page, Tx
from services.questionnaire.actions import contact_changes as actions
from services.questionnaire.api.delegations import Mailbox
from services.questionnaire.api.edge import Line, after, cursor_after
from services.questionnaire.store import answering

router = APIRouter(tags=["portal"])


class ContactIn(Model):
    """Who is to be asked instead."""

    name: Line
    mailbox: Mailbox


class TakenOut(Model):
    """The same answer for every link, whether there is one or not.

    Within the firm's own mail domain the new contact is asked at once; otherwise the inviter
    decides. The first contact is told.
    """

    taken: Literal[True] = True


class ContactChangeOut(Model):
    """A change of contact on an invitation of yours; `asked` waits for your decision."""

    id: UUID
    invitation_id: UUID
    name: str
    mailbox: str
    former_mailbox: str
    outcome: Literal["changed", "asked", "refused"]
    asked_at: datetime
    decided_at: datetime | None


class ContactChangePage(Page):
    """A page of changes of contact, oldest first."""

    items: list[ContactChangeOut]


class ContactDecisionIn(Model):
    """Whether the new contact is to be asked: call the supplier on the number you have first."""

    accept: bool


@router.post("/invitations/{handle}/contact", status_code=202, dependencies=[needs(PUBLIC)])
def name_another_contact(
    tx: Tx, now: Now, handle: Annotated[str, Path(min_length=1, max_length=200)], body: ContactIn
) -> TakenOut:
    """Name another contact for an invitation by its link."""
    actions.ask(tx, handle, body.name, body.mailbox, now)
    return TakenOut()


@router.get("/contact-changes", dependencies=[needs("suppliers.read")], tags=["suppliers"])
def list_contact_changes(
    tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100
) -> ContactChangePage:
    """List the changes of contact on your invitations."""
    rows = answering.contact_changes(tx, who.org, after(cursor), limit + 1)
    return ContactChangePage(
        items=[ContactChangeOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )


@router.post(
    "/contact-changes/{change_id}/decide",
    dependencies=[needs("suppliers.write")],
    tags=["suppliers"],
)
def decide_contact_change(
    tx: Tx, who: Who, now: Now, change_id: UUID, body: ContactDecisionIn
) -> ContactChangeOut:
    """Decide on a contact outside the supplier's own mail domain."""
    found = actions.decide(tx, who, change_id, accept=body.accept, now=now)
    return ContactChangeOut.model_validate(found)
