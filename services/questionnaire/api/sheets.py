"""Typed and relayed answers: entered by who asked, returned to the supplier, confirmed by it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from fastapi import APIRouter, Response

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Model, Now, OnceOnly, Tx
from services.questionnaire.actions import responses as drafts
from services.questionnaire.actions import sheets as actions
from services.questionnaire.api.edge import Line, Prose, Sha256
from services.questionnaire.api.responses import ResponseOut, response_out
from services.questionnaire.store import requests, reviewing

router = APIRouter(tags=["reviews", "portal"])


class SheetIn(Model):
    """How the sheet went back: fax, post, mail, by hand."""

    channel: Line


class SheetOut(Model):
    """A returned sheet: `sheet_sha256` is of what was shown (JCS of the opened answers).

    Until `outcome` is confirmed the answers carry the assurance of a proxy entry (.40), then .50;
    the supplier's own signature goes before both.
    """

    id: UUID
    declaration_id: str
    request_id: UUID
    sheet_sha256: str
    channel: str
    returned_at: datetime
    outcome: Literal["confirmed", "objected"] | None
    confirmed_by: str | None
    reply_sha256: str | None
    note: str | None
    decided_at: datetime | None


class SheetsOut(Model):
    """The returned sheets of a request, oldest first."""

    items: list[SheetOut]


class SheetDecisionIn(Model):
    """The supplier's word: its own, or from a reply on paper named by its digest."""

    outcome: Literal["confirmed", "objected"]
    confirmed_by: Line
    reply_sha256: Sha256 | None = None
    note: Prose | Literal[""] = ""


@router.post("/requests/{request_id}/typed-response", dependencies=[needs("reviews.write")])
def open_typed_response(tx: Tx, who: Who, request_id: UUID, http: Response) -> ResponseOut:
    """Begin to type in what a supplier sent by fax, post or mail, or get what was begun.

    Save and prepare it like a response of your own; `source_document` names the paper, and the
    typist signs in the role `transcriber`.
    """
    return response_out(tx, drafts.open_typed(tx, who, request_id), http)


@router.post(
    "/requests/{request_id}/sheets",
    dependencies=[needs("reviews.write")],
    status_code=201,
    response_model=SheetOut,
)
def return_sheet(
    tx: Tx, who: Who, now: Now, request_id: UUID, body: SheetIn, once: OnceOnly
) -> Response:
    """Note that what was typed in or relayed was returned to the supplier to be confirmed."""
    return once(
        lambda: SheetOut.model_validate(actions.give_back(tx, who, request_id, body.channel, now))
    )


@router.get("/requests/{request_id}/sheets", dependencies=[needs("responses.read")])
def list_sheets(tx: Tx, who: Who, request_id: UUID) -> SheetsOut:
    """List the returned sheets of a request at whose either end you are."""
    if requests.shown(tx, who.org, request_id) is None:
        raise NotFound("no such request")
    rows = reviewing.sheets_of(tx, request_id)
    return SheetsOut(items=[SheetOut.model_validate(row) for row in rows])


@router.post("/sheets/{sheet_id}/decide", dependencies=[needs("responses.write")])
def decide_sheet(tx: Tx, who: Who, now: Now, sheet_id: UUID, body: SheetDecisionIn) -> SheetOut:
    """Confirm a returned sheet or object to it; who asked notes a reply by its digest."""
    found = actions.decide(
        tx,
        who,
        sheet_id,
        body.outcome,
        confirmed_by=body.confirmed_by,
        reply_sha256=body.reply_sha256,
        note=body.note,
        now=now,
    )
    return SheetOut.model_validate(found)
