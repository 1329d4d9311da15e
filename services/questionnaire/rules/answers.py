"""Answers: reading what a respondent saved, and how far a response has come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, Literal, cast

from services.questionnaire.rules.conditions import Decision
from services.questionnaire.rules.nodes import Node
from services.questionnaire.rules.packs import Question, State
from services.questionnaire.rules.questionnaires import (
    Component,
    applies,
    applies_to_organization,
)
from services.questionnaire.rules.refusals import Problem, Refusal, Text

STATES: Final = ("answered", "checking", "withheld", "not_applicable")
_MALFORMED: Final = "answers/malformed"
_EVIDENCE: Final = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
_DETAIL_FORMS: Final = {
    "text": r"(?s).{1,2000}",
    "number": r"-?\d{1,12}(\.\d{1,9})?",
    "date": r"\d{4}-\d{2}-\d{2}",
}


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `value` is an option code and there only where `state` is answered.

    `reason` says why a question does not apply. `evidence` holds ids of kept evidence while it is
    a draft, and digests of commitments once it is handed out for signing. `note` and `details`
    (the question's optional fields, always text) are shown and not signed.
    """

    question: str
    state: State
    value: str | None = None
    reason: str | None = None
    note: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)
    evidence: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return what is disclosed and signed (attestation-profile section 2, answers document).

        `{question, state, value?, reason?, evidence?}`; empty members are left out.
        """
        members = {"value": self.value, "reason": self.reason, "evidence": list(self.evidence)}
        filled = {name: value for name, value in members.items() if value}
        return {"question": self.question, "state": self.state, **filled}


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts over the questions that are asked; `silent` ones are still to be answered.

    `undecided` of all these would drop out or stay, depending on what is not stated yet.
    """

    total: int
    answered: int
    checking: int
    withheld: int
    not_applicable: int
    silent: int
    undecided: int

    @property
    def complete(self) -> bool:
        """Whether nothing is left silent; "still checking" is a reply."""
        return self.silent == 0


def read(
    data: Mapping[str, object], questions: Mapping[str, Question], where: str = ""
) -> dict[str, Answer]:
    """Read the answers about one component, or those of the organization.

    The organization may answer a question about components once for all of them; a component's
    own answer wins over it.

    Args:
        data: question id → `{state, value?, reason?, note?, details?, evidence?}`.
        questions: the questions of the questionnaire by id.
        where: path of `data` inside the response, for the problems.

    Raises `Refusal` with every problem found: `answers/unknown-question`, `answers/derived`,
    `answers/state-not-allowed`, `answers/unknown-option`, `answers/reason-missing`,
    `answers/unknown-detail`, `answers/malformed`.
    """
    problems: list[Problem] = []
    found: dict[str, Answer] = {}
    for asked in sorted(data):
        node = Node(data[asked], f"{where}/{asked}", _MALFORMED)
        try:
            found[asked] = _answer(node, _asked(asked, questions, node.where))
        except Refusal as why:
            problems.extend(why.problems)
    if problems:
        raise Refusal(*problems)
    return found


def values(answers: Iterable[Answer]) -> dict[str, str]:
    """Return question id → option code of what was answered: what conditions look at."""
    return {answer.question: answer.value for answer in answers if answer.value is not None}


def derived(questions: Iterable[Question], component: Component) -> dict[str, Answer]:
    """Return the answers that signing itself gives for a component; nobody is asked for them."""
    return {
        question.id: Answer(question.id, "answered", question.options[0].code)
        for question in questions
        if question.derived_from == "signature" and applies(question, component) is not Decision.NO
    }


