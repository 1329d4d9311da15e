"""One firm's risk: an interval, what it is made of, by which ways it comes, and why it moved."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from starlette.responses import Response

from services.portal import charts
from services.portal.client import Json
from services.portal.pages.desk import PRINCIPLES
from services.portal.pages.risk import TOPICS, firm_names
from services.portal.visit import Book, Visit

book = Book()

_MOST_QUESTIONS: Final = 15
_PER_PAGE: Final = 12

_texts: dict[tuple[str, str], dict[str, Json]] = {}
"""The questions' texts by pack and version; a version of a pack never changes."""

REASONS: Final[Mapping[str, str]] = {
    "first_judged": "はじめて評価した",
    "time_passed": "回答からの時間の経過",
    "further_down": "仕入先側の変化",
    "policy_changed": "評価方針の変更",
    "classification_changed": "用途区分の変更",
    "dependency_changed": "依存の度合いの変更",
    "questions_changed": "お願いした設問の変更",
    "deadline_changed": "回答期限の変更",
    "declared": "申告書を受領",
    "declared_anew": "申告書の更新",
    "declaration_no_longer_counts": "申告書が有効でなくなった",
    "attestation_expired": "署名済み回答書の期限切れ・失効",
    "attestation_counts_again": "署名済み回答書が再び有効",
    "key_confirmed": "署名鍵の照合",
    "evidence_checked": "根拠資料の確認",
    "independently_assessed": "独立した評価の確認",
    "assurance_raised": "確認水準の上昇",
    "assurance_lowered": "確認水準の低下",
    "superseded": "新しい回答への置き換え",
    "component_declared": "AIコンポーネントの申告",
    "component_gone": "AIコンポーネントの取下げ",
    "component_described_anew": "AIコンポーネントの記載の変更",
    "answered": "新しい回答",
    "answer_gone": "回答の取下げ",
    "answer_changed": "回答の変更",
    "not_applicable_accepted": "該当なしの了承",
    "waived": "回答を求めないことにした",
    "seen_by_reviewer": "確認者による閲覧",
    "sub_tier_declared": "仕入先一覧の申告",
    "sub_tier_silent": "仕入先一覧の申告がなくなった",
    "new_sub_supplier": "仕入先の追加",
    "sub_supplier_gone": "仕入先の減少",
    "sub_tier_changed": "仕入先一覧の変更",
}


@book.get("/risk/suppliers/{id}")
async def firm(visit: Visit) -> Response:
    """Show what one firm's index is made of: principle, component, question, way, and history."""
    id_ = quote(visit.request.path_params["id"], safe="")
    base = f"/risk/v1/suppliers/{id_}"
    # The first answer says whether there is such a firm; the rest then belongs to the same page.
    score = await visit.api.get(base)
    told, history, names, texts = await asyncio.gather(
        visit.api.get(f"{base}/explanation"),
        visit.api.get(
            f"{base}/history", cursor=visit.request.query_params.get("after"), limit=_PER_PAGE
        ),
        firm_names(visit),
        question_texts(visit),
    )
    return visit.page(
        "risk_firm.html",
        score=score,
        dispute=told["dispute"],
        ways=told["ways"],
        names=names,
        history=history,
        reasons=REASONS,
        interval=charts.interval,
        texts=texts,
        **_pictures(visit, score, history),
        **_parts(visit, told["split"]),
    )


async def question_texts(visit: Visit) -> dict[str, Json]:
    """Return the text of every question of this build in both languages, by id."""
    packs = (await visit.api.get("/questionnaire/v1/packs"))["items"]
    found = await asyncio.gather(*(_texts_of(visit, each["id"], each["version"]) for each in packs))
    return {id_: text for texts in found for id_, text in texts.items()}


async def _texts_of(visit: Visit, id_: str, version: str) -> dict[str, Json]:
    if (id_, version) not in _texts:
        pack = await visit.api.get(f"/questionnaire/v1/packs/{id_}/{version}")
        _texts[id_, version] = {each["id"]: each["text"] for each in pack["questions"]}
    return _texts[id_, version]


def _pictures(visit: Visit, score: Json, history: Json) -> dict[str, Any]:
    """Return the picture of the index and of its course, the newest on top."""
    whole = charts.interval(visit.words.plain("指数"), score["score_exact"])
    title = str(visit.words.text("リスク指数(0が最良、100が最悪)"))
    course = [
        charts.interval(visit.words.short_day(each["as_of"]), each["score_exact"])
        for each in history["items"]
    ]
    return {
        "whole": whole,
        "picture": charts.intervals([whole], title),
        "course": course,
        "course_picture": charts.intervals(course, str(visit.words.text("指数の推移"))),
    }


def _parts(visit: Visit, split: Json | None) -> dict[str, Any]:
    """Return the parts of a direct supplier's index; of a firm further down there are none."""
    found: Json = split or {}
    sides = [
        charts.interval(visit.words.plain(name), _alone(found.get(key)))
        for key, name in (("own", "会社自身だけ"), ("sub_tier", "仕入先だけ"))
    ]
    shown = gaps(visit, found.get("principles") or {}, PRINCIPLES)
    topics = gaps(visit, found.get("topics") or {}, TOPICS)
    title = str(visit.words.text("指針の観点ごとの差"))
    return {
        "split": split,
        "sides": charts.intervals(sides, str(visit.words.text("指数の内訳"))),
        "gaps": shown,
        "topics": topics,
        "gaps_picture": charts.intervals([row for row, _ in shown], title),
        "components": found.get("components", []),
        "worst": worst(found),
    }


def _alone(nats: Json | None) -> Json | None:
    """Return what the index would be of one part alone: R = 1 − e^−ℓ (RM-1), per bound."""
    if nats is None:
        return None
    return {bound: str(1 - math.exp(-float(value))) for bound, value in nats.items()}


def gaps(
    visit: Visit, found: Json, names: Mapping[str, str]
) -> list[tuple[charts.Interval, float]]:
    """Return a row per principle or topic that was asked: its bounds, and how much is known."""
    rows = []
    for key, name in names.items():
        each = found.get(key) or found.get(key.upper())
        if each and each["coverage"] is not None:
            label = visit.words.plain(name)
            rows.append((charts.interval(label, each["gap"]), float(each["coverage"])))
    return rows


def worst(split: Json) -> list[Json]:
    """Return the answers that carry most of the firm's own part, the heaviest first."""
    rows = [
        {"component": component["id"], "kind": component["kind"], **question}
        for component in split.get("components", [])
        for question in component.get("questions", [])
    ]
    heavy = sorted(rows, key=lambda row: -float(row["contribution"]["evidenced"] or 0))
    return [row for row in heavy if float(row["gap"]["evidenced"] or 0) > 0][:_MOST_QUESTIONS]
