"""Questionnaires: frozen for good under a digest."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import Field

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Cursor, Limit, Model, OnceOnly, Page, Tx
from services.questionnaire.actions import questionnaires as actions
from services.questionnaire.api.edge import Line, after, cursor_after
from services.questionnaire.api.packs import QuestionOut, question_out
from services.questionnaire.store import questionnaires
from services.questionnaire.store.tables import Questionnaire

router = APIRouter(tags=["questionnaires"])


class PackRef(Model):
    """One version of a pack."""

    id: Line
    version: Line


class QuestionnaireIn(Model):
    """What to ask: the starter set alone, or all questions of the chosen packs beside it."""

    title: Line
    packs: Annotated[list[PackRef], Field(min_length=1, max_length=20)]
    selection: Literal["starter", "all"]


class QuestionnaireOut(Model):
    """A frozen questionnaire; `document` (base64) are the bytes whose sha256 is `digest`."""

    id: UUID
    title: str
    digest: str
    document: str
    created_at: datetime
    questions: list[QuestionOut]


class QuestionnaireSummary(Model):
    """A questionnaire in a list."""

    id: UUID
    title: str
    digest: str
    created_at: datetime


class QuestionnairePage(Page):
    """A page of questionnaires, oldest first."""

    items: list[QuestionnaireSummary]


def questionnaire_out(found: Questionnaire) -> QuestionnaireOut:
    """Show a questionnaire with its questions."""
    return QuestionnaireOut(
        id=found.id,
        title=found.title,
        digest=found.digest,
        document=base64.b64encode(found.document).decode("ascii"),
        created_at=found.created_at,
        questions=[question_out(each) for each in actions.questions(found)],
    )


@router.post(
    "/questionnaires",
    dependencies=[needs("questionnaires.write")],
    status_code=201,
    response_model=QuestionnaireOut,
)
def publish_questionnaire(tx: Tx, who: Who, body: QuestionnaireIn, once: OnceOnly) -> Response:
    """Freeze a choice of questions for good."""
    chosen = [(each.id, each.version) for each in body.packs]
    return once(
        lambda: questionnaire_out(actions.publish(tx, who, body.title, chosen, body.selection))
    )


@router.get("/questionnaires", dependencies=[needs("questionnaires.read")])
def list_questionnaires(
    tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100
) -> QuestionnairePage:
    """List your questionnaires."""
    rows = questionnaires.page(tx, who.org, after(cursor), limit + 1)
    return QuestionnairePage(
        items=[QuestionnaireSummary.model_validate(row) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )


@router.get("/questionnaires/{questionnaire_id}", dependencies=[needs("questionnaires.read")])
def read_questionnaire(tx: Tx, questionnaire_id: UUID) -> QuestionnaireOut:
    """Read a questionnaire you made or were asked with."""
    found = questionnaires.shown(tx, questionnaire_id)
    if found is None:
        raise NotFound("no such questionnaire")
    return questionnaire_out(found)
