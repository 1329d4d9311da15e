"""Corrective actions, as both ends see and move them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from services.kit.auth import Who, needs
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx
from services.questionnaire.actions import corrective as actions
from services.questionnaire.actions.corrective import Step
from services.questionnaire.api.edge import Line, Prose, after, cursor_after
from services.questionnaire.rules.corrective import Plan
from services.questionnaire.store import reviewing
from services.questionnaire.store.reviewing import CorrectiveAction

router = APIRouter(tags=["reviews", "portal"])

State = Literal["opened", "agreed", "done", "checked", "dropped"]


class CorrectiveIn(Model):
    """What was found, on which question if on one, and by when it should be done."""

    question: Line | None = None
    finding: Prose
    due_on: date | None = None


class MoveIn(Model):
    """The next step, over the `version` you read.

    The supplier: agree (plan and day), done (what was done, and evidence). Who asked: check,
    reopen (why, and by when), drop (why).
    """

    version: Annotated[int, Field(ge=1)]
    step: Literal["agree", "done", "check", "reopen", "drop"]
    note: Prose | Literal[""] = ""
    due_on: date | None = None
    evidence: Annotated[list[UUID], Field(max_length=50)] = Field(default_factory=list)


class StepOut(Model):
    """One step that was taken, and by whom."""

    step: Literal["open", "agree", "done", "check", "reopen", "drop"]
    by_org_id: UUID
    name: str
    note: str
    due_on: date
    evidence: list[UUID]
    at: datetime


class CorrectiveOut(Model):
    """A corrective action; `overdue` while its day has passed and it is not done."""

    id: UUID
    request_id: UUID
    requester_org_id: UUID
    respondent_org_id: UUID
    question: str | None
    finding: str
    state: State
    due_on: date
    overdue: bool
    version: int
    history: list[StepOut]
    opened_at: datetime


class CorrectivePage(Page):
    """A page of corrective actions, oldest first."""

    items: list[CorrectiveOut]


@router.post(
    "/requests/{request_id}/corrective-actions",
    dependencies=[needs("reviews.write")],
    status_code=201,
    response_model=CorrectiveOut,
)
def open_corrective_action(
    tx: Tx, who: Who, now: Now, request_id: UUID, body: CorrectiveIn, once: OnceOnly
) -> Response:
    """Open a corrective action on a request of yours."""

    def work() -> CorrectiveOut:
        made = actions.open_one(tx, who, request_id, body.question, body.finding, body.due_on, now)
        return _out(made, actions.today(now))

    return once(work)


@router.get("/corrective-actions", dependencies=[needs("responses.read")])
def list_corrective_actions(
    tx: Tx,
    who: Who,
    now: Now,
    request_id: UUID | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> CorrectivePage:
    """List the corrective actions at whose either end you are."""
    rows = reviewing.actions_of(tx, who.org, request_id, after(cursor), limit + 1)
    return CorrectivePage(
        items=[_out(row, actions.today(now)) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )


@router.post("/corrective-actions/{action_id}/steps", dependencies=[needs("responses.write")])
def move_corrective_action(
    tx: Tx, who: Who, now: Now, action_id: UUID, body: MoveIn
) -> CorrectiveOut:
    """Take the next step of a corrective action."""
    step = Step(body.version, body.step, body.note, body.due_on, tuple(body.evidence))
    found = actions.move(tx, who, action_id, step, now)
    return _out(found, actions.today(now))


def _out(row: CorrectiveAction, today: date) -> CorrectiveOut:
    named = [name for name in CorrectiveOut.model_fields if name != "overdue"]
    plan = Plan(row.state, row.due_on)  # type: ignore[arg-type]
    return CorrectiveOut(
        **{name: getattr(row, name) for name in named}, overdue=plan.overdue(today)
    )
