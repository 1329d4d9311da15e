"""Forms and questionnaires as pure data: what is read, what is left alone, what is asked."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.datastructures import FormData, UploadFile

from services.portal import asking, forms
from services.questionnaire.rules import conditions
from services.questionnaire.rules.conditions import Decision
from services.questionnaire.rules.nodes import Node

QUESTION: dict[str, Any] = {
    "id": "Q-CORE-001",
    "about": "organization",
    "roles": ["developer", "provider", "user"],
    "principle": "C-7",
    "applies_if": None,
    "derived": False,
    "details": [{"name": "listed_on"}],
}
ABOUT_AI = QUESTION | {"id": "Q-CORE-008", "about": "component", "roles": ["developer"]}
BLANK: dict[str, Any] = {"pre_screen": None, "answers": {}, "components": [], "sub_tier": None}
COMPONENT: dict[str, Any] = {"roles": {}, "attributes": {}, "answers": {}}


Sent = list[tuple[str, str | UploadFile]]


def ticked(ticks: list[str]) -> FormData:
    sent: Sent = [("tick", tick) for tick in ticks]
    return FormData(sent)


def test_an_option_a_state_and_nothing_are_told_apart() -> None:
    def read(choice: str, **more: str) -> Any:
        form = FormData([("x.choice", choice), *((f"x.{k}", v) for k, v in more.items())])
        return forms.answer(form, "x.", QUESTION)

    assert read("=partial", note=" n\r\nm ") == {
        "state": "answered",
        "value": "partial",
        "note": "n\nm",
    }
    assert read("!checking") == {"state": "checking"}
    assert read("!not_applicable", reason="none here")["reason"] == "none here"
    assert "reason" not in read("!withheld", reason="typed before")
    assert read("") is None
    assert read("nonsense") is None
    assert read("=a", **{"detail.listed_on": "2026-12-01"})["details"] == {
        "listed_on": "2026-12-01"
    }


def test_a_form_changes_only_what_differs_from_what_it_showed() -> None:
    stored: dict[str, Any] = {
        "state": "answered",
        "value": "a",
        "reason": None,
        "details": {},
        "evidence": [],
    }
    questions = {"Q-1": QUESTION, "Q-2": QUESTION}
    shown = [("q", "Q-1"), ("q", "Q-2"), ("Q-1.was", forms.mark(stored))]
    shown += [("Q-2.was", forms.mark(None))]
    untouched = FormData([*shown, ("Q-1.choice", "=a"), ("Q-2.choice", "")])
    assert forms.answers(untouched, questions) == {}
    taken_back = FormData([*shown, ("Q-1.choice", ""), ("Q-2.choice", "=b")])
    assert forms.answers(taken_back, questions) == {
        "Q-1": None,
        "Q-2": {"state": "answered", "value": "b"},
    }
    alone = FormData([*shown, ("only", "Q-2"), ("Q-1.choice", ""), ("Q-2.choice", "=b")])
    assert list(forms.answers(alone, questions)) == ["Q-2"]
    assert forms.answers(FormData([("q", "Q-9"), ("Q-9.choice", "=a")]), questions) == {}


def test_taking_an_answer_back_leaves_all_others() -> None:
    document = BLANK | {"answers": {"Q-1": {"state": "checking"}, "Q-2": {"state": "checking"}}}
    kept = forms.merged(document, {"Q-1": None, "Q-3": {"state": "withheld"}})
    assert kept["answers"] == {"Q-2": {"state": "checking"}, "Q-3": {"state": "withheld"}}
    assert set(document["answers"]) == {"Q-1", "Q-2"}


@pytest.mark.parametrize(
    ("ticks", "stated"),
    [
        (["none"], {"embedded": "none", "process": "none", "customer_data": "none"}),
        (["process"], {"embedded": "none", "process": "yes", "customer_data": "none"}),
        (
            ["process", "checking"],
            {"embedded": "checking", "process": "yes", "customer_data": "checking"},
        ),
    ],
)
def test_what_is_not_ticked_is_none_or_still_being_checked(
    ticks: list[str], stated: dict[str, str]
) -> None:
    form = ticked(ticks)
    read = forms.pre_screen(form)
    assert read == stated | {"suppliers": None}
    assert forms.ticks_of(read) == set(ticks)


@pytest.mark.parametrize("ticks", [[], ["none", "process"]])
def test_no_tick_and_none_beside_another_are_refused(ticks: list[str]) -> None:
    with pytest.raises(forms.Unfit):
        forms.pre_screen(ticked(ticks))


def test_the_tick_about_suppliers_belongs_to_none_of_these() -> None:
    both = FormData([("tick", "none"), ("suppliers", "unknown")])
    assert forms.pre_screen(both)["suppliers"] == "unknown"
    other = FormData([("tick", "process"), ("suppliers", "unknown")])
    assert forms.pre_screen(other)["suppliers"] is None


def test_a_component_gets_an_id_of_its_own_and_keeps_what_the_form_does_not_show() -> None:
    form = FormData(
        [("name", "外観検査 AI"), ("role.user", "yes"), ("attribute.personalData", "?")]
    )
    made = forms.component(form, None, ["AI"])
    assert made["supplier_component_id"] == "AI-2"
    assert (made["roles"], made["attributes"]) == ({"user": "yes"}, {})
    kept = forms.component(form, {**made, "ml_bom_sha256": "d", "answers": {"Q": {}}}, [])
    assert kept["ml_bom_sha256"] == "d"
    assert kept["answers"] == {"Q": {}}
    with pytest.raises(forms.Unfit):
        forms.component(FormData([]), None, [])


def test_a_list_of_suppliers_and_its_declaration_must_not_contradict() -> None:
    assert forms.sub_tier(FormData([]), ["s1"]) is None
    listed: Sent = [
        ("s1.listed", "yes"),
        ("s1.dependency", "major"),
        ("s1.visibility", "named"),
    ]
    made = forms.sub_tier(FormData([("declared", "complete"), *listed]), ["s1", "s2"])
    assert made is not None
    assert [each["supplier_id"] for each in made["entries"]] == ["s1"]
    hidden = forms.sub_tier(FormData([("declared", "complete"), ("undisclosed.minor", "3")]), [])
    assert hidden is not None
    assert hidden["undisclosed"] == {"minor": 3}
    contradictions: list[Sent] = [[("declared", "none"), *listed], [("declared", "complete")]]
    for wrong in contradictions:
        with pytest.raises(forms.Unfit):
            forms.sub_tier(FormData(wrong), ["s1"])


def test_questions_about_components_are_asked_once_one_is_declared_that_they_may_concern() -> None:
    assert asking.is_asked(QUESTION, BLANK)
    assert not asking.is_asked(ABOUT_AI, BLANK)
    undecided = BLANK | {"components": [COMPONENT]}
    assert asking.is_asked(ABOUT_AI, undecided)
    user = BLANK | {"components": [COMPONENT | {"roles": {"developer": "no"}}]}
    assert not asking.is_asked(ABOUT_AI, user)
    nothing = BLANK | {"pre_screen": dict.fromkeys(asking.TICKS, "none")}
    assert not asking.is_asked(QUESTION, nothing)


def test_a_question_is_open_until_the_company_or_every_component_answers_it() -> None:
    answered = {"Q-CORE-008": {"state": "checking"}}
    one, two = COMPONENT | {"answers": answered}, COMPONENT
    assert asking.is_open(ABOUT_AI, BLANK | {"components": [one, two]})
    assert not asking.is_open(ABOUT_AI, BLANK | {"components": [one, one]})
    assert not asking.is_open(ABOUT_AI, BLANK | {"components": [two], "answers": answered})


def test_the_starter_set_comes_first_and_the_rest_by_principle_in_numbers() -> None:
    others = [QUESTION | {"id": f"Q-{n}", "principle": f"C-{n}"} for n in (10, 2, 1)]
    questionnaire: dict[str, Any] = {"questions": [*others, QUESTION], "starter": ["Q-CORE-001"]}
    found = asking.sections(questionnaire, BLANK)
    assert [each.key for each in found] == ["basic", "c-1", "c-2", "c-10"]
    assert asking.first_open(found, BLANK) == (found[0], "Q-CORE-001")
    done = BLANK | {"answers": {q["id"]: {"state": "checking"} for q in questionnaire["questions"]}}
    assert asking.first_open(asking.sections(questionnaire, done), done) is None


_names = st.sampled_from(sorted(conditions.ATTRIBUTES))
_leaf = st.one_of(
    _names.flatmap(
        lambda name: st.builds(
            lambda value: {"attribute": name, "in": [value]},
            st.sampled_from(conditions.ATTRIBUTES[name]),
        )
    ),
    st.builds(
        lambda q, code: {"question": q, "in": [code]},
        st.sampled_from(["Q-A-1", "Q-B-2"]),
        st.sampled_from(["a", "b"]),
    ),
)
_conditions = st.recursive(
    _leaf,
    lambda part: st.one_of(
        st.builds(lambda parts: {"all": parts}, st.lists(part, min_size=1, max_size=3)),
        st.builds(lambda parts: {"any": parts}, st.lists(part, min_size=1, max_size=3)),
        st.builds(lambda one: {"not": one}, part),
    ),
    max_leaves=6,
)
_known = _names.flatmap(
    lambda name: st.tuples(st.just(name), st.sampled_from(conditions.ATTRIBUTES[name]))
)


@settings(max_examples=200, deadline=None)
@given(
    _conditions,
    st.lists(_known, max_size=6).map(dict),
    st.dictionaries(st.sampled_from(["Q-A-1", "Q-B-2"]), st.sampled_from(["a", "b"])),
)
def test_the_pages_decide_every_condition_as_the_questionnaire_does(
    condition: Any, attributes: dict[str, str], values: dict[str, str]
) -> None:
    parsed = conditions.parse(Node(condition, "", "packs/malformed"))
    decided = conditions.decide(parsed, attributes, values)
    meaning = {True: Decision.YES, False: Decision.NO, None: Decision.UNDECIDED}
    assert meaning[asking.decide(condition, attributes, values)] is decided


def test_what_is_no_condition_is_refused() -> None:
    with pytest.raises(ValueError, match="no condition"):
        asking.decide({"if": True}, {}, {})
