"""One's own suppliers: the list, a file taken in after a dry run, one firm with its keys."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.datastructures import UploadFile
from starlette.responses import Response

from services.portal.client import Json, Problem
from services.portal.pages.chain import DEPENDENCY
from services.portal.pages.keys import fingerprint
from services.portal.visit import Book, Visit, complaints, field, reasons

book = Book()

_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_ZIP: Final = b"PK\x03\x04"
_PER_PAGE: Final = 50
_NOT_FOUND: Final = 404


@book.get("/suppliers")
async def list_suppliers(visit: Visit) -> Response:
    """List suppliers, narrowed by a name or a vendor code, a page at a time."""
    query = visit.request.query_params
    wanted = query.get("q", "").strip()
    by = {"vendor_code": wanted} if wanted.isascii() and wanted.isalnum() else {"name": wanted}
    page = await visit.api.get(
        "/questionnaire/v1/suppliers", **by, cursor=query.get("after"), limit=_PER_PAGE
    )
    if wanted and "vendor_code" in by and not page["items"]:
        page = await visit.api.get("/questionnaire/v1/suppliers", name=wanted, limit=_PER_PAGE)
    return visit.page("suppliers.html", page=page, wanted=wanted, dependency=DEPENDENCY)


@book.get("/suppliers/import")
async def show_import(visit: Visit) -> Response:
    """Ask for the file."""
    return visit.page("supplier_import.html", found=None, errors=[], done=None)


@book.post("/suppliers/import")
async def try_import(visit: Visit) -> Response:
    """Read the file without taking anything over, and show what it would do."""
    form = await visit.form()
    file = form.get("file")
    content = await file.read() if isinstance(file, UploadFile) else b""
    kind = _XLSX if content.startswith(_ZIP) else "text/csv"
    try:
        answer = await visit.api.call(
            "POST",
            "/questionnaire/v1/imports",
            content=content,
            headers={"Content-Type": kind},
        )
    except Problem as why:
        if not why.lines and why.status != 422:  # noqa: PLR2004 (HTTP)
            raise
        return visit.page(
            "supplier_import.html", 422, found=None, errors=reasons(visit, why), done=None
        )
    return visit.page("supplier_import.html", found=answer.json(), errors=[], done=None)


@book.post("/suppliers/import/confirm")
async def confirm_import(visit: Visit) -> Response:
    """Take the good rows over, with the decisions on the doubtful ones."""
    form = await visit.form()
    import_id = quote(field(form, "import_id"), safe="")
    found = await visit.api.get(f"/questionnaire/v1/imports/{import_id}")
    decisions = [
        _decision(each["line"], field(form, f"row.{each['line']}"))
        for each in found["rows"]
        if each["outcome"] == "ask"
    ]
    try:
        made = await visit.api.post(
            f"/questionnaire/v1/imports/{import_id}/confirm", {"decisions": decisions}
        )
    except Problem as why:
        return visit.page(
            "supplier_import.html", 422, found=found, errors=complaints(visit, why), done=None
        )
    done = len(made["supplier_ids"])
    return visit.page("supplier_import.html", found=None, errors=[], done=done)


def _decision(line: int, chosen: str) -> Json:
    if chosen in ("", "skip"):
        return {"line": line, "action": "skip"}
    if chosen == "new":
        return {"line": line, "action": "new"}
    return {"line": line, "action": "merge_with", "supplier_id": chosen}


@book.get("/suppliers/{id}")
async def show_supplier(visit: Visit) -> Response:
    """Show one firm: what is known of it, its requests, its keys to be confirmed."""
    return await _supplier(visit)


@book.post("/suppliers/{id}/keys/confirm")
async def confirm_key(visit: Visit) -> Response:
    """Say that the fingerprint was compared, by telephone on the known number for instance."""
    form = await visit.form()
    key_id, link_id = field(form, "key_id"), field(form, "link_id")
    body: Json = {"link_id": link_id}
    if field(form, "seen_on"):
        number, seen_on = field(form, "number") or "-", field(form, "seen_on")
        body["evidence"] = {"kind": field(form, "kind"), "number": number, "seen_on": seen_on}
    try:
        await visit.api.post(f"/attestation/v1/keys/{quote(key_id, safe='')}/confirmations", body)
    except Problem as why:
        return await _supplier(visit, errors=complaints(visit, why))
    return await _supplier(visit, confirmed=True)


@book.post("/suppliers/{id}/contact")
async def change_contact(visit: Visit) -> Response:
    """Put the address right at which the firm is written to."""
    form = await visit.form()
    id_ = quote(visit.request.path_params["id"], safe="")
    body = {name: field(form, name) for name in ("mailbox", "contact_name")}
    try:
        await visit.api.call("PATCH", f"/questionnaire/v1/suppliers/{id_}", json=body)
    except Problem as why:
        if why.status in (401, _NOT_FOUND):
            raise
        return await _supplier(visit, errors=reasons(visit, why))
    return await _supplier(visit, readdressed=True)


async def _supplier(
    visit: Visit,
    *,
    errors: list[str] | None = None,
    confirmed: bool = False,
    readdressed: bool = False,
) -> Response:
    id_ = quote(visit.request.path_params["id"], safe="")
    supplier = await visit.api.get(f"/questionnaire/v1/suppliers/{id_}")
    asked = await visit.api.every("/questionnaire/v1/requests", side="requester")
    return visit.page(
        "supplier.html",
        422 if errors else 200,
        supplier=supplier,
        requests=[each for each in reversed(asked) if each["supplier_id"] == supplier["id"]],
        keys=await _keys_of(visit, supplier["link"]["supplier_org_id"]),
        score=await score_of(visit, supplier["id"]),
        dependency=DEPENDENCY,
        fingerprint=fingerprint,
        errors=errors or [],
        confirmed=confirmed,
        readdressed=readdressed,
    )


async def _keys_of(visit: Visit, org: str | None) -> list[Json]:
    if org is None:
        return []
    return await visit.api.every(f"/attestation/v1/organizations/{org}/keys")


async def score_of(visit: Visit, supplier_id: str) -> Json | None:
    """Return a supplier's score of the newest snapshot; None where there is none to see."""
    try:
        return await visit.api.get(f"/risk/v1/suppliers/{quote(supplier_id, safe='')}")
    except Problem as why:
        if why.status not in (403, _NOT_FOUND):
            raise
        return None
