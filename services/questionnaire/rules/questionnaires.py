"""Questionnaires: which questions are asked, and of whom."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from services.questionnaire.rules import conditions
from services.questionnaire.rules.conditions import Decision
from services.questionnaire.rules.nodes import Node
from services.questionnaire.rules.packs import Pack, Question, refuse_bad_conditions
from services.questionnaire.rules.refusals import Problem, Refusal, Text


@dataclass(frozen=True, slots=True)
class Component:
    """What is stated of one AI component; a missing role or attribute is unknown.

    `roles`: developer, provider, user → yes | no. `attributes`: see `conditions.ATTRIBUTES`.
    `values`: question id → option code of the answers given about it.
    """

    roles: Mapping[str, str]
    attributes: Mapping[str, str]
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Starter:
    """The starter set: always asked, whatever else is."""

    title: Text
    help: Text
    questions: tuple[str, ...]


def parse_starter(data: Mapping[str, Any]) -> Starter:
    """Read the starter set; raises `Refusal` (`packs/malformed`)."""
    node = Node(dict(data), "", "packs/malformed")
    node.only("title", "help", "questions")
    ids = tuple(each.text() for each in node.member("questions").elements(1))
    return Starter(
        node.member("title").in_both_languages(), node.member("help").in_both_languages(), ids
    )


def compose(
    packs: Sequence[Pack],
    starter: Starter,
    whole: Collection[str],
    *,
    roles: Collection[str] = (),
    dropped: Collection[str] = (),
) -> dict[str, Any]:
    """Return the questionnaire document but for its salt: `{packs, questions}`.

    The starter set is always asked. Only packs that a question was taken from are listed. Packs
    are in order of id, questions in order of pack and id.

    Args:
        packs: one version of each pack to draw on; those of the starter set must be among them.
        starter: the starter set.
        whole: ids of the packs all of whose questions are asked; none for the starter set alone.
        roles: ask only what concerns one of these; none: all.
        dropped: questions left out (`overlays.refuse` has judged them).

    Raises `Refusal`: `questionnaires/unknown-pack` (`whole` names a pack not given),
    `questionnaires/duplicate-pack`, `questionnaires/duplicate-question`,
    `questionnaires/missing-question` (the starter set is in none of the packs, or a condition
    looks at a question that is not asked), and what `packs.refuse_bad_conditions` raises.
    """
    ordered = sorted(packs, key=lambda pack: pack.id)
    _refuse_twice([pack.id for pack in ordered], "questionnaires/duplicate-pack")
    if strange := sorted(set(whole) - {pack.id for pack in ordered}):
        raise _unknown_pack(strange[0])
    ids = [question.id for pack in ordered for question in pack.questions]
    _refuse_twice(ids, "questionnaires/duplicate-question")
    _refuse_missing(starter.questions, ids)
    asked = {
        question.id: question
        for pack in ordered
        for question in sorted(pack.questions, key=lambda question: question.id)
        if question.id in starter.questions
        or (
            pack.id in whole
            and question.id not in dropped
            and (not roles or not question.roles.isdisjoint(roles))
        )
    }
    for question in asked.values():
        _refuse_missing([each.question for each in question.references], asked)
    refuse_bad_conditions(asked)
    return {
        "packs": [
            {"id": pack.id, "version": pack.version, "sha256": pack.digest}
            for pack in ordered
            if any(question.id in asked for question in pack.questions)
        ],
        "questions": list(asked),
    }


def questions_of(
    document: Mapping[str, Any], packs: Mapping[tuple[str, str], Pack]
) -> tuple[Question, ...]:
    """Return the questions a questionnaire document names, in its order.

    Raises `Refusal`: `questionnaires/unknown-pack` where a pack's version is not there or has
    another digest, `questionnaires/missing-question`.
    """
    known: dict[str, Question] = {}
    for entry in document["packs"]:
        pack = packs.get((entry["id"], entry["version"]))
        if pack is None or pack.digest != entry["sha256"]:
            raise _unknown_pack(f"{entry['id']} {entry['version']}")
        known.update({question.id: question for question in pack.questions})
    _refuse_missing(document["questions"], known)
    return tuple(known[each] for each in document["questions"])


def question_table(questions: Sequence[Question], starter: Starter) -> list[dict[str, Any]]:
    """Return the questions as `questionnaire.published` tells them to risk.

    Per question: `id`, `pack`, `roles`, `condition` (data or null), `criticality` 1..5,
    `principle`, `topic` (or null), `freshness_days`, `alignment` (option code → decimal string),
    `starter`, `asked`.
    """
    return [
        {
            "id": question.id,
            "pack": question.pack,
            "roles": sorted(question.roles),
            "condition": (
                None if question.applies_if is None else conditions.document(question.applies_if)
            ),
            "criticality": question.criticality,
            "principle": question.principle,
            "topic": question.topic,
            "freshness_days": question.freshness_days,
            "alignment": question.alignments,
            "starter": question.id in starter.questions,
            "asked": True,
        }
        for question in questions
    ]


def applies(question: Question, component: Component) -> Decision:
    """Tell whether a question applies to a component: by role, and by condition.

    `component.values` needs the organization's answers too, where a condition looks at one.
    """
    known = {"yes": Decision.YES, "no": Decision.NO}
    by_role = conditions.any_of(
        known.get(component.roles.get(role, ""), Decision.UNDECIDED) for role in question.roles
    )
    if question.applies_if is None:
        return by_role
    by_condition = conditions.decide(question.applies_if, component.attributes, component.values)
    return conditions.all_of((by_role, by_condition))


def applies_to_organization(
    question: Question, components: Sequence[Component], values: Mapping[str, str]
) -> Decision:
    """Tell whether a question about the organization applies: if it does for any component.

    Before a component is declared nothing is known, so only a condition on the organization's own
    answers (`values`) can rule a question out.
    """
    stated = components or (Component({}, {}, {}),)
    return conditions.any_of(
        applies(question, Component(each.roles, each.attributes, values)) for each in stated
    )


def _refuse_twice(ids: Sequence[str], urn: str) -> None:
    twice = sorted({each for each in ids if ids.count(each) > 1})
    if twice:
        raise Refusal(Problem(urn, "", Text(f"重複しています: {twice[0]}", f"twice: {twice[0]}")))


def _refuse_missing(ids: Collection[str], known: Collection[str]) -> None:
    missing = sorted(set(ids) - set(known))
    if missing:
        reason = Text(
            f"設問が含まれていません: {missing[0]}", f"question not included: {missing[0]}"
        )
        raise Refusal(Problem("questionnaires/missing-question", "/questions", reason))


def _unknown_pack(name: str) -> Refusal:
    reason = Text(f"設問セットが一致しません: {name}", f"no such pack: {name}")
    return Refusal(Problem("questionnaires/unknown-pack", "/packs", reason))
