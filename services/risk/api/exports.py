"""All scores at once: NDJSON and CSV, streamed, with control totals to hold a file against."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import StreamingResponse

from services.kit.auth import Who, needs
from services.kit.clock import rfc3339
from services.kit.db import Actor
from services.kit.web import Model
from services.risk.api.filters import Filters
from services.risk.api.scores import NoneYet
from services.risk.rules.serving import Charset
from services.risk.store import exports
from services.risk.store.direct import Direct
from services.risk.store.exports import Format, Totals
from services.risk.store.served import Wanted

router = APIRouter(prefix="/exports", tags=["exports"])

_READ = [needs("scores.read")]
Encoding = Annotated[Charset, Query(description="utf-8 (with BOM) or cp932 (Shift_JIS)")]


class RowLeftOut(Model):
    """A supplier whose rows CP932 cannot hold, with the characters it has no place for."""

    id: str
    vendor_codes: list[str]
    characters: str
    rows: int


class ControlTotals(Model):
    """What a file must hold: compare before you take it over.

    `rows` without the heading; `score_total` is the sum of the column `score` to one decimal,
    empty cells as 0. `left_out` rows are in no CP932 file; the UTF-8 file and NDJSON hold them.
    """

    snapshot: UUID
    as_of: datetime
    format: Format
    encoding: Charset
    firms: int
    rows: int
    rows_left_out: int
    score_total: str
    left_out: list[RowLeftOut]


@router.get(
    "/scores.ndjson",
    dependencies=_READ,
    response_class=StreamingResponse,
    responses={200: {"content": {"application/x-ndjson": {"schema": {"type": "string"}}}}},
)
async def export_scores_ndjson(request: Request, who: Who, wanted: Filters) -> Response:
    """Get all scores, one JSON object a line, as in the list of suppliers.

    The headers `Rensho-Rows` and `Rensho-Score-Total` say what the file holds when it is whole.
    """
    return await _answer(request, who.actor, wanted, "ndjson", "utf-8")


@router.get(
    "/scores.csv",
    dependencies=_READ,
    response_class=StreamingResponse,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
async def export_scores_csv(
    request: Request, who: Who, wanted: Filters, encoding: Encoding = "utf-8"
) -> Response:
    """Get all scores as CSV, one row per vendor code, CRLF, in UTF-8 with BOM or CP932.

    Rows that CP932 cannot hold are left out, never garbled: the header `Rensho-Rows-Left-Out`
    counts them and `GET /exports/totals` lists them.
    """
    return await _answer(request, who.actor, wanted, "csv", encoding)


@router.get("/totals", dependencies=_READ)
async def get_export_totals(
    request: Request,
    who: Who,
    wanted: Filters,
    file_format: Annotated[Format, Query(alias="format")] = "csv",
    encoding: Encoding = "utf-8",
) -> ControlTotals:
    """Get the control totals of an export, and what CP932 cannot hold of it."""
    export, totals = await _begin(request, who.actor, wanted, file_format, encoding)
    await export.aclose()
    return _totals_out(totals, file_format, encoding)


def _totals_out(totals: Totals, file_format: Format, encoding: Charset) -> ControlTotals:
    """Return control totals as they are shown."""
    return ControlTotals(
        snapshot=totals.snapshot,
        as_of=totals.as_of,
        format=file_format,
        encoding=encoding,
        firms=totals.firms,
        rows=totals.rows,
        rows_left_out=sum(one.rows for one in totals.left_out),
        score_total=f"{totals.score_total:.1f}",
        left_out=[RowLeftOut.model_validate(one) for one in totals.left_out],
    )


async def _answer(
    request: Request, actor: Actor, wanted: Wanted, file_format: Format, encoding: Charset
) -> Response:
    export, totals = await _begin(request, actor, wanted, file_format, encoding)
    charset = "utf-8" if encoding == "utf-8" else "Shift_JIS"
    kind = "application/x-ndjson" if file_format == "ndjson" else f"text/csv; charset={charset}"
    name = f"scores-{totals.as_of:%Y%m%dT%H%M%SZ}.{file_format}"
    return StreamingResponse(
        cast("AsyncIterator[bytes]", export),
        media_type=kind,
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Rensho-Snapshot": str(totals.snapshot),
            "Rensho-As-Of": rfc3339(totals.as_of),
            "Rensho-Rows": str(totals.rows),
            "Rensho-Rows-Left-Out": str(sum(one.rows for one in totals.left_out)),
            "Rensho-Score-Total": f"{totals.score_total:.1f}",
        },
    )


async def _begin(
    request: Request, actor: Actor, wanted: Wanted, file_format: Format, encoding: Charset
) -> tuple[AsyncGenerator[Totals | bytes], Totals]:
    direct: Direct = request.app.state.exports
    export = exports.export(direct, actor, wanted, file_format, encoding)
    try:
        totals = await anext(export)
    except exports.NothingServed as why:
        msg = "no snapshot of yours was signed yet; ask for one"
        raise NoneYet(msg) from why
    assert isinstance(totals, Totals)
    return export, totals
