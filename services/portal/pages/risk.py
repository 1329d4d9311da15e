"""The risk pages: per tier first, then the firms."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from services.portal import charts
from services.portal.client import Json, Problem
from services.portal.pages.desk import PRINCIPLES
from services.portal.visit import Book, Visit, to

book = Book()

_NOT_FOUND: Final = 404
_PER_PAGE: Final = 50
_MOST_ROWS: Final = 500
BANDS: Final = ("A", "B", "C", "D", "E", "unseen")
TOPICS: Final = {
    "safety-verification": "安全性の検証",
    "documentation-audit-trail": "文書化と記録",
    "supply-chain": "サプライチェーン",
}


@book.get("/risk")
async def tiers(visit: Visit) -> Response:
    """Show the index per tier with what was not seen, and the firms that carry most of it."""
    try:
        table = await visit.api.get("/risk/v1/tiers")
    except Problem as why:
        if why.status != _NOT_FOUND:
            raise
        return visit.page("risk_none.html", snapshots=await _snapshots(visit))
    rows = [
        charts.interval(visit.words.text("Tier %(n)s", n=each["tier"]), each["score_exact"])
        for each in table["tiers"]
    ]
    title = visit.words.text("Tierごとのリスク指数(0が最良、100が最悪)")
    return visit.page(
        "risk.html",
        table=table,
        rows=rows,
        picture=charts.intervals(rows, str(title)),
        whole=charts.interval("", table["portfolio_exact"]),
        names=await firm_names(visit),
        bands=BANDS,
        topics=TOPICS,
        principles=PRINCIPLES,
        snapshots=await _snapshots(visit),
        interval=charts.interval,
    )


@book.post("/risk/snapshots")
async def take_snapshot(visit: Visit) -> Response:
    """Have the risk judged anew; the result is signed and logged."""
    await visit.api.post("/risk/v1/snapshots")
    return to("/risk")


@book.get("/risk/suppliers")
async def firms(visit: Visit) -> Response:
    """List firms with their index, narrowed by tier or band."""
    query = visit.request.query_params
    page = await visit.api.get(
        "/risk/v1/suppliers",
        tier=query.get("tier"),
        band=query.get("band"),
        cursor=query.get("after"),
        limit=_PER_PAGE,
    )
    return visit.page(
        "risk_firms.html",
        page=page,
        bands=BANDS,
        tier=query.get("tier", ""),
        chosen=query.get("band", ""),
        interval=charts.interval,
    )


async def firm_names(visit: Visit) -> dict[str, str | None]:
    """Return what firms are called, by id; one further down has no name, only a pseudonym."""
    rows = await visit.api.every("/risk/v1/suppliers", fields="name", limit=_MOST_ROWS)
    return {each["id"]: each["name"] for each in rows}


async def _snapshots(visit: Visit) -> list[Json]:
    return list(reversed(await visit.api.every("/risk/v1/snapshots", most=20)))[:10]
