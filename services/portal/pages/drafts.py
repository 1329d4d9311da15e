"""The draft of a campaign: written, and written again until it is signed."""

from __future__ import annotations

from collections import Counter
from datetime import date, timedelta
from typing import Any, Final

from starlette.datastructures import FormData
from starlette.responses import Response

from services.kit import clock
from services.portal.client import Json, Problem
from services.portal.pages.boards import campaign_id
from services.portal.pages.requests import USES_NOT
from services.portal.visit import Book, Visit, complaints, field, to

book = Book()

_DEFAULT_DAYS: Final = 60
_STEPS: Final = 3
NDA: Final = {
    "basic-contract": "取引基本契約の秘密保持条項",
    "own-nda": "個別の秘密保持契約",
    "none": "取り決めなし",
}
_SAID: Final = ("title", "questionnaire_id", "due_on", "purpose", "why", "nda_basis")
_LISTS: Final = ("viewers", "clauses")
_DEALT: Final = ("subcontract_act", "basis", "effort_minutes", "cost_offered", "explanation")
_LETTERHEAD: Final = ("department", "head", "telephone")
_OWNER: Final = ("owner_name", "owner_mailbox")
_FIELDS: Final = (*_SAID, *_LISTS, *_DEALT, *_LETTERHEAD, *_OWNER, "whom", "version")


@book.get("/campaigns/new")
async def new_draft(visit: Visit) -> Response:
    """Show the form of a new campaign."""
    due = clock.now().date() + timedelta(days=_DEFAULT_DAYS)
    fresh = {**dict.fromkeys(_FIELDS, ""), "due_on": due.isoformat(), "whom": "all"}
    return await _show(visit, {**fresh, "not_used_for": list(USES_NOT), "chosen": [], "steps": []})


@book.post("/campaigns/new")
async def write_draft(visit: Visit) -> Response:
    """Draft a campaign; nothing goes out before it is signed."""
    given = _given(await visit.form())
    try:
        made = await visit.api.post("/questionnaire/v1/campaigns", _body(given))
    except Problem as why:
        return await _show(visit, given, errors=complaints(visit, why))
    return to(f"/campaigns/{made['id']}")


@book.get("/campaigns/{id}/draft")
async def open_draft(visit: Visit) -> Response:
    """Show the form with what a draft says now."""
    campaign = await visit.api.get(_path(visit))
    asked = await visit.api.every(f"{_path(visit)}/requests")
    usual, _ = _dealings(await _records(visit))
    owner = campaign["owner"] or {}
    given = {
        **{name: campaign[name] for name in _SAID},
        **{name: "\n".join(campaign[name]) for name in _LISTS},
        **{name: usual.get(name, "") for name in _DEALT},
        **{name: campaign["letterhead"].get(name) or "" for name in _LETTERHEAD},
        "owner_name": owner.get("name", ""),
        "owner_mailbox": owner.get("mailbox", ""),
        "not_used_for": campaign["not_used_for"],
        "chosen": [each["supplier_id"] for each in asked],
        "steps": campaign["flow"],
        "whom": "stay",
        "version": str(campaign["version"]),
    }
    return await _show(visit, given, campaign)


@book.post("/campaigns/{id}/draft")
async def rewrite_draft(visit: Visit) -> Response:
    """Change a draft as a whole."""
    given = _given(await visit.form())
    campaign = await visit.api.get(_path(visit))
    usual, others = _dealings(await _records(visit))
    body = _body(given)
    # What the form does not show of the usual record, and records of single suppliers, stay.
    if usual.get("necessity") != campaign["why"]:
        body["fair_dealing"]["necessity"] = usual.get("necessity") or None
    body["fair_dealing"]["cost_outcome"] = usual.get("cost_outcome") or None
    body["fair_dealing_for"] = others
    headers = {"If-Match": f'"{given["version"]}"'}
    try:
        await visit.api.call("PUT", _path(visit), json=body, headers=headers)
    except Problem as why:
        return await _show(visit, given, campaign, errors=complaints(visit, why))
    return to(f"/campaigns/{campaign_id(visit)}")


