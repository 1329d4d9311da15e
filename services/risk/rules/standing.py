"""The judgement of one supplier by what one customer sees of it, its own suppliers apart."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from services.risk.rules import condition, exposure
from services.risk.rules.facts import (
    ROLES,
    Answer,
    Component,
    Declaration,
    LinkFacts,
    Question,
    Standing,
    is_live,
)
from services.risk.rules.gap import Gap, Row, freshness, gap
from services.risk.rules.number import BOUNDS, Bound, Interval, norm
from services.risk.rules.policy import Policy

Kind = Literal["declared", "withheld", "undeclared", "no_ai"]


@dataclass(frozen=True, slots=True)
class Weighed:
    """One question of one component that is not out: weight w and gap per bound."""

    question: Question
    weight: int
    gap: Gap


@dataclass(frozen=True, slots=True)
class JudgedComponent:
    """e and G in 0..1, u in nats, the questions in ascending id."""

    id: str
    kind: Kind
    exposure: Interval
    gap: Interval
    weight: Interval
    coverage: float | None
    questions: tuple[Weighed, ...]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One link judged: ℓ in nats on both bounds, coverage, and the profile.

    `is_closed` means a signed "no AI" closes the sub-tier; `is_declared` that a valid declaration
    is there at all, without which the supplier's list does not count.
    """

    components: tuple[JudgedComponent, ...]
    own: Interval
    coverage: float | None
    awaiting: bool
    principles: Mapping[str, Standing]
    topics: Mapping[str, Standing]
    is_declared: bool
    is_closed: bool


