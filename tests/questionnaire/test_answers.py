from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from services.questionnaire.rules import answers, packs
from services.questionnaire.rules.answers import Answer
from services.questionnaire.rules.questionnaires import Component
from services.questionnaire.rules.refusals import Refusal
from services.questionnaire.store import packs as shipped
from tests.questionnaire.pack_data import option, pack, question, words

DETAILS = [
    {"name": "post", "kind": "text", "label": words("Post")},
    {"name": "hours", "kind": "number", "label": words("Hours")},
    {"name": "reviewed_on", "kind": "date", "label": words("Day")},
    {
        "name": "viewing",
        "kind": "choice",
        "label": words("Viewing"),
        "options": [{"code": "on_site", "label": words("On site")}],
    },
]
SIGNING = {"type": "choice", "options": [option("signed", "1.000000000")]}
PACK = packs.parse(
    pack(
        question("Q-TEST-001", details=DETAILS),
        question("Q-TEST-002", states=["checking"], about="organization"),
        question("Q-TEST-003", answer=SIGNING, derived_from="signature", roles=["developer"]),
        question("Q-TEST-004", applies_if={"question": "Q-TEST-002", "in": ["yes"]}),
    )
)
QUESTIONS = {each.id: each for each in PACK.questions}
DEVELOPER = Component({"developer": "yes", "provider": "no", "user": "no"}, {}, {})
USER = Component({"developer": "no", "provider": "no", "user": "yes"}, {}, {})


def read_one(data: Any) -> Answer:
    return answers.read({"Q-TEST-001": data}, QUESTIONS)["Q-TEST-001"]


def urns(data: Mapping[str, object]) -> list[str]:
    with pytest.raises(Refusal) as caught:
        answers.read(data, QUESTIONS)
    return [problem.urn for problem in caught.value.problems]


def test_an_answer_is_read_with_all_its_parts_and_signed_without_its_notes() -> None:
    kept = "0199a1b2-0000-7000-8000-0123456789ab"
    details = {
        "post": "品質保証部",
        "hours": "24",
        "reviewed_on": "2026-02-28",
        "viewing": "on_site",
    }
    answer = read_one(
        {
            "state": "answered",
            "value": "yes",
            "note": "ご参考",
            "details": details,
            "evidence": [kept, kept],
        }
    )
    assert answer == Answer("Q-TEST-001", "answered", "yes", None, "ご参考", details, (kept,))
    assert answer.document() == {
        "question": "Q-TEST-001",
        "state": "answered",
        "value": "yes",
        "evidence": [kept],
    }


def test_what_was_left_empty_is_not_disclosed() -> None:
    assert read_one({"state": "checking", "value": None, "note": None}).document() == {
        "question": "Q-TEST-001",
        "state": "checking",
    }


def test_still_checking_may_be_said_of_every_shipped_question_that_is_asked() -> None:
    for one in shipped.load_all().values():
        asked = {q.id: q for q in one.questions if q.derived_from is None}
        found = answers.read({each: {"state": "checking"} for each in asked}, asked)
        assert {answer.state for answer in found.values()} == {"checking"}


def test_not_applicable_is_kept_with_its_reason() -> None:
    answer = read_one({"state": "not_applicable", "reason": "該当する工程がありません"})
    assert answer.reason == "該当する工程がありません"


@pytest.mark.parametrize("reason", [None, "", "  ", "\n"])
def test_not_applicable_without_a_reason_is_refused(reason: str | None) -> None:
    data = {"Q-TEST-001": {"state": "not_applicable", "reason": reason}}
    assert urns(data) == ["answers/reason-missing"]


def test_an_unknown_question_is_refused() -> None:
    assert urns({"Q-TEST-999": {"state": "checking"}}) == ["answers/unknown-question"]


@pytest.mark.parametrize("value", ["maybe", "YES", 1, True, ["yes"], {}])
def test_an_unknown_option_is_refused(value: object) -> None:
    data = {"Q-TEST-001": {"state": "answered", "value": value}}
    assert urns(data) == ["answers/unknown-option"]


def test_a_question_that_signing_answers_cannot_be_answered_by_hand() -> None:
    assert urns({"Q-TEST-003": {"state": "answered", "value": "signed"}}) == ["answers/derived"]


def test_a_question_that_must_be_answered_cannot_be_withheld() -> None:
    assert urns({"Q-TEST-002": {"state": "withheld"}}) == ["answers/state-not-allowed"]


