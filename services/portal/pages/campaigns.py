"""Campaigns: the list, and the draft of a new one."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Final

from starlette.responses import Response

from services.kit import clock
from services.portal.asking import ANSWERED
from services.portal.client import Json, Problem
from services.portal.pages.requests import USES_NOT
from services.portal.visit import Book, Visit, complaints, field, to

book = Book()

_DEFAULT_DAYS: Final = 60
NDA: Final = {
    "basic-contract": "取引基本契約の秘密保持条項",
    "own-nda": "個別の秘密保持契約",
    "none": "取り決めなし",
}


@book.get("/campaigns")
async def list_campaigns(visit: Visit) -> Response:
    """List campaigns with how far each is."""
    found = await visit.api.every("/questionnaire/v1/campaigns")
    return visit.page(
        "campaigns.html", campaigns=[{**each, **tally(each)} for each in reversed(found)]
    )


@book.get("/campaigns/new")
async def new_campaign(visit: Visit) -> Response:
    """Show the form of a new campaign."""
    return await _new(visit)


@book.post("/campaigns/new")
async def draft_campaign(visit: Visit) -> Response:
    """Draft a campaign; nothing goes out before it is signed."""
    form = await visit.form()
    given = {name: field(form, name) for name in _FIELDS}
    body = {
        "title": given["title"],
        "questionnaire_id": given["questionnaire_id"],
        "due_on": given["due_on"],
        "purpose": given["purpose"],
        "why": given["why"],
        "viewers": _lines(given["viewers"]),
        "clauses": _lines(given["clauses"]),
        "not_used_for": [str(each) for each in form.getlist("not_used_for")],
        "nda_basis": given["nda_basis"],
        **_whom([str(each) for each in form.getlist("supplier")], given["whom"]),
        **_fair(given),
    }
    try:
        made = await visit.api.post("/questionnaire/v1/campaigns", body)
    except Problem as why:
        return await _new(visit, given=given, errors=complaints(visit, why))
    return to(f"/campaigns/{made['id']}")


_FIELDS: Final = (
    *("title", "questionnaire_id", "due_on", "purpose", "why", "viewers", "clauses"),
    *("nda_basis", "whom", "subcontract_act", "basis", "effort_minutes", "cost_offered"),
    "explanation",
)


def _lines(text: str) -> list[str]:
    return [line for each in text.replace("、", "\n").splitlines() if (line := each.strip())]


def _whom(chosen: list[str], whom: str) -> Json:
    return {"all": True} if whom != "some" else {"supplier_ids": chosen}


def _fair(given: dict[str, str]) -> Json:
    effort = given["effort_minutes"]
    return {
        "fair_dealing": {
            "subcontract_act": given["subcontract_act"] or "undecided",
            "basis": given["basis"],
            "effort_minutes": int(effort) if effort.isdecimal() else 0,
            "cost_offered": given["cost_offered"],
            "explanation": given["explanation"],
        }
    }


async def _new(
    visit: Visit, given: dict[str, str] | None = None, errors: list[str] | None = None
) -> Response:
    due = clock.now().date() + timedelta(days=_DEFAULT_DAYS)
    fresh = {**dict.fromkeys(_FIELDS, ""), "due_on": due.isoformat(), "whom": "all"}
    suppliers = await visit.api.every("/questionnaire/v1/suppliers")
    return visit.page(
        "campaign_new.html",
        422 if errors else 200,
        given=given or fresh,
        errors=errors or [],
        questionnaires=list(reversed(await visit.api.every("/questionnaire/v1/questionnaires"))),
        suppliers=[each for each in suppliers if each["merged_into"] is None],
        uses_not=USES_NOT,
        nda=NDA,
        warning=_busy(date.fromisoformat((given or fresh)["due_on"] or due.isoformat())),
    )


def _busy(day: date) -> bool:
    """Whether a due day falls where Japanese offices have no time: month end, turn of the year."""
    month_end = (day + timedelta(days=1)).month != day.month
    turn = (day.month, day.day) >= (3, 20) and (day.month, day.day) <= (4, 10)
    return month_end or turn


def tally(campaign: Json) -> dict[str, int]:
    """Return how many were asked, and how many signed."""
    counts = campaign["counts"]
    return {
        "asked": sum(counts.values()),
        "signed": sum(counts.get(state, 0) for state in ANSWERED),
    }
