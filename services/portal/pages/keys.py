"""The organization's signing keys: which there are, what they are worth, and how one ends."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.responses import Response

from services.portal.client import Problem
from services.portal.visit import SIGNING_POLICY, Book, Visit, complaints, field, to

book = Book()

REASONS: Final = ("ceased", "superseded", "key-compromise")


@book.get("/keys")
async def list_keys(visit: Visit) -> Response:
    """List the keys; the browser's own is marked by the page itself."""
    return await _page(visit)


@book.post("/keys/suspend")
async def suspend(visit: Visit) -> Response:
    """Stop a key for now."""
    return await _end(visit, "suspensions", {})


@book.post("/keys/revoke")
async def revoke(visit: Visit) -> Response:
    """End a key for good."""
    form = await visit.form()
    reason = field(form, "reason")
    body = {"reason": reason}
    if reason == "key-compromise":
        try:
            since = datetime.fromisoformat(field(form, "since"))
        except ValueError:
            missing = "いつから第三者の手に渡ったおそれがあるかをご記入ください。"
            return await _page(visit, [visit.words.plain(missing)])
        body["invalid_since"] = since.replace(tzinfo=ZoneInfo("Asia/Tokyo")).isoformat()
    return await _end(visit, "revocations", body)


@book.post("/keys/changes/{id}/approve")
async def approve(visit: Visit) -> Response:
    """Agree, as another member, that a key was stolen."""
    change = quote(visit.request.path_params["id"], safe="")
    try:
        await visit.api.post(f"/attestation/v1/key-changes/{change}/approvals")
    except Problem as why:
        return await _page(visit, complaints(visit, why))
    return to("/keys")


async def _end(visit: Visit, how: str, body: dict[str, str]) -> Response:
    key_id = field(await visit.form(), "key_id")
    try:
        await visit.api.post(f"/attestation/v1/keys/{quote(key_id, safe='')}/{how}", body)
    except Problem as why:
        return await _page(visit, complaints(visit, why))
    return to("/keys")


async def _page(visit: Visit, errors: list[str] | None = None) -> Response:
    return visit.page(
        "keys.html",
        422 if errors else 200,
        policy=SIGNING_POLICY,
        keys=await visit.api.every("/attestation/v1/keys"),
        changes=await visit.api.every("/attestation/v1/key-changes"),
        fingerprint=fingerprint,
        errors=errors or [],
        may_write="keys.write" in await visit.scopes("attestation"),
    )


def fingerprint(key_id: str) -> str:
    """Return a key id as people read it out: sixteen groups of four."""
    found = base64.b64decode(key_id).hex().upper()
    return " ".join(found[at : at + 4] for at in range(0, len(found), 4))
