"""Exposure from stated attributes and from what the requester says it buys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from services.risk.rules import condition
from services.risk.rules.condition import AnswerIn, AnyOf, AttributeIn, Not
from services.risk.rules.exposure import exposure, most, possible_values
from services.risk.rules.refusal import FactsRefused
from tests.risk.worlds import POLICY

HARMLESS = {name: next(iter(scale)) for name, scale in POLICY.attributes.items()}


def interval(stated: dict[str, str], bought: dict[str, tuple[str, str]] | None = None) -> Any:
    return exposure(possible_values(stated, bought or {}, POLICY), POLICY)


def test_any_declared_component_uses_ai() -> None:
    found = interval(HARMLESS)
    assert found.claimed == found.evidenced == pytest.approx(0.1)


@pytest.mark.parametrize(
    ("name", "value", "x"),
    [
        ("safetyFunction", "monitored", 0.4),
        ("safetyFunction", "critical", 0.8),
        ("relianceType", "reliance", 0.3),
        ("agentOrPhysical", "yes", 0.4),
        ("personalData", "yes", 0.3),
        ("customerData", "yes", 0.3),
        ("learnsAfterDelivery", "yes", 0.2),
        ("userFacing", "yes", 0.1),
        ("thirdPartyBaseModel", "yes", 0.1),
    ],
)
def test_each_attribute_adds_its_exposure(name: str, value: str, x: float) -> None:
    assert interval(HARMLESS | {name: value}).evidenced == pytest.approx(1 - 0.9 * (1 - x))


def test_what_is_not_stated_spans_its_whole_scale() -> None:
    found = interval({})
    assert found.claimed == pytest.approx(0.1)
    assert found.evidenced == most({}, POLICY)


def test_a_classification_narrows_what_is_not_stated() -> None:
    found = interval(
        {},
        dict.fromkeys(POLICY.attributes, ("no", "no"))
        | {
            "safetyFunction": ("monitored", "critical"),
            "relianceType": ("assist", "assist"),
        },
    )
    assert found.claimed == pytest.approx(1 - 0.9 * 0.6)
    assert found.evidenced == pytest.approx(1 - 0.9 * 0.2)


def test_a_stated_value_is_clipped_into_what_is_bought() -> None:
    bought = {"safetyFunction": ("monitored", "monitored")}
    for stated in ("none", "critical"):
        assert interval(HARMLESS | {"safetyFunction": stated}, bought).claimed == pytest.approx(
            1 - 0.9 * 0.6
        )


def test_a_value_that_is_not_on_the_scale_is_not_stated() -> None:
    assert interval(HARMLESS | {"userFacing": "perhaps"}) == interval(
        {name: value for name, value in HARMLESS.items() if name != "userFacing"}
    )


def decide(of: Any, possible: set[str], code: str | None = None) -> bool | None:
    return condition.decide(of, {"userFacing": frozenset(possible)}, lambda _: code)


def test_a_condition_is_decided_when_every_possible_value_agrees() -> None:
    faces_users = AttributeIn("userFacing", frozenset({"yes"}))
    assert decide(faces_users, {"yes"}) is True
    assert decide(faces_users, {"no"}) is False
    assert decide(faces_users, {"yes", "no"}) is None
    assert decide(Not(faces_users), {"no"}) is True
    assert decide(Not(faces_users), {"yes", "no"}) is None


def test_undecided_parts_only_matter_where_they_could_tip_it() -> None:
    maybe = AttributeIn("userFacing", frozenset({"yes"}))
    yes, no = AnswerIn("Q", frozenset({"a"})), AnswerIn("Q", frozenset({"b"}))
    both = {"yes", "no"}
    assert decide(AnyOf((maybe, yes)), both, "a") is True
    assert decide(AnyOf((maybe, no)), both, "a") is None
    assert decide(condition.All((maybe, no)), both, "a") is False
    assert decide(condition.All((maybe, yes)), both, "a") is None
    assert decide(condition.All(()), both) is True
    assert decide(AnyOf(()), both) is False
    assert decide(yes, both, None) is None


@pytest.mark.parametrize(
    "raw",
    [
        {"all": []},
        {"any": [{"not": {"attribute": "userFacing", "in": ["no", "yes"]}}]},
        {"question": "Q-1", "in": ["partial"]},
    ],
)
def test_a_condition_reads_back_as_it_was_written(raw: Any) -> None:
    assert condition.document(condition.condition(raw)) == raw


FORMS: dict[str, Callable[[Any], Any]] = {
    "not": lambda part: {"not": part},
    "all": lambda part: {"all": [part]},
    "any": lambda part: {"any": [part]},
}


def nested(levels: int, form: str = "not") -> Any:
    return FORMS[form](nested(levels - 1, form)) if levels else {"all": []}


@pytest.mark.parametrize("form", FORMS)
def test_a_condition_has_at_most_32_levels_below_its_first(form: str) -> None:
    assert condition.document(condition.condition(nested(32, form))) == nested(32, form)
    with pytest.raises(FactsRefused):
        condition.condition(nested(33, form))


@pytest.mark.parametrize(
    "raw", [{}, [], "all", {"all": [], "any": []}, {"attribute": "x"}, {"in": []}, nested(40)]
)
def test_any_other_shape_of_condition_is_refused(raw: Any) -> None:
    with pytest.raises(FactsRefused):
        condition.condition(raw)
