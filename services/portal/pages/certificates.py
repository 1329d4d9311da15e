"""Answers that a certificate of somebody else gives, where the questionnaire takes one."""

from __future__ import annotations

from typing import Any

from starlette.responses import Response

from services.portal import forms
from services.portal.client import Json, Problem
from services.portal.pages import desk as desks
from services.portal.pages.desk import Desk, desk_page
from services.portal.visit import Book, Visit, reasons, to

book = Book()


@book.get("/requests/{id}/certificates")
async def show(visit: Visit) -> Response:
    """Show which certificates may answer which questions."""
    return await _page(visit, await desks.load(visit))


@book.post("/requests/{id}/certificates")
async def answer(visit: Visit) -> Response:
    """Answer the chosen questions by one certificate, whose copy is kept as evidence."""
    desk, form = await desks.load(visit), await visit.form()
    path = f"{desk.path}/certificates"
    assert desk.response is not None, "what has a path is there"
    body = _certificate(form)
    try:
        if not body["evidence_id"] or not body["questions"]:
            missing = "認証書の写しと、回答に用いる設問をお選びください。"
            errors = [visit.words.plain(missing)]
            return await _page(visit, desk, errors=errors, given=body, status=422)
        version = {"If-Match": f'"{desk.response["version"]}"'}
        await visit.api.post(path, body, headers=version)
    except Problem as why:
        if why.status >= 500 or why.status in (401, 403):  # noqa: PLR2004 (HTTP)
            raise
        return await _page(visit, desk, errors=reasons(visit, why), given=body, status=422)
    return to(f"/requests/{desk.id}/certificates?kept={len(body['questions'])}")


def _certificate(form: forms.Form) -> Json:
    def lines(name: str) -> list[str]:
        return [each.strip() for each in forms.text(form, name).split("\n") if each.strip()]

    return {
        "scheme": forms.text(form, "scheme"),
        "number": forms.text(form, "number"),
        "issuer": forms.text(form, "issuer"),
        "valid_to": forms.text(form, "valid_to"),
        "whole_company": forms.text(form, "covers") == "company",
        "sites": lines("sites"),
        "activities": lines("activities"),
        "activity": forms.text(form, "activity") or None,
        "evidence_id": forms.text(form, "evidence_id"),
        "questions": [str(each) for each in form.getlist("question")],
    }


async def _page(visit: Visit, desk: Desk, **more: Any) -> Response:
    offered = await visit.api.get(f"{desk.path}/certificates")
    kept = visit.request.query_params.get("kept", "")
    evidence = await visit.api.every("/questionnaire/v1/evidence")
    return desk_page(
        visit,
        desk,
        "certificates.html",
        "certificates",
        schemes=[each for each in offered["items"] if each["questions"]],
        questions={each["id"]: each for each in desk.request["questionnaire"]["questions"]},
        evidence=[each for each in evidence if each["kind"] == "file"],
        kept=int(kept) if kept.isdecimal() and len(kept) < 4 else 0,  # noqa: PLR2004 (a count)
        given=more.pop("given", {}),
        **more,
    )
