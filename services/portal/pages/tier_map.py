"""The map of tiers, and the same as a table; both made of the newest snapshot."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

from starlette.responses import Response

from services.portal import charts
from services.portal.client import Json, Problem
from services.portal.rings import YOU, Firm, drawn, read
from services.portal.visit import Book, Visit

book = Book()

_NOT_FOUND: Final = 404
_PER_PAGE: Final = 100
_MOST_KEPT: Final = 8
BELOW: Final = {
    "listed": "一覧を申告",
    "none": "仕入先なし",
    "closed": "AIの利用なし",
    "silent": "申告なし(未把握)",
}


@dataclass(frozen=True)
class Map:
    """The firms of a snapshot, and the JSON that the browser draws."""

    firms: Sequence[Firm]
    drawn: bytes


_kept: dict[tuple[str, str], Map] = {}
"""Maps by organization and snapshot: a snapshot never changes, and reading one takes a while."""


@book.get("/risk/map")
async def show_map(visit: Visit) -> Response:
    """Show the map's frame and the table that says the same, a page at a time."""
    found = await _newest(visit)
    if found is None:
        return visit.page("risk_map.html", table=None)
    table, firms = found[0], found[1].firms
    query = visit.request.query_params
    tier = query.get("tier", "")
    rows = [each for each in firms if each.tier and (not tier or str(each.tier) == tier)]
    page = int(query["page"]) if query.get("page", "").isdecimal() else 1
    names = await _names(visit)
    return visit.page(
        "risk_map.html",
        table=table,
        rows=rows[(page - 1) * _PER_PAGE : page * _PER_PAGE],
        total=len(firms) - 1,
        number=page,
        pages=max(1, -(-len(rows) // _PER_PAGE)),
        tier=tier,
        tiers=sorted({each.tier for each in firms if each.tier}),
        links=sum(len(each.suppliers) for each in firms),
        undisclosed=sum(each.undisclosed for each in firms),
        below=BELOW,
        you=YOU,
        names=names,
        told=_told,
    )


@book.get("/risk/map/data")
async def data(visit: Visit) -> Response:
    """Give the places and the lines, for the page's own script."""
    found = await _newest(visit)
    if found is None:
        raise Problem(_NOT_FOUND, {"type": "urn:rensho:problem:request/not-found"})
    # Names are the requester's own and may change; what was drawn once is not written again.
    names = json.dumps(await _names(visit), ensure_ascii=False).encode()
    body = b'{"names":' + names + b"," + found[1].drawn[1:]
    return Response(body, media_type="application/json")


def _told(firm: Firm) -> str:
    if firm.claimed is None or firm.evidenced is None:
        return "–"
    return charts.Interval("", firm.claimed * 100, firm.evidenced * 100).told


async def _names(visit: Visit) -> dict[str, str]:
    rows = await visit.api.every("/questionnaire/v1/suppliers", limit=500)
    return {each["id"]: each["name"] for each in rows}


async def _newest(visit: Visit) -> tuple[Json, Map] | None:
    """Return the tiers of the newest snapshot with its map; None where nothing was judged yet."""
    try:
        table = await visit.api.get("/risk/v1/tiers")
    except Problem as why:
        if why.status != _NOT_FOUND:
            raise
        return None
    key = (await visit.org(), str(table["snapshot"]))
    if key not in _kept:
        path = f"/risk/v1/snapshots/{quote(key[1], safe='')}"
        facts, results = await asyncio.gather(
            visit.api.get(f"{path}/facts"), visit.api.get(f"{path}/results")
        )
        while len(_kept) >= _MOST_KEPT:
            _kept.pop(next(iter(_kept)))
        firms = read(facts, results)
        _kept[key] = Map(firms, json.dumps(drawn(firms), ensure_ascii=False).encode())
    return table, _kept[key]