def progress(
    questions: Sequence[Question],
    organization: Mapping[str, Answer],
    components: Sequence[tuple[Component, Mapping[str, Answer]]],
) -> Progress:
    """Count how far a response has come.

    A question about the organization counts once, one about components once for each. What is
    undecided is asked; answers to questions that do not apply are not counted. Before a component
    is declared only the organization's questions count.

    Args:
        questions: those of the questionnaire.
        organization: the organization's answers by question id.
        components: each with what is stated of it (its `values` are not looked at) and its own
            answers.
    """
    shared = values(organization.values())
    stated = [component for component, _ in components]
    counts: Counter[str] = Counter()
    for question in questions:
        if question.derived_from is not None:
            continue
        if question.about == "organization":
            decision = applies_to_organization(question, stated, shared)
            _count(counts, decision, organization.get(question.id))
            continue
        for component, own in components:
            known = Component(
                component.roles, component.attributes, {**shared, **values(own.values())}
            )
            answer = own.get(question.id, organization.get(question.id))
            _count(counts, applies(question, known), answer)
    return Progress(**{name: counts[name] for name in Progress.__slots__})


def _count(counts: Counter[str], decision: Decision, answer: Answer | None) -> None:
    if decision is Decision.NO:
        return
    counts["total"] += 1
    counts["silent" if answer is None else answer.state] += 1
    counts["undecided"] += decision is Decision.UNDECIDED


def _asked(question_id: str, questions: Mapping[str, Question], where: str) -> Question:
    question = questions.get(question_id)
    if question is None:
        raise _refusal("unknown-question", where, "この設問はありません", "no such question")
    if question.derived_from is not None:
        raise _refusal("derived", where, "ご回答は不要な設問です", "is answered by signing")
    return question


def _answer(node: Node, question: Question) -> Answer:
    node.only("state", "value", "reason", "note", "details", "evidence")
    state = cast("State", node.member("state").one_of(STATES))
    if state not in question.states:
        raise _refusal(
            "state-not-allowed",
            f"{node.where}/state",
            "この設問ではこの回答区分を選べません",
            f"this question does not take {state}",
        )
    return Answer(
        question=question.id,
        state=state,
        value=_value(node, question, state),
        reason=_reason(node, state),
        note=node.optional_text("note"),
        details=_details(node.optional("details"), question),
        evidence=_evidence(node.optional("evidence")),
    )


def _evidence(node: Node | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(each.text(_EVIDENCE) for each in node.elements())) if node else ()


def _value(node: Node, question: Question, state: State) -> str | None:
    value = node.optional("value")
    if state != "answered":
        if value is not None:
            value.refuse(
                "「回答」以外では選択肢を指定できません", "a value belongs to an answered question"
            )
        return None
    code = node.member("value").value
    if not isinstance(code, str) or code not in question.alignments:
        raise _refusal(
            "unknown-option", f"{node.where}/value", "この選択肢はありません", "no such option"
        )
    return code


def _reason(node: Node, state: State) -> str | None:
    reason = node.optional("reason")
    if state == "not_applicable" and (reason is None or not str(reason.value).strip()):
        raise _refusal(
            "reason-missing",
            f"{node.where}/reason",
            "「該当なし」の理由をご記入ください",
            "not applicable needs a reason",
        )
    return None if reason is None else reason.text()


def _details(node: Node | None, question: Question) -> dict[str, str]:
    found: dict[str, str] = {}
    known = {detail.name: detail for detail in question.details}
    for name, each in node.members() if node else ():
        detail = known.get(name)
        if detail is None:
            raise _refusal("unknown-detail", each.where, "この補足欄はありません", "no such field")
        if detail.kind == "choice":
            found[name] = each.one_of(detail.options)
        else:
            found[name] = each.text(_DETAIL_FORMS[detail.kind])
        if detail.kind == "date":
            _refuse_strange_day(each, found[name])
    return found


def _refuse_strange_day(node: Node, text: str) -> None:
    try:
        date.fromisoformat(text)
    except ValueError:
        node.refuse("存在しない日付です", "no such day")


_Kind = Literal[
    "unknown-question",
    "derived",
    "state-not-allowed",
    "unknown-option",
    "reason-missing",
    "unknown-detail",
]


def _refusal(kind: _Kind, where: str, ja: str, en: str) -> Refusal:
    return Refusal(Problem(f"answers/{kind}", where, Text(ja, en)))
