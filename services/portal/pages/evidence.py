"""Evidence: handed in once, named by as many answers as it backs."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.responses import Response

from services.portal.client import Problem
from services.portal.visit import Book, Visit, field, reasons, to

book = Book()


@book.get("/evidence")
async def list_evidence(visit: Visit) -> Response:
    """List what the organization keeps."""
    return await _page(visit)


@book.post("/evidence")
async def upload(visit: Visit) -> Response:
    """Take in a file; its type is told by its content."""
    form = await visit.form()
    file = form.get("file")
    if not isinstance(file, UploadFile) or not file.filename:
        return await _page(visit, errors=[visit.words.plain("ファイルをお選びください。")])
    query = {
        "title": field(form, "title") or file.filename,
        "effective_on": field(form, "effective_on"),
        "confidentiality": field(form, "confidentiality"),
    }
    try:
        await visit.api.call(
            "POST",
            "/questionnaire/v1/evidence",
            params={name: value for name, value in query.items() if value},
            content=await file.read(),
            headers={"Content-Type": "application/octet-stream"},
        )
    except Problem as why:
        return await _page(visit, errors=reasons(visit, why))
    return to(_back(field(form, "back")))


@book.post("/evidence/seen")
async def note_seen(visit: Visit) -> Response:
    """Note a document that was shown on site or on screen, without a copy."""
    form = await visit.form()
    names = ("title", "document_number", "revision", "seen_on", "viewer")
    try:
        await visit.api.post(
            "/questionnaire/v1/evidence/seen", {name: field(form, name) for name in names}
        )
    except Problem as why:
        return await _page(visit, errors=reasons(visit, why))
    return to("/evidence")


@book.post("/evidence/{id}/remove")
async def remove(visit: Visit) -> Response:
    """Take back what nothing names."""
    try:
        await visit.api.call("DELETE", f"/questionnaire/v1/evidence/{_id(visit)}")
    except Problem as why:
        if why.status in (401, 404):
            raise
        return await _page(visit, errors=reasons(visit, why))
    return to("/evidence")


@book.get("/evidence/{id}/file")
async def download(visit: Visit) -> Response:
    """Give a file back, to be saved and never shown."""
    return saved(await visit.api.call("GET", f"/questionnaire/v1/evidence/{_id(visit)}/content"))


def saved(answer: Any) -> Response:
    """Hand on a file of an API as it came, always as a file to keep."""
    headers = {
        "Content-Disposition": answer.headers.get("content-disposition", "attachment"),
        "Content-Security-Policy": "default-src 'none'; sandbox",
    }
    kind = answer.headers.get("content-type", "application/octet-stream")
    return Response(answer.content, media_type=kind, headers=headers)


def _id(visit: Visit) -> str:
    return quote(visit.request.path_params["id"], safe="")


def _back(path: str) -> str:
    return path if path.startswith("/requests/") else "/evidence"


async def _page(visit: Visit, errors: list[str] | None = None) -> Response:
    found = await visit.api.every("/questionnaire/v1/evidence")
    return visit.page(
        "evidence.html", 422 if errors else 200, items=list(reversed(found)), errors=errors or []
    )
