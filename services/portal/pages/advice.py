"""What to do next, each with its exact effect; and what would be if: computed, never kept."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import Any, Final

from starlette.datastructures import QueryParams
from starlette.responses import Response

from services.portal import charts
from services.portal.client import Json, Problem
from services.portal.pages.chain import DEPENDENCY
from services.portal.pages.firm import question_texts
from services.portal.pages.risk import firm_names
from services.portal.visit import Book, Visit, field, reasons

book = Book()

_NOT_FOUND: Final = 404
_SHOWN: Final = 20
_MOST_CHANGES: Final = 50
_PARTS: Final = ("kind", "link_id", "component", "question", "value")

ACTIONS: Final[Mapping[str, str]] = {
    "answer": "設問に回答していただく",
    "close_gap": "設問への対応を進めていただく",
    "raise_assurance": "根拠資料を確認し、確認水準を一段上げる",
    "confirm_key": "署名鍵の指紋を照合する",
    "renew": "すべての回答をあらためて署名していただく",
    "declare_components": "AIコンポーネントを申告していただく",
    "declare_sub_tier": "仕入先の一覧を申告していただく",
    "go_silent": "回答がまったくなかったら",
    "lose_attestation": "署名済み回答書が無効になったら",
    "dependency": "依存の度合いが変わったら",
    "end": "取引を終えたら",
}
BY_HAND: Final = (
    *("confirm_key", "renew", "declare_components", "declare_sub_tier"),
    *("go_silent", "lose_attestation", "dependency", "end"),
)
"""What is imagined of a whole supplier; what names a question is taken from the advice."""


@book.get("/risk/advice")
async def advice(visit: Visit) -> Response:
    """List the best next actions, the greatest effect first."""
    try:
        told = await visit.api.get("/risk/v1/advice", limit=_SHOWN)
    except Problem as why:
        if why.status != _NOT_FOUND:
            raise
        return visit.page("risk_advice.html", told=None)
    names, texts = await asyncio.gather(firm_names(visit), question_texts(visit))
    rows = [{**each, "change": _written(_change(each))} for each in told["items"]]
    return visit.page(
        "risk_advice.html",
        told=told,
        rows=rows,
        names=names,
        texts=texts,
        actions=ACTIONS,
        moved=moved,
    )


@book.get("/risk/what-if")
async def what_if(visit: Visit) -> Response:
    """Show what the newest snapshot would say after some changes; the address holds them all."""
    query = visit.request.query_params
    changes, errors, found = _changes(query), [], None
    if changes:
        try:
            found = await visit.api.post("/risk/v1/what-if", {"changes": changes})
        except Problem as why:
            if why.status in (401, 403):
                raise
            errors = reasons(visit, why)
    suppliers, names, texts = await asyncio.gather(
        visit.api.every("/questionnaire/v1/suppliers", limit=500),
        firm_names(visit),
        question_texts(visit),
    )
    links = {each["link"]["id"]: each["name"] for each in suppliers if not each["merged_into"]}
    return visit.page(
        "risk_what_if.html",
        422 if errors else 200,
        changes=[(each, _written(each)) for each in changes],
        links=links,
        names=names,
        texts=texts,
        actions=ACTIONS,
        by_hand=BY_HAND,
        dependency=DEPENDENCY,
        found=found,
        picture=_picture(visit, found),
        moved=moved,
        errors=errors,
    )


def moved(of: Json) -> tuple[charts.Interval, charts.Interval]:
    """Return an index before and after as intervals."""
    return charts.interval("", of["before_exact"]), charts.interval("", of["after_exact"])


def _picture(visit: Visit, found: Json | None) -> Any:
    if found is None or found["portfolio"] is None:
        return None
    rows = [
        charts.interval(visit.words.plain("いまの評価"), found["portfolio"]["before_exact"]),
        charts.interval(visit.words.plain("仮の評価"), found["portfolio"]["after_exact"]),
    ]
    return charts.intervals(rows, str(visit.words.text("全体の指数(0が最良、100が最悪)")))


def _changes(query: QueryParams) -> list[Json]:
    """Read the changes of an address, and the one that its form adds; nonsense is left out."""
    made = [_read(each) for each in query.getlist("change")]
    kind, link = field(query, "kind"), field(query, "link_id")
    if kind in BY_HAND and link:
        value = field(query, "value") or None
        added = {"kind": kind, "link_id": link, "value": value if kind == "dependency" else None}
        made.append(_change(added))
    return [each for each in made if each is not None][:_MOST_CHANGES]


def _change(of: Mapping[str, Any]) -> Json:
    """Return an action of the advice, or a change, as the API takes it."""
    return {"kind": of.get("kind") or of["action"], **{part: of.get(part) for part in _PARTS[1:]}}


def _written(change: Json) -> str:
    return json.dumps([change[part] for part in _PARTS], ensure_ascii=False)


def _read(text: str) -> Json | None:
    try:
        found = json.loads(text)
    except ValueError:
        return None
    fits = isinstance(found, list) and len(found) == len(_PARTS)
    if not fits or found[0] not in ACTIONS or not isinstance(found[1], str):
        return None
    return dict(zip(_PARTS, found, strict=True))
