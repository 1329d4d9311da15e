"""What if: facts as they would be after a hypothetical change. Nothing of it is ever a fact."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from services.risk.rules import exposure
from services.risk.rules.facts import (
    CLOSED,
    NONE,
    ROLES,
    SILENT,
    Answer,
    Component,
    Declaration,
    DirectLink,
    Facts,
    LinkFacts,
    Question,
)
from services.risk.rules.gap import alignment
from services.risk.rules.policy import ASSURANCE_LEVELS, DEPENDENCY_CLASSES
from services.risk.rules.refusal import RuleError

Kind = Literal[
    "answer",
    "confirm_key",
    "raise_assurance",
    "renew",
    "declare_components",
    "declare_sub_tier",
    "close_gap",
    "go_silent",
    "lose_attestation",
    "dependency",
    "end",
]
L1, L2 = "L1", "L2"


class ChangeRefused(RuleError):
    """A hypothetical change that names nothing of these facts."""

    urn = "risk/change-refused"


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that might happen. `link`: one of the requester's own, by id, or for
    `declare_sub_tier` also one below, by pseudonym. `value`: an option code of `answer` (the best
    one if None), a class of `dependency`. `component` None means all of them.
    """

    kind: Kind
    link: str
    component: str | None = None
    question: str | None = None
    value: str | None = None


def apply(facts: Facts, changes: Iterable[Change]) -> Facts:
    """Return the facts after all changes, in their order.

    Raises:
        ChangeRefused: a change names a link, component, question or value that is not there.
    """
    direct = {link.id: link for link in facts.direct}
    deeper = dict(facts.deeper)
    for change in changes:
        if change.link in direct:
            after = changed(direct[change.link], change, facts)
            if after is None:
                del direct[change.link]
            else:
                direct[change.link] = after
        elif change.link in deeper and change.kind == "declare_sub_tier":
            below = deeper[change.link]
            deeper[change.link] = below if below.list == CLOSED else replace(below, list=NONE)
        else:
            raise ChangeRefused(f"{change.link}: no such link can change like that")
    return replace(facts, direct=tuple(direct[name] for name in sorted(direct)), deeper=deeper)


def changed(link: DirectLink, change: Change, facts: Facts) -> DirectLink | None:
    """Return one of the requester's own links after a change; None if it ended.

    Raises:
        ChangeRefused: as `apply`.
    """
    match change.kind:
        case "end":
            return None
        case "declare_sub_tier":
            return replace(link, list=NONE)
        case "dependency":
            if change.value not in DEPENDENCY_CLASSES:
                raise ChangeRefused(f"{change.value}: no class of dependency")
            return replace(link, dependency=change.value)
        case "go_silent":
            nothing = replace(link.facts, declaration=None, organization=(), components=())
            return replace(link, facts=nothing, list=SILENT)
    return replace(link, facts=_CHANGES[change.kind](link.facts, change, facts))


def next_level(level: str) -> str:
    """The assurance one above; the highest stays."""
    return ASSURANCE_LEVELS[min(ASSURANCE_LEVELS.index(level) + 1, len(ASSURANCE_LEVELS) - 1)]


def best_value(question: Question, facts: Facts) -> str:
    """The option that is aligned most."""
    table = facts.policy.alignment if question.alignment is None else question.alignment
    return max(sorted(table), key=lambda code: table[code])


def _question(change: Change, facts: Facts) -> Question:
    found = facts.questions.get(change.question or "")
    if found is None:
        raise ChangeRefused(f"{change.question}: no such question")
    return found


def _answered(held: LinkFacts, change: Change, facts: Facts) -> LinkFacts:
    question = _question(change, facts)
    value = change.value or best_value(question, facts)
    if alignment(question, value, facts.policy) is None:
        raise ChangeRefused(f"{value}: no option of {question.id}")

    def answer(old: Answer | None) -> Answer:
        level = L2 if old is None else max(L2, old.assurance, key=ASSURANCE_LEVELS.index)
        return Answer(question.id, "answered", value, level, covered=True, time=facts.as_of)

    return _each_answer(held, change, answer)


def _gap_closed(held: LinkFacts, change: Change, facts: Facts) -> LinkFacts:
    question = _question(change, facts)

    def answer(old: Answer | None) -> Answer:
        if old is None or old.state != "answered":
            raise ChangeRefused(f"{question.id}: no gap was admitted")
        return replace(old, value=best_value(question, facts), time=facts.as_of)

    return _each_answer(held, change, answer)


