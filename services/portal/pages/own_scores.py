"""A supplier's own index as each requester sees it, and asking a requester to look again."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from services.portal import charts, forms
from services.portal.client import Json, Problem
from services.portal.pages.desk import PRINCIPLES
from services.portal.pages.firm import gaps, question_texts, worst
from services.portal.visit import Book, Visit, first, not_found, reasons, to

book = Book()

OUTCOMES: Final = {
    "will_correct": "評価を見直します",
    "stays": "評価は変わりません",
}
STEPS: Final = {
    "opened": "再確認をお願いしました",
    "answered": "依頼元から回答がありました",
    "accepted": "回答を了承しました",
    "asked_again": "もう一度の再確認をお願いしました",
    "withdrawn": "依頼を取り下げました",
    "lapsed": "期限までにご連絡がなく、終了しました",
}
_MOVES: Final = ("accept", "ask-again", "withdraw")
_WORDLESS: Final = ("accept", "withdraw")


@book.get("/own-scores")
async def show_list(visit: Visit) -> Response:
    """List the firm's newest index with each requester, and what it asked to be looked at again."""
    scores = (await visit.api.get("/risk/v1/own-scores"))["items"]
    own = await visit.org()
    disputes = [
        each for each in await visit.api.every("/risk/v1/disputes") if each["respondent_id"] == own
    ]
    names = await _names(visit, {each["requester_id"] for each in (*scores, *disputes)})
    rows = [
        charts.interval(names[each["requester_id"]], each["score_exact"], each["link_id"])
        for each in scores
    ]
    return visit.page(
        "own_scores.html",
        scores=scores,
        rows=rows,
        picture=_picture(visit, rows),
        disputes=disputes,
        names=names,
        outcomes=OUTCOMES,
    )


@book.get("/own-scores/{link}")
async def show(visit: Visit) -> Response:
    """Show what one index is made of, and offer to have it looked at again."""
    return await _page(visit)


@book.post("/own-scores/{link}")
async def ask(visit: Visit) -> Response:
    """Ask the requester to look again, at the whole or at one question."""
    form = await visit.form()
    component, _, question = forms.text(form, "about").partition("\n")
    body = {
        "link_id": visit.request.path_params["link"],
        "component": component or None,
        "question": question or None,
        "text": forms.text(form, "text"),
    }
    try:
        if not body["text"]:
            missing = [visit.words.plain("見直していただきたい点をご記入ください。")]
            return await _page(visit, errors=missing)
        made = await visit.api.post("/risk/v1/disputes", body)
    except Problem as why:
        if why.status >= 500 or why.status in (401, 403, 404):  # noqa: PLR2004 (HTTP)
            raise
        return await _page(visit, errors=reasons(visit, why), text=str(body["text"]))
    return to(f"/own-scores/disputes/{made['id']}")


@book.get("/own-scores/disputes/{id}")
async def show_dispute(visit: Visit) -> Response:
    """Show the steps of a request to look again, and the next one that is ours."""
    return await _dispute_page(visit)


@book.post("/own-scores/disputes/{id}/{move}")
async def move_dispute(visit: Visit) -> Response:
    """Be content with the answer, ask once more, or take it back."""
    form, move = await visit.form(), visit.request.path_params["move"]
    if move not in _MOVES:
        return not_found(visit)
    text = forms.text(form, "text")
    if not text and move not in _WORDLESS:
        missing = [visit.words.plain("もう一度見ていただきたい点をご記入ください。")]
        return await _dispute_page(visit, missing)
    path = f"/risk/v1/disputes/{_id(visit)}"
    try:
        await visit.api.post(f"{path}/{move}", {"text": text})
    except Problem as why:
        if why.status >= 500 or why.status in (401, 403, 404):  # noqa: PLR2004 (HTTP)
            raise
        return await _dispute_page(visit, reasons(visit, why))
    return to(f"/own-scores/disputes/{_id(visit)}")


def _id(visit: Visit) -> str:
    return quote(visit.request.path_params["id"], safe="")


async def _names(visit: Visit, ids: set[str]) -> dict[str, str]:
    wanted = sorted(ids)
    found = await asyncio.gather(
        *(visit.api.get(f"/identity/v1/organizations/{each}") for each in wanted)
    )
    return {id_: each["name"] for id_, each in zip(wanted, found, strict=True)}


def _picture(visit: Visit, rows: list[charts.Interval]) -> str:
    title = visit.words.text("リスク指数(0が最良、100が最悪)")
    return charts.intervals(rows, str(title))


async def _page(visit: Visit, errors: list[str] | None = None, text: str = "") -> Response:
    scores = (await visit.api.get("/risk/v1/own-scores"))["items"]
    score = first(scores, link_id=visit.request.path_params["link"])
    if score is None:
        return not_found(visit)
    made_of: Json = score["explanation"]
    whole = charts.interval(visit.words.plain("指数"), score["score_exact"])
    context: dict[str, Any] = {
        "score": score,
        "name": (await _names(visit, {score["requester_id"]}))[score["requester_id"]],
        "whole": whole,
        "picture": _picture(visit, [whole]),
        "gaps": gaps(visit, (made_of or {}).get("principles") or {}, PRINCIPLES),
        "worst": worst(made_of or {}),
        "texts": await question_texts(visit),
        "interval": charts.interval,
        "text": text,
        "errors": errors or [],
    }
    return visit.page("own_score.html", 422 if errors else 200, **context)


async def _dispute_page(visit: Visit, errors: list[str] | None = None) -> Response:
    dispute = await visit.api.get(f"/risk/v1/disputes/{_id(visit)}")
    if dispute["respondent_id"] != await visit.org():
        return not_found(visit)
    texts = await question_texts(visit) if dispute["question"] else {}
    names = await _names(visit, {dispute["requester_id"]})
    return visit.page(
        "own_dispute.html",
        422 if errors else 200,
        dispute=dispute,
        name=names[dispute["requester_id"]],
        texts=texts,
        steps_taken=STEPS,
        outcomes=OUTCOMES,
        errors=errors or [],
    )
