"""A response in sections: what is asked in each, how far it is, and what is still silent."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from services.questionnaire.rules.answers import Answer, Progress, values
from services.questionnaire.rules.conditions import Decision
from services.questionnaire.rules.drafts import Draft
from services.questionnaire.rules.merging import pointer, steps
from services.questionnaire.rules.packs import Question
from services.questionnaire.rules.questionnaires import (
    Component,
    applies,
    applies_to_organization,
)

PRE_SCREEN: Final = "pre-screen"
COMPANY: Final = "company"
COMPONENT: Final = "component"
SUB_TIER: Final = "sub-tier"


@dataclass(frozen=True, slots=True)
class Item:
    """One thing to fill in: where it stands, in which section, and what was said so far.

    `question` is None for the pre-screen and the sub-tier; `state` is `silent` where nothing is.
    """

    section: str
    where: str
    question: str | None
    component: str | None
    state: str
    undecided: bool


@dataclass(frozen=True, slots=True)
class Section:
    """One section: the company's questions of a pack (`company/<pack>`), those on one component
    (`component/<id>`), the pre-screen, or the tier below.
    """

    id: str
    items: tuple[Item, ...]

    @property
    def progress(self) -> Progress:
        """How far it is."""
        counts = Counter(item.state for item in self.items)
        names = ("answered", "checking", "withheld", "not_applicable", "silent")
        return Progress(
            total=len(self.items),
            undecided=sum(item.undecided for item in self.items),
            **{name: counts[name] for name in names},
        )


def outline(
    questions: Sequence[Question], draft: Draft, answered_elsewhere: Collection[str] = ()
) -> tuple[Section, ...]:
    """Return the sections of a response in the order they are asked.

    Args:
        questions: those of the questionnaire.
        draft: the response.
        answered_elsewhere: ids of the organization's questions that grants answer already: asked
            only where something was said all the same.
    """
    asked = [question for question in questions if question.derived_from is None]
    found: dict[str, list[Item]] = {PRE_SCREEN: [_pre_screen(draft)]}
    for item in _company(asked, draft, answered_elsewhere):
        found.setdefault(item.section, []).append(item)
    for one in draft.components:
        section = f"{COMPONENT}/{one.supplier_component_id}"
        at = ("components", one.supplier_component_id, "answers")
        about = [question for question in asked if question.about == "component"]
        known = draft.component(one)
        given = {**draft.answers, **one.answers}
        found[section] = list(_items(section, at, about, known, given))
    silent = "silent" if draft.sub_tier is None else "answered"
    found[SUB_TIER] = [Item(SUB_TIER, "/sub_tier", None, None, silent, undecided=False)]
    return tuple(Section(name, tuple(items)) for name, items in found.items())


def section_of(where: str, questions: Mapping[str, Question]) -> str | None:
    """Return the section a place of the document belongs to; None for what is in none.

    An answer to a question about components that is given once for all is the company's.
    """
    match steps(where):
        case ["pre_screen"]:
            return PRE_SCREEN
        case ["sub_tier"]:
            return SUB_TIER
        case ["answers", question] if question in questions:
            return f"{COMPANY}/{questions[question].pack}"
        case ["components", component, *_]:
            return f"{COMPONENT}/{component}"
        case _:
            return None


def _pre_screen(draft: Draft) -> Item:
    said = draft.pre_screen
    checking = said is not None and "checking" in said.uses.values()
    state = "silent" if said is None else "checking" if checking else "answered"
    return Item(PRE_SCREEN, "/pre_screen", None, None, state, undecided=False)


def _company(asked: Sequence[Question], draft: Draft, elsewhere: Collection[str]) -> Iterator[Item]:
    stated = [draft.component(one) for one in draft.components]
    known = values(draft.answers.values())
    for question in asked:
        given = draft.answers.get(question.id)
        if question.about != "organization" or (given is None and question.id in elsewhere):
            continue
        decision = applies_to_organization(question, stated, known)
        if decision is not Decision.NO:
            section = f"{COMPANY}/{question.pack}"
            yield _item(section, pointer("answers", question.id), question, None, given, decision)


def _items(
    section: str,
    at: tuple[str, str, str],
    asked: Sequence[Question],
    known: Component,
    given: Mapping[str, Answer],
) -> Iterator[Item]:
    for question in asked:
        decision = applies(question, known)
        if decision is not Decision.NO:
            where = pointer(*at, question.id)
            answer = given.get(question.id)
            yield _item(section, where, question, at[1], answer, decision)


def _item(
    section: str,
    where: str,
    question: Question,
    component: str | None,
    given: Answer | None,
    decision: Decision,
) -> Item:
    state = "silent" if given is None else given.state
    return Item(section, where, question.id, component, state, decision is Decision.UNDECIDED)
