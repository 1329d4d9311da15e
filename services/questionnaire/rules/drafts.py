"""A response as it is being written: one document, read into typed parts and checked as a whole.

Its shape is checked at the edge; here is what depends on the questionnaire and on other parts.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from services.questionnaire.rules import answers, prescreen
from services.questionnaire.rules.answers import Answer
from services.questionnaire.rules.conditions import Decision
from services.questionnaire.rules.packs import Question
from services.questionnaire.rules.prescreen import PreScreen
from services.questionnaire.rules.questionnaires import (
    Component,
    applies,
    applies_to_organization,
)
from services.questionnaire.rules.refusals import Problem, Refusal, Text

MOST_COMPONENTS: Final = 200
"""A submission event must stay under 256 KiB."""

USE_BY_TICK: Final[Mapping[str, str]] = {
    "embedded": "embedded",
    "process": "process",
    "customer_data": "customer-data",
}


@dataclass(frozen=True, slots=True)
class DraftComponent:
    """One AI component as the respondent describes it, with the answers given about it alone.

    `artifacts` are (sha256, media type). `model_card` is what its ML-BOM says; not signed but by
    that file's digest.
    """

    supplier_component_id: str
    name: str
    version: str
    kind: str
    use: str
    roles: Mapping[str, str]
    attributes: Mapping[str, str]
    purl: str | None
    ml_bom_sha256: str | None
    answers: Mapping[str, Answer]
    model_signing_sha256: str | None = None
    artifacts: tuple[tuple[str, str], ...] = ()
    model_card: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Source:
    """The sheet a relayed or transcribed answer came from."""

    digest: str
    channel: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class SubTierLine:
    """One of the respondent's own suppliers; None takes over what its supply link says."""

    supplier_id: UUID
    dependency: str | None
    visibility: str
    pass_through: bool | None


@dataclass(frozen=True, slots=True)
class SubTierDraft:
    """What is declared of the tier below; `undisclosed` counts firms per dependency class."""

    declared: str
    open_totals: bool
    entries: tuple[SubTierLine, ...]
    undisclosed: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Draft:
    """One whole response. `sub_tier` None is silence about the tier below."""

    pre_screen: PreScreen | None
    scope: Mapping[str, Any]
    origin: str
    source: Source | None
    answers: Mapping[str, Answer]
    components: tuple[DraftComponent, ...]
    sub_tier: SubTierDraft | None

    def component(self, one: DraftComponent) -> Component:
        """Return what conditions may look at for one component, the organization's answers too."""
        known = {**answers.values(self.answers.values()), **answers.values(one.answers.values())}
        return Component(one.roles, one.attributes, known)


def read(document: Mapping[str, Any], questions: Mapping[str, Question]) -> Draft:
    """Read a saved document.

    Raises `Refusal` with every problem: those of `answers.read` and `prescreen.read`,
    `components/duplicate-id`, `components/too-many`, `sub-tier/duplicate-supplier`.
    """
    problems: list[Problem] = []
    own = _answers(document["answers"], questions, "/answers", problems)
    components = tuple(
        _component(each, questions, f"/components/{index}", problems)
        for index, each in enumerate(document["components"])
    )
    _look_for_twins(components, document["sub_tier"], problems)
    pre_screen: PreScreen | None = None
    if document["pre_screen"] is not None:
        try:
            pre_screen = prescreen.read(document["pre_screen"])
        except Refusal as why:
            problems.extend(why.problems)
    if problems:
        raise Refusal(*problems)
    return Draft(
        pre_screen=pre_screen,
        scope=document["scope"],
        origin=document["origin"],
        source=_source(document.get("source_document")),
        answers=own,
        components=components,
        sub_tier=_sub_tier(document["sub_tier"]),
    )


def refuse_contradictions(draft: Draft) -> PreScreen:
    """Refuse to fix for signing what says two things at once; return the pre-screen.

    Raises `Refusal`: `responses/pre-screen-missing`, `responses/pre-screen-contradiction` (a
    component of a use that the pre-screen denies), `responses/source-missing` and
    `responses/source-unexpected` (origin and source document), `sub-tier/contradiction`.
    """
    problems: list[Problem] = []
    pre_screen = draft.pre_screen
    if pre_screen is None:
        reason = Text("はじめに5つの確認事項にお答えください", "answer the five ticks first")
        raise Refusal(Problem("responses/pre-screen-missing", "/pre_screen", reason))
    for index, one in enumerate(draft.components):
        tick = next(tick for tick, use in USE_BY_TICK.items() if use == one.use)
        if pre_screen.uses[tick] == "none":
            reason = Text(
                "「該当しない」とされた用途のAIコンポーネントが記載されています",
                "this use was ticked as none",
            )
            where = f"/components/{index}/use"
            problems.append(Problem("responses/pre-screen-contradiction", where, reason))
    problems.extend(_origin_problems(draft))
    problems.extend(_sub_tier_problems(draft.sub_tier))
    if problems:
        raise Refusal(*problems)
    return pre_screen


def about_component(
    questions: Sequence[Question], draft: Draft, one: DraftComponent
) -> list[Answer]:
    """Return the answers that belong into one component's document, in questionnaire order.

    The organization's answers, its own over them, and what signing itself answers; only to
    questions that its roles and attributes do not rule out.
    """
    known = draft.component(one)
    derived = answers.derived(questions, known)
    found: list[Answer] = []
    for question in questions:
        if applies(question, known) is Decision.NO:
            continue
        given = (
            derived.get(question.id)
            or one.answers.get(question.id)
            or draft.answers.get(question.id)
        )
        if given is not None:
            found.append(given)
    return found