def test_an_unknown_detail_is_refused() -> None:
    data = {"Q-TEST-001": {"state": "checking", "details": {"price": "100"}}}
    assert urns(data) == ["answers/unknown-detail"]


@pytest.mark.parametrize(
    "broken",
    [
        "yes",
        {},
        {"state": "silent"},
        {"state": "answered"},
        {"state": "checking", "value": "yes"},
        {"state": "checking", "price": "100"},
        {"state": "checking", "note": 1},
        {"state": "checking", "note": "x" * 4001},
        {"state": "checking", "evidence": ["not an id"]},
        {"state": "checking", "evidence": "A"},
        {"state": "checking", "details": []},
        {"state": "checking", "details": {"hours": "a day"}},
        {"state": "checking", "details": {"hours": 24}},
        {"state": "checking", "details": {"reviewed_on": "28.2.2026"}},
        {"state": "checking", "details": {"reviewed_on": "2026-02-30"}},
        {"state": "checking", "details": {"viewing": "by_post"}},
        {"state": "not_applicable", "reason": 7},
    ],
)
def test_a_broken_answer_is_refused(broken: object) -> None:
    assert urns({"Q-TEST-001": broken}) == ["answers/malformed"]


def test_every_problem_of_a_response_is_told_at_once_with_its_place() -> None:
    data = {
        "Q-TEST-001": {"state": "answered", "value": "maybe"},
        "Q-TEST-002": {"state": "answered", "value": "yes"},
        "Q-TEST-999": {"state": "checking"},
    }
    with pytest.raises(Refusal) as caught:
        answers.read(data, QUESTIONS, where="/components/0/answers")
    assert [(problem.urn, problem.where) for problem in caught.value.problems] == [
        ("answers/unknown-option", "/components/0/answers/Q-TEST-001/value"),
        ("answers/unknown-question", "/components/0/answers/Q-TEST-999"),
    ]


def test_only_answered_questions_have_a_value_for_conditions() -> None:
    found = answers.read(
        {
            "Q-TEST-001": {"state": "withheld"},
            "Q-TEST-002": {"state": "answered", "value": "no"},
        },
        QUESTIONS,
    )
    assert answers.values(found.values()) == {"Q-TEST-002": "no"}


def test_signing_answers_its_question_for_the_roles_it_is_meant_for() -> None:
    assert answers.derived(PACK.questions, DEVELOPER) == {
        "Q-TEST-003": Answer("Q-TEST-003", "answered", "signed")
    }
    assert answers.derived(PACK.questions, USER) == {}


def test_signing_answers_its_question_where_the_role_is_not_stated() -> None:
    assert list(answers.derived(PACK.questions, Component({}, {}, {}))) == ["Q-TEST-003"]


def test_progress_counts_each_component_and_the_organization_once() -> None:
    organization = answers.read({"Q-TEST-002": {"state": "answered", "value": "yes"}}, QUESTIONS)
    own = answers.read(
        {
            "Q-TEST-001": {"state": "withheld"},
            "Q-TEST-004": {"state": "not_applicable", "reason": "該当なし"},
        },
        QUESTIONS,
    )
    checking = answers.read({"Q-TEST-001": {"state": "checking"}}, QUESTIONS)
    found = answers.progress(PACK.questions, organization, [(DEVELOPER, own), (USER, checking)])
    assert found == answers.Progress(
        total=5,
        answered=1,
        checking=1,
        withheld=1,
        not_applicable=1,
        silent=1,
        undecided=0,
    )
    assert not found.complete


def test_one_answer_of_the_organization_serves_every_component() -> None:
    organization = answers.read(
        {
            "Q-TEST-001": {"state": "answered", "value": "yes"},
            "Q-TEST-002": {"state": "answered", "value": "no"},
        },
        QUESTIONS,
    )
    found = answers.progress(PACK.questions, organization, [(DEVELOPER, {}), (USER, {})])
    assert (found.total, found.answered, found.silent) == (3, 3, 0)
    assert found.complete


def test_a_question_whose_condition_is_undecided_is_asked() -> None:
    found = answers.progress(PACK.questions, {}, [(DEVELOPER, {})])
    assert (found.total, found.silent, found.undecided) == (3, 3, 1)


def test_before_a_component_is_declared_only_the_organization_is_asked() -> None:
    found = answers.progress(PACK.questions, {}, [])
    assert (found.total, found.undecided) == (1, 1)
