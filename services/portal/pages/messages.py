"""Threads between the two ends of a request, one per question and one about the whole."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from services.portal import forms
from services.portal.client import Json, Problem
from services.portal.pages import desk as desks
from services.portal.pages.desk import Desk, desk_page
from services.portal.visit import Book, Visit, first, not_found, reasons, to

book = Book()


@book.get("/requests/{id}/messages")
async def show(visit: Visit) -> Response:
    """Show every thread, or the one of a question with room to write."""
    desk = await desks.load(visit)
    asked = visit.request.query_params.get("question", "")
    if asked and _question(desk, asked) is None:
        return not_found(visit)
    return await _page(visit, desk, asked)


@book.post("/requests/{id}/messages")
async def write(visit: Visit) -> Response:
    """Write to the requester, who gets a mail that says so."""
    desk, form = await desks.load(visit), await visit.form()
    asked, text = forms.text(form, "question"), forms.text(form, "text")
    if not text:
        errors = [visit.words.plain("メッセージをご記入ください。")]
        return await _page(visit, desk, asked, errors=errors, status=422)
    try:
        await visit.api.post(
            f"/questionnaire/v1/requests/{desk.id}/messages",
            {"question": asked or None, "text": text},
        )
    except Problem as why:
        if why.status >= 500 or why.status in (401, 403):  # noqa: PLR2004 (HTTP)
            raise
        errors = reasons(visit, why)
        return await _page(visit, desk, asked, errors=errors, text=text, status=422)
    return to(f"/requests/{desk.id}/messages?question={quote(asked, safe='')}&sent=1#newest")


async def threads_of(visit: Visit, request_id: str) -> dict[str, list[Json]]:
    """Return the messages of a request by question, oldest first; "" is the whole request."""
    found: dict[str, list[Json]] = {}
    for each in await visit.api.every(f"/questionnaire/v1/requests/{request_id}/messages"):
        found.setdefault(each["question"] or "", []).append(each)
    return found


def _question(desk: Desk, id_: str) -> Json | None:
    return first(desk.request["questionnaire"]["questions"], id=id_)


async def _page(visit: Visit, desk: Desk, asked: str, **more: Any) -> Response:
    threads = await threads_of(visit, desk.id)
    threads.setdefault(asked, [])
    # The newest word first; where nobody wrote anything yet comes last.
    newest = sorted(threads.items(), key=lambda one: one[1][-1]["sent_at"] if one[1] else "")
    shown = {asked: threads[asked]} if asked else dict(reversed(newest))
    return desk_page(
        visit,
        desk,
        "messages.html",
        "messages",
        threads=shown,
        questions={each["id"]: each for each in desk.request["questionnaire"]["questions"]},
        asked=asked,
        back=next(
            (
                f"/requests/{desk.id}/sections/{part.key}#{asked}"
                for part in desk.sections
                if any(each["id"] == asked for each in part.questions)
            ),
            None,
        ),
        text=more.pop("text", ""),
        sent=visit.request.query_params.get("sent") == "1",
        **more,
    )
