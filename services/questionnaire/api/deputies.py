"""Who stands in for whom, and the hand-over of everything that waits for one person to another."""

from __future__ import annotations

from datetime import date
from uuid import UUID

from fastapi import APIRouter, Response

from services.kit.auth import Who, needs
from services.kit.web import Cursor, Limit, Model, OnceOnly, Page, Tx
from services.questionnaire.actions import approving
from services.questionnaire.api.campaign_bodies import Person
from services.questionnaire.api.edge import after, cursor_after
from services.questionnaire.api.suppliers import Mailbox
from services.questionnaire.store import approvals

router = APIRouter(tags=["campaigns"])

_WRITE = [needs("campaigns.write")]


class DeputyIn(Model):
    """Who stands in for `mailbox` from one day to another, both included."""

    mailbox: Mailbox
    deputy: Person
    from_on: date
    to_on: date


class DeputyOut(Model):
    """An appointment."""

    id: UUID
    mailbox: str
    deputy_name: str
    deputy_mailbox: str
    from_on: date
    to_on: date


class DeputyPage(Page):
    """A page of appointments, oldest first."""

    items: list[DeputyOut]


class HandOverIn(Model):
    """Whose open work goes to whom: campaigns they ask or own, and steps that wait for them."""

    from_mailbox: Mailbox
    to: Person


class HandOverOut(Model):
    """How much changed hands."""

    campaigns: int
    steps: int


@router.post("/deputies", dependencies=_WRITE, status_code=201, response_model=DeputyOut)
def appoint_deputy(tx: Tx, who: Who, body: DeputyIn, once: OnceOnly) -> Response:
    """Say who stands in for whom, and when."""

    def work() -> DeputyOut:
        deputy, days = (body.deputy.name, body.deputy.mailbox), (body.from_on, body.to_on)
        made = approving.appoint(tx, who, body.mailbox, deputy, days)
        return DeputyOut.model_validate(made)

    return once(work)


@router.get("/deputies", dependencies=[needs("campaigns.read")])
def list_deputies(tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100) -> DeputyPage:
    """List who stands in for whom."""
    rows = approvals.deputies(tx, who.org, after(cursor), limit + 1)
    return DeputyPage(
        items=[DeputyOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )


@router.delete("/deputies/{deputy_id}", dependencies=_WRITE, status_code=204)
def dismiss_deputy(tx: Tx, who: Who, deputy_id: UUID) -> None:
    """End an appointment."""
    approving.dismiss(tx, who, deputy_id)


@router.post("/hand-overs", dependencies=_WRITE, response_model=HandOverOut)
def hand_over(tx: Tx, who: Who, body: HandOverIn, once: OnceOnly) -> Response:
    """Give everything open that waits for one person to another: the moves of 1 April."""

    def work() -> HandOverOut:
        to = body.to
        return HandOverOut(**approving.hand_over(tx, who, body.from_mailbox, to.name, to.mailbox))

    return once(work, status=200)
