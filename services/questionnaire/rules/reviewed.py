"""A reviewed response as a table to file: what was asked, answered, decided, and why."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from services.questionnaire.rules.packs import Question
from services.questionnaire.rules.refusals import Text
from services.questionnaire.rules.reviewing import Spot, Standing

Language = Literal["ja", "en"]

HEAD: Final[Mapping[Language, tuple[str, ...]]] = {
    "ja": (
        *("対象", "番号", "設問", "状況", "回答", "理由", "備考"),
        *("根拠資料", "確認結果", "確認の理由", "免除の責任者", "免除の期限"),
    ),
    "en": (
        *("About", "No.", "Question", "State", "Answer", "Reason", "Note"),
        *("Evidence", "Review", "Why", "Waiver owner", "Waived until"),
    ),
}
WIDTHS: Final = (22, 14, 60, 12, 40, 30, 30, 30, 16, 30, 18, 14)

_COMPANY: Final = Text("会社", "Company")
_ANSWERED: Final = Text("回答", "Answered")
_STANDINGS: Final[Mapping[Standing, Text]] = {
    "open": Text("未確認", "Not reviewed"),
    "accepted": Text("承認", "Accepted"),
    "sent_back": Text("差戻し", "Sent back"),
    "unchanged": Text("差戻し(回答に変更なし)", "Sent back (not changed)"),
    "evidence_checked": Text("根拠資料を確認", "Evidence checked"),
    "independent": Text("第三者評価を確認", "Independently assessed"),
    "na_accepted": Text("該当なしを了承", "Not applicable, accepted"),
    "waived": Text("免除", "Waived"),
}


@dataclass(frozen=True, slots=True)
class Sheet:
    """What the table is made of: the questions by id, labels of states, and what was decided.

    `parts`: name of each component (None for the company) with its id and answers as opened.
    `decisions`: spot → the newest decision on it. `evidence`: commitment → title.
    """

    questions: Mapping[str, Question]
    states: Mapping[str, Text]
    parts: Sequence[tuple[str | None, str | None, Sequence[Mapping[str, Any]]]]
    standings: Mapping[Spot, Standing]
    decisions: Mapping[Spot, Mapping[str, Any]]
    evidence: Mapping[str, str]


def rows(sheet: Sheet, language: Language) -> Iterator[tuple[str, ...]]:
    """Yield the rows of the table below its head, in the order the answers were signed."""
    for component, name, given in sheet.parts:
        about = getattr(_COMPANY, language) if component is None else name or component
        for answer in given:
            question = sheet.questions.get(answer["question"])
            if question is not None:
                spot: Spot = (component, question.id)
                yield (
                    about,
                    *_answered(sheet, question, answer, language),
                    *_decided(sheet, spot, language),
                )


def _answered(
    sheet: Sheet, question: Question, answer: Mapping[str, Any], language: Language
) -> tuple[str, ...]:
    state = _ANSWERED if answer["state"] == "answered" else sheet.states[answer["state"]]
    chosen = [each.label for each in question.options if each.code == answer.get("value")]
    titles = (sheet.evidence.get(each, each) for each in answer.get("evidence", ()))
    return (
        question.id,
        getattr(question.text, language),
        getattr(state, language),
        getattr(chosen[0], language) if chosen else "",
        answer.get("reason") or "",
        _note(question, answer, language),
        _joined(titles, language),
    )


def _note(question: Question, answer: Mapping[str, Any], language: Language) -> str:
    given: Mapping[str, str] = answer.get("details") or {}
    details = (
        f"{getattr(each.label, language)}: {given[each.name]}"
        for each in question.details
        if each.name in given
    )
    return _joined((*([answer["note"]] if answer.get("note") else []), *details), language)


def _decided(sheet: Sheet, spot: Spot, language: Language) -> tuple[str, ...]:
    standing = getattr(_STANDINGS[sheet.standings.get(spot, "open")], language)
    decision = sheet.decisions.get(spot, {})
    named = ("reason", "owner", "until")
    return standing, *(str(decision.get(name) or "") for name in named)


def _joined(texts: Iterable[str], language: Language) -> str:
    return ("、" if language == "ja" else "; ").join(texts)
