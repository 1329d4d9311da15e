"""Saying that one cannot answer, and why; and taking that back."""

from __future__ import annotations

from typing import Any, Final

from starlette.responses import Response

from services.portal import forms
from services.portal.client import Problem
from services.portal.pages import desk as desks
from services.portal.pages.desk import Desk, desk_page
from services.portal.visit import Book, Visit, reasons, to

book = Book()

# Code → (what it is called, what it means for the person who chooses it). The codes are the API's.
REASONS: Final = {
    "no-longer-supplying": ("現在お取引がない", "この依頼元への納入を終えている場合"),
    "not-in-charge": ("担当の会社・部署が異なる", "グループ会社や別の部署が担当している場合"),
    "out-of-scope": ("調査の対象に該当しない", "納入品や業務が、依頼の対象に含まれない場合"),
    "no-capacity": (
        "人員・時間の都合がつかない",
        "期限の延長は「やり取り」の画面でご相談いただけます",
    ),
    "confidential": (
        "秘密保持の都合により回答できない",
        "一部だけであれば、設問ごとに「非開示」もお選びいただけます",
    ),
    "answered-elsewhere": ("別の調査で回答済み", "同じ依頼元から、同じ内容の依頼を受けている場合"),
    "other": ("その他", "下の欄に事情をご記入ください"),
}


@book.get("/requests/{id}/decline")
async def show(visit: Visit) -> Response:
    """Ask for the reason."""
    return await _page(visit, await desks.load(visit))


@book.post("/requests/{id}/decline")
async def decline(visit: Visit) -> Response:
    """Decline; reminders stop, and the requester is told why."""
    desk, form = await desks.load(visit), await visit.form()
    given = {"reason": forms.text(form, "reason"), "note": forms.text(form, "note")}
    if given["reason"] not in REASONS:
        errors = [visit.words.plain("理由を一つお選びください。")]
        return await _page(visit, desk, errors=errors, given=given, status=422)
    try:
        await visit.api.post(f"/questionnaire/v1/requests/{desk.id}/decline", given)
    except Problem as why:
        if why.status >= 500 or why.status in (401, 403):  # noqa: PLR2004 (HTTP)
            raise
        return await _page(visit, desk, errors=reasons(visit, why), given=given, status=422)
    return to(f"/requests/{desk.id}")


@book.post("/requests/{id}/reopen")
async def reopen(visit: Visit) -> Response:
    """Take the declining back: what was written so far is still there."""
    desk = await desks.load(visit)
    await visit.api.post(f"/questionnaire/v1/requests/{desk.id}/reopen")
    return to(f"/requests/{desk.id}")


async def _page(visit: Visit, desk: Desk, **more: Any) -> Response:
    given = more.pop("given", {"reason": "", "note": ""})
    return desk_page(
        visit, desk, "decline.html", "decline", declinable=REASONS, given=given, **more
    )
