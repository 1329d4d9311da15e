"""The feed for ERPs and spreadsheets that speak OData v4: `/risk/odata/v1`, read-only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from http import HTTPStatus
from typing import Annotated, Any, Final
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import JSONResponse
from sqlalchemy import FromClause
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.clock import rfc3339
from services.kit.problems import NotFound, Refused
from services.kit.web import Tx
from services.risk.api.edge import IfNoneMatch, from_cursor, tags, to_cursor
from services.risk.api.scores import NoneYet
from services.risk.rules import odata as rules
from services.risk.rules.odata import Asked, EntitySet, NotImplementedHere, ODataRefused
from services.risk.store import SnapshotSigned, snapshots
from services.risk.store import odata as store

_READ: Final = [needs("scores.read")]
_TABLES: Final = {"Suppliers": store.suppliers, "Tiers": store.tiers}
_TYPE: Final = "application/json;odata.metadata=minimal;charset=utf-8"
_HEADERS: Final = {"OData-Version": rules.VERSION, "Cache-Control": "private, no-cache"}
STATUS: Final[dict[type[Exception], HTTPStatus]] = {
    NotImplementedHere: HTTPStatus.NOT_IMPLEMENTED,
    ODataRefused: HTTPStatus.BAD_REQUEST,
}


class TooNew(Refused):
    """The reader takes only versions of OData that we do not speak."""

    urn = "odata/version"
    status = HTTPStatus.BAD_REQUEST


class NotAcceptable(Refused):
    """The reader takes no JSON."""

    urn = "odata/not-acceptable"
    status = HTTPStatus.NOT_ACCEPTABLE


class GoneSnapshot(Refused):
    """A page of a walk that nobody can go on with; begin again."""

    urn = "odata/start-over"
    status = HTTPStatus.GONE


async def _spoken(request: Request) -> None:
    """Refuse readers that would not understand the answer."""
    newest = request.headers.get("odata-maxversion", rules.VERSION)
    if newest < rules.VERSION:
        msg = "this feed speaks OData 4.0"
        raise TooNew(msg)
    accept = request.headers.get("accept", "*/*")
    if not any(kind in accept for kind in ("*/*", "application/", "text/", "json", "xml")):
        msg = "this feed answers in JSON, its metadata in XML"
        raise NotAcceptable(msg)


router = APIRouter(tags=["odata"], dependencies=[Depends(_spoken)])


async def _here(request: Request) -> str:
    here: str = request.app.state.odata
    return here


Feed = Annotated[str, Depends(_here)]


@router.get("/", dependencies=_READ)
async def read_service_document(feed: Feed, if_none_match: IfNoneMatch = None) -> Response:
    """Get the entity sets of the feed."""
    return _answer(rules.service_document(f"{feed}/$metadata"), if_none_match)


@router.get("/$metadata", dependencies=_READ, response_class=Response)
async def read_metadata(if_none_match: IfNoneMatch = None) -> Response:
    """Get what the feed holds, as CSDL XML."""
    return _bytes(rules.metadata(), "application/xml", if_none_match)


@router.get("/{name}/$count", dependencies=_READ, response_class=Response)
def count_entities(name: str, request: Request, tx: Tx, who: Who) -> Response:
    """Count an entity set, all of it or what `$filter` leaves."""
    view = _view(tx, who.org, request, name)
    text = str(store.count(tx, view.table, view.condition))
    return Response(text, media_type="text/plain", headers=_HEADERS)


@router.get("/{name}({key})", dependencies=_READ)
def read_entity(
    name: str, key: UUID, request: Request, tx: Tx, who: Who, if_none_match: IfNoneMatch = None
) -> Response:
    """Get one entity by its key."""
    view = _view(tx, who.org, request, name)
    found = store.rows(tx, view.table, view.table.c.Id == key, view.asked, offset=0, limit=1)
    if not found:
        msg = "no such entity"
        raise NotFound(msg)
    context = f"{view.feed}/$metadata#{name}{_selected(view.asked)}/$entity"
    return _answer({"@odata.context": context, **_json(found[0])}, if_none_match)


@router.get("/{name}", dependencies=_READ)
def read_entities(
    name: str, request: Request, tx: Tx, who: Who, if_none_match: IfNoneMatch = None
) -> Response:
    """Get an entity set, by pages: `@odata.nextLink` leads on."""
    view = _view(tx, who.org, request, name)
    asked = view.asked
    left = rules.MAX_PAGE if asked.top is None else max(asked.top - view.given, 0)
    size = min(left, view.page_size)
    start = asked.skip + view.given
    found = store.rows(tx, view.table, view.condition, asked, offset=start, limit=size + 1)
    value: dict[str, Any] = {"@odata.context": f"{view.feed}/$metadata#{name}{_selected(asked)}"}
    if asked.count:
        value["@odata.count"] = store.count(tx, view.table, view.condition)
    value["value"] = [_json(row) for row in found[:size]]
    if len(found) > size and (asked.top is None or view.given + size < asked.top):
        token = to_cursor(str(view.snapshot.snapshot_id), str(view.given + size))
        kept = [(k, v) for k, v in request.query_params.multi_items() if k != "$skiptoken"]
        query = urlencode([*kept, ("$skiptoken", token)], quote_via=quote, safe="$,()'")
        value["@odata.nextLink"] = f"{view.feed}/{name}?{query}"
    return _answer(value, if_none_match)


@router.api_route(
    "/{rest:path}",
    methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
    dependencies=_READ,
    include_in_schema=False,
)
async def refuse_the_rest(rest: str, request: Request) -> Response:
    """Refuse whatever else OData has: paths into entities, batches, changes."""
    msg = f"{request.method} {rest} is not supported: this feed is read by entity set and by key"
    raise NotImplementedHere(msg)


@dataclass(frozen=True, slots=True)
class _View:
    """An entity set as asked for; `given` rows went out on the pages before."""

    feed: str
    snapshot: SnapshotSigned
    table: FromClause
    condition: Any
    asked: Asked
    given: int
    page_size: int


def _view(tx: Session, org: UUID, request: Request, name: str) -> _View:
    entities = rules.SETS.get(name)
    if name.startswith("$"):
        msg = f"{name} is not supported"
        raise NotImplementedHere(msg)
    if entities is None:
        msg = "no such entity set"
        raise NotFound(msg)
    asked = rules.read(entities, request.query_params.multi_items())
    snapshot, given = _snapshot(tx, org, asked)
    table = _TABLES[name](org, snapshot, request.app.state.here)
    return _View(
        feed=request.app.state.odata,
        snapshot=snapshot,
        table=table,
        condition=_condition(entities, table, asked),
        asked=asked,
        given=given,
        page_size=_page_size(request.headers.get("prefer", "")),
    )


def _condition(entities: EntitySet, table: FromClause, asked: Asked) -> Any:
    return None if asked.filter is None else store.condition(entities, table, asked.filter)


def _snapshot(tx: Session, org: UUID, asked: Asked) -> tuple[SnapshotSigned, int]:
    """Return the snapshot a walk stays with, and how many rows went out before."""
    place = from_cursor(asked.token, 2)
    if place is None:
        newest = snapshots.newest(tx, org)
        if newest is None:
            msg = "no snapshot of yours was signed yet; ask for one"
            raise NoneYet(msg)
        return newest, 0
    try:
        found = snapshots.signed(tx, org, UUID(place[0]))
        given = int(place[1]) if place[1].isascii() and len(place[1]) < 9 else -1  # noqa: PLR2004
    except ValueError:
        found, given = None, -1
    if found is None or given < 0:
        msg = "nobody can go on from this page; begin again"
        raise GoneSnapshot(msg)
    return found, given


def _page_size(prefer: str) -> int:
    for one in prefer.split(","):
        name, _, number = one.strip().partition("=")
        if name in {"odata.maxpagesize", "maxpagesize"} and number.isascii() and number.isdigit():
            return max(1, min(int(number[:6]), rules.MAX_PAGE))
    return rules.MAX_PAGE


def _selected(asked: Asked) -> str:
    return f"({','.join(asked.select)})" if asked.select else ""


def _json(row: dict[str, Any]) -> dict[str, Any]:
    return {name: _value(value) for name, value in row.items()}


def _value(value: Any) -> Any:
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, Decimal):
        return float(value)
    return rfc3339(value) if isinstance(value, datetime) else value


def _answer(value: dict[str, Any], if_none_match: str | None) -> Response:
    body = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    return _bytes(body, _TYPE, if_none_match)


def _bytes(body: bytes, media_type: str, if_none_match: str | None) -> Response:
    digest = hashlib.sha256(body).hexdigest()
    headers = {**_HEADERS, "ETag": f'W/"{digest}"'}
    known: Sequence[str] = tags(if_none_match)
    if digest in known or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


async def refused(_request: Request, why: Exception) -> Response:
    """Answer a refusal as OData does (JSON format 4.0, section 19)."""
    if isinstance(why, Refused):
        status, urn, detail, headers = why.status, why.urn, why.detail, why.headers
    else:
        assert isinstance(why, ODataRefused)
        status, urn, detail, headers = STATUS[type(why)], why.urn, str(why), {}
    error = {"error": {"code": urn, "message": detail}}
    kept = {"OData-Version": rules.VERSION, **headers}
    return JSONResponse(error, status, headers=kept, media_type=_TYPE)
