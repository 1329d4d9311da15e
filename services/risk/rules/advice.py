"""What to do next: every candidate ranked by one reverse pass, the best ones computed exactly."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import nlargest

from services.risk.rules import hypothesis
from services.risk.rules.exposure import nats
from services.risk.rules.facts import NONE, SILENT, DirectLink, Facts
from services.risk.rules.gap import Row, alignment
from services.risk.rules.graph import Firm, Graph
from services.risk.rules.hypothesis import L2, Change, Kind
from services.risk.rules.influence import influence
from services.risk.rules.number import Interval
from services.risk.rules.policy import Policy
from services.risk.rules.standing import Judge, JudgedComponent, Judgement, Weighed
from services.risk.rules.tier import Settled
from services.risk.rules.trial import Outcome, trying

BEST = 50
WHOLE: tuple[Kind, ...] = ("confirm_key", "renew", "declare_components", "declare_sub_tier")
# Below this a number as it is shown does not move.
NOTHING = 1e-6


@dataclass(frozen=True, slots=True)
class Advice:
    """An action, whom it concerns (`supplier` as in the facts), and what it would change."""

    change: Change
    supplier: str
    before: Outcome
    after: Outcome

    @property
    def effect(self) -> float:
        """By how many nats the evidenced total falls."""
        return self.before.total.evidenced - self.after.total.evidenced


@dataclass(frozen=True, slots=True)
class _Candidate:
    change: Change
    place: int
    lowers: float
    """By how many nats L of the link falls, evidenced, as far as one can tell beforehand."""


def advice(settled: Settled, most: int = BEST) -> list[Advice]:
    """The best actions, the greatest effect on the evidenced total first.

    All candidates are ranked by ∂T/∂ℓ times what they take from the link; `most` of them are then
    computed exactly. An action that would lower nothing is none.
    """
    slopes = influence(settled.bounds["evidenced"])
    ranked = nlargest(
        most,
        (one for one in _candidates(settled) if slopes[one.place] * one.lowers > NOTHING),
        key=lambda one: (slopes[one.place] * one.lowers, _name(one.change)),
    )
    attempt = trying(settled)
    graph = settled.graph
    told = []
    for candidate in ranked:
        link = graph.links[candidate.place]
        before = attempt(candidate.place, link.own, link.below, link.is_silent)
        after = attempt(candidate.place, *_state_after(settled, candidate))
        told.append(Advice(candidate.change, link.supplier, before, after))
    useful = (one for one in told if one.effect > NOTHING)
    return sorted(useful, key=lambda one: (-one.effect, _name(one.change)))


def _name(change: Change) -> tuple[str, str, str, str]:
    return change.link, change.kind, change.component or "", change.question or ""


def _judge(facts: Facts) -> Judge:
    return Judge(facts.questions, facts.starter, facts.policy, facts.as_of)


def _state_after(settled: Settled, candidate: _Candidate) -> tuple[Interval, int | None, bool]:
    """ℓ, the holder below and whether the list is silent, once the action is done."""
    facts, link = settled.facts, settled.graph.links[candidate.place]
    direct = next((one for one in facts.direct if one.id == candidate.change.link), None)
    if direct is None:
        return link.own, None, False
    after = hypothesis.changed(direct, candidate.change, facts)
    assert after is not None
    judged = _judge(facts).judge(after.facts)
    name = after.list if judged.is_declared else SILENT
    if judged.is_closed or name == NONE:
        return judged.own, None, False
    below = _places(facts).get(name)
    return judged.own, below, name == SILENT


def _places(facts: Facts) -> dict[str, int]:
    return {name: place for place, name in enumerate(facts.lists)}


def _candidates(settled: Settled) -> Iterator[_Candidate]:
    facts, graph = settled.facts, settled.graph
    for link in facts.direct:
        item = graph.own[link.id]
        if isinstance(item, Firm):
            yield from _of_link(settled, link, item.link)
    for place, name in enumerate(facts.deeper):
        if graph.links[place].is_silent:
            silence = facts.policy.sigma_max
            yield _Candidate(Change("declare_sub_tier", name), place, silence)


def _of_link(settled: Settled, link: DirectLink, place: int) -> Iterator[_Candidate]:
    judgement = settled.graph.judgements[link.id]
    for kind in WHOLE:
        if _is_open(kind, link, judgement, settled.graph, place):
            candidate = _Candidate(Change(kind, link.id), place, 0.0)
            own, _, is_silent = _state_after(settled, candidate)
            lowers = judgement.own.evidenced - own.evidenced
            if settled.graph.links[place].is_silent and not is_silent:
                lowers += settled.facts.policy.sigma_max
            yield _Candidate(candidate.change, place, lowers)
    for component in judgement.components:
        if component.kind == "declared":
            for kind, item, gap in _of_component(component, link, settled.facts):
                lowers = _lowers(judgement, component, item, gap, settled.facts.policy)
                change = Change(kind, link.id, component.id, item.question.id)
                yield _Candidate(change, place, lowers)


def _is_open(kind: Kind, link: DirectLink, judgement: Judgement, graph: Graph, place: int) -> bool:
    """Whether an action on the whole link is there to be taken."""
    match kind:
        case "declare_sub_tier":
            return judgement.is_declared and graph.links[place].is_silent
        case "declare_components":
            return any(component.kind == "undeclared" for component in judgement.components)
        case _:
            return link.facts.declaration is not None


def _of_component(
    component: JudgedComponent, link: DirectLink, facts: Facts
) -> Iterator[tuple[Kind, Weighed, float]]:
    """(kind, question, evidenced gap afterwards) of each action on a single question."""
    policy = facts.policy
    answers = {one.question: one for one in link.facts.organization}
    held = next(one for one in link.facts.components if one.id == component.id)
    answers |= {one.question: one for one in held.answers}
    for item in component.questions:
        gap, answer = item.gap.evidenced, answers.get(item.question.id)
        if gap is None:
            continue
        if item.gap.row == Row.SILENT:
            yield "answer", item, 1 - policy.assurance[L2]
        elif item.gap.row == Row.ANSWERED and answer is not None and answer.time is not None:
            now = policy.assurance[answer.assurance]
            above = policy.assurance[hypothesis.next_level(answer.assurance)]
            if above > now > 0:
                yield "raise_assurance", item, 1 - (1 - gap) * above / now
            if (alignment(item.question, answer.value, policy) or 0.0) < 1:
                yield "close_gap", item, 1 - now


def _lowers(
    judgement: Judgement, component: JudgedComponent, item: Weighed, gap: float, policy: Policy
) -> float:
    """By how much ℓ falls if one gap becomes `gap` and nothing else follows from it."""
    whole = sum(one.weight for one in component.questions if one.gap.evidenced is not None)
    was = item.gap.evidenced or 0.0
    u, e, p = component.weight.evidenced, component.exposure.evidenced, policy.norm
    gap_after = component.gap.evidenced - item.weight * (was - gap) / whole
    after = max(nats(e, min(max(gap_after, 0.0), 1.0)), policy.floor)
    rest = max(_powers(judgement.components, p) - u**p + after**p, 0.0)
    return float(_powers(judgement.components, p) ** (1 / p) - rest ** (1 / p))


def _powers(components: Iterable[JudgedComponent], p: float) -> float:
    return float(sum(component.weight.evidenced**p for component in components))
