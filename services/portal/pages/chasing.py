"""Mails that did not get through, and whom to call: with what was noted of each call."""

from __future__ import annotations

import asyncio
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from services.portal.client import Json, Problem
from services.portal.pages import boards
from services.portal.pages.campaign_life import NO_ANSWER
from services.portal.visit import Book, Visit, complaints, field, to

book = Book()

_PER_PAGE: Final = 100
MAIL_STATES: Final = {
    "bounced": "不達",
    "failed": "送信できず",
    "queued": "送信待ち",
    "sending": "送信中",
    "sent": "送信済み",
    "delivered": "到達",
    "kept": "手渡し用に保管",
    "dropped": "取りやめ",
}
OCCASIONS: Final = {
    "invitation": "ご招待",
    "request": "ご依頼",
    "reminder": "ご回答状況のご確認",
    "due-changed": "期限変更のご連絡",
    "ended": "終了のご連絡",
    "declined": "辞退のご連絡",
    "approval": "社内承認のお願い",
    "call-list": "社内への連絡",
}
TO_SEND_AGAIN: Final = ("bounced", "failed")
CHANNELS: Final = {
    "telephone": "電話",
    "mail": "メール",
    "fax": "FAX",
    "post": "郵送",
    "meeting": "面談",
    "handed-over": "手渡し",
}
OUTCOMES: Final = {
    "reached": "お話しできた",
    "promised": "ご回答のお約束をいただいた",
    "not-reached": "つながらなかった",
    "wrong-contact": "ご担当が違った",
    "cost-talk": "費用のご相談があった",
    "support": "ご回答や改善を支援した",
    "other": "その他",
}
RUNGS: Final = {
    "unopened": "未開封のご案内済み",
    "halfway": "中間のご案内済み",
    "before_due": "期限前のご案内済み",
    "last_day": "期限直前のご案内済み",
    "overdue": "期限後のご案内済み",
    "call": "お電話の時期",
    "escalate": "上席の方へのご相談の時期",
}


@book.get("/campaigns/{id}/mails")
async def mails(visit: Visit) -> Response:
    """Show how the campaign's mails fared, and offer to send the failed ones again."""
    return await _mails(visit)


@book.post("/campaigns/{id}/mails/retry")
async def retry(visit: Visit) -> Response:
    """Send failed mails again: those chosen, or all."""
    form = await visit.form()
    chosen = [str(each) for each in form.getlist("mail")]
    body: Json = {}
    if field(form, "whom") != "all":
        if not chosen:
            return await _mails(visit, errors=[visit.words.plain("メールをお選びください。")])
        body["mail_ids"] = chosen
    path = f"/questionnaire/v1/campaigns/{boards.campaign_id(visit)}/mails/retry"
    try:
        done = await visit.api.post(path, body)
    except Problem as why:
        return await _mails(visit, errors=complaints(visit, why))
    return await _mails(visit, retried=done["retried"])


@book.get("/campaigns/{id}/calls")
async def calls(visit: Visit) -> Response:
    """Show whom to call, on which number, and what was said last time."""
    return await _calls(visit)


@book.post("/campaigns/{id}/calls/{request}")
async def note_call(visit: Visit) -> Response:
    """Keep what came of a call; it is never an answer."""
    form = await visit.form()
    request = quote(visit.request.path_params["request"], safe="")
    body = {name: field(form, name) for name in ("channel", "outcome", "spoke_with", "note")}
    if again := field(form, "again_on"):
        body["again_on"] = again
    try:
        await visit.api.post(f"/questionnaire/v1/requests/{request}/contact-records", body)
    except Problem as why:
        return await _calls(visit, errors=complaints(visit, why))
    return to(f"/campaigns/{boards.campaign_id(visit)}/calls?kept=yes")


async def _mails(
    visit: Visit, *, errors: list[str] | None = None, retried: int | None = None
) -> Response:
    path = f"/questionnaire/v1/campaigns/{boards.campaign_id(visit)}"
    query = visit.request.query_params
    campaign, asked, names, page = await asyncio.gather(
        visit.api.get(path),
        visit.api.every(f"{path}/requests", limit=500),
        boards.names_of(visit),
        visit.api.get(
            f"{path}/mails",
            state=query.get("state"),
            cursor=query.get("after"),
            limit=_PER_PAGE,
        ),
    )
    return visit.page(
        "campaign_mails.html",
        422 if errors else 200,
        campaign=campaign,
        page=page,
        suppliers={each["id"]: names.get(each["supplier_id"]) for each in asked},
        states=MAIL_STATES,
        occasions=OCCASIONS,
        failed=TO_SEND_AGAIN,
        wanted=query.get("state", ""),
        retried=retried,
        errors=errors or [],
    )


async def _calls(visit: Visit, *, errors: list[str] | None = None) -> Response:
    id_ = boards.campaign_id(visit)
    campaign, found = await asyncio.gather(
        visit.api.get(f"/questionnaire/v1/campaigns/{id_}"),
        visit.api.every("/questionnaire/v1/call-list", campaign_id=id_, limit=500),
    )
    return visit.page(
        "campaign_calls.html",
        422 if errors else 200,
        campaign=campaign,
        calls=found,
        channels=CHANNELS,
        outcomes=OUTCOMES,
        rungs=RUNGS,
        no_answer=NO_ANSWER,
        kept=visit.request.query_params.get("kept") == "yes",
        errors=errors or [],
    )
