"""Messages between the two ends of a request, per question."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx
from services.questionnaire.actions import messages as actions
from services.questionnaire.api.edge import Line, Prose, after, cursor_after
from services.questionnaire.store import answering, requests

router = APIRouter(tags=["portal"])


class MessageIn(Model):
    """What to say, and on which question; without one it is about the whole request."""

    question: Line | None = None
    text: Prose


class MessageOut(Model):
    """One message; `by_org_id` is one of the two ends."""

    id: UUID
    by_org_id: UUID
    name: str
    question: str | None
    text: str
    sent_at: datetime


class MessagePage(Page):
    """A page of messages, oldest first."""

    items: list[MessageOut]


@router.post(
    "/requests/{request_id}/messages",
    dependencies=[needs("responses.write")],
    status_code=201,
    response_model=MessageOut,
)
def send_message(
    tx: Tx, who: Who, now: Now, request_id: UUID, body: MessageIn, once: OnceOnly
) -> Response:
    """Write to the other end, who gets a mail that says so."""
    return once(
        lambda: MessageOut.model_validate(
            actions.send(tx, who, request_id, body.question, body.text, now)
        )
    )


@router.get("/requests/{request_id}/messages", dependencies=[needs("responses.read")])
def list_messages(
    tx: Tx,
    who: Who,
    request_id: UUID,
    question: Annotated[str | None, Query(max_length=100)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> MessagePage:
    """List the messages of a request at whose either end you are; of one question if given."""
    if requests.shown(tx, who.org, request_id) is None:
        raise NotFound("no such request")
    rows = answering.messages(tx, request_id, question, after(cursor), limit + 1)
    return MessagePage(
        items=[MessageOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )
