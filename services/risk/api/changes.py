"""What changed since a reader last looked: scores that say something else, and firms that left."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query, Response

from services.kit.auth import Who, needs
from services.kit.problems import Invalid, Refused
from services.kit.web import Limit, Model, Tx
from services.risk.api.edge import Here, IfNoneMatch, from_cursor, to_cursor, unless_known
from services.risk.api.scores import SupplierScore
from services.risk.store import served

router = APIRouter(tags=["scores"])
_DIGITS = 19


class StartOver(Refused):
    """This place lies after everything that was ever served: begin again without `since`."""

    urn = "changes/start-over"
    status = HTTPStatus.GONE


class Change(Model):
    """A firm of which something else is said now; `score` is null for one that left."""

    id: str
    left: bool
    score: SupplierScore | None


class Changes(Model):
    """Changes in their order, each firm once; keep `next_since` for the next time.

    `more` says that further changes are there already.
    """

    items: list[Change]
    next_since: str
    more: bool


@router.get(
    "/changes",
    response_model=Changes,
    responses={304: {"description": "as it was"}},
    dependencies=[needs("scores.read")],
)
def list_score_changes(
    tx: Tx,
    who: Who,
    here: Here,
    since: Annotated[
        str | None, Query(max_length=200, description="`next_since` of the last answer")
    ] = None,
    limit: Limit = 100,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """List what changed since a place; without one, everything that is served now.

    A firm is listed when its score, band, coverage or what you call it changed, not because a new
    snapshot was made.
    """
    after = _place(since)
    if after > served.last_change(tx, who.org):
        msg = "nothing was ever served after this place; begin again without since"
        raise StartOver(msg)
    found = served.changes(tx, who.org, since=after, limit=limit + 1)
    items = [
        {"id": firm, "left": line is None, "score": None if line is None else json.loads(line)}
        for _, firm, line in found[:limit]
    ]
    place = to_cursor(str(found[:limit][-1][0] if found else after))
    more = len(found) > limit
    link = f"{here}/changes?since={place}&limit={limit}" if more else None
    return unless_known({"items": items, "next_since": place, "more": more}, if_none_match, link)


def _place(since: str | None) -> int:
    read = from_cursor(since, 1)
    if read is None:
        return 0
    if not (read[0].isascii() and read[0].isdigit() and len(read[0]) < _DIGITS):
        msg = "this cursor is none of ours"
        raise Invalid(msg)
    return int(read[0])
