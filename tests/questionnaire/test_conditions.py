from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.questionnaire.rules import conditions
from services.questionnaire.rules.conditions import ATTRIBUTES, Decision
from services.questionnaire.rules.nodes import Node
from services.questionnaire.rules.refusals import Refusal

YES, NO, UNDECIDED = Decision.YES, Decision.NO, Decision.UNDECIDED
HOLDS = {"attribute": "personalData", "in": ["yes"]}
FAILS = {"attribute": "userFacing", "in": ["yes"]}
OPEN = {"attribute": "customerData", "in": ["yes"]}
KNOWN = {"personalData": "yes", "userFacing": "no"}


def decide(data: object, attributes: dict[str, str], values: dict[str, str]) -> Decision:
    return conditions.decide(conditions.parse(Node(data, "", "test")), attributes, values)


@pytest.mark.parametrize(
    ("condition", "decision"),
    [
        (HOLDS, YES),
        (FAILS, NO),
        (OPEN, UNDECIDED),
        ({"not": HOLDS}, NO),
        ({"not": FAILS}, YES),
        ({"not": OPEN}, UNDECIDED),
        ({"all": [HOLDS, HOLDS]}, YES),
        ({"all": [HOLDS, OPEN]}, UNDECIDED),
        ({"all": [OPEN, FAILS]}, NO),
        ({"any": [FAILS, FAILS]}, NO),
        ({"any": [FAILS, OPEN]}, UNDECIDED),
        ({"any": [OPEN, HOLDS]}, YES),
    ],
)
def test_a_condition_is_decided_in_three_values(condition: object, decision: Decision) -> None:
    assert decide(condition, KNOWN, {}) is decision


def test_a_condition_on_an_answer_is_undecided_until_there_is_one() -> None:
    condition = {"question": "Q-TEST-001", "in": ["yes"]}
    assert decide(condition, {}, {}) is UNDECIDED
    assert decide(condition, {}, {"Q-TEST-001": "yes"}) is YES
    assert decide(condition, {}, {"Q-TEST-001": "no"}) is NO


@pytest.mark.parametrize(
    "condition",
    [
        {},
        {"all": []},
        {"any": {}},
        {"not": []},
        {"all": [HOLDS], "any": [HOLDS]},
        {"attribute": "colour", "in": ["red"]},
        {"attribute": "personalData", "in": ["maybe"]},
        {"attribute": "personalData", "in": []},
        {"attribute": "personalData"},
        {"question": "Q-TEST-001", "in": ["Not A Code"]},
        "personalData == 'yes'",
        None,
    ],
)
def test_anything_else_is_no_condition(condition: object) -> None:
    with pytest.raises(Refusal):
        conditions.parse(Node(condition, "", "test"))


LEAVES = st.sampled_from(sorted(ATTRIBUTES)).flatmap(
    lambda name: st.builds(
        lambda values: {"attribute": name, "in": sorted(values)},
        st.sets(st.sampled_from(ATTRIBUTES[name]), min_size=1),
    )
) | st.builds(
    lambda codes: {"question": "Q-TEST-001", "in": sorted(codes)},
    st.sets(st.sampled_from(["a", "b"]), min_size=1),
)
CONDITIONS: st.SearchStrategy[dict[str, Any]] = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(inner, min_size=1, max_size=3)),
        st.builds(lambda part: {"not": part}, inner),
    ),
    max_leaves=8,
)
COMPONENTS = st.fixed_dictionaries({name: st.sampled_from(v) for name, v in ATTRIBUTES.items()})


@given(CONDITIONS)
def test_a_condition_comes_back_as_it_was_written(condition: dict[str, Any]) -> None:
    assert conditions.document(conditions.parse(Node(condition, "", "test"))) == condition


@given(CONDITIONS)
def test_references_are_the_answers_a_condition_looks_at(condition: dict[str, Any]) -> None:
    found = conditions.references(conditions.parse(Node(condition, "", "test")))
    assert {each.question for each in found} == (
        {"Q-TEST-001"} if "Q-TEST-001" in str(condition) else set()
    )


@given(
    CONDITIONS,
    COMPONENTS,
    st.sampled_from(["a", "b"]),
    st.sets(st.sampled_from(sorted(ATTRIBUTES))),
)
def test_hiding_a_fact_never_turns_a_decision_round(
    condition: dict[str, Any], attributes: dict[str, str], answer: str, hidden: set[str]
) -> None:
    whole = decide(condition, attributes, {"Q-TEST-001": answer})
    left = {name: value for name, value in attributes.items() if name not in hidden}
    assert whole is not UNDECIDED
    assert decide(condition, left, {}) in (whole, UNDECIDED)
