"""The policy by which the organization's risk is judged: weights and bands of its own."""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.responses import Response

from services.portal.client import Json, Problem
from services.portal.visit import Book, Visit, complaints, field, to

book = Book()

_PER_PAGE: Final = 20
_EDGES: Final = ("B", "C", "D", "E")
_WEIGHTS: Final = 5


@book.get("/risk/policy")
async def policy(visit: Visit) -> Response:
    """Show what holds from the next snapshot on, and every earlier version."""
    return await _page(visit)


@book.post("/risk/policy")
async def change_policy(visit: Visit) -> Response:
    """Set one's own weights and bands, or go back to the deployment's."""
    form = await visit.form()
    given = {name: field(form, name) for name in (*_NAMES, "note")}
    body: Json = {"weights": None, "bands": None, "note": given["note"]}
    if not field(form, "reset"):
        try:
            body["weights"] = [int(given[name]) for name in _NAMES[:_WEIGHTS]]
            body["bands"] = {edge: float(given[f"edge.{edge}"]) / 100 for edge in _EDGES}
        except ValueError:
            wrong = visit.words.plain("重みは整数、区分の境目は数値でご記入ください。")
            return await _page(visit, errors=[wrong], given=given)
    try:
        await visit.api.post("/risk/v1/policies", body)
    except Problem as why:
        return await _page(visit, errors=complaints(visit, why), given=given)
    return to("/risk/policy?kept=yes")


_NAMES: Final = (
    *(f"weight.{number}" for number in range(1, _WEIGHTS + 1)),
    *(f"edge.{edge}" for edge in _EDGES),
)


def _held(document: Json) -> dict[str, str]:
    """Return a policy's weights and band edges (0..100) as a form shows them."""
    weights = {f"weight.{n}": str(each) for n, each in enumerate(document["weights"], start=1)}
    edges = {f"edge.{edge}": f"{float(document['bands'][edge]) * 100:g}" for edge in _EDGES}
    return {**weights, **edges, "note": ""}


async def _page(
    visit: Visit, *, errors: list[str] | None = None, given: dict[str, str] | None = None
) -> Response:
    now, past, members, scopes = await asyncio.gather(
        visit.api.get("/risk/v1/policy"),
        visit.api.get(
            "/risk/v1/policies", cursor=visit.request.query_params.get("after"), limit=_PER_PAGE
        ),
        visit.api.every("/identity/v1/members"),
        visit.scopes("risk"),
    )
    return visit.page(
        "risk_policy.html",
        422 if errors else 200,
        now=now,
        past=past,
        names={f"urn:rensho:member:{each['id']}": each["name"] for each in members},
        given=given or _held(now["document"]),
        edges=_EDGES,
        writes="policies.write" in scopes,
        kept=visit.request.query_params.get("kept") == "yes",
        errors=errors or [],
    )