def _raised(held: LinkFacts, change: Change, facts: Facts) -> LinkFacts:
    _question(change, facts)

    def answer(old: Answer | None) -> Answer:
        if old is None:
            raise ChangeRefused(f"{change.question}: nothing was answered")
        return replace(old, assurance=next_level(old.assurance))

    return _each_answer(held, change, answer)


def _each_answer(
    held: LinkFacts, change: Change, make: Callable[[Answer | None], Answer]
) -> LinkFacts:
    """Exchange the answer to the change's question, in its component or in all."""
    about = [c.id for c in held.components if change.component in (None, c.id)]
    if not about:
        raise ChangeRefused(f"{change.component}: no such component")
    of_organization = {one.question: one for one in held.organization}
    assert change.question is not None
    components = []
    for component in held.components:
        answers = {one.question: one for one in component.answers}
        if component.id in about:
            old = answers.get(change.question, of_organization.get(change.question))
            answers[change.question] = make(old)
        components.append(replace(component, answers=_sorted(answers)))
    return replace(held, components=tuple(components))


def _sorted(answers: Mapping[str, Answer]) -> tuple[Answer, ...]:
    return tuple(answers[name] for name in sorted(answers))


def _key_confirmed(held: LinkFacts, change: Change, facts: Facts) -> LinkFacts:
    del change, facts
    return _all(held, lambda level: L2 if level == L1 else level, None)


def _renewed(held: LinkFacts, change: Change, facts: Facts) -> LinkFacts:
    """Everything is signed again now, under a key that counts."""
    del change
    return _all(held, lambda level: level, facts)


def _all(held: LinkFacts, level: Callable[[str], str], renewed: Facts | None) -> LinkFacts:
    def answer(old: Answer) -> Answer:
        now = {} if renewed is None else {"covered": True, "time": renewed.as_of}
        return replace(old, assurance=level(old.assurance), **now)  # type: ignore[arg-type]

    def statement(old: Component | Declaration) -> dict[str, object]:
        signed = {"covered": True, "time": renewed.as_of, "superseded_at": None} if renewed else {}
        return {"assurance": level(old.assurance), **signed}

    declared = held.declaration
    return replace(
        held,
        declaration=declared and replace(declared, **statement(declared)),  # type: ignore[arg-type]
        organization=tuple(answer(one) for one in held.organization),
        components=tuple(
            replace(one, answers=tuple(answer(a) for a in one.answers), **statement(one))  # type: ignore[arg-type]
            for one in held.components
        ),
    )


def _uncovered(held: LinkFacts, change: Change, facts: Facts) -> LinkFacts:
    del change, facts

    def answers(given: tuple[Answer, ...]) -> tuple[Answer, ...]:
        return tuple(replace(one, covered=False) for one in given)

    return replace(
        held,
        declaration=held.declaration and replace(held.declaration, covered=False),
        organization=answers(held.organization),
        components=tuple(
            replace(one, covered=False, answers=answers(one.answers)) for one in held.components
        ),
    )


def _components_declared(held: LinkFacts, change: Change, facts: Facts) -> LinkFacts:
    """One component as exposed as it can be on this link, and every question answered well."""
    del change
    possible = exposure.possible_values({}, held.classification, facts.policy)
    best = {
        name: Answer(
            name,
            "answered",
            best_value(facts.questions[name], facts),
            L2,
            covered=True,
            time=facts.as_of,
        )
        for name in held.asked | facts.starter
    }
    component = Component(
        id="hypothetical",
        statement=None,
        assurance=L2,
        covered=True,
        time=facts.as_of,
        superseded_at=None,
        roles=dict.fromkeys(ROLES, True),
        attributes={name: scale[-1] for name, scale in possible.items()},
        answers=_sorted(best),
    )
    signed = Declaration(
        statement=None,
        assurance=L2,
        covered=True,
        time=facts.as_of,
        superseded_at=None,
        pre_screen={"embedded": "yes", "process": "checking", "customer_data": "checking"},
        withheld_components=0,
    )
    return replace(
        held, submitted=True, declaration=signed, components=(*held.components, component)
    )


_CHANGES: Mapping[str, Callable[[LinkFacts, Change, Facts], LinkFacts]] = {
    "answer": _answered,
    "close_gap": _gap_closed,
    "raise_assurance": _raised,
    "confirm_key": _key_confirmed,
    "renew": _renewed,
    "lose_attestation": _uncovered,
    "declare_components": _components_declared,
}
