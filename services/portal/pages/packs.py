"""Guidance packs with their clauses and how far they were checked; questionnaires made of them."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

from starlette.responses import Response

from services.portal.client import Problem
from services.portal.pages.desk import PRINCIPLES
from services.portal.visit import Book, Visit, complaints, field, to

book = Book()


@book.get("/packs")
async def list_packs(visit: Visit) -> Response:
    """List the packs and the visitor's questionnaires."""
    return await _page(visit)


@book.post("/packs/questionnaires")
async def publish(visit: Visit) -> Response:
    """Freeze a choice of questions for good."""
    form = await visit.form()
    chosen = [str(each).rpartition("@") for each in form.getlist("pack")]
    body = {
        "title": field(form, "title"),
        "packs": [{"id": id_, "version": version} for id_, _, version in chosen],
        "selection": field(form, "selection") or "starter",
    }
    try:
        await visit.api.post("/questionnaire/v1/questionnaires", body)
    except Problem as why:
        return await _page(visit, complaints(visit, why))
    return to("/campaigns/new")


@book.get("/packs/{id}/{version}")
async def show_pack(visit: Visit) -> Response:
    """Show one pack: its sources, its questions, the clauses behind each."""
    id_, version = (quote(visit.request.path_params[name], safe="") for name in ("id", "version"))
    pack = await visit.api.get(f"/questionnaire/v1/packs/{id_}/{version}")
    return visit.page("pack.html", pack=pack, principles=PRINCIPLES)


async def _page(visit: Visit, errors: list[str] | None = None) -> Response:
    packs, made = await asyncio.gather(
        visit.api.get("/questionnaire/v1/packs"),
        visit.api.every("/questionnaire/v1/questionnaires"),
    )
    return visit.page(
        "packs.html",
        422 if errors else 200,
        packs=packs["items"],
        questionnaires=list(reversed(made)),
        errors=errors or [],
    )
