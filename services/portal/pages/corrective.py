"""Corrective actions at the supplier's end: what was found, what will be done, and that it is."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from services.portal import forms
from services.portal.client import Problem
from services.portal.pages import desk as desks
from services.portal.pages.desk import Desk, desk_page
from services.portal.visit import Book, Visit, reasons, to

book = Book()

STATES: Final = {
    "opened": "対応方針のご連絡をお待ちしています",
    "agreed": "対応中",
    "done": "依頼元が確認中",
    "checked": "確認済み",
    "dropped": "取下げ",
}
STEPS: Final = {
    "open": "依頼元から改善のご相談がありました",
    "agree": "対応方針と期日を伝えました",
    "done": "対応が済んだことを伝えました",
    "check": "依頼元が確認しました",
    "reopen": "依頼元から再度のご相談がありました",
    "drop": "依頼元が取り下げました",
}


@book.get("/requests/{id}/corrective")
async def show(visit: Visit) -> Response:
    """Show the corrective actions of a request, those that wait for the supplier first."""
    return await _page(visit, await desks.load(visit))


@book.post("/requests/{id}/corrective/{action}")
async def move(visit: Visit) -> Response:
    """Agree to a plan and a day, or say that it is done."""
    desk, form = await desks.load(visit), await visit.form()
    action = visit.request.path_params["action"]
    version = forms.text(form, "version")
    body = {
        "version": int(version) if version.isdecimal() else 1,
        "step": "done" if forms.text(form, "step") == "done" else "agree",
        "note": forms.text(form, "note"),
        "due_on": forms.text(form, "due_on") or None,
        "evidence": [str(each) for each in form.getlist("evidence")],
    }
    path = f"/questionnaire/v1/corrective-actions/{quote(action, safe='')}/steps"
    try:
        await visit.api.post(path, body)
    except Problem as why:
        if why.status >= 500 or why.status in (401, 403, 404):  # noqa: PLR2004 (HTTP)
            raise
        errors = reasons(visit, why)
        return await _page(visit, desk, errors=errors, given=body, wrong=action, status=422)
    return to(f"/requests/{desk.id}/corrective?kept={quote(action, safe='')}#{quote(action)}")


async def _page(visit: Visit, desk: Desk, **more: Any) -> Response:
    found = await visit.api.every("/questionnaire/v1/corrective-actions", request_id=desk.id)
    questions = {each["id"]: each for each in desk.request["questionnaire"]["questions"]}
    return desk_page(
        visit,
        desk,
        "corrective.html",
        "corrective",
        found=sorted(found, key=lambda each: each["state"] not in ("opened", "agreed")),
        states=STATES,
        steps_taken=STEPS,
        questions=questions,
        evidence=await visit.api.every("/questionnaire/v1/evidence"),
        kept=visit.request.query_params.get("kept"),
        **{"given": None, "wrong": None, **more},
    )
