"""Answering: one portion of questions per page, each answer kept as it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.responses import Response

from services.portal import asking, forms
from services.portal.client import Json, Problem
from services.portal.pages import desk as desks
from services.portal.pages.desk import Desk, desk_page
from services.portal.pages.messages import threads_of
from services.portal.visit import Book, Visit, first, not_found, reasons, to

book = Book()


@dataclass(frozen=True)
class Item:
    """One question on a page: `place` is its name in the form, `number` the one people see."""

    place: str
    question: Mapping[str, Any]
    answer: Json
    number: int


@book.get("/requests/{id}/sections/{key}")
async def show_section(visit: Visit) -> Response:
    """Show the questions of one section."""
    desk = await desks.load(visit)
    section = _section(desk, visit)
    return not_found(visit) if section is None else await _page(visit, desk, section)


@book.post("/requests/{id}/sections/{key}")
async def keep_section(visit: Visit) -> Response:
    """Keep the answers that were sent: a whole section by its button, one question by htmx."""
    desk = await desks.load(visit)
    section = _section(desk, visit)
    if section is None:
        return not_found(visit)
    given = forms.answers(await visit.form(), {each["id"]: each for each in section.questions})
    if errors := await _kept(visit, desk, lambda document: forms.merged(document, given)):
        if visit.partly:
            return visit.page("parts/refused_answer.html", 422, errors=errors)
        return await _page(visit, desk, section, errors=errors, status=422)
    return _after(visit, desk, section.key, _next(desk, section.key))


@book.get("/requests/{id}/components/{name:path}/answers")
async def show_component_answers(visit: Visit) -> Response:
    """Show the questions that one AI component may answer for itself."""
    desk = await desks.load(visit)
    found = _component(desk, visit)
    return not_found(visit) if found is None else await _component_page(visit, desk, found)


@book.post("/requests/{id}/components/{name:path}/answers")
async def keep_component_answers(visit: Visit) -> Response:
    """Keep what one component answers for itself; none of it touches the firm's own answers."""
    desk = await desks.load(visit)
    found = _component(desk, visit)
    if found is None:
        return not_found(visit)
    name = found["supplier_component_id"]
    questions = asking.of_component(desk.request["questionnaire"], desk.document, found)
    places = {forms.place(each["id"], name): each for each in questions}
    read = forms.answers(await visit.form(), places)
    given = {str(places[place]["id"]): answer for place, answer in read.items()}
    if errors := await _kept(visit, desk, lambda said: forms.merged_for(said, name, given)):
        if visit.partly:
            return visit.page("parts/refused_answer.html", 422, errors=errors)
        shown = _component(desk, visit) or found
        return await _component_page(visit, desk, shown, errors=errors, status=422)
    return _after(visit, desk, "components", f"/requests/{desk.id}/components")


@book.get("/requests/{id}/unanswered")
async def next_unanswered(visit: Visit) -> Response:
    """Jump to the first question that waits for an answer."""
    desk = await desks.load(visit)
    found = asking.first_open(desk.sections, desk.document)
    if found is None:
        return to(f"/requests/{desk.id}/check")
    section, question = found
    return to(f"/requests/{desk.id}/sections/{section.key}#{question}")


async def _kept(visit: Visit, desk: Desk, change: Callable[[Json], Json]) -> list[str]:
    """Save a change; where it is refused return why, and leave it on the desk to be shown again."""
    try:
        await desks.save(visit, desk, change)
    except Problem as why:
        if why.status >= 500 or why.status == 401:  # noqa: PLR2004 (HTTP)
            raise
        assert desk.response is not None, "it was about to be saved"
        desk.response = {**desk.response, "document": change(desk.document)}
        return reasons(visit, why)
    return []


def _after(visit: Visit, desk: Desk, here: str, goes_on: str) -> Response:
    if not visit.partly:
        return to(goes_on)
    name = desks.section_name
    return visit.page("parts/progress.html", desk=desk, here=here, section_name=name)


async def _page(visit: Visit, desk: Desk, section: asking.Section, **more: Any) -> Response:
    asked = [each["id"] for part in desk.sections for each in part.questions]
    said = desk.document["answers"]
    items = [
        Item(each["id"], each, said.get(each["id"], {}), asked.index(each["id"]) + 1)
        for each in section.questions
    ]
    return desk_page(
        visit, desk, "section.html", section.key, section=section, items=items,
        **await _around(visit, desk), **more,
    )  # fmt: skip


async def _component_page(visit: Visit, desk: Desk, component: Json, **more: Any) -> Response:
    questions = asking.of_component(desk.request["questionnaire"], desk.document, component)
    name, said = component["supplier_component_id"], component["answers"]
    items = [
        Item(forms.place(each["id"], name), each, said.get(each["id"], {}), number)
        for number, each in enumerate(questions, start=1)
    ]
    return desk_page(
        visit, desk, "component_answers.html", "components", component=component, items=items,
        **await _around(visit, desk), **more,
    )  # fmt: skip


async def _around(visit: Visit, desk: Desk) -> dict[str, Any]:
    """Return what is shown beside a question."""
    return {
        "mark": forms.mark,
        "place": forms.place,
        "evidence": await visit.api.every("/questionnaire/v1/evidence"),
        "threads": await threads_of(visit, desk.id),
        "words_of": await translated(visit),
    }


async def translated(visit: Visit) -> dict[str, str]:
    """Return the reference translation of the reader's language by path; ja and en need none."""
    if visit.language in ("ja", "en"):
        return {}
    found = await visit.api.get(f"/questionnaire/v1/translations/{visit.language}")
    return {**found["words"], "note": found["note"]}


def _section(desk: Desk, visit: Visit) -> asking.Section | None:
    wanted = visit.request.path_params["key"]
    return next((each for each in desk.sections if each.key == wanted), None)


def _component(desk: Desk, visit: Visit) -> Json | None:
    name = visit.request.path_params["name"]
    return first(desk.document["components"], supplier_component_id=name)


def _next(desk: Desk, key: str) -> str:
    keys = [each.key for each in desk.sections]
    place = keys.index(key) + 1
    here = f"/requests/{desk.id}"
    return f"{here}/sections/{keys[place]}" if place < len(keys) else f"{here}/chain"
