"""Random worlds for the laws of RM-1, and every way of withholding that section 1 names."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar

from hypothesis import strategies as st

import services.risk
from services.risk.rules import policy as policies
from services.risk.rules.condition import AnswerIn, AnyOf, AttributeIn, Not
from services.risk.rules.facts import (
    Answer,
    AnswerState,
    Component,
    Declaration,
    LinkFacts,
    Pack,
    PreScreen,
    Question,
    Seen,
)
from services.risk.rules.policy import ASSURANCE_LEVELS, DEPENDENCY_CLASSES, Policy
from services.risk.rules.world import Listed, SubTier, World, WorldLink, view

T = TypeVar("T")
AS_OF = datetime(2027, 3, 1, tzinfo=UTC)
POLICY_FILE = Path(services.risk.__file__).parent / "policies" / "rm-1.toml"
POLICY: Policy = policies.read(POLICY_FILE.read_text(encoding="utf-8"))
STATES: tuple[AnswerState, ...] = (
    "answered",
    "answered",
    "checking",
    "withheld",
    "not_applicable",
    "silent",
)
TICKS: tuple[PreScreen, ...] = ("none", "none", "none", "yes", "checking")
CODES = ("not_started", "planned", "partial", "implemented", "verified")


def question(name: str, criticality: int = 3, **changes: Any) -> Question:
    plain = Question(
        id=name,
        criticality=criticality,
        roles=("developer", "provider", "user"),
        condition=None,
        principle="C-7",
        topic=None,
        freshness_days=365,
        alignment=None,
    )
    return replace(plain, **changes)


SAFETY, SUPPLY = "safety-verification", "supply-chain"
QUESTIONS = {
    one.id: one
    for one in (
        question("Q-1", 5, principle="C-2", topic=SAFETY),
        question("Q-2", 4, roles=("developer", "provider")),
        question("Q-3", 2, condition=AttributeIn("safetyFunction", frozenset({"critical"}))),
        question("Q-4", 3, condition=AnswerIn("Q-1", frozenset({"partial", "implemented"}))),
        question(
            "Q-5",
            5,
            roles=("user",),
            topic=SUPPLY,
            condition=AnyOf(
                (
                    Not(AttributeIn("personalData", frozenset({"no"}))),
                    AnswerIn("Q-6", frozenset({"yes"})),
                )
            ),
        ),
        question("Q-6", 4, principle="C-4", alignment={"yes": 0.0, "no": 1.0}, freshness_days=30),
        question("Q-7", 1, principle="C-1"),
    )
}
STARTER = frozenset({"Q-1", "Q-6"})
OF_COMPONENTS = ("Q-1", "Q-2", "Q-3", "Q-4", "Q-6")
OF_ORGANIZATIONS = ("Q-5", "Q-7")

levels = st.sampled_from(ASSURANCE_LEVELS)
times = st.integers(0, 900).map(lambda days: AS_OF - timedelta(days=days))
yes_no = st.sampled_from(("yes", "no"))


@st.composite
def answers(draw: st.DrawFn, among: tuple[str, ...]) -> tuple[Answer, ...]:
    names = sorted(draw(st.sets(st.sampled_from(among))))
    return tuple(draw(an_answer(name)) for name in names)


@st.composite
def an_answer(draw: st.DrawFn, name: str) -> Answer:
    state = draw(st.sampled_from(STATES))
    codes = ("yes", "no", "other") if name == "Q-6" else (*CODES, "other")
    seen = Seen(draw(st.sampled_from(codes)), draw(levels), draw(times))
    return Answer(
        question=name,
        state=state,
        value=draw(st.sampled_from(codes)) if state == "answered" else None,
        assurance=draw(levels),
        covered=draw(st.integers(0, 4)) > 0,
        time=draw(times),
        accepted=draw(st.booleans()),
        waived=draw(st.integers(0, 4)) == 0,
        seen=seen if state == "withheld" and draw(st.booleans()) else None,
    )


@st.composite
def components(draw: st.DrawFn, number: int) -> Component:
    stated = draw(st.sets(st.sampled_from(list(POLICY.attributes))))
    return Component(
        id=f"component-{number}",
        statement=None,
        assurance=draw(levels),
        covered=draw(st.integers(0, 4)) > 0,
        time=draw(times),
        superseded_at=draw(st.none() | times),
        roles={
            role: draw(st.sampled_from((True, False, None)))
            for role in ("developer", "provider", "user")
        },
        attributes={
            name: draw(st.sampled_from(list(POLICY.attributes[name]))) for name in sorted(stated)
        },
        answers=draw(answers(OF_COMPONENTS)),
    )


@st.composite
def declarations(draw: st.DrawFn) -> Declaration:
    return Declaration(
        statement=None,
        assurance=draw(levels),
        covered=draw(st.integers(0, 5)) > 0,
        time=draw(times),
        superseded_at=draw(st.none() | st.none() | times),
        pre_screen={
            use: draw(st.sampled_from(TICKS)) for use in ("embedded", "process", "customer_data")
        },
        withheld_components=draw(st.sampled_from((0, 0, 0, 1))),
    )


@st.composite
def classifications(draw: st.DrawFn) -> dict[str, tuple[str, str]]:
    named = draw(st.sets(st.sampled_from(list(POLICY.attributes)), max_size=3))
    bought = {}
    for name in sorted(named):
        scale = list(POLICY.attributes[name])
        low, high = sorted(
            (draw(st.sampled_from(scale)), draw(st.sampled_from(scale))), key=scale.index
        )
        bought[name] = (low, high)
    return bought


@st.composite
def link_facts(draw: st.DrawFn) -> LinkFacts:
    count = draw(st.integers(0, 2))
    return LinkFacts(
        classification=draw(classifications()),
        asked=frozenset(draw(st.sets(st.sampled_from(sorted(QUESTIONS))))),
        due_at=draw(st.none() | st.just(AS_OF + timedelta(days=9))),
        submitted=draw(st.booleans()),
        declaration=draw(st.none() | declarations() | declarations() | declarations()),
        organization=draw(answers(OF_ORGANIZATIONS)),
        components=tuple(draw(components(number)) for number in range(count)),
    )


@st.composite
def sub_tiers(draw: st.DrawFn, firms: list[str]) -> SubTier | Literal["silent", "none"]:
    words: tuple[Literal["silent", "none"], ...] = ("silent", "none")
    word = draw(st.none() | st.none() | st.sampled_from(words))
    if word is not None:
        return word
    entry = st.builds(
        Listed,
        st.sampled_from(firms),
        st.sampled_from(DEPENDENCY_CLASSES),
        st.sampled_from(("named", "masked")),
        st.sampled_from((False, False, False, True)),
    )
    entries = tuple(draw(st.lists(entry, max_size=4)))
    totals = Counter(one.dependency for one in entries)
    totals.update(draw(st.lists(st.sampled_from(DEPENDENCY_CLASSES), max_size=1)))
    return SubTier(entries, dict(totals))


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A handful of firms that supply each other in every direction, circles included."""
    firms = [f"firm-{number}" for number in range(draw(st.integers(2, 6)))]
    pairs = [(one, other) for one in firms for other in firms if one != other]
    chosen = draw(st.sets(st.sampled_from(pairs), max_size=10)) | {(firms[0], firms[1])}
    links = {}
    for customer, supplier in sorted(chosen):
        links[(customer, supplier)] = WorldLink(
            id=f"{customer}>{supplier}",
            customer=customer,
            supplier=supplier,
            dependency=draw(st.sampled_from(DEPENDENCY_CLASSES)),
            pass_through=draw(st.sampled_from((False, False, False, True))),
            facts=draw(link_facts()),
            sub_tier=draw(sub_tiers([firm for firm in firms if firm != supplier])),
        )
    return world_of(links)


