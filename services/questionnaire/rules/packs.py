"""Guidance packs: questions with their clauses and alignment tables, read from plain data.

`Pack.digest` is sha256 of the JCS of the data as given (attestation-profile section 2), so anybody
can recompute it from the pack's files.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final, Literal, cast

from rensho import jcs

from services.questionnaire.rules import conditions
from services.questionnaire.rules.conditions import AnswerIn, Condition
from services.questionnaire.rules.nodes import Node
from services.questionnaire.rules.refusals import Problem, Refusal, Text

Role = Literal["developer", "provider", "user"]
About = Literal["component", "organization"]
DetailKind = Literal["text", "number", "date", "choice"]
State = Literal["answered", "checking", "withheld", "not_applicable"]

ROLES: Final = ("developer", "provider", "user")
PRINCIPLES: Final = tuple(f"C-{number}" for number in range(1, 11))
TOPICS: Final = ("safety-verification", "documentation-audit-trail", "supply-chain")
SCALES: Final = ("maturity", "yes_no", "record")
HEAVIEST: Final = 5
"""The most a question's criticality may be."""
BINDINGS: Final = ("voluntary", "supervisory", "statute")
CONFIDENCES: Final = ("V2", "V", "C", "G")
"""Marks of `clauses[].confidence`; an `L` clause may not be in a pack before a person read it."""

REVIEWERS: Final = {"draft": 0, "reviewed": 1, "current": 2, "withdrawn": 0}
"""How many people must have held a pack against the primary text, by status.

`superseded` is no status of its own: it follows from another version that says so.
"""

_MALFORMED: Final = "packs/malformed"
_REFERENCE: Final = "packs/unknown-reference"
_QUESTION_ID: Final = r"Q-[A-Z]{3,5}-[0-9]{3}"
_PACK_ID: Final = r"[a-z][a-z0-9-]{1,62}[a-z0-9]"
_SEMVER: Final = r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?"
_NAME: Final = r"[a-z][a-z0-9_]{0,63}"
_MARK: Final = r"[A-Za-z][A-Za-z0-9._-]{0,63}"
_DATE: Final = r"\d{4}(-\d{2}(-\d{2})?)?"
_ALIGNMENT: Final = r"0\.\d{9}|1\.0{9}"
_STATES: Final = ("checking", "withheld", "not_applicable")


@dataclass(frozen=True, slots=True)
class Instrument:
    """A piece of guidance a pack refers to; `binding` is one of `BINDINGS`."""

    id: str
    title: Text
    edition: str
    date: str
    binding: str
    language_of_authority: str


@dataclass(frozen=True, slots=True)
class Clause:
    """A guidance item in our own words, with how sure its identifier is."""

    id: str
    instrument: str
    confidence: str
    locator: str | None
    subject: Text


@dataclass(frozen=True, slots=True)
class Option:
    """One answer to choose; `alignment` is RM-1's `a`, 0..1."""

    code: str
    alignment: Decimal
    label: Text


@dataclass(frozen=True, slots=True)
class Detail:
    """An optional field beside the answer; it never changes a number."""

    name: str
    kind: DetailKind
    label: Text
    unit: str | None
    options: Mapping[str, Text]


@dataclass(frozen=True, slots=True)
class Question:
    """One question; its id never changes its meaning (a change of meaning is a new id).

    `about` says where it is asked: once of the organization, or with each component.
    """

    id: str
    pack: str
    rev: int
    about: About
    clauses: tuple[Clause, ...]
    roles: frozenset[str]
    principle: str
    topic: str | None
    criticality: int
    text: Text
    help: Text
    answer_type: str
    options: tuple[Option, ...]
    details: tuple[Detail, ...]
    states: frozenset[str]
    evidence: tuple[str, ...]
    substitutes: tuple[str, ...]
    freshness_days: int
    applies_if: Condition | None
    derived_from: str | None

    @property
    def alignments(self) -> dict[str, str]:
        """Option code → alignment as a decimal string of nine places."""
        return {option.code: f"{option.alignment:.9f}" for option in self.options}

    @property
    def references(self) -> frozenset[AnswerIn]:
        """The answers its condition looks at."""
        return conditions.references(self.applies_if) if self.applies_if else frozenset()


@dataclass(frozen=True, slots=True)
class Pack:
    """One version of a pack; immutable once a questionnaire refers to its digest."""

    id: str
    version: str
    status: str
    title: Text
    note: Text
    supersedes: str | None
    instruments: tuple[Instrument, ...]
    states: Mapping[str, Text]
    evidence_kinds: Mapping[str, Text]
    questions: tuple[Question, ...]
    digest: str


