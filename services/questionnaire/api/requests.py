"""Requests as both ends see them: who asks, why, until when, and what."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Cursor, Limit, Model, Page, Tx
from services.questionnaire.actions import questionnaires
from services.questionnaire.api.edge import Bilingual, after, bilingual, cursor_after
from services.questionnaire.api.packs import (
    PreScreenForm,
    QuestionOut,
    pre_screen_out,
    question_out,
)
from services.questionnaire.rules.refusals import Text
from services.questionnaire.store import packs, requests, responses
from services.questionnaire.store.requests import Listed
from services.questionnaire.store.tables import Campaign, Request

router = APIRouter(tags=["portal"])

_FORMAT = Text(
    "資料の添付は不要です。画面またはAPIでご回答ください。ご不明な設問は「確認中」、"
    "営業秘密は「非開示」で差し支えございません。",
    "No attachments are needed. Answer on the pages or by the API. Choose still checking where you "
    "are unsure, withheld where it is a trade secret.",
)
_NOT_APPLICABLE = Text(
    "該当しない設問は「該当なし」をお選びのうえ、理由をご記入ください。",
    "Where a question does not apply, choose not applicable and give the reason.",
)
_DISCLAIMER = Text(
    "本書は回答時点で知り得る範囲の状況を申告するもので、性能・品質の保証や契約条件の変更を意味しません。",
    "This states what is known at the time of answering. It warrants neither performance nor "
    "quality and changes no contract.",
)


class RequestSummary(Model):
    """A request in a list."""

    id: UUID
    title: str
    requester_name: str
    requester_org_id: UUID
    respondent_org_id: UUID | None
    campaign_id: UUID
    supplier_id: UUID | None
    state: str
    due_at: datetime
    answer_by: datetime
    issued_at: datetime | None


class RequestPage(Page):
    """A page of requests, oldest first."""

    items: list[RequestSummary]


class ContactOut(Model):
    """Whom to ask; call them on the number you have."""

    name: str
    mailbox: str


class AskedWith(Model):
    """The questionnaire of a request: starter set, pre-screen, all questions."""

    id: UUID
    digest: str
    title: str
    starter: list[str]
    pre_screen: PreScreenForm
    questions: list[QuestionOut]


class RequestOut(Model):
    """A request: who asks, why, until when, in what form, who will read it, and the questions.

    `due_at` is as signed; `answer_by` holds: more time may have been given since.
    `statement_id`, `disclosure` and `nonce` tie it to the requester's signed statement; they are
    null until it was issued. `supplier_id` is shown to the requester alone.
    """

    id: UUID
    state: str
    title: str
    requester_org_id: UUID
    requester_name: str
    respondent_org_id: UUID | None
    supplier_id: UUID | None
    link_id: UUID
    response_id: UUID | None
    due_at: datetime
    answer_by: datetime
    issued_at: datetime | None
    why: str
    purpose: str
    clauses: list[str]
    viewers: list[str]
    not_used_for: list[str]
    nda_basis: str
    contact: ContactOut
    answer_format: Bilingual
    not_applicable_rule: Bilingual
    disclaimer: Bilingual
    statement_id: str | None
    disclosure: str | None
    nonce: str | None
    questionnaire: AskedWith


class AnswersOut(Model):
    """What a respondent signed and opened to you, newest revision on record.

    `answers` are the organization's, `components` have their own; notes and details are shown,
    not signed. Names of the respondent's own suppliers are never part of it.
    """

    request_id: UUID
    response_id: UUID
    revision: int
    declaration_id: str
    statements: list[dict[str, Any]]
    recorded_at: datetime
    pre_screen: dict[str, str]
    scope: dict[str, Any]
    origin: str
    locale: str
    answers: list[dict[str, Any]]
    components: list[dict[str, Any]]
    sub_tier: dict[str, Any]
    disclaimer: Bilingual


def disclaimer() -> Text:
    """Return what stands on every view of an attestation (domain.md)."""
    return _DISCLAIMER


@router.get("/requests", dependencies=[needs("requests.read")])
def list_requests(
    tx: Tx,
    who: Who,
    side: Literal["respondent", "requester"] = "respondent",
    state: Annotated[str | None, Query(max_length=20)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> RequestPage:
    """List the requests you are to answer, or those you made."""
    rows = requests.page(tx, who.org, side, state, after(cursor), limit + 1)
    return RequestPage(
        items=[_summary(who.org, row) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )


@router.get("/requests/{request_id}", dependencies=[needs("requests.read")])
def read_request(tx: Tx, who: Who, request_id: UUID) -> RequestOut:
    """Read one request at whose either end you are."""
    found = requests.shown(tx, who.org, request_id)
    if found is None:
        raise NotFound("no such request")
    campaign = _campaign(tx, found)
    questionnaire, questions = questionnaires.shown(tx, found.questionnaire_id)
    response = responses.of_request(tx, who.org, found.id)
    own = found.requester_org_id == who.org
    shared = ("id", "state", "requester_org_id", "respondent_org_id", "link_id", "due_at")
    signed = ("issued_at", "statement_id", "disclosure", "nonce")
    return RequestOut(
        **{name: getattr(found, name) for name in (*shared, *signed)},
        **campaign.terms,
        answer_by=found.answer_by,
        title=campaign.title,
        requester_name=campaign.requester_name,
        contact=ContactOut(name=campaign.contact["name"], mailbox=campaign.contact["mailbox"]),
        supplier_id=found.supplier_id if own else None,
        response_id=response.id if response else None,
        answer_format=bilingual(_FORMAT),
        not_applicable_rule=bilingual(_NOT_APPLICABLE),
        disclaimer=bilingual(_DISCLAIMER),
        questionnaire=AskedWith(
            id=questionnaire.id,
            digest=questionnaire.digest,
            title=questionnaire.title,
            starter=[each for each in packs.load_starter().questions if each in questions],
            pre_screen=pre_screen_out(packs.load_prescreen()),
            questions=[question_out(each) for each in questions.values()],
        ),
    )


@router.get("/requests/{request_id}/answers", dependencies=[needs("responses.read")])
def read_answers(tx: Tx, who: Who, request_id: UUID) -> AnswersOut:
    """Read what was signed and opened to you on a request of yours."""
    found = requests.asked_by(tx, who.org, request_id)
    recorded = responses.newest_recorded(tx, request_id=request_id) if found else None
    if recorded is None or recorded.recorded_at is None:
        raise NotFound("nothing was signed on this request yet")
    return AnswersOut(
        request_id=request_id,
        response_id=recorded.response_id,
        revision=recorded.revision,
        declaration_id=recorded.declaration_id,
        statements=recorded.statements,
        recorded_at=recorded.recorded_at,
        disclaimer=bilingual(_DISCLAIMER),
        **recorded.opened,
    )


def _summary(org: UUID, row: Listed) -> RequestSummary:
    shown = RequestSummary.model_validate(row)
    if row.requester_org_id == org:
        return shown
    return shown.model_copy(update={"supplier_id": None})


def _campaign(tx: Session, request: Request) -> Campaign:
    # From the identity map after the first request of a campaign.
    found = tx.get(Campaign, request.campaign_id)
    assert found is not None, "whoever sees a request sees its campaign"
    return found
