"""Reading all that is served, page by page, as bytes: PostgreSQL glues a page of lines together.

One value a page costs the reader nothing per row, needs no unescaping, and stops when the reader
does.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, LiteralString
from uuid import UUID

from services.kit.db import Actor
from services.risk.rules.serving import CSV_COLUMNS, Charset, csv_row
from services.risk.store.direct import Connection, Direct
from services.risk.store.served import Wanted

Format = Literal["ndjson", "csv"]
# The first page is small, so that a reader waits for nothing; the others are worth a round trip.
_FIRST_PAGE: Final = 200
_PAGE: Final = 4_000
_IDLE_SECONDS: Final = 60

_SERVED: LiteralString = " FROM risk.served s WHERE s.org_id = %(org)s AND s.etag IS NOT NULL"
_FILTERS: Final[dict[str, LiteralString]] = {
    "tier": " AND s.tier = %(tier)s",
    "band": " AND s.band = %(band)s",
    "changed_since": " AND s.changed_at >= %(changed_since)s",
    "names": " AND s.names @> %(names)s::text[]",
}
_HELD: LiteralString = " AND s.unholdable = ''"
_TOTALS: LiteralString = (
    "SELECT count(*), sum(s.row_count), sum(s.score), sum(s.score * s.row_count)"
)
_SNAPSHOT: LiteralString = (
    "SELECT signed.snapshot_id, signed.as_of FROM risk.served s"
    " JOIN risk.snapshot_signed signed ON signed.snapshot_id = s.snapshot_id"
    " WHERE s.org_id = %(org)s AND s.etag IS NOT NULL LIMIT 1"
)
# The order of a sorted subquery is kept by an aggregate without one of its own.
_LINES: LiteralString = (
    "SELECT convert_to(string_agg(page.line, ''), 'UTF8'), max(page.id) FROM (SELECT s.line, s.id"
)
_ROWS: LiteralString = (
    "SELECT convert_to(string_agg(page.rows, ''), 'UTF8'), max(page.id) FROM (SELECT s.rows, s.id"
)
_NEXT: LiteralString = " AND s.id > %(after)s ORDER BY s.id LIMIT %(page)s) page"


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A firm whose rows CP932 cannot hold, and the characters it has no place for."""

    id: str
    vendor_codes: list[str]
    characters: str
    rows: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What an export holds: `score_total` is the sum of its `score` column, empty ones as 0."""

    snapshot: UUID
    as_of: datetime
    firms: int
    rows: int
    score_total: Decimal
    left_out: list[LeftOut]


class NothingServed(LookupError):
    """No snapshot of the organization is served."""


async def export(
    direct: Direct, actor: Actor, wanted: Wanted, kind: Format, encoding: Charset
) -> AsyncGenerator[Totals | bytes]:
    """Yield the control totals of an export, then its bytes; both see one moment.

    Raises:
        NothingServed: no snapshot of the organization is served.
        Unauthenticated, Unavailable: see `Direct.snapshot`.
    """
    assert actor.org is not None
    cp932 = kind == "csv" and encoding == "cp932"
    async with direct.snapshot(actor, idle_seconds=_IDLE_SECONDS) as reader:
        found = await totals(reader, actor.org, wanted, kind, cp932=cp932)
        if found is None:
            raise NothingServed
        yield found
        if kind == "csv":
            yield csv_row(CSV_COLUMNS).encode("cp932" if cp932 else "utf-8-sig")
        async for page in pages(reader, actor.org, wanted, kind, cp932=cp932):
            yield page.decode().encode("cp932") if cp932 else page


async def totals(
    reader: Connection, org: UUID, wanted: Wanted, kind: Format, *, cp932: bool
) -> Totals | None:
    """Return the control totals of an export; None where nothing was ever served."""
    values = _values(org, wanted)
    snapshot = await (await reader.execute(_SNAPSHOT, values)).fetchone()
    if snapshot is None:
        return None
    counted = await (await reader.execute(_TOTALS + _where(values, cp932=cp932), values)).fetchone()
    assert counted is not None
    firms, rows, of_firms, of_rows = counted
    score_total = of_firms if kind == "ndjson" else of_rows
    return Totals(
        snapshot=snapshot[0],
        as_of=snapshot[1],
        firms=firms,
        rows=firms if kind == "ndjson" else rows or 0,
        # Sums of tenths, which a double holds exactly enough to be rounded to them.
        score_total=Decimal(f"{score_total or 0:.1f}"),
        left_out=await _left_out(reader, values) if cp932 else [],
    )


async def _left_out(reader: Connection, values: dict[str, Any]) -> list[LeftOut]:
    found = await reader.execute(
        "SELECT s.id, s.names, s.unholdable, s.row_count"
        + _where(values, cp932=False)
        + " AND s.unholdable <> '' ORDER BY s.id",
        values,
    )
    return [LeftOut(row[0], _codes(row[1]), row[2], row[3]) for row in await found.fetchall()]


async def pages(
    reader: Connection, org: UUID, wanted: Wanted, kind: Format, *, cp932: bool
) -> AsyncIterator[bytes]:
    """Yield the lines of an export by id, glued together in UTF-8, a page at a time.

    While a page is on its way to the reader, the database makes the next one.
    """
    values = _values(org, wanted)
    select = _LINES if kind == "ndjson" else _ROWS
    statement = select + _where(values, cp932=cp932) + _NEXT

    async def page(after: str, size: int) -> tuple[bytes, str | None]:
        place = {"after": after, "page": size}
        cursor = await reader.execute(statement, values | place, binary=True)
        row = await cursor.fetchone()
        assert row is not None
        return row[0], row[1]

    coming = asyncio.create_task(page("", _FIRST_PAGE))
    try:
        while True:
            lines, last = await coming
            if last is None:
                return
            coming = asyncio.create_task(page(last, _PAGE))
            yield lines
    finally:
        # A reader that left: the connection is given back only when it is quiet.
        coming.cancel()
        with suppress(asyncio.CancelledError):
            await coming


def _where(values: dict[str, Any], *, cp932: bool) -> LiteralString:
    """Return the rows an export is of; a filter that nobody asked for costs nothing."""
    made = _SERVED
    for name, condition in _FILTERS.items():
        if values[name]:
            made += condition
    return made + _HELD if cp932 else made


def _values(org: UUID, wanted: Wanted) -> dict[str, Any]:
    asked = asdict(wanted)
    keys = (("vendor-code", "vendor_code"), ("tag", "tag"), ("product-line", "product_line"))
    names = [f"{key}:{asked[name]}" for key, name in keys if asked[name] is not None]
    kept = {name: asked[name] for name in ("tier", "band", "changed_since")}
    return {**kept, "org": org, "names": names}


def _codes(names: list[str]) -> list[str]:
    prefix = "vendor-code:"
    return [name.removeprefix(prefix) for name in names if name.startswith(prefix)]
