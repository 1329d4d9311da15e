"""What is done with a campaign: more time, closing, opening again, the steps of approval."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from services.portal.client import Json, Problem
from services.portal.pages import boards
from services.portal.visit import Book, Visit, complaints, field, to

book = Book()

_WORDS: Final = {
    "due": ("due_on", "reason"),
    "close": ("note",),
    "reopen": (),
    "cancel": ("note",),
    "submit": (),
    "withdraw": (),
    "decisions": ("decision", "comment"),
}
NO_ANSWER: Final = {
    "no-reply": "ご返信がない",
    "unreachable": "連絡先が不明",
    "declined-by-telephone": "お電話で辞退のご連絡があった",
    "no-longer-supplying": "現在お取引がない",
    "asked-twice": "重複した依頼",
    "other": "その他",
}


@book.post("/campaigns/{id}/life/{deed}")
async def change(visit: Visit) -> Response:
    """Give more time, close, open again, cancel, or take a step of approval."""
    deed = visit.request.path_params["deed"]
    if deed not in _WORDS:
        raise Problem(404, {"type": "urn:rensho:problem:request/not-found"})
    form = await visit.form()
    body: Json = {name: field(form, name) for name in _WORDS[deed]}
    if deed == "due" and (chosen := [str(each) for each in form.getlist("request")]):
        body["request_ids"] = chosen
    return await _try(
        visit, f"/questionnaire/v1/campaigns/{boards.campaign_id(visit)}/{deed}", body
    )


@book.post("/campaigns/{id}/requests/{request}/reopen")
async def reopen_request(visit: Visit) -> Response:
    """Open one request again that ended without an answer."""
    return await _try(visit, f"{_request(visit)}/reopen", {})


@book.post("/campaigns/{id}/requests/{request}/no-answer")
async def close_request(visit: Visit) -> Response:
    """Close one request without an answer, and keep why."""
    form = await visit.form()
    body = {"reason": field(form, "reason"), "note": field(form, "note")}
    return await _try(visit, f"{_request(visit)}/non-response", body)


@book.get("/campaigns/{id}/fair-dealing")
async def fair_dealing(visit: Visit) -> Response:
    """Show how each supplier is dealt with, as it was recorded when it was asked."""
    path = f"/questionnaire/v1/campaigns/{boards.campaign_id(visit)}"
    campaign = await visit.api.get(path)
    return visit.page(
        "campaign_fair.html",
        campaign=campaign,
        records=await visit.api.every(f"{path}/fair-dealing", limit=500),
        names=await boards.names_of(visit),
    )


def _request(visit: Visit) -> str:
    request = quote(visit.request.path_params["request"], safe="")
    return f"/questionnaire/v1/requests/{request}"


async def _try(visit: Visit, path: str, body: Json) -> Response:
    try:
        await visit.api.post(path, body)
    except Problem as why:
        return await boards.show(visit, errors=complaints(visit, why))
    return to(f"/campaigns/{boards.campaign_id(visit)}")
