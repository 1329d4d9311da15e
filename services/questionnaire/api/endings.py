"""Why a request has no answer, said by either end, and what became of its due date."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Model, Now, OnceOnly, Tx
from services.questionnaire.actions import endings as actions
from services.questionnaire.api.edge import Bilingual, bilingual
from services.questionnaire.rules.endings import REASONS, Declined, Unanswered
from services.questionnaire.store import chasing, requests
from services.questionnaire.store.tables import Request

router = APIRouter(prefix="/requests/{request_id}", tags=["portal"])

Note = Annotated[str, Field(max_length=2000)]


class DeclineIn(Model):
    """Why you cannot answer; with `other` say it in `note`."""

    reason: Declined
    note: Note = ""


class NonResponseIn(Model):
    """Why you close this request without an answer; with `other` say it in `note`."""

    reason: Unanswered
    note: Note = ""


class EndedOut(Model):
    """A request after that."""

    request_id: UUID
    state: str


class ReasonOut(Model):
    """One word of why: `effect` is declined, closed, cancelled or reopened."""

    effect: str
    reason: str
    words: Bilingual
    note: str
    by_org_id: UUID
    at: datetime


class DueChangeOut(Model):
    """A due date that was moved back."""

    from_at: datetime
    to_at: datetime
    reason: str
    at: datetime


class HistoryOut(Model):
    """What was said of a missing answer, and how the due date moved; `answer_by` holds now."""

    answer_by: datetime
    reasons: list[ReasonOut]
    due_changes: list[DueChangeOut]


@router.post("/decline", dependencies=[needs("responses.write")], response_model=EndedOut)
def decline_request(
    tx: Tx, who: Who, now: Now, request_id: UUID, body: DeclineIn, once: OnceOnly
) -> Response:
    """Say that you cannot answer, and why; reminders stop. You may still answer later."""

    def work() -> EndedOut:
        return _out(actions.decline(tx, who, request_id, body.reason, body.note, now))

    return once(work, status=200)


@router.post("/non-response", dependencies=[needs("campaigns.write")], response_model=EndedOut)
def give_up_request(
    tx: Tx, who: Who, now: Now, request_id: UUID, body: NonResponseIn, once: OnceOnly
) -> Response:
    """Close one request of yours without an answer, with the reason."""

    def work() -> EndedOut:
        return _out(actions.give_up(tx, who, request_id, body.reason, body.note, now))

    return once(work, status=200)


@router.post("/reopen", dependencies=[needs("requests.read")], response_model=EndedOut)
def reopen_request(tx: Tx, who: Who, now: Now, request_id: UUID, once: OnceOnly) -> Response:
    """Open a request again that you declined, or as its requester closed."""
    return once(lambda: _out(actions.reopen(tx, who, request_id, now)), status=200)


@router.get("/history", dependencies=[needs("requests.read")])
def read_request_history(tx: Tx, who: Who, request_id: UUID) -> HistoryOut:
    """Read what was said of a missing answer and how the due date moved; for both ends."""
    found = requests.shown(tx, who.org, request_id)
    if found is None:
        raise NotFound("no such request")
    return HistoryOut(
        answer_by=found.answer_by,
        reasons=[
            ReasonOut(
                effect=row.effect,
                reason=row.reason,
                words=bilingual(REASONS[row.reason]),
                note=row.note,
                by_org_id=row.by_org_id,
                at=row.at,
            )
            for row in chasing.reasons(tx, request_id)
        ],
        due_changes=[
            DueChangeOut.model_validate(row) for row in chasing.due_changes(tx, request_id)
        ],
    )


def _out(request: Request) -> EndedOut:
    return EndedOut(request_id=request.id, state=request.state)
