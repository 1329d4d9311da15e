"""The filters that lists, changes and exports of scores share."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import Depends, Query
from pydantic import AwareDatetime

from services.risk.store.served import Wanted

Band = Literal["A", "B", "C", "D", "E", "unseen"]
TEXT = r"^[^\x00-\x1f]{1,200}$"
_Text = Annotated[str | None, Query(pattern=TEXT)]


async def _filters(
    *,
    tier: Annotated[int | None, Query(ge=1, le=100)] = None,
    band: Band | None = None,
    vendor_code: _Text = None,
    tag: _Text = None,
    product_line: _Text = None,
    changed_since: Annotated[
        AwareDatetime | None, Query(description="something else is said since then (RFC 3339)")
    ] = None,
) -> Wanted:
    return Wanted(tier, band, vendor_code, tag, product_line, changed_since)


Filters = Annotated[Wanted, Depends(_filters)]


def told(wanted: Wanted) -> dict[str, Any]:
    """Return filters as the query parameters that ask for them."""
    asked = {name: value for name, value in asdict(wanted).items() if value is not None}
    if wanted.changed_since is not None:
        asked["changed_since"] = wanted.changed_since.isoformat()
    return asked
