"""Filing a reviewed response as xlsx, beside openpyxl writing the same cells."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from openpyxl import Workbook, load_workbook

from services.questionnaire.actions import reviewed_excel
from services.questionnaire.rules import reviewed
from services.questionnaire.rules.refusals import Text
from services.questionnaire.rules.reviewed import Sheet
from services.questionnaire.rules.reviewing import Spot, Standing
from services.questionnaire.store import packs
from tests.bench.measuring import Line, Rounds, cpu

_COMPONENTS = 5
_ROUNDS = 9
_FACTS = [("調査", "AI利用状況調査 2026年度"), ("依頼元", "見本自動車工業株式会社")]


def _sheet() -> Sheet:
    """All questions of all packs, answered for the company and for each component."""
    shelf = packs.load_all()
    questions = {question.id: question for pack in shelf.values() for question in pack.questions}
    given: list[dict[str, Any]] = [
        {
            "question": question.id,
            "state": "answered",
            "value": question.options[0].code,
            "reason": None,
            "note": "対象は量産ラインの外観検査工程です。",
            "details": {},
            "evidence": [f"c-{number}"],
        }
        for number, question in enumerate(questions.values())
        if question.options
    ]
    names: list[str | None] = [None, *(f"AI-{number}" for number in range(_COMPONENTS))]
    standings: dict[Spot, Standing] = {
        (name, str(each["question"])): "accepted" for name in names for each in given
    }
    return Sheet(
        questions=questions,
        states={"checking": Text("確認中", "Still checking")},
        parts=[(name, name, given) for name in names],
        standings=standings,
        decisions={spot: {"reason": "根拠資料と一致"} for spot in standings},
        evidence={f"c-{number}": f"根拠資料 {number}" for number in range(len(given))},
    )


def _ours(sheet: Sheet) -> bytes:
    return reviewed_excel.write(
        "回答",
        _FACTS,
        reviewed.HEAD["ja"],
        reviewed.WIDTHS,
        reviewed.rows(sheet, "ja"),
    )


def _plain(facts: Sequence[Sequence[str]], rows: Sequence[Sequence[str]]) -> bytes:
    """What the library's own first example does with the same texts; no style, no width."""
    book = Workbook()
    front = book.worksheets[0]
    for fact in facts:
        front.append(list(fact))
    table = book.create_sheet("回答")
    for row in rows:
        table.append([text or None for text in row])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _texts(content: bytes, sheet: str) -> list[tuple[str, ...]]:
    page = load_workbook(io.BytesIO(content))[sheet]
    return [tuple(str(cell or "") for cell in row) for row in page.iter_rows(values_only=True)]


def lines() -> list[Line]:
    """Measure, after making sure that both write the same texts."""
    sheet = _sheet()
    rows = [reviewed.HEAD["ja"], *reviewed.rows(sheet, "ja")]
    assert _texts(_ours(sheet), "回答") == _texts(_plain(_FACTS, rows), "回答")
    rounds = Rounds(
        {"ours": lambda: _ours(sheet), "plain": lambda: _plain(_FACTS, rows)}, _ROUNDS, cpu
    )
    cells = len(rows) * len(rows[0])
    return [
        Line(
            f"export of a reviewed response as xlsx, {cells:,} cells with styles",
            "openpyxl writing the same cells plain",
            rounds.rate("ours", 1),
            rounds.rate("plain", 1),
            rounds.ratio("ours", "plain"),
            1 / 1.5,
        )
    ]
