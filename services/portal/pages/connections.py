"""Other systems: webhooks with their deliveries, and the folder that is filled at night."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.responses import Response

from services.kit import clock
from services.portal.client import Json, Problem
from services.portal.visit import Book, Visit, complaints, field, reasons, to

book = Book()

_PER_PAGE: Final = 50
_NOT_FOUND: Final = 404
_OVERLAP_HOURS: Final = 24
_TOKYO: Final = ZoneInfo("Asia/Tokyo")
TYPES: Final = {
    "score.band_changed": "取引先の区分が変わったとき",
    "attestation.expiring": "署名済み回答書の期限が近づいたとき",
    "dispute.opened": "再確認依頼が届いたとき",
    "dispute.settled": "再確認依頼が終わったとき",
}
ENCODINGS: Final = {"utf-8": "UTF-8(BOM付き)", "cp932": "Shift_JIS(CP932)"}


@book.get("/connections")
async def connections(visit: Visit) -> Response:
    """Show every way by which other systems hear of the index."""
    return await _page(visit)


@book.post("/connections/webhooks")
async def add_webhook(visit: Visit) -> Response:
    """Register an endpoint; its secret is shown on the next page and never again."""
    form = await visit.form()
    given: Json = {
        "url": field(form, "url"),
        "description": field(form, "description"),
        "types": [str(each) for each in form.getlist("type")],
    }
    try:
        made = await visit.api.post("/risk/v1/webhooks", given)
    except Problem as why:
        return await _page(visit, errors=complaints(visit, why), given=given)
    return await _webhook(visit, made["id"], secret=made["secret"])


@book.post("/connections/folder")
async def folder(visit: Visit) -> Response:
    """Have files put into the folder every night, or no more."""
    form = await visit.form()
    try:
        if field(form, "stop"):
            await visit.api.call("DELETE", "/risk/v1/folder-drop")
        else:
            wanted = {"encoding": field(form, "encoding")}
            await visit.api.call("PUT", "/risk/v1/folder-drop", json=wanted)
    except Problem as why:
        return await _page(visit, errors=complaints(visit, why))
    return to("/connections#folder")


@book.get("/connections/webhooks/{id}")
async def webhook(visit: Visit) -> Response:
    """Show one endpoint with what was sent to it."""
    return await _webhook(visit, _id(visit))


@book.post("/connections/webhooks/{id}/test")
async def test_webhook(visit: Visit) -> Response:
    """Send a message of no meaning, to see that it arrives."""

    async def work(path: str) -> Response:
        await visit.api.post(f"{path}/test")
        told = visit.words.text("試験のメッセージを送りました。下の一覧で結果をご確認ください。")
        return await _webhook(visit, _id(visit), told=told)

    return await _try(visit, work)


@book.post("/connections/webhooks/{id}/replay")
async def replay_webhook(visit: Visit) -> Response:
    """Send again what was missed since a day."""
    since = {"since": _since(field(await visit.form(), "since"))}

    async def work(path: str) -> Response:
        done = await visit.api.post(f"{path}/replay", since)
        told = visit.words.count("%(n)s件を再送します。", done["queued"])
        return await _webhook(visit, _id(visit), told=told)

    return await _try(visit, work)


@book.post("/connections/webhooks/{id}/secret")
async def rotate_secret(visit: Visit) -> Response:
    """Make a new secret and show it once; for a day both sign."""

    async def work(path: str) -> Response:
        made = await visit.api.post(f"{path}/secret", {"overlap_hours": _OVERLAP_HOURS})
        return await _webhook(visit, _id(visit), secret=made["secret"])

    return await _try(visit, work)


@book.post("/connections/webhooks/{id}/switch")
async def switch_webhook(visit: Visit) -> Response:
    """Disable an endpoint, or enable it again."""
    enabled = field(await visit.form(), "to") == "on"

    async def work(path: str) -> Response:
        await visit.api.call("PATCH", path, json={"enabled": enabled})
        return to(f"/connections/webhooks/{_id(visit)}")

    return await _try(visit, work)


@book.post("/connections/webhooks/{id}/remove")
async def remove_webhook(visit: Visit) -> Response:
    """Remove an endpoint; nothing is sent to it any more."""

    async def work(path: str) -> Response:
        await visit.api.call("DELETE", path)
        return to("/connections")

    return await _try(visit, work)


def _id(visit: Visit) -> str:
    return quote(visit.request.path_params["id"], safe="")


async def _try(visit: Visit, work: Callable[[str], Awaitable[Response]]) -> Response:
    """Do one thing to the endpoint of the address; a refusal is told on its page."""
    try:
        return await work(f"/risk/v1/webhooks/{_id(visit)}")
    except Problem as why:
        if why.status in (401, _NOT_FOUND):
            raise
        return await _webhook(visit, _id(visit), errors=reasons(visit, why))


def _since(day: str) -> str:
    """Return the beginning of a day in Japan; without one, of a week ago."""
    try:
        begin = datetime.fromisoformat(day).replace(tzinfo=_TOKYO)
    except ValueError:
        begin = clock.now() - timedelta(days=7)
    return begin.isoformat()


async def _folder(visit: Visit) -> Json | None:
    try:
        return await visit.api.get("/risk/v1/folder-drop")
    except Problem as why:
        if why.status != _NOT_FOUND:
            raise
        return None


async def _page(
    visit: Visit, *, errors: list[str] | None = None, given: Json | None = None
) -> Response:
    hooks, drop, scopes = await asyncio.gather(
        visit.api.every("/risk/v1/webhooks"), _folder(visit), visit.scopes("identity")
    )
    clients: list[Json] = []
    if "clients.read" in scopes:
        clients = await visit.api.every("/identity/v1/machine-clients")
    return visit.page(
        "connections.html",
        422 if errors else 200,
        hooks=hooks,
        drop=drop,
        clients=clients,
        types=TYPES,
        encodings=ENCODINGS,
        writes="deliveries.write" in await visit.scopes("risk"),
        given=given or {"url": "", "description": "", "types": list(TYPES)},
        errors=errors or [],
    )


async def _webhook(
    visit: Visit,
    id_: str,
    *,
    errors: list[str] | None = None,
    secret: str | None = None,
    told: str | None = None,
) -> Response:
    path = f"/risk/v1/webhooks/{id_}"
    query = visit.request.query_params
    hook, page = await asyncio.gather(
        visit.api.get(path),
        visit.api.get(
            f"{path}/deliveries",
            state=query.get("state"),
            cursor=query.get("after"),
            limit=_PER_PAGE,
        ),
    )
    week_ago = clock.now().astimezone(_TOKYO).date() - timedelta(days=7)
    return visit.page(
        "webhook.html",
        422 if errors else 200,
        hook=hook,
        page=page,
        types=TYPES,
        wanted=query.get("state", ""),
        since=week_ago.isoformat(),
        writes="deliveries.write" in await visit.scopes("risk"),
        secret=secret,
        told=told,
        errors=errors or [],
    )
