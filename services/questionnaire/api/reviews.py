"""Reviews: a requester's signed decisions, seen by both ends once on record."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field
from rensho.sign import Outcome

from services.kit.auth import Who, needs
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx
from services.questionnaire.actions import reviews as actions
from services.questionnaire.actions.reviews import Decision
from services.questionnaire.api.edge import (
    Deployed,
    HandIn,
    Line,
    Prose,
    Sha256,
    StatementOut,
    after,
    cursor_after,
    statement_out,
)
from services.questionnaire.store import responses

router = APIRouter(tags=["reviews"])


class DecisionIn(Model):
    """What is decided on one question: a waiver has an owner and a last day, sent back a reason.

    `value` is the option the reviewer saw where the answer itself was withheld. `evidence` are the
    commitments looked at (`GET /requests/{id}/evidence`); an independent assessment (L4) names at
    least one: its document.
    """

    question: Line
    outcome: Outcome
    value: Line | None = None
    until: date | None = None
    reason: Prose | None = None
    owner: Line | None = None
    evidence: Annotated[list[Line], Field(max_length=50)] = Field(default_factory=list)


class ReviewIn(HandIn):
    """Decisions on one recorded statement, and who is about to sign them."""

    statement_id: Sha256
    decisions: Annotated[list[DecisionIn], Field(min_length=1, max_length=500)]


class ReviewOut(Model):
    """A review; `recorded_at` null while it is not in the log."""

    id: UUID
    review_statement_id: str
    statement_id: str
    response_id: UUID
    requester_org_id: UUID
    respondent_org_id: UUID
    decisions: list[DecisionIn]
    created_at: datetime
    recorded_at: datetime | None


class ReviewPage(Page):
    """A page of reviews, oldest first."""

    items: list[ReviewOut]


@router.post(
    "/reviews/prepare",
    dependencies=[needs("reviews.write")],
    status_code=201,
    response_model=StatementOut,
)
def prepare_review(
    tx: Tx, who: Who, now: Now, body: ReviewIn, deployment: Deployed, once: OnceOnly
) -> Response:
    """Get the statement to sign for your decisions on a recorded statement."""
    decisions = [
        Decision(**{**each.model_dump(), "evidence": tuple(each.evidence)})
        for each in body.decisions
    ]
    return once(
        lambda: statement_out(
            actions.prepare(tx, who, body.statement_id, decisions, body.hand(), deployment, now)
        )
    )


@router.get("/reviews", dependencies=[needs("responses.read")], tags=["portal"])
def list_reviews(tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100) -> ReviewPage:
    """List the reviews you made, and those of your own answers that are on record."""
    rows = responses.reviews(tx, who.org, after(cursor), limit + 1)
    return ReviewPage(
        items=[ReviewOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )
