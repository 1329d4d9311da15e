"""One's own organization: members and their roles, machine clients, the audit trail."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from services.portal.client import Json, Problem
from services.portal.visit import Book, Visit, complaints, field, to

book = Book()

ROLES: Final = {
    "admin": "管理者",
    "procurement": "調達",
    "respondent": "回答者",
    "signer": "署名者",
    "auditor": "監査",
    "delegate": "設問の担当者",
}
SCOPES: Final = {
    "risk:scores.read": "リスク指数の読取り(ERP向け)",
    "risk:snapshots.read": "評価記録の読取り",
    "questionnaire:suppliers.read": "取引先の読取り",
    "questionnaire:suppliers.write": "取引先の登録・更新",
    "questionnaire:campaigns.read": "調査の状況の読取り",
}
SERVICES: Final = ("identity", "questionnaire", "attestation", "risk")


@book.get("/members")
async def list_members(visit: Visit) -> Response:
    """List people and programs that act for the organization."""
    return await _page(visit)


@book.post("/members")
async def add_member(visit: Visit) -> Response:
    """Add a member; they log in by a code to the mailbox."""
    form = await visit.form()
    body = {
        "name": field(form, "name"),
        "mailbox": field(form, "mailbox"),
        "roles": [str(each) for each in form.getlist("role")],
        "language": field(form, "language") or "ja",
    }
    return await _try(visit, "POST", "/identity/v1/members", body)


@book.post("/members/{id}/roles")
async def change_roles(visit: Visit) -> Response:
    """Change what a member may do."""
    form = await visit.form()
    body = {"roles": [str(each) for each in form.getlist("role")]}
    return await _try(visit, "PATCH", f"/identity/v1/members/{_id(visit)}", body)


@book.post("/members/{id}/remove")
async def remove_member(visit: Visit) -> Response:
    """Remove a member; sessions end at once."""
    return await _try(visit, "DELETE", f"/identity/v1/members/{_id(visit)}")


@book.post("/members/clients")
async def add_client(visit: Visit) -> Response:
    """Register a program; its secret is shown once."""
    form = await visit.form()
    scopes = [str(each) for each in form.getlist("scope")]
    body = {"name": field(form, "name"), "scopes": scopes}
    try:
        made = await visit.api.post("/identity/v1/machine-clients", body)
    except Problem as why:
        return await _page(visit, errors=complaints(visit, why))
    return await _page(visit, made=made)


@book.post("/members/clients/{id}/end")
async def end_client(visit: Visit) -> Response:
    """End a program's access."""
    return await _try(visit, "DELETE", f"/identity/v1/machine-clients/{_id(visit)}")


@book.get("/audit")
async def audit(visit: Visit) -> Response:
    """Show who wrote what, newest first, of one service."""
    query = visit.request.query_params
    service = query.get("service", "questionnaire")
    service = service if service in SERVICES else "questionnaire"
    page = await visit.api.get(f"/{service}/v1/audit", cursor=query.get("after"), limit=50)
    members = await visit.api.every("/identity/v1/members")
    names = {f"urn:rensho:member:{each['id']}": each["name"] for each in members}
    return visit.page("audit.html", page=page, service=service, services=SERVICES, names=names)


def _id(visit: Visit) -> str:
    return quote(visit.request.path_params["id"], safe="")


async def _try(visit: Visit, method: str, path: str, body: Json | None = None) -> Response:
    try:
        await visit.api.call(method, path, **({"json": body} if body is not None else {}))
    except Problem as why:
        return await _page(visit, errors=complaints(visit, why))
    return to("/members")


async def _page(
    visit: Visit, *, errors: list[str] | None = None, made: Json | None = None
) -> Response:
    scopes = await visit.scopes("identity")
    clients = []
    if "clients.read" in scopes:
        clients = await visit.api.every("/identity/v1/machine-clients")
    return visit.page(
        "members.html",
        422 if errors else 200,
        organization=await visit.api.get("/identity/v1/organizations/me"),
        members=await visit.api.every("/identity/v1/members"),
        clients=clients,
        roles=ROLES,
        client_scopes=SCOPES,
        scopes=scopes,
        made=made,
        errors=errors or [],
    )