def parse(data: Mapping[str, Any]) -> Pack:
    """Read one pack from plain data (all its files merged: header, `clauses`, `questions`).

    Raises `Refusal`: `packs/malformed`, `packs/duplicate-id`, `packs/unknown-reference`,
    `packs/cyclic-condition`. References to questions of other packs are checked when packs are
    composed.
    """
    node = Node(dict(data), "", _MALFORMED)
    node.only(
        *("id", "version", "status", "reviewed_by", "supersedes", "title", "note"),
        *("instruments", "scales", "states", "evidence_kinds", "clauses", "questions"),
    )
    instruments = tuple(_instrument(each) for each in node.member("instruments").elements(1))
    _unique([each.id for each in instruments], "/instruments")
    evidence_kinds = _labels(node.member("evidence_kinds"))
    pack_id, scales = node.member("id").text(_PACK_ID), _scales(node.member("scales"))
    shelf = _Shelf(pack_id, _clauses(node, instruments), scales, evidence_kinds)
    questions = tuple(_question(each, shelf) for each in node.member("questions").elements(1))
    _unique([each.id for each in questions], "/questions")
    refuse_bad_conditions({each.id: each for each in questions})
    return Pack(
        id=pack_id,
        version=node.member("version").text(_SEMVER),
        status=_status(node),
        title=node.member("title").in_both_languages(),
        note=node.member("note").in_both_languages(),
        supersedes=node.optional_text("supersedes", _SEMVER),
        instruments=instruments,
        states=_state_labels(node.member("states")),
        evidence_kinds=evidence_kinds,
        questions=questions,
        digest=hashlib.sha256(jcs.dumps(dict(data))).hexdigest(),
    )


def _status(node: Node) -> str:
    """Return the status of the version; a person has read the primary text before `reviewed`."""
    status = node.member("status").one_of(tuple(REVIEWERS))
    named = node.optional("reviewed_by")
    people = {each.text() for each in named.elements()} if named else set()
    if len(people) < REVIEWERS[status]:
        reason = Text(
            f"{status}には確認者が{REVIEWERS[status]}名必要です",
            f"{status} needs {REVIEWERS[status]} named reviewers",
        )
        raise Refusal(Problem("packs/not-reviewed", "/reviewed_by", reason))
    return status


def refuse_bad_conditions(questions: Mapping[str, Question]) -> None:
    """Refuse conditions that can never be decided.

    A code the other question does not offer, or an organization's question that looks at a single
    component's answer, is `packs/unknown-reference`; questions that wait for each other are
    `packs/cyclic-condition`. Conditions on questions outside the mapping are passed over.
    """
    waiting: dict[str, set[str]] = {}
    for question in questions.values():
        references = {each for each in question.references if each.question in questions}
        for reference in references:
            other = questions[reference.question]
            _refer(
                sorted(reference.codes), other.alignments, f"/questions/{question.id}/applies_if"
            )
            if question.about == "organization" and other.about == "component":
                _refer([other.id], (), f"/questions/{question.id}/applies_if")
        waiting[question.id] = {reference.question for reference in references}
    while waiting:
        free = {each for each, needs in waiting.items() if not needs & set(waiting)}
        if not free:
            reason = Text("設問の条件が循環しています", "conditions wait for each other")
            where = f"/questions/{min(waiting)}/applies_if"
            raise Refusal(Problem("packs/cyclic-condition", where, reason))
        waiting = {each: needs for each, needs in waiting.items() if each not in free}


@dataclass(frozen=True, slots=True)
class _Shelf:
    """What the questions of one pack may refer to."""

    pack: str
    clauses: Mapping[str, Clause]
    scales: Mapping[str, tuple[Option, ...]]
    evidence_kinds: Mapping[str, Text]


def _question(node: Node, shelf: _Shelf) -> Question:
    node.only(
        *("id", "rev", "about", "clauses", "roles", "principle", "topic", "criticality", "text"),
        *("help", "answer", "details", "states", "evidence", "substitutes", "freshness_days"),
        *("applies_if", "derived_from"),
    )
    cited = [each.text(_MARK) for each in node.member("clauses").elements(1)]
    _refer(cited, shelf.clauses, f"{node.where}/clauses")
    topic, condition = node.member("topic"), node.optional("applies_if")
    substitutes = node.optional("substitutes")
    answer_type, options = _answer(node.member("answer"), shelf)
    evidence = tuple(each.text(_NAME) for each in node.member("evidence").elements())
    _refer(evidence, shelf.evidence_kinds, f"{node.where}/evidence")
    return Question(
        id=node.member("id").text(_QUESTION_ID),
        pack=shelf.pack,
        rev=node.member("rev").integer(1, 9999),
        about=cast("About", node.member("about").one_of(("component", "organization"))),
        clauses=tuple(shelf.clauses[each] for each in cited),
        roles=frozenset(node.member("roles").several_of(ROLES, 1)),
        principle=node.member("principle").one_of(PRINCIPLES),
        topic=None if topic.value is None else topic.one_of(TOPICS),
        criticality=node.member("criticality").integer(1, HEAVIEST),
        text=node.member("text").in_both_languages(),
        help=node.member("help").in_both_languages(),
        answer_type=answer_type,
        options=options,
        details=_details(node.optional("details")),
        states=_allowed_states(node.member("states")),
        evidence=evidence,
        substitutes=tuple(each.text(_MARK) for each in substitutes.elements())
        if substitutes
        else (),
        freshness_days=node.member("freshness_days").integer(1, 3660),
        applies_if=conditions.parse(condition) if condition else None,
        derived_from=node.optional_text("derived_from", "signature"),
    )


