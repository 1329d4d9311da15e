"""Conditions of questions: data, decided in three values over what is still possible.

True, False, or None for undecided (Kleene). There is no text to parse.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, assert_never

from services.risk.rules.policy import ATTRIBUTES
from services.risk.rules.refusal import FactsRefused

DEEPEST = 32


@dataclass(frozen=True, slots=True)
class All:
    """Holds if every part does; of nothing it holds."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """Holds if some part does; of nothing it does not."""

    parts: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Not:
    """Holds if its part does not."""

    part: Condition


@dataclass(frozen=True, slots=True)
class AttributeIn:
    """Every value still possible for the attribute is one of these."""

    attribute: str
    values: frozenset[str]


@dataclass(frozen=True, slots=True)
class AnswerIn:
    """The question is validly answered by one of these codes."""

    question: str
    codes: frozenset[str]


Condition = All | AnyOf | Not | AttributeIn | AnswerIn


def condition(raw: Any, depth: int = 0) -> Condition:
    """A condition from its JSON form. Raises FactsRefused for any other shape or over 32 levels."""
    if depth > DEEPEST or not isinstance(raw, Mapping):
        raise FactsRefused("a condition is not one of the five forms")
    match dict(raw):
        case {"all": list(parts), **rest} if not rest:
            return All(tuple(condition(part, depth + 1) for part in parts))
        case {"any": list(parts), **rest} if not rest:
            return AnyOf(tuple(condition(part, depth + 1) for part in parts))
        case {"not": part, **rest} if not rest:
            return Not(condition(part, depth + 1))
        case {"attribute": str(name), "in": list(values), **rest} if (
            not rest and name in ATTRIBUTES
        ):
            return AttributeIn(name, frozenset(values))
        case {"question": str(question), "in": list(codes), **rest} if not rest:
            return AnswerIn(question, frozenset(codes))
    raise FactsRefused("a condition is not one of the five forms")


def document(of: Condition) -> dict[str, Any]:
    """The JSON form again, with sorted lists."""
    match of:
        case All(parts):
            return {"all": [document(part) for part in parts]}
        case AnyOf(parts):
            return {"any": [document(part) for part in parts]}
        case Not(part):
            return {"not": document(part)}
        case AttributeIn(attribute, values):
            return {"attribute": attribute, "in": sorted(values)}
        case AnswerIn(question, codes):
            return {"question": question, "in": sorted(codes)}
        case _:
            assert_never(of)


def decide(
    of: Condition,
    possible: Mapping[str, frozenset[str]],
    answer: Callable[[str], str | None],
) -> bool | None:
    """Whether it holds, given each attribute's possible values and the valid answer codes."""
    match of:
        case All(parts):
            return every(decide(part, possible, answer) for part in parts)
        case AnyOf(parts):
            return some(decide(part, possible, answer) for part in parts)
        case Not(part):
            held = decide(part, possible, answer)
            return None if held is None else not held
        case AttributeIn(attribute, values):
            left = possible[attribute]
            return True if left <= values else False if left.isdisjoint(values) else None
        case AnswerIn(question, codes):
            code = answer(question)
            return None if code is None else code in codes
        case _:
            assert_never(of)


def every(parts: Iterable[bool | None]) -> bool | None:
    """Kleene's and: one false decides, else one undecided leaves it open."""
    seen = set(parts)
    return False if False in seen else None if None in seen else True


def some(parts: Iterable[bool | None]) -> bool | None:
    """Kleene's or: one true decides, else one undecided leaves it open."""
    seen = set(parts)
    return True if True in seen else None if None in seen else False
