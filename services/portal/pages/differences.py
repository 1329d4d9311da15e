"""What a draft says otherwise than last time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.responses import Response

from services.portal import asking
from services.portal.client import Json, Problem
from services.portal.pages import desk as desks
from services.portal.pages.desk import Desk, desk_page
from services.portal.visit import Book, Visit, first

book = Book()


@book.get("/requests/{id}/differences")
async def show(visit: Visit) -> Response:
    """Hold the draft against its own newest signed revision, or against another response."""
    desk = await desks.load(visit)
    others = await _signed_elsewhere(visit, desk)
    against = visit.request.query_params.get("against", "")
    try:
        found = await visit.api.get(f"{desk.path}/differences", against=against)
    except Problem as why:
        # Nothing of it was signed yet, or the other response is none of the visitor's.
        if why.status not in (404, 422):
            raise
        found = None
    questions = {each["id"]: each for each in desk.request["questionnaire"]["questions"]}
    return desk_page(
        visit,
        desk,
        "differences.html",
        "differences",
        found=found,
        rows=[_row(visit, desk, questions, each) for each in (found or {"items": []})["items"]],
        questions=questions,
        others=others,
        against=against,
    )


async def _signed_elsewhere(visit: Visit, desk: Desk) -> list[Json]:
    found: list[Json] = []
    for each in await visit.api.every("/questionnaire/v1/requests", side="respondent"):
        if each["state"] in asking.ANSWERED and each["id"] != desk.id and len(found) < 5:  # noqa: PLR2004
            request = await visit.api.get(f"/questionnaire/v1/requests/{each['id']}")
            found.append({**each, "response_id": request["response_id"]})
    return found


def _row(visit: Visit, desk: Desk, questions: Mapping[str, Json], item: Json) -> dict[str, str]:
    steps = [each.replace("~1", "/").replace("~0", "~") for each in item["where"].split("/")[1:]]
    question = questions.get(steps[-1], {})
    of = steps[1] if steps[0] == "components" else None
    component = first(desk.document["components"], supplier_component_id=of) or {}
    return {
        "text": visit.words.pick(item["text"]) or item["where"],
        "of": str(component.get("name", of or "")),
        "before": _told(visit, question, item["last_time"]),
        "now": _told(visit, question, item["now"]),
    }


def _told(visit: Visit, question: Json, held: list[Any]) -> str:
    """Write one side: an option's label, a state with its reason, or any other value as it is."""
    if not held:
        return ""
    value = held[0]
    if not isinstance(value, dict) or "state" not in value:
        return str(value)
    chosen = first(question.get("options", []), code=value.get("value"))
    state = STATES.get(value["state"])
    said = visit.words.pick(chosen["label"]) if chosen else str(value.get("value") or "")
    told = [visit.words.plain(state) if state else said, value.get("reason") or ""]
    return " – ".join(part for part in told if part)


STATES = {"checking": "確認中", "withheld": "非開示", "not_applicable": "該当なし"}