def _answer(node: Node, shelf: _Shelf) -> tuple[str, tuple[Option, ...]]:
    kind = node.member("type").one_of((*SCALES, "choice"))
    if kind == "choice":
        node.only("type", "options")
        return kind, _options(node.member("options"))
    node.only("type")
    return kind, shelf.scales[kind]


def _scales(node: Node) -> dict[str, tuple[Option, ...]]:
    node.only(*SCALES)
    return {name: _options(node.member(name)) for name in SCALES}


def _options(node: Node) -> tuple[Option, ...]:
    found = []
    for each in node.elements(1):
        each.only("code", "alignment", "label")
        alignment = Decimal(each.member("alignment").text(_ALIGNMENT))
        label = each.member("label").in_both_languages()
        found.append(Option(each.member("code").text(_NAME), alignment, label))
    _unique([option.code for option in found], node.where)
    return tuple(found)


def _details(node: Node | None) -> tuple[Detail, ...]:
    found = tuple(_detail(each) for each in node.elements()) if node else ()
    _unique([detail.name for detail in found], node.where if node else "")
    return found


def _detail(node: Node) -> Detail:
    node.only("name", "kind", "label", "unit", "options")
    kind = node.member("kind").one_of(("text", "number", "date", "choice"))
    options = node.optional("options")
    if (kind == "choice") != (options is not None):
        node.refuse("選択肢は choice にのみ必要です", "options belong to choice, and to it alone")
    labels: dict[str, Text] = {}
    for each in options.elements(1) if options else ():
        each.only("code", "label")
        labels[each.member("code").text(_NAME)] = each.member("label").in_both_languages()
    return Detail(
        name=node.member("name").text(_NAME),
        kind=cast("DetailKind", kind),
        label=node.member("label").in_both_languages(),
        unit=node.optional_text("unit", _NAME),
        options=labels,
    )


def _allowed_states(node: Node) -> frozenset[str]:
    found = frozenset(node.several_of(_STATES))
    if "checking" not in found:
        node.refuse("「確認中」は必ず選べるようにします", "still checking must always be possible")
    return found | {"answered"}


def _instrument(node: Node) -> Instrument:
    node.only("id", "title", "edition", "date", "binding", "language_of_authority")
    return Instrument(
        id=node.member("id").text(_MARK),
        title=node.member("title").in_both_languages(),
        edition=node.member("edition").text(),
        date=node.member("date").text(_DATE),
        binding=node.member("binding").one_of(BINDINGS),
        language_of_authority=node.member("language_of_authority").text("[a-z]{2}"),
    )


def _clause(node: Node) -> Clause:
    node.only("id", "instrument", "confidence", "locator", "subject")
    return Clause(
        id=node.member("id").text(_MARK),
        instrument=node.member("instrument").text(_MARK),
        confidence=node.member("confidence").one_of(CONFIDENCES),
        locator=node.optional_text("locator"),
        subject=node.member("subject").in_both_languages(),
    )


def _clauses(pack: Node, instruments: tuple[Instrument, ...]) -> dict[str, Clause]:
    found = [_clause(each) for each in pack.member("clauses").elements(1)]
    _unique([each.id for each in found], "/clauses")
    known = {each.id for each in instruments}
    _refer([each.instrument for each in found], known, "/clauses")
    return {each.id: each for each in found}


def _state_labels(node: Node) -> dict[str, Text]:
    node.only(*_STATES)
    return {state: node.member(state).in_both_languages() for state in _STATES}


def _labels(node: Node) -> dict[str, Text]:
    return {name: each.in_both_languages() for name, each in node.members()}


def _unique(ids: list[str], where: str) -> None:
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice:
        reason = Text(f"IDが重複しています: {twice[0]}", f"the same id twice: {twice[0]}")
        raise Refusal(Problem("packs/duplicate-id", where, reason))


def _refer(ids: Iterable[str], known: Collection[str], where: str) -> None:
    strange = sorted(set(ids) - set(known))
    if strange:
        reason = Text(f"参照先がありません: {strange[0]}", f"refers to nothing: {strange[0]}")
        raise Refusal(Problem(_REFERENCE, where, reason))
