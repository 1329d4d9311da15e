"""When a question is asked: conditions as data, decided in three values without `eval`.

`{"all": […]}`, `{"any": […]}`, `{"not": c}`, `{"attribute": name, "in": […]}`,
`{"question": id, "in": [codes]}`; attributes are those of risk-model section 3.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, assert_never

from services.questionnaire.rules.nodes import Node

_YES_NO: Final = ("yes", "no")
ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "safetyFunction": ("none", "monitored", "critical"),
    "relianceType": ("assist", "reliance"),
    "agentOrPhysical": _YES_NO,
    "personalData": _YES_NO,
    "customerData": _YES_NO,
    "learnsAfterDelivery": _YES_NO,
    "userFacing": _YES_NO,
    "thirdPartyBaseModel": _YES_NO,
}
"""Attributes of an AI component and the values each may have."""

_CODE: Final = r"[a-z][a-z0-9_]{0,63}"


class Decision(Enum):
    """Whether something holds; undecided is a value of its own and never turns into a no."""

    YES = "yes"
    NO = "no"
    UNDECIDED = "undecided"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Holds where every part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds where at least one part holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Holds where its part does not."""

    part: Condition


@dataclass(frozen=True, slots=True)
class AttributeIn:
    """Holds where the component's attribute has one of the values."""

    name: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class AnswerIn:
    """Holds where the question was answered with one of the codes."""

    question: str
    codes: frozenset[str]


Condition = AllOf | AnyOf | Not | AttributeIn | AnswerIn


def parse(node: Node) -> Condition:
    """Read a condition; raises `Refusal` for any other shape, attribute or value."""
    names = frozenset(node.mapping())
    if names == {"all"}:
        return AllOf(tuple(parse(part) for part in node.member("all").elements(1)))
    if names == {"any"}:
        return AnyOf(tuple(parse(part) for part in node.member("any").elements(1)))
    if names == {"not"}:
        return Not(parse(node.member("not")))
    if names == {"attribute", "in"}:
        name = node.member("attribute").one_of(ATTRIBUTES)
        return AttributeIn(name, frozenset(node.member("in").several_of(ATTRIBUTES[name], 1)))
    if names != {"question", "in"}:
        node.refuse("条件の書き方が正しくありません", "is not a condition")
    codes = frozenset(code.text(_CODE) for code in node.member("in").elements(1))
    return AnswerIn(node.member("question").text(), codes)


def document(condition: Condition) -> dict[str, Any]:
    """Return the condition as plain data again, lists of values sorted."""
    match condition:
        case AllOf(parts):
            return {"all": [document(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [document(part) for part in parts]}
        case Not(part):
            return {"not": document(part)}
        case AttributeIn(name, values):
            return {"attribute": name, "in": sorted(values)}
        case AnswerIn(question, codes):
            return {"question": question, "in": sorted(codes)}
        case _:
            assert_never(condition)


def references(condition: Condition) -> frozenset[AnswerIn]:
    """Return every part that looks at another question's answer."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            return frozenset[AnswerIn]().union(*(references(part) for part in parts))
        case Not(part):
            return references(part)
        case AttributeIn():
            return frozenset()
        case AnswerIn():
            return frozenset({condition})
        case _:
            assert_never(condition)


def decide(
    condition: Condition, attributes: Mapping[str, str], values: Mapping[str, str]
) -> Decision:
    """Decide a condition from what is known.

    Args:
        condition: what to decide.
        attributes: name → value of one component; a missing name is unknown.
        values: question id → option code of answered questions; whoever is silent, still
            checking, withholding or says "not applicable" is not in it.
    """
    match condition:
        case AllOf(parts):
            return all_of(decide(part, attributes, values) for part in parts)
        case AnyOf(parts):
            return any_of(decide(part, attributes, values) for part in parts)
        case Not(part):
            return negation(decide(part, attributes, values))
        case AttributeIn(name, wanted):
            return _within(attributes.get(name), wanted)
        case AnswerIn(question, wanted):
            return _within(values.get(question), wanted)
        case _:
            assert_never(condition)


def all_of(decisions: Iterable[Decision]) -> Decision:
    """One no decides; otherwise one undecided leaves it undecided."""
    found = set(decisions)
    if Decision.NO in found:
        return Decision.NO
    return Decision.UNDECIDED if Decision.UNDECIDED in found else Decision.YES


def any_of(decisions: Iterable[Decision]) -> Decision:
    """One yes decides; otherwise one undecided leaves it undecided; of nothing it is a no."""
    return negation(all_of(negation(decision) for decision in decisions))


def negation(decision: Decision) -> Decision:
    """Turn yes and no round."""
    if decision is Decision.UNDECIDED:
        return decision
    return Decision.NO if decision is Decision.YES else Decision.YES


def _within(value: str | None, wanted: frozenset[str]) -> Decision:
    if value is None:
        return Decision.UNDECIDED
    return Decision.YES if value in wanted else Decision.NO
