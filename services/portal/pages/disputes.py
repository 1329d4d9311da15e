"""Requests to look at a number again, as the office reads and answers them."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from services.portal.client import Json, Problem
from services.portal.pages.firm import question_texts
from services.portal.visit import Book, Visit, field, reasons, to

book = Book()

_NOT_FOUND: Final = 404
OUTCOMES: Final = {
    "will_correct": "弊社の記録を訂正します",
    "stays": "指数は変わりません(理由をお伝えします)",
}


@book.get("/risk/disputes")
async def list_disputes(visit: Visit) -> Response:
    """List what suppliers asked to have looked at again, what waits for the office first."""
    org = await visit.org()
    found = await visit.api.every("/risk/v1/disputes")
    mine = [each for each in found if each["requester_id"] == org]
    order = {"open": 0, "answered": 1, "settled": 2}
    return visit.page(
        "risk_disputes.html",
        disputes=sorted(mine, key=lambda each: order[each["state"]]),
        links=await _links(visit),
    )


@book.get("/risk/disputes/{id}")
async def show_dispute(visit: Visit) -> Response:
    """Show one with every step, and the form to answer it."""
    return await _page(visit)


@book.post("/risk/disputes/{id}/answer")
async def answer_dispute(visit: Visit) -> Response:
    """Say what comes of it; the respondent's clock runs from then on."""
    form = await visit.form()
    given = {"outcome": field(form, "outcome"), "text": field(form, "text")}
    if given["outcome"] not in OUTCOMES or not given["text"]:
        missing = visit.words.plain("お答えの種類とご説明をご記入ください。")
        return await _page(visit, errors=[missing], given=given)
    try:
        await visit.api.post(f"/risk/v1/disputes/{_id(visit)}/answer", given)
    except Problem as why:
        if why.status in (401, _NOT_FOUND):
            raise
        return await _page(visit, errors=reasons(visit, why), given=given)
    return to(f"/risk/disputes/{_id(visit)}")


def _id(visit: Visit) -> str:
    return quote(visit.request.path_params["id"], safe="")


async def _links(visit: Visit) -> dict[str, Json]:
    suppliers = await visit.api.every("/questionnaire/v1/suppliers", limit=500)
    return {each["link"]["id"]: each for each in suppliers}


async def _page(
    visit: Visit, *, errors: list[str] | None = None, given: Json | None = None
) -> Response:
    dispute = await visit.api.get(f"/risk/v1/disputes/{_id(visit)}")
    if dispute["requester_id"] != await visit.org():
        raise Problem(_NOT_FOUND, {"type": "urn:rensho:problem:request/not-found"})
    return visit.page(
        "risk_dispute.html",
        422 if errors else 200,
        dispute=dispute,
        supplier=(await _links(visit)).get(dispute["link_id"]),
        texts=await question_texts(visit),
        outcomes=OUTCOMES,
        errors=errors or [],
        given=given or {},
    )
