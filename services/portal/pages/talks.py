"""The requester's side of a request after the signature: threads, and corrective actions."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from services.kit import clock
from services.portal.client import Json, Problem
from services.portal.pages.reviews import request_id
from services.portal.visit import Book, Visit, complaints, field, to

book = Book()

_DEFAULT_DAYS: Final = 30
MOVES: Final = {
    "done": ("check", "reopen"),
    "opened": ("drop",),
    "agreed": ("reopen", "drop"),
}
"""State → what the requester may do next; the rest is the supplier's to say."""


@book.get("/reviews/{id}/talk")
async def talk(visit: Visit) -> Response:
    """Show what was written on a request, question by question."""
    return await _talk(visit)


@book.post("/reviews/{id}/talk")
async def say(visit: Visit) -> Response:
    """Write to the supplier, on one question or on the whole."""
    form = await visit.form()
    body = {"question": field(form, "question") or None, "text": field(form, "text")}
    try:
        await visit.api.post(f"/questionnaire/v1/requests/{request_id(visit)}/messages", body)
    except Problem as why:
        return await _talk(visit, errors=complaints(visit, why), given=body)
    chosen = f"?question={quote(body['question'], safe='')}" if body["question"] else ""
    return to(f"/reviews/{request_id(visit)}/talk{chosen}")


@book.get("/reviews/{id}/corrective")
async def corrective(visit: Visit) -> Response:
    """Show the corrective actions of a request, and the form that opens one."""
    return await _corrective(visit)


@book.post("/reviews/{id}/corrective")
async def open_action(visit: Visit) -> Response:
    """Tell the supplier what was found, and by when it should be put right."""
    form = await visit.form()
    given = {name: field(form, name) for name in ("question", "finding", "due_on")}
    body = {name: value or None for name, value in given.items()}
    path = f"/questionnaire/v1/requests/{request_id(visit)}/corrective-actions"
    return await _try(visit, path, body, given)


@book.post("/reviews/{id}/corrective/{action}")
async def move_action(visit: Visit) -> Response:
    """Take the requester's next step: check, reopen or drop."""
    form = await visit.form()
    version = field(form, "version")
    body: Json = {
        "version": int(version) if version.isdecimal() else 0,
        "step": field(form, "step"),
        "note": field(form, "note"),
        "due_on": field(form, "due_on") or None,
    }
    action = quote(visit.request.path_params["action"], safe="")
    return await _try(visit, f"/questionnaire/v1/corrective-actions/{action}/steps", body, {})


@book.get("/corrective")
async def all_actions(visit: Visit) -> Response:
    """List every corrective action the visitor's organization opened, what is late first."""
    org = await visit.org()
    found, asked = await asyncio.gather(
        visit.api.every("/questionnaire/v1/corrective-actions", limit=500),
        visit.api.every("/questionnaire/v1/requests", side="requester", limit=500),
    )
    mine = [each for each in found if each["requester_org_id"] == org]
    mine.sort(key=lambda each: (each["state"] in ("checked", "dropped"), each["due_on"]))
    suppliers = await visit.api.every("/questionnaire/v1/suppliers", limit=500)
    names = {each["id"]: each["name"] for each in suppliers}
    firms = {each["id"]: names.get(each["supplier_id"]) for each in asked}
    return visit.page("corrective_list.html", actions=mine, firms=firms)


async def _try(visit: Visit, path: str, body: Json, given: Json) -> Response:
    try:
        await visit.api.post(path, body)
    except Problem as why:
        return await _corrective(visit, errors=complaints(visit, why), given=given)
    return to(f"/reviews/{request_id(visit)}/corrective")


async def _request(visit: Visit) -> Json:
    found = await visit.api.get(f"/questionnaire/v1/requests/{request_id(visit)}")
    if found["requester_org_id"] != await visit.org():
        raise Problem(404, {"type": "urn:rensho:problem:request/not-found"})
    return found


async def _talk(
    visit: Visit, *, errors: list[str] | None = None, given: Json | None = None
) -> Response:
    request = await _request(visit)
    path = f"/questionnaire/v1/requests/{request_id(visit)}/messages"
    threads: dict[str | None, list[Json]] = {}
    for each in await visit.api.every(path, limit=500):
        threads.setdefault(each["question"], []).append(each)
    chosen = visit.request.query_params.get("question", "")
    return visit.page(
        "review_talk.html",
        422 if errors else 200,
        request=request,
        threads=threads,
        questions={each["id"]: each for each in request["questionnaire"]["questions"]},
        given=given or {"question": chosen, "text": ""},
        errors=errors or [],
    )


async def _corrective(
    visit: Visit, *, errors: list[str] | None = None, given: Json | None = None
) -> Response:
    request = await _request(visit)
    found = await visit.api.every("/questionnaire/v1/corrective-actions", request_id=request["id"])
    due = (clock.now().date() + timedelta(days=_DEFAULT_DAYS)).isoformat()
    asked = visit.request.query_params.get("question", "")
    return visit.page(
        "review_corrective.html",
        422 if errors else 200,
        request=request,
        actions=list(reversed(found)),
        moves=MOVES,
        questions={each["id"]: each for each in request["questionnaire"]["questions"]},
        given={"question": asked, "finding": "", "due_on": due, **(given or {})},
        errors=errors or [],
    )