def world_of(links: dict[tuple[str, str], WorldLink], **changes: Any) -> World:
    plain = World(
        as_of=AS_OF,
        synthetic=False,
        log=None,
        policy=POLICY,
        packs=(Pack("test", "1", "0" * 64),),
        questions=QUESTIONS,
        starter=STARTER,
        links=links,
    )
    return replace(plain, **changes)


def alias(kind: str, subject: str) -> str:
    return f"{kind[0]}_{hashlib.sha256(subject.encode()).hexdigest()[:16]}"


def seen_by(requester: str, world: World) -> Any:
    return view(world, requester, alias)


Withholding = tuple[str, WorldLink]


def withholdings(link: WorldLink) -> Iterator[Withholding]:
    """Every single thing left unsaid on a link: what it is, and the link afterwards."""
    facts = link.facts
    for name, changed in _facts_withheld(facts):
        yield name, replace(link, facts=changed)
    if isinstance(link.sub_tier, SubTier):
        for number in range(len(link.sub_tier.entries)):
            kept = _without(link.sub_tier.entries, number)
            yield "entry", replace(link, sub_tier=replace(link.sub_tier, entries=kept))
    yield "list", replace(link, sub_tier="silent")


def _facts_withheld(facts: LinkFacts) -> Iterator[tuple[str, LinkFacts]]:
    for name, kept in _answers_withheld(facts.organization):
        yield f"organization {name}", replace(facts, organization=kept)
    for number, component in enumerate(facts.components):
        for name, changed in _component_withheld(component):
            swapped = list(facts.components)
            swapped[number] = changed
            yield f"component {name}", replace(facts, components=tuple(swapped))
    declaration = facts.declaration
    if declaration is None:
        return
    for number in range(len(facts.components)):
        one_more = replace(declaration, withheld_components=declaration.withheld_components + 1)
        yield (
            "component content",
            replace(facts, declaration=one_more, components=_without(facts.components, number)),
        )
    yield "declaration", replace(facts, declaration=None)
    yield (
        "declaration's attestation",
        replace(facts, declaration=replace(declaration, covered=False)),
    )
    for use in declaration.pre_screen:
        ticks = dict(declaration.pre_screen) | {use: "checking"}
        yield "pre-screen", replace(facts, declaration=replace(declaration, pre_screen=ticks))


def _component_withheld(component: Component) -> Iterator[tuple[str, Component]]:
    for name, kept in _answers_withheld(component.answers):
        yield name, replace(component, answers=kept)
    for role in component.roles:
        yield "role", replace(component, roles=dict(component.roles) | {role: None})
    for name in component.attributes:
        kept_attributes = {k: v for k, v in component.attributes.items() if k != name}
        yield "attribute", replace(component, attributes=kept_attributes)
    uncovered = tuple(replace(answer, covered=False) for answer in component.answers)
    yield "attestation", replace(component, covered=False, answers=uncovered)


def _answers_withheld(held: tuple[Answer, ...]) -> Iterator[tuple[str, tuple[Answer, ...]]]:
    changes: tuple[tuple[str, Callable[[Answer], Answer]], ...] = (
        ("answer marked withheld", lambda a: replace(a, state="withheld", value=None, seen=None)),
        ("answer still checking", lambda a: replace(a, state="checking", value=None)),
        ("evidence", lambda a: replace(a, assurance=_lower(a.assurance), seen=None)),
        ("attestation of an answer", lambda a: replace(a, covered=False)),
    )
    for number, answer in enumerate(held):
        yield "answer", _without(held, number)
        for name, change in changes:
            swapped = list(held)
            swapped[number] = change(answer)
            yield name, tuple(swapped)


def _lower(level: str) -> str:
    return ASSURANCE_LEVELS[max(0, ASSURANCE_LEVELS.index(level) - 1)]


def _without(items: tuple[T, ...], number: int) -> tuple[T, ...]:
    return (*items[:number], *items[number + 1 :])