def _path(visit: Visit) -> str:
    return f"/questionnaire/v1/campaigns/{campaign_id(visit)}"


async def _records(visit: Visit) -> list[Json]:
    return await visit.api.every(f"{_path(visit)}/fair-dealing", most=10_000, limit=500)


def _dealings(records: list[Json]) -> tuple[Json, Json]:
    """Return how most suppliers are dealt with, and what differs for the others by their id."""
    names = (*_DEALT, "necessity", "cost_outcome")
    ways = {each["supplier_id"]: tuple(each[name] for name in names) for each in records}
    if not ways:
        return {}, {}
    (usual, _), *_ = Counter(ways.values()).most_common(1)
    others = {
        supplier: {name: value or None for name, value in zip(names, way, strict=True)}
        | {"effort_minutes": way[names.index("effort_minutes")]}
        for supplier, way in ways.items()
        if way != usual
    }
    return dict(zip(names, usual, strict=True)), others


def _given(form: FormData) -> Json:
    """Return what was typed, so that a refusal can show it again whole."""
    steps = [
        {name: field(form, f"step_{name}_{number}") for name in ("kind", "name", "mailbox")}
        for number in range(_STEPS)
    ]
    return {
        **{name: field(form, name) for name in _FIELDS},
        "not_used_for": [str(each) for each in form.getlist("not_used_for")],
        "chosen": [str(each) for each in form.getlist("supplier")],
        "steps": [each for each in steps if each["name"] or each["mailbox"]],
    }


def _body(given: Json) -> Json:
    effort = given["effort_minutes"]
    letterhead = {name: given[name] for name in _LETTERHEAD if given[name]}
    owner = {"name": given["owner_name"], "mailbox": given["owner_mailbox"]}
    whom: dict[str, Any] = {"all": {"all": True}, "some": {"supplier_ids": given["chosen"]}}
    return {
        **{name: given[name] for name in _SAID},
        **{name: _lines(given[name]) for name in _LISTS},
        "not_used_for": given["not_used_for"],
        "flow": given["steps"],
        **whom.get(given["whom"], {}),
        **({"letterhead": letterhead} if letterhead else {}),
        **({"owner": owner} if any(owner.values()) else {}),
        "fair_dealing": {
            **{name: given[name] for name in _DEALT},
            "subcontract_act": given["subcontract_act"] or "undecided",
            "effort_minutes": int(effort) if effort.isdecimal() else 0,
        },
    }


def _lines(text: str) -> list[str]:
    return [line for each in text.replace("、", "\n").splitlines() if (line := each.strip())]


async def _show(
    visit: Visit, given: Json, campaign: Json | None = None, errors: list[str] | None = None
) -> Response:
    suppliers = await visit.api.every("/questionnaire/v1/suppliers")
    questionnaires = await visit.api.every("/questionnaire/v1/questionnaires")
    blank = {"kind": "check", "name": "", "mailbox": ""}
    steps = [*given["steps"], *[blank] * _STEPS][: max(_STEPS, len(given["steps"]))]
    return visit.page(
        "campaign_draft.html",
        422 if errors else 200,
        given=given | {"steps": steps},
        campaign=campaign,
        asked=sum(campaign["counts"].values()) if campaign else 0,
        errors=errors or [],
        questionnaires=list(reversed(questionnaires)),
        suppliers=[each for each in suppliers if each["merged_into"] is None],
        uses_not=USES_NOT,
        nda=NDA,
        warning=_busy(given["due_on"]),
    )


def _busy(due_on: str) -> bool:
    """Whether a due day falls where Japanese offices have no time: month end, turn of the year."""
    try:
        day = date.fromisoformat(due_on)
    except ValueError:
        return False
    month_end = (day + timedelta(days=1)).month != day.month
    turn = (day.month, day.day) >= (3, 20) and (day.month, day.day) <= (4, 10)
    return month_end or turn
