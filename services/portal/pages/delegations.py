"""Passing sections on to a colleague by link, and how far that is; the firm's own side."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from services.portal import forms
from services.portal.client import Json, Problem
from services.portal.pages import desk as desks
from services.portal.pages.desk import Desk, desk_page
from services.portal.visit import Book, Visit, reasons, to

book = Book()

# Only these are passed on: the ticks and the list of suppliers are the firm's own to say.
_PASSED_ON: Final = ("company/", "component/")


@book.get("/requests/{id}/delegations")
async def show(visit: Visit) -> Response:
    """Show what was passed on, and offer to pass more on."""
    return await _page(visit, await desks.load(visit))


@book.post("/requests/{id}/delegations")
async def delegate(visit: Visit) -> Response:
    """Pass sections on; the link is shown this once, for where no mail goes out."""
    desk, form = await desks.load(visit), await visit.form()
    body: Json = {
        "name": forms.text(form, "name"),
        "mailbox": forms.text(form, "mailbox"),
        "language": "en" if forms.text(form, "language") == "en" else "ja",
        "sections": [str(each) for each in form.getlist("section")],
        "note": forms.text(form, "note"),
    }
    if not body["sections"]:
        missing = visit.words.plain("依頼する範囲を一つ以上お選びください。")
        return await _page(visit, desk, errors=[missing], given=body, status=422)
    try:
        made = await visit.api.post(f"{desk.path}/delegations", body)
    except Problem as why:
        if not why.lines:
            raise
        return await _page(visit, desk, errors=reasons(visit, why), given=body, status=422)
    desk.passed_on.append(made["delegation"])
    return await _page(visit, desk, made=made)


@book.post("/requests/{id}/delegations/{delegation}/end")
async def end(visit: Visit) -> Response:
    """Take sections back; what the colleague wrote stays."""
    desk = await desks.load(visit)
    wanted = quote(visit.request.path_params["delegation"], safe="")
    await visit.api.post(f"/questionnaire/v1/delegations/{wanted}/end")
    return to(f"/requests/{desk.id}/delegations")


async def _page(visit: Visit, desk: Desk, **more: Any) -> Response:
    outline = await visit.api.get(f"{desk.path}/progress")
    parts = [each for each in outline["sections"] if each["id"].startswith(_PASSED_ON)]
    listed = await visit.api.get(f"{desk.path}/delegations")
    return desk_page(
        visit,
        desk,
        "delegations.html",
        "delegations",
        parts=parts,
        titles={each["id"]: each["title"] for each in parts},
        delegations=listed["items"][::-1],
        is_out=desks.is_out,
        given=more.pop("given", {"sections": [], "language": "ja"}),
        made=more.pop("made", None),
        **more,
    )
