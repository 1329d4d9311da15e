"""The board of a campaign: who is how far, what does not get through, and what to do next."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from services.kit import clock
from services.portal.asking import ANSWERED
from services.portal.client import Json, Problem
from services.portal.pages.campaigns import tally
from services.portal.visit import Book, Visit, complaints, field

book = Book()

OPEN: Final = ("issued", "opened", "started", "prepared")
STATES: Final = ("created", *OPEN, "declined", *ANSWERED, "closed", "cancelled")
NUDGED: Final = {
    "queued": "メールをお送りしました",
    "settled": "回答済み・終了のため送っていません",
    "bounced": "宛先に届かないため送っていません",
    "mailed-today": "本日すでにお送りしています",
    "closed-today": "休業日と思われるため送っていません",
    "nobody": "宛先がないため送っていません",
}


@book.get("/campaigns/{id}")
async def board(visit: Visit) -> Response:
    """Show the board."""
    return await show(visit)


@book.post("/campaigns/{id}/code")
async def tell_code(visit: Visit) -> Response:
    """Show the one-use code of an invitation, to be told by telephone."""
    form = await visit.form()
    invitation = quote(field(form, "invitation_id"), safe="")
    try:
        told = await visit.api.post(f"/identity/v1/invitations/{invitation}/told-code")
    except Problem as why:
        return await show(visit, errors=complaints(visit, why))
    return await show(visit, told={**told, "supplier": field(form, "supplier")})


@book.post("/campaigns/{id}/nudge")
async def nudge(visit: Visit) -> Response:
    """Ask again by mail how the answers are going: those chosen, or everybody who is open."""
    form = await visit.form()
    chosen = [str(each) for each in form.getlist("request")]
    body: Json = {"even_if_closed": field(form, "even_if_closed") == "yes"}
    if field(form, "whom") != "all":
        if not chosen:
            return await show(visit, errors=[visit.words.plain("取引先をお選びください。")])
        body["request_ids"] = chosen
    path = f"/questionnaire/v1/campaigns/{campaign_id(visit)}/nudge"
    try:
        nudged = await visit.api.post(path, body)
    except Problem as why:
        return await show(visit, errors=complaints(visit, why))
    return await show(visit, nudged=nudged["counts"])


def campaign_id(visit: Visit) -> str:
    """Return the campaign of the address, safe within another."""
    return quote(visit.request.path_params["id"], safe="")


async def names_of(visit: Visit) -> dict[str, Json]:
    """Return one's suppliers by id."""
    rows = await visit.api.every("/questionnaire/v1/suppliers", limit=500)
    return {each["id"]: each for each in rows}


async def show(
    visit: Visit,
    *,
    errors: list[str] | None = None,
    told: Json | None = None,
    nudged: Json | None = None,
) -> Response:
    """Return the board, with what just happened above it."""
    path = f"/questionnaire/v1/campaigns/{campaign_id(visit)}"
    campaign, asked, names, steps = await asyncio.gather(
        visit.api.get(path),
        visit.api.every(f"{path}/requests", limit=500),
        names_of(visit),
        visit.api.get(f"{path}/steps"),
    )
    now = clock.now()
    rows = [
        {**each, **_marks(each, now), "supplier": names.get(each["supplier_id"])} for each in asked
    ]
    wanted = visit.request.query_params.get("state", "")
    return visit.page(
        "campaign.html",
        422 if errors else 200,
        campaign=campaign,
        tally=tally(campaign),
        rows=sorted((row for row in rows if _is_wanted(row, wanted)), key=_urgency),
        counts=Counter(row["state"] for row in rows),
        overdue=sum(row["overdue"] for row in rows),
        bounced=sum(row["bounced"] for row in rows),
        todo=to_do(rows, campaign),
        states=STATES,
        wanted=wanted,
        steps=steps["items"],
        open_states=OPEN,
        errors=errors or [],
        told=told,
        nudged=[(NUDGED[why], n) for why, n in (nudged or {}).items() if n],
    )


def _marks(request: Json, now: datetime) -> Json:
    late = request["state"] in OPEN and datetime.fromisoformat(request["answer_by"]) < now
    bounced = request["stage"] == "bounced" or (
        request["state"] in OPEN and request["failed_mails"] > 0
    )
    return {
        "overdue": late,
        "bounced": bounced,
        "next": next_step(request, late=late, bounced=bounced),
    }


def next_step(request: Json, *, late: bool, bounced: bool) -> str:
    """Return what the requester does next about one request, as a message; `–` for nothing."""
    state, nobody = request["state"], request["respondent_org_id"] is None
    in_order = (
        (state in ("closed", "cancelled", "created"), "–"),
        (request["stage"] == "accepted", "確認を終えました"),
        (state == "signed", "回答を確認する"),
        (state == "returned", "修正をお待ちする"),
        (state == "granted", "確認の要否を決める"),
        (state == "declined", "辞退の理由を確認する"),
        (bounced, "宛先を確認して再送する"),
        (late, "お電話でお伺いする"),
        (nobody, "招待が届いているか確認する"),
        (state in ("issued", "opened"), "ご回答状況をお伺いする"),
    )
    return next((told for holds, told in in_order if holds), "回答の完了を待つ")


def to_do(rows: Sequence[Json], campaign: Json) -> list[tuple[str, int, str]]:
    """Return what waits for the requester, the most pressing first: message, how many, address."""
    base = f"/campaigns/{campaign['id']}"
    counted = (
        ("メールが届いていない取引先", sum(row["bounced"] for row in rows), f"{base}/mails"),
        ("期限を過ぎた取引先", sum(row["overdue"] for row in rows), f"{base}/calls"),
        ("辞退のご連絡があった取引先", _count(rows, "declined"), "?state=declined"),
        ("確認を待っている回答", _unreviewed(rows), "?state=signed"),
        ("まだ開かれていない依頼", _count(rows, "issued"), "?state=issued"),
    )
    return [each for each in counted if each[1]]


def _count(rows: Sequence[Json], state: str) -> int:
    return sum(row["state"] == state for row in rows)


def _unreviewed(rows: Sequence[Json]) -> int:
    return sum(row["stage"] == "signed" for row in rows)


def _is_wanted(row: Json, wanted: str) -> bool:
    if wanted in ("overdue", "bounced"):
        return bool(row[wanted])
    return not wanted or row["state"] == wanted


def _urgency(row: Json) -> tuple[bool, bool, int]:
    known = STATES.index(row["state"]) if row["state"] in STATES else len(STATES)
    return not row["bounced"], not row["overdue"], known