@dataclass(frozen=True, slots=True)
class Judge:
    """The question table, the policy and the moment, common to every link of a world."""

    questions: Mapping[str, Question]
    starter: frozenset[str]
    policy: Policy
    as_of: datetime

    def judge(self, link: LinkFacts) -> Judgement:
        """Every component that enters, combined to the supplier's own ℓ on this link."""
        declaration = self._valid_declaration(link)
        components = tuple(self._components(link, declaration))
        most = exposure.nats(exposure.most(link.classification, self.policy), 1)
        own = Interval(*(min(self._combined(components, bound), most) for bound in BOUNDS))
        everything = [weighed for component in components for weighed in component.questions]
        return Judgement(
            components=components,
            own=own,
            coverage=standing(everything).coverage,
            awaiting=link.is_awaiting(self.as_of),
            principles=self._profile(link, everything, lambda question: question.principle),
            topics=self._profile(link, everything, lambda question: question.topic),
            is_declared=declaration is not None,
            is_closed=any(component.kind == "no_ai" for component in components),
        )

    def _profile(
        self, link: LinkFacts, weighed: list[Weighed], key: Callable[[Question], str | None]
    ) -> Mapping[str, Standing]:
        names = {name for item in self._applicable(link) if (name := key(item)) is not None}
        under: dict[str | None, list[Weighed]] = {name: [] for name in names}
        for item in weighed:
            under.setdefault(key(item.question), []).append(item)
        return {name: standing(under[name]) for name in sorted(names)}

    def _valid_declaration(self, link: LinkFacts) -> Declaration | None:
        declaration = link.declaration
        if declaration is None or not declaration.covered:
            return None
        return declaration if self._live(declaration.superseded_at) else None

    def _live(self, superseded_at: datetime | None) -> bool:
        return is_live(superseded_at, self.as_of, self.policy.superseded_grace)

    def _combined(self, components: tuple[JudgedComponent, ...], bound: Bound) -> float:
        p = self.policy.norm
        return norm((component.weight.at(bound) ** p for component in components), p)

    def _components(
        self, link: LinkFacts, declaration: Declaration | None
    ) -> Iterable[JudgedComponent]:
        if declaration is None:
            yield self._unknown("undeclared", "undeclared", link)
            return
        for component in link.components:
            yield self._declared(component, link)
        for number in range(1, declaration.withheld_components + 1):
            yield self._unknown(f"withheld-{number}", "withheld", link)
        if not link.components and not declaration.withheld_components:
            if declaration.says_no_ai:
                yield self._no_ai(link, declaration)
            else:
                yield self._unknown("undeclared", "undeclared", link)

    def _applicable(self, link: LinkFacts) -> list[Question]:
        return [self.questions[name] for name in sorted(link.asked | self.starter)]

    def _weighed(self, question: Question, found: Gap) -> Weighed:
        return Weighed(question, self.policy.weights[question.criticality - 1], found)

    def _uniform(self, link: LinkFacts, found: Gap) -> tuple[Weighed, ...]:
        return tuple(self._weighed(question, found) for question in self._applicable(link))

    def _unknown(self, name: str, kind: Kind, link: LinkFacts) -> JudgedComponent:
        most = exposure.most(link.classification, self.policy)
        return JudgedComponent(
            id=name,
            kind=kind,
            exposure=Interval(most, most),
            gap=Interval(0.0, 1.0),
            weight=Interval(0.0, exposure.nats(most, 1)),
            coverage=0.0 if self._applicable(link) else None,
            questions=self._uniform(link, Gap(Row.SILENT, 1.0, 0.0)),
        )

    def _no_ai(self, link: LinkFacts, declaration: Declaration) -> JudgedComponent:
        policy = self.policy
        fresh = freshness(declaration.time, policy.declaration_window_days, policy, self.as_of)
        left = 1 - policy.assurance[declaration.assurance] * fresh
        return JudgedComponent(
            id="no-ai",
            kind="no_ai",
            exposure=Interval(policy.uses_ai, policy.uses_ai),
            gap=Interval(0.0, left),
            weight=Interval(0.0, max(exposure.nats(policy.uses_ai, left), policy.floor)),
            coverage=1.0 if self._applicable(link) else None,
            questions=self._uniform(link, Gap(Row.ANSWERED, left, 0.0, counts_as_answered=True)),
        )

    def _declared(self, component: Component, link: LinkFacts) -> JudgedComponent:
        live = self._live(component.superseded_at)
        stated = component.covered and live
        believed = stated and self.policy.believes_attributes_at(component.assurance)
        possible = exposure.possible_values(
            component.attributes if believed else {}, link.classification, self.policy
        )
        answers = {answer.question: answer for answer in link.organization}
        if live:
            answers |= {answer.question: answer for answer in component.answers}
        weighed = self._questions(link, component, answers, possible, stated=stated)
        met = standing(weighed)
        found = met.gap or Interval(0.0, 0.0)
        exposed = exposure.exposure(possible, self.policy)
        evidenced = exposure.nats(exposed.evidenced, found.evidenced)
        return JudgedComponent(
            id=component.id,
            kind="declared",
            exposure=exposed,
            gap=found,
            weight=Interval(
                exposure.nats(exposed.claimed, found.claimed), max(evidenced, self.policy.floor)
            ),
            coverage=met.coverage,
            questions=weighed,
        )

    def _questions(
        self,
        link: LinkFacts,
        component: Component,
        answers: Mapping[str, Answer],
        possible: exposure.Possible,
        *,
        stated: bool,
    ) -> tuple[Weighed, ...]:
        def code(question: str) -> str | None:
            answer = answers.get(question)
            valid = answer is not None and answer.state == "answered" and answer.covered
            return answer.value if answer is not None and valid else None

        values = {name: frozenset(scale) for name, scale in possible.items()}
        roles = {role: component.roles[role] if stated else None for role in ROLES}
        weighed = []
        for question in self._applicable(link):
            applies = condition.every(
                (
                    condition.some(roles[role] for role in question.roles),
                    question.condition is None
                    or condition.decide(question.condition, values, code),
                )
            )
            found = gap(
                question,
                answers.get(question.id),
                applies=applies,
                policy=self.policy,
                as_of=self.as_of,
            )
            if found.row != Row.OUT:
                weighed.append(self._weighed(question, found))
        return tuple(weighed)


def standing(weighed: Iterable[Weighed]) -> Standing:
    """Σ w·gap / Σ w per bound and the answered part; None where nothing is required."""
    questions = list(weighed)
    required = [item for item in questions if item.gap.evidenced is not None]
    total = sum(item.weight for item in required)
    if not total:
        return Standing(gap=None, coverage=None)
    answered = sum(item.weight for item in required if item.gap.counts_as_answered)
    means = (
        _mean((item.weight, item.gap.claimed) for item in questions),
        _mean((item.weight, item.gap.evidenced) for item in questions),
    )
    return Standing(gap=Interval(*means), coverage=answered / total)


def _mean(gaps: Iterable[tuple[int, float | None]]) -> float:
    kept = [(weight, value) for weight, value in gaps if value is not None]
    total = sum(weight for weight, _ in kept)
    return math.fsum(weight * value for weight, value in kept) / total if total else 0.0