def about_organization(questions: Sequence[Question], draft: Draft) -> list[Answer]:
    """Return the answers that belong into the declaration, in questionnaire order."""
    stated = [draft.component(one) for one in draft.components]
    values = answers.values(draft.answers.values())
    return [
        draft.answers[question.id]
        for question in questions
        if question.id in draft.answers
        and applies_to_organization(question, stated, values) is not Decision.NO
    ]


def evidence_named(document: Mapping[str, Any]) -> frozenset[str]:
    """Return the ids of all evidence that the answers of a saved document name."""
    parts = [document["answers"], *(one["answers"] for one in document["components"])]
    return frozenset(
        each for part in parts for answer in part.values() for each in answer.get("evidence", ())
    )


def without_unknown(
    document: Mapping[str, Any], questions: Mapping[str, Question]
) -> tuple[dict[str, Any], list[str]]:
    """Return a document of another response with only the answers that fit these questions.

    Returns:
        The document, and the ids of the questions whose answers were left behind.
    """
    left: set[str] = set()

    def fitting(given: Mapping[str, Any]) -> dict[str, Any]:
        kept: dict[str, Any] = {}
        for question, answer in given.items():
            try:
                answers.read({question: answer}, questions)
            except Refusal:
                left.add(question)
            else:
                kept[question] = answer
        return kept

    components = [{**one, "answers": fitting(one["answers"])} for one in document["components"]]
    copied = {**document, "answers": fitting(document["answers"]), "components": components}
    return copied, sorted(left)


def _answers(
    data: Mapping[str, Any], questions: Mapping[str, Question], where: str, problems: list[Problem]
) -> dict[str, Answer]:
    try:
        return answers.read(data, questions, where)
    except Refusal as why:
        problems.extend(why.problems)
        return {}


def _component(
    data: Mapping[str, Any], questions: Mapping[str, Question], where: str, problems: list[Problem]
) -> DraftComponent:
    return DraftComponent(
        supplier_component_id=data["supplier_component_id"],
        name=data["name"],
        version=data["version"],
        kind=data["kind"],
        use=data["use"],
        roles=data["roles"],
        attributes=data["attributes"],
        purl=data.get("purl"),
        ml_bom_sha256=data.get("ml_bom_sha256"),
        model_signing_sha256=data.get("model_signing_sha256"),
        artifacts=tuple((each["sha256"], each["media_type"]) for each in data.get("artifacts", ())),
        model_card=data.get("model_card"),
        answers=_answers(data["answers"], questions, f"{where}/answers", problems),
    )


def _look_for_twins(
    components: Sequence[DraftComponent],
    sub_tier: Mapping[str, Any] | None,
    problems: list[Problem],
) -> None:
    ids = Counter(one.supplier_component_id for one in components)
    for index, one in enumerate(components):
        if ids[one.supplier_component_id] > 1:
            reason = Text("コンポーネントの番号が重複しています", "the same component id twice")
            where = f"/components/{index}/supplier_component_id"
            problems.append(Problem("components/duplicate-id", where, reason))
    if len(components) > MOST_COMPONENTS:
        reason = Text(
            f"コンポーネントは{MOST_COMPONENTS}件までです",
            f"more than {MOST_COMPONENTS} components",
        )
        problems.append(Problem("components/too-many", "/components", reason))
    entries = sub_tier["entries"] if sub_tier else []
    suppliers = Counter(entry["supplier_id"] for entry in entries)
    for index, entry in enumerate(entries):
        if suppliers[entry["supplier_id"]] > 1:
            reason = Text("同じ仕入先が重複しています", "the same supplier twice")
            where = f"/sub_tier/entries/{index}"
            problems.append(Problem("sub-tier/duplicate-supplier", where, reason))


def _source(data: Mapping[str, Any] | None) -> Source | None:
    if data is None:
        return None
    received_at = datetime.fromisoformat(data["received_at"])
    return Source(data["digest"], data["channel"], received_at)


def _sub_tier(data: Mapping[str, Any] | None) -> SubTierDraft | None:
    if data is None or data["declared"] is None:
        return None
    return SubTierDraft(
        declared=data["declared"],
        open_totals=data["open_totals"],
        entries=tuple(
            SubTierLine(
                UUID(entry["supplier_id"]),
                entry["dependency"],
                entry["visibility"],
                entry["pass_through"],
            )
            for entry in data["entries"]
        ),
        undisclosed={name: count for name, count in data["undisclosed"].items() if count},
    )


def _origin_problems(draft: Draft) -> list[Problem]:
    passed_on = draft.origin in ("relayed", "transcribed")
    if passed_on and draft.source is None:
        reason = Text("元の回答書の情報が必要です", "needs the document it was taken from")
        return [Problem("responses/source-missing", "/source_document", reason)]
    if not passed_on and draft.source is not None:
        reason = Text(
            "元の回答書は取次・代行の場合のみ記載します", "belongs to a relayed or proxy entry only"
        )
        return [Problem("responses/source-unexpected", "/source_document", reason)]
    return []


def _sub_tier_problems(sub_tier: SubTierDraft | None) -> list[Problem]:
    if sub_tier is None:
        return []
    listed = bool(sub_tier.entries or sub_tier.undisclosed)
    if listed == (sub_tier.declared == "complete"):
        return []
    reason = Text(
        "仕入先の一覧と「なし」の申告が一致していません",
        "a list signed as none is empty, a complete one is not",
    )
    return [Problem("sub-tier/contradiction", "/sub_tier", reason)]
