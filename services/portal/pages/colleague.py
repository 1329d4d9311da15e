"""What was passed on to a colleague: their sections, and nothing else of the firm."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from starlette.responses import Response

from services.portal import forms
from services.portal.client import Json, Problem
from services.portal.pages import desk as desks
from services.portal.pages.answering import Item, translated
from services.portal.visit import Book, Visit, reasons, to

book = Book()

_API = "/questionnaire/v1/delegations"


@dataclass(frozen=True)
class Place:
    """A question of the sections that were passed on; `component` None asks about the firm."""

    section: str
    question: Json
    component: str | None
    answer: Json

    @property
    def name(self) -> str:
        """What it is called in the form."""
        return forms.place(self.question["id"], self.component)


@book.get("/delegations")
async def show_list(visit: Visit) -> Response:
    """List what was passed on to the reader."""
    found = await visit.api.get(_API)
    return visit.page("colleague_list.html", delegations=found["items"][::-1], opens=desks.opens)


@book.get("/delegations/{id}")
async def show(visit: Visit) -> Response:
    """Show the sections with their questions."""
    return await _page(visit, await _mine(visit))


@book.post("/delegations/{id}")
async def keep(visit: Visit) -> Response:
    """Keep the answers that were sent; by the button, say that they are done as well."""
    mine, form = await _mine(visit), await visit.form()
    here = {each.name: each for each in _places(mine)}
    given = forms.answers(form, {name: each.question for name, each in here.items()})
    try:
        if given:
            mine = await _put(visit, mine, [(here[name], one) for name, one in given.items()])
    except Problem as why:
        if why.status >= 500 or why.status in (401, 409):  # noqa: PLR2004 (HTTP)
            raise
        if visit.partly:
            return visit.page("parts/refused_answer.html", 422, errors=reasons(visit, why))
        return await _page(visit, mine, reasons(visit, why))
    if visit.partly:
        return visit.page("parts/colleague_progress.html", left=_left(mine))
    await visit.api.post(f"{_path(visit)}/return")
    return to(f"/delegations/{mine['delegation']['id']}?done=1")


async def waiting(visit: Visit) -> str:
    """Return where somebody begins who only answers what was passed on to them."""
    found = await visit.api.get(_API)
    out = [each["id"] for each in found["items"] if desks.is_out(each)]
    return f"/delegations/{out[0]}" if len(out) == 1 else "/delegations"


def _path(visit: Visit) -> str:
    return f"{_API}/{quote(visit.request.path_params['id'], safe='')}"


async def _mine(visit: Visit) -> Json:
    return await visit.api.get(_path(visit))


async def _put(visit: Visit, mine: Json, given: list[tuple[Place, Json | None]]) -> Json:
    body: Json = {"answers": {}, "components": {}}
    for place, said in given:
        of = body["answers"]
        if place.component is not None:
            of = body["components"].setdefault(place.component, {})
        of[place.question["id"]] = said
    version = {"If-Match": f'"{mine["version"]}"'}
    answer = await visit.api.call("PUT", _path(visit), json=body, headers=version)
    return dict(answer.json())


def _places(mine: Json) -> Iterator[Place]:
    """Yield every question of the sections, in the order of the questionnaire.

    A component's question that the firm answers for all of its components is not among them.
    """
    said = {_steps(where): answer for where, answer in mine["places"].items()}
    for section in mine["sections"]:
        kind, _, name = section["id"].partition("/")
        component = name if kind == "component" else None
        before = ("components", name, "answers") if component else ("answers",)
        silent = {each["question"] for each in section["unanswered"]}
        for question in mine["questions"]:
            where = (*before, question["id"])
            here = component or question["pack"] == name
            if here and (question["id"] in silent or where in said):
                yield Place(section["id"], question, component, said.get(where, {}))


def _steps(pointer: str) -> tuple[str, ...]:
    # RFC 6901: a component's id may hold a slash or a tilde.
    return tuple(e.replace("~1", "/").replace("~0", "~") for e in pointer.split("/")[1:])


def _left(mine: Json) -> int:
    return sum(each["progress"]["silent"] for each in mine["sections"])


async def _page(visit: Visit, mine: Json, errors: list[str] | None = None) -> Response:
    parts: dict[str, list[Item]] = {each["id"]: [] for each in mine["sections"]}
    for number, each in enumerate(_places(mine), start=1):
        parts[each.section].append(Item(each.name, each.question, each.answer, number))
    scopes = await visit.scopes("questionnaire")
    context: dict[str, Any] = {
        "delegation": mine["delegation"],
        "sections": mine["sections"],
        "parts": parts,
        "left": _left(mine),
        "mark": forms.mark,
        "evidence": None,
        "threads": None,
        # Whoever may only answer reads no packs, nor their translations: Japanese or English.
        "words_of": await translated(visit) if "packs.read" in scopes else {},
        "done": visit.request.query_params.get("done") == "1",
        "errors": errors or [],
    }
    return visit.page("colleague.html", 422 if errors else 200, **context)
