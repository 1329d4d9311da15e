"""The tier below: one's own suppliers, named or masked, and asking them in turn."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from services.portal import forms
from services.portal.client import Problem
from services.portal.pages import desk as desks
from services.portal.pages.desk import Desk, desk_page
from services.portal.visit import Book, Visit, reasons, to

book = Book()

DEPENDENCY: Final = {
    "negligible": "ごく小さい",
    "minor": "小さい",
    "moderate": "中くらい",
    "major": "大きい",
    "critical": "欠かせない",
}


@book.get("/requests/{id}/chain")
async def show_chain(visit: Visit) -> Response:
    """Show the list of one's own suppliers, to be declared."""
    return await _page(visit, await desks.load(visit))


@book.post("/requests/{id}/chain")
async def keep_chain(visit: Visit) -> Response:
    """Keep the declared list."""
    desk, form = await desks.load(visit), await visit.form()
    known = [each["id"] for each in await _suppliers(visit)]
    try:
        stated = forms.sub_tier(form, known)
        await desks.save(visit, desk, lambda document: {**document, "sub_tier": stated})
    except forms.Unfit as why:
        return await _page(visit, desk, errors=[visit.words.plain(str(why))], status=422)
    except Problem as why:
        if not why.lines:
            raise
        return await _page(visit, desk, errors=reasons(visit, why), status=422)
    return to(f"/requests/{desk.id}/check")


@book.post("/requests/{id}/chain/suppliers")
async def add_supplier(visit: Visit) -> Response:
    """Add one of one's own suppliers, to be listed and asked."""
    desk, form = await desks.load(visit), await visit.form()
    body = {
        "name": forms.text(form, "name"),
        "country": forms.text(form, "country").upper(),
        "contact_name": forms.text(form, "contact_name"),
        "mailbox": forms.text(form, "mailbox"),
        "language": forms.text(form, "language") or "ja",
        "vendor_codes": [],
        "dependency": forms.text(form, "dependency") or "moderate",
    }
    try:
        await visit.api.post("/questionnaire/v1/suppliers", body)
    except Problem as why:
        if not why.lines:
            raise
        return await _page(visit, desk, errors=reasons(visit, why), given=body, status=422)
    return to(f"/requests/{desk.id}/chain#listed")


async def _suppliers(visit: Visit) -> list[dict[str, Any]]:
    found = await visit.api.every("/questionnaire/v1/suppliers")
    return [each for each in found if each["merged_into"] is None]


async def _page(visit: Visit, desk: Desk, **more: Any) -> Response:
    stated = desk.document["sub_tier"]
    listed = {each["supplier_id"]: each for each in (stated or {"entries": []})["entries"]}
    return desk_page(
        visit,
        desk,
        "chain.html",
        "chain",
        suppliers=await _suppliers(visit),
        stated=stated,
        listed=listed,
        dependency=DEPENDENCY,
        given=more.pop("given", {}),
        **more,
    )
