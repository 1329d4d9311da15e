"""How a signed response stands: per answer, as a whole, as a workbook to file, and until when."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Cursor, Limit, Model, Now, Page, Tx
from services.questionnaire.actions import excel, questionnaires, reviewed_excel, standing
from services.questionnaire.api.edge import after, cursor_after
from services.questionnaire.api.requests import disclaimer
from services.questionnaire.rules import reviewed, reviewing
from services.questionnaire.rules.reviewed import Sheet
from services.questionnaire.store import evidence, packs, requests, responses
from services.questionnaire.store import reviewing as store
from services.questionnaire.store.tables import Campaign, Request, ResponsePreparation

router = APIRouter(tags=["reviews", "portal"])
_CONTENT: dict[str, Any] = {excel.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}


class SpotOut(Model):
    """How one answer of the newest revision stands; `component` null for the company's."""

    component: str | None
    question: str
    standing: Literal[
        "open",
        "accepted",
        "sent_back",
        "unchanged",
        "evidence_checked",
        "independent",
        "na_accepted",
        "waived",
    ]
    reason: str | None
    owner: str | None
    until: str | None


class StandingOut(Model):
    """How the newest revision on record stands.

    `returned` as long as an answer was sent back and not changed since, `accepted` once all are
    settled. Nobody is thereby certified for anything: it says what one customer looked at.
    """

    request_id: UUID
    revision: int
    verdict: Literal["in_review", "returned", "accepted"]
    items: list[SpotOut]


class RenewalOut(Model):
    """What runs out at `not_after`: its next round is open since `opened_at`."""

    id: UUID
    declaration_id: str
    response_id: UUID
    request_id: UUID
    requester_org_id: UUID
    respondent_org_id: UUID
    not_after: datetime
    opened_at: datetime
    closed_at: datetime | None


class RenewalPage(Page):
    """A page of renewals, oldest first."""

    items: list[RenewalOut]


@router.get("/requests/{request_id}/standing", dependencies=[needs("responses.read")])
def read_standing(tx: Tx, who: Who, now: Now, request_id: UUID) -> StandingOut:
    """Read how what was signed on a request stands, at either end of it."""
    _, newest = _signed(tx, who.org, request_id)
    found = standing.of_response(tx, newest.response_id, now)
    decided = _decisions(tx, newest)
    return StandingOut(
        request_id=request_id,
        revision=newest.revision,
        verdict=reviewing.verdict(found),
        items=[
            SpotOut(
                component=spot[0],
                question=spot[1],
                standing=how,
                **{name: decided.get(spot, {}).get(name) for name in ("reason", "owner", "until")},
            )
            for spot, how in found.items()
        ],
    )


@router.get(
    "/requests/{request_id}/answers/workbook",
    dependencies=[needs("responses.read")],
    response_class=Response,
    responses={200: {"content": _CONTENT, "description": "The workbook."}},
)
def download_reviewed(
    tx: Tx,
    who: Who,
    now: Now,
    request_id: UUID,
    language: Annotated[Literal["ja", "en"], Query()] = "ja",
) -> Response:
    """Get what was signed on a request, with what was decided on it, as an Excel workbook."""
    request, newest = _signed(tx, who.org, request_id)
    campaign = tx.get_one(Campaign, request.campaign_id)
    ja = language == "ja"
    facts = [
        ("調査" if ja else "Campaign", campaign.title),
        ("依頼元" if ja else "Asked by", campaign.requester_name),
        ("署名済み回答書" if ja else "Attestation", newest.declaration_id),
        ("版" if ja else "Revision", str(newest.revision)),
        ("回答の方法" if ja else "Origin", str(newest.opened["origin"])),
        ("記録日時(UTC)" if ja else "Recorded (UTC)", f"{newest.recorded_at:%Y-%m-%d %H:%M}"),
        ("ご留意事項" if ja else "Please note", getattr(disclaimer(), language)),
    ]
    content = reviewed_excel.write(
        "回答" if ja else "Answers",
        facts,
        reviewed.HEAD[language],
        reviewed.WIDTHS,
        reviewed.rows(_sheet(tx, request, newest, now), language),
    )
    return Response(
        content,
        media_type=excel.MEDIA_TYPE,
        headers={
            "Content-Disposition": f'attachment; filename="rensho-answers-{request_id}.xlsx"',
        },
    )


@router.get("/renewals", dependencies=[needs("responses.read")])
def list_renewals(tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100) -> RenewalPage:
    """List the rounds that were opened because what was signed runs out."""
    rows = store.renewals(tx, who.org, after(cursor), limit + 1)
    return RenewalPage(
        items=[RenewalOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )


def _signed(tx: Session, org: UUID, request_id: UUID) -> tuple[Request, ResponsePreparation]:
    request = requests.shown(tx, org, request_id)
    newest = responses.newest_recorded(tx, request_id=request_id) if request else None
    if request is None or newest is None:
        raise NotFound("nothing was signed on this request yet")
    return request, newest


def _sheet(tx: Session, request: Request, newest: ResponsePreparation, now: datetime) -> Sheet:
    _, questions = questionnaires.shown(tx, request.questionnaire_id)
    opened = newest.opened
    components = [
        (part["supplier_component_id"], part["name"], part["answers"])
        for part in opened["components"]
    ]
    uses = evidence.uses(tx, newest.declaration_id)
    return Sheet(
        questions=questions,
        states=next(iter(packs.load_all().values())).states,
        parts=[(None, None, opened["answers"]), *components],
        standings=standing.of_response(tx, newest.response_id, now),
        decisions=_decisions(tx, newest),
        evidence={use.commitment: use.title for use in uses if use.commitment},
    )


def _decisions(tx: Session, newest: ResponsePreparation) -> dict[reviewing.Spot, dict[str, Any]]:
    """Return the newest decision on each answer of a response, whichever revision it was on."""
    component_of = {
        one["statement_id"]: one["component"]
        for revision in responses.recorded(tx, newest.response_id)
        for one in revision.statements
    }
    return {
        (component_of[review.statement_id], each["question"]): each
        for review in responses.recorded_reviews(tx, newest.response_id)
        for each in review.decisions
    }
