"""What is done with a campaign as a whole: handed in, withdrawn, closed, called off, given time."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from services.kit.auth import Who, needs
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx
from services.questionnaire.actions import approving, changing, due_dates, endings
from services.questionnaire.api.campaigns import CampaignOut, campaign_shown, own_campaign
from services.questionnaire.api.edge import Prose, after, cursor_of
from services.questionnaire.store import approvals, campaigns

router = APIRouter(prefix="/campaigns/{campaign_id}", tags=["campaigns"])

_WRITE = [needs("campaigns.write")]
Ids = Annotated[list[UUID], Field(min_length=1, max_length=10_000)]


class NoteIn(Model):
    """Why, in words the suppliers are told."""

    note: Prose


class DecisionIn(Model):
    """Agree to the present step, or send the draft back with a comment."""

    decision: Literal["agreed", "returned"]
    comment: Annotated[str, Field(max_length=2000)] = ""


class StepOut(Model):
    """One step of approval; `by_deputy` where somebody stood in."""

    round: int
    kind: Literal["check", "approve"]
    name: str
    mailbox: str
    decision: Literal["agreed", "returned"] | None
    comment: str | None
    decided_at: datetime | None
    decided_by_name: str | None
    by_deputy: bool | None


class StepList(Model):
    """All steps of a campaign, those of earlier rounds first."""

    items: list[StepOut]


class MoreTimeIn(Model):
    """Until when instead, why, and for whom; without `request_ids` for all that are open."""

    due_on: date
    reason: Prose
    request_ids: Ids | None = None


class MoreTimeOut(Model):
    """Whose due date was moved."""

    request_ids: list[UUID]


class FairDealingOut(Model):
    """How one supplier is dealt with; `working_days` it was given when the campaign was drafted."""

    supplier_id: UUID
    recorded_at: datetime
    subcontract_act: str
    basis: str
    necessity: str
    explanation: str
    effort_minutes: int
    cost_offered: str
    cost_outcome: str
    working_days: int | None


class FairDealingPage(Page):
    """A page of records, by supplier id."""

    items: list[FairDealingOut]


@router.get("/fair-dealing", dependencies=[needs("campaigns.read")])
def list_fair_dealing(
    tx: Tx, who: Who, campaign_id: UUID, cursor: Cursor = None, limit: Limit = 100
) -> FairDealingPage:
    """List how each supplier of a campaign is dealt with."""
    own_campaign(tx, who.org, campaign_id)
    rows = campaigns.fair_dealing(tx, who.org, campaign_id, after(cursor), limit + 1)
    blank = {"necessity": "", "cost_outcome": "", "working_days": None}
    return FairDealingPage(
        items=[
            FairDealingOut(
                supplier_id=row.supplier_id, recorded_at=row.recorded_at, **{**blank, **row.record}
            )
            for row in rows[:limit]
        ],
        next_cursor=cursor_of(rows[limit - 1].supplier_id) if len(rows) > limit else None,
    )


@router.post("/submit", dependencies=_WRITE, response_model=CampaignOut)
def submit_campaign(tx: Tx, who: Who, now: Now, campaign_id: UUID, once: OnceOnly) -> Response:
    """Hand a draft to those whom it names to check and approve it."""
    work = lambda: campaign_shown(tx, approving.submit(tx, who, campaign_id, now), now)  # noqa: E731
    return once(work, status=200)


@router.post("/decisions", dependencies=_WRITE, response_model=CampaignOut)
def decide_campaign(
    tx: Tx, who: Who, now: Now, campaign_id: UUID, body: DecisionIn, once: OnceOnly
) -> Response:
    """Agree to the step that waits for you (or for whom you stand in), or send the draft back."""

    def work() -> CampaignOut:
        done = approving.decide(tx, who, campaign_id, body.decision, body.comment, now)
        return campaign_shown(tx, done, now)

    return once(work, status=200)


@router.get("/steps", dependencies=[needs("campaigns.read")])
def list_steps(tx: Tx, who: Who, campaign_id: UUID) -> StepList:
    """List who checked and approved a campaign, and who is to."""
    own_campaign(tx, who.org, campaign_id)
    rows = approvals.steps(tx, campaign_id)
    return StepList(items=[StepOut.model_validate(row) for row in rows])


@router.post("/withdraw", dependencies=_WRITE, response_model=CampaignOut)
def withdraw_campaign(tx: Tx, who: Who, now: Now, campaign_id: UUID, once: OnceOnly) -> Response:
    """Take a campaign back to draft; a statement signed after that issues nothing."""
    work = lambda: campaign_shown(tx, changing.withdraw(tx, who, campaign_id), now)  # noqa: E731
    return once(work, status=200)


@router.post("/close", dependencies=_WRITE, response_model=CampaignOut)
def close_campaign(
    tx: Tx, who: Who, now: Now, campaign_id: UUID, body: NoteIn, once: OnceOnly
) -> Response:
    """Stop taking answers; those who have not answered are told. Can be undone by `reopen`."""

    def work() -> CampaignOut:
        return campaign_shown(tx, endings.close(tx, who, campaign_id, body.note, now), now)

    return once(work, status=200)


@router.post("/reopen", dependencies=_WRITE, response_model=CampaignOut)
def reopen_campaign(tx: Tx, who: Who, now: Now, campaign_id: UUID, once: OnceOnly) -> Response:
    """Take answers again that a closed campaign no longer took."""
    work = lambda: campaign_shown(tx, endings.reopen_all(tx, who, campaign_id, now), now)  # noqa: E731
    return once(work, status=200)


@router.post("/cancel", dependencies=_WRITE, response_model=CampaignOut)
def cancel_campaign(
    tx: Tx, who: Who, now: Now, campaign_id: UUID, body: NoteIn, once: OnceOnly
) -> Response:
    """Call a campaign off: a draft is discarded, requests are withdrawn and the suppliers told."""

    def work() -> CampaignOut:
        return campaign_shown(tx, endings.cancel(tx, who, campaign_id, body.note, now), now)

    return once(work, status=200)


@router.post("/due", dependencies=_WRITE, response_model=MoreTimeOut)
def extend_due(
    tx: Tx, who: Who, now: Now, campaign_id: UUID, body: MoreTimeIn, once: OnceOnly
) -> Response:
    """Give suppliers more time, never less; each change is kept and its supplier told."""

    def work() -> MoreTimeOut:
        given = due_dates.extend(
            tx, who, campaign_id, body.request_ids, body.due_on, body.reason, now
        )
        return MoreTimeOut(request_ids=[each.id for each in given])

    return once(work, status=200)
