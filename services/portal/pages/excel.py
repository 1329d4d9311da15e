"""The Excel round trip: take it out, fill it in, look at the changes, save them."""

from __future__ import annotations

import json

from starlette.datastructures import UploadFile
from starlette.responses import Response

from services.portal.client import Problem
from services.portal.pages import desk as desks
from services.portal.pages.desk import desk_page
from services.portal.pages.evidence import saved
from services.portal.visit import Book, Visit, field, reasons, to

book = Book()

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@book.get("/requests/{id}/excel")
async def show(visit: Visit) -> Response:
    """Offer the workbook, and take a filled one."""
    return desk_page(visit, await desks.load(visit), "excel.html", "excel", found=None)


@book.get("/requests/{id}/excel/file")
async def download(visit: Visit) -> Response:
    """Give the workbook."""
    desk = await desks.load(visit)
    assert desk.response is not None
    return saved(
        await visit.api.call(
            "GET",
            f"/questionnaire/v1/responses/{desk.response['id']}/workbook",
            params={"language": visit.complete_language},
        )
    )


@book.post("/requests/{id}/excel")
async def compare(visit: Visit) -> Response:
    """Show what a filled workbook would change; nothing is saved yet."""
    desk, form = await desks.load(visit), await visit.form()
    assert desk.response is not None
    file = form.get("file")
    content = await file.read() if isinstance(file, UploadFile) else b""
    try:
        answer = await visit.api.call(
            "POST",
            f"/questionnaire/v1/responses/{desk.response['id']}/workbook",
            content=content,
            headers={"Content-Type": _XLSX},
        )
    except Problem as why:
        errors = reasons(visit, why)
        return desk_page(visit, desk, "excel.html", "excel", found=None, errors=errors, status=422)
    found = answer.json()
    return desk_page(
        visit,
        desk,
        "excel.html",
        "excel",
        found=found,
        document=json.dumps(found["document"], ensure_ascii=False),
    )


@book.post("/requests/{id}/excel/save")
async def keep(visit: Visit) -> Response:
    """Save what was looked at, over the version it was compared with."""
    desk, form = await desks.load(visit), await visit.form()
    assert desk.response is not None
    try:
        document = json.loads(field(form, "document"))
        await visit.api.call(
            "PUT",
            f"/questionnaire/v1/responses/{desk.response['id']}",
            json={**document, "origin": "excel"},
            headers={"If-Match": f'"{int(field(form, "version"))}"'},
        )
    except ValueError:
        return to(f"/requests/{desk.id}/excel")
    except Problem as why:
        if why.status == 401:  # noqa: PLR2004 (HTTP)
            raise
        stale = (
            "比べている間にほかの方が保存されました。お手数ですが、もう一度Excelを選んでください。"
        )
        errors = [visit.words.plain(stale)] if why.status == 412 else reasons(visit, why)  # noqa: PLR2004
        return desk_page(visit, desk, "excel.html", "excel", found=None, errors=errors, status=422)
    return to(f"/requests/{desk.id}/check")
