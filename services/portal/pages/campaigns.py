"""Campaigns: the list, and how far each is."""

from __future__ import annotations

from starlette.responses import Response

from services.portal.asking import ANSWERED
from services.portal.client import Json
from services.portal.visit import Book, Visit

book = Book()


@book.get("/campaigns")
async def list_campaigns(visit: Visit) -> Response:
    """List campaigns with how far each is."""
    found = await visit.api.every("/questionnaire/v1/campaigns")
    return visit.page(
        "campaigns.html", campaigns=[{**each, **tally(each)} for each in reversed(found)]
    )


def tally(campaign: Json) -> dict[str, int]:
    """Return how many were asked, and how many signed."""
    counts = campaign["counts"]
    return {
        "asked": sum(counts.values()),
        "signed": sum(counts.get(state, 0) for state in ANSWERED),
    }
