from __future__ import annotations

import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from services.questionnaire.rules import packs, questionnaires
from services.questionnaire.rules.conditions import Decision
from services.questionnaire.rules.packs import Question
from services.questionnaire.rules.questionnaires import Component, Starter
from services.questionnaire.rules.refusals import Refusal, Text
from services.questionnaire.store import packs as shipped
from tests.questionnaire.pack_data import pack, question

EVENTS = Path(__file__).resolve().parents[2] / "contracts" / "events"
STARTER = Starter(Text("基本", "starter"), Text("説明", "help"), ("Q-TEST-001",))
YES, NO, UNDECIDED = Decision.YES, Decision.NO, Decision.UNDECIDED


def asked(**changes: object) -> Question:
    return packs.parse(pack(question("Q-TEST-001", **changes))).questions[0]


def component(
    roles: dict[str, str] | None = None,
    attributes: dict[str, str] | None = None,
    values: dict[str, str] | None = None,
) -> Component:
    return Component(roles or {}, attributes or {}, values or {})


def refused(urn: str, *given: packs.Pack, whole: tuple[str, ...] = ()) -> None:
    with pytest.raises(Refusal) as caught:
        questionnaires.compose(given, STARTER, whole)
    assert caught.value.urn == urn


def test_the_starter_set_alone_is_twelve_questions_of_three_packs() -> None:
    document = questionnaires.compose(shipped.living(), shipped.load_starter(), whole=())
    assert len(document["questions"]) == 12
    assert [entry["id"] for entry in document["packs"]] == [
        "jp-aigb-core",
        "jp-flow-down",
        "jp-industrial",
    ]


def test_a_whole_pack_is_asked_together_with_the_starter_set() -> None:
    document = questionnaires.compose(
        shipped.living(), shipped.load_starter(), whole=["jp-aigb-core"]
    )
    assert len(document["questions"]) == 30 + 4
    assert document["questions"][30:] == ["Q-FLOW-001", "Q-FLOW-006", "Q-FLOW-010", "Q-INDU-015"]


def test_a_questionnaire_names_its_packs_by_digest_and_only_those_it_draws_on() -> None:
    used = packs.parse(pack())
    unused = packs.parse(pack(question("Q-ELSE-001"), id="else-pack"))
    assert questionnaires.compose([used, unused], STARTER, ()) == {
        "packs": [{"id": "test-pack", "version": "0.1.0", "sha256": used.digest}],
        "questions": ["Q-TEST-001"],
    }


def test_the_order_of_packs_does_not_matter() -> None:
    given = shipped.living()
    whole = [pack.id for pack in given]
    assert questionnaires.compose(given, shipped.load_starter(), whole) == questionnaires.compose(
        given[::-1], shipped.load_starter(), whole
    )


def test_two_versions_of_a_pack_are_refused() -> None:
    refused(
        "questionnaires/duplicate-pack",
        packs.parse(pack()),
        packs.parse(pack(version="0.2.0")),
    )


def test_the_same_question_in_two_packs_is_refused() -> None:
    refused(
        "questionnaires/duplicate-question",
        packs.parse(pack()),
        packs.parse(pack(id="else-pack")),
    )


def test_a_questionnaire_without_the_starter_set_is_refused() -> None:
    refused("questionnaires/missing-question", packs.parse(pack(question("Q-ELSE-001"))))


def test_a_pack_that_is_not_given_cannot_be_asked() -> None:
    refused("questionnaires/unknown-pack", packs.parse(pack()), whole=("other-pack",))


def test_a_condition_on_a_question_that_is_not_asked_is_refused() -> None:
    waiting = question("Q-ELSE-001", applies_if={"question": "Q-GONE-001", "in": ["yes"]})
    refused(
        "questionnaires/missing-question",
        packs.parse(pack(question("Q-TEST-001"), waiting)),
        whole=("test-pack",),
    )


def test_a_circle_of_conditions_through_two_packs_is_refused() -> None:
    here = question("Q-TEST-001", applies_if={"question": "Q-ELSE-001", "in": ["yes"]})
    there = question("Q-ELSE-001", applies_if={"question": "Q-TEST-001", "in": ["yes"]})
    refused(
        "packs/cyclic-condition",
        packs.parse(pack(here)),
        packs.parse(pack(there, id="else-pack")),
        whole=("else-pack",),
    )


def test_the_questions_of_a_document_come_back_in_its_order() -> None:
    known = {(each.id, each.version): each for each in shipped.living()}
    document = questionnaires.compose(list(known.values()), shipped.load_starter(), ())
    document["questions"].reverse()
    found = questionnaires.questions_of(document, known)
    assert [each.id for each in found] == document["questions"]


def test_a_pack_with_another_digest_is_not_the_one_the_document_names() -> None:
    known = {("test-pack", "0.1.0"): packs.parse(pack())}
    for entry in (
        {"id": "test-pack", "version": "0.1.0", "sha256": "00" * 32},
        {"id": "test-pack", "version": "9.9.9", "sha256": "00" * 32},
    ):
        with pytest.raises(Refusal) as caught:
            questionnaires.questions_of({"packs": [entry], "questions": []}, known)
        assert caught.value.urn == "questionnaires/unknown-pack"


def test_a_document_cannot_name_a_question_its_packs_do_not_have() -> None:
    sound = packs.parse(pack())
    entry = {"id": sound.id, "version": sound.version, "sha256": sound.digest}
    with pytest.raises(Refusal) as caught:
        questionnaires.questions_of(
            {"packs": [entry], "questions": ["Q-GONE-001"]}, {(sound.id, sound.version): sound}
        )
    assert caught.value.urn == "questionnaires/missing-question"


def test_the_question_table_keeps_the_contract_of_the_event() -> None:
    known = {(each.id, each.version): each for each in shipped.living()}
    starter = shipped.load_starter()
    document = questionnaires.compose(
        list(known.values()), starter, whole=[pack.id for pack in known.values()]
    )
    table = questionnaires.question_table(questionnaires.questions_of(document, known), starter)
    schema = json.loads((EVENTS / "questionnaire.published.v1.json").read_bytes())["properties"]
    assert list(Draft202012Validator(schema["questions"]).iter_errors(table)) == []
    assert list(Draft202012Validator(schema["packs"]).iter_errors(document["packs"])) == []
    assert set(table[0]) == set(schema["questions"]["items"]["properties"])
    assert len(table) == sum(len(pack.questions) for pack in known.values())
    assert sum(row["starter"] for row in table) == 12


def test_the_question_table_carries_condition_and_alignment() -> None:
    condition = {"attribute": "personalData", "in": ["yes"]}
    row = questionnaires.question_table([asked(applies_if=condition, roles=["user"])], STARTER)[0]
    assert row == {
        "id": "Q-TEST-001",
        "pack": "test-pack",
        "roles": ["user"],
        "condition": condition,
        "criticality": 3,
        "principle": "C-7",
        "topic": None,
        "freshness_days": 365,
        "alignment": {"no": "0.000000000", "yes": "1.000000000"},
        "starter": True,
        "asked": True,
    }


@pytest.mark.parametrize(
    ("roles", "decision"),
    [
        ({"developer": "yes"}, YES),
        ({"developer": "no", "provider": "yes"}, YES),
        ({"developer": "no", "provider": "no"}, NO),
        ({"developer": "no"}, UNDECIDED),
        ({"user": "yes"}, UNDECIDED),
        ({}, UNDECIDED),
    ],
)
def test_a_question_applies_by_role(roles: dict[str, str], decision: Decision) -> None:
    for_makers = asked(roles=["developer", "provider"])
    assert questionnaires.applies(for_makers, component(roles)) is decision


def test_role_and_condition_must_both_hold() -> None:
    conditional = asked(roles=["user"], applies_if={"attribute": "userFacing", "in": ["yes"]})
    user, other = {"user": "yes"}, {"user": "no"}
    assert questionnaires.applies(conditional, component(user, {"userFacing": "yes"})) is YES
    assert questionnaires.applies(conditional, component(user, {"userFacing": "no"})) is NO
    assert questionnaires.applies(conditional, component(user)) is UNDECIDED
    assert questionnaires.applies(conditional, component(other)) is NO


def test_a_question_about_the_organization_applies_if_it_does_for_one_component() -> None:
    for_users = asked(roles=["user"], about="organization")
    user, maker = component({"user": "yes"}), component({"user": "no"})
    assert questionnaires.applies_to_organization(for_users, [maker, user], {}) is YES
    assert questionnaires.applies_to_organization(for_users, [maker], {}) is NO
    assert questionnaires.applies_to_organization(for_users, [], {}) is UNDECIDED


def test_the_organizations_own_answer_rules_a_question_out_before_any_component() -> None:
    conditional = asked(
        about="organization",
        applies_if={"not": {"question": "Q-ELSE-001", "in": ["no_suppliers"]}},
    )
    values = {"Q-ELSE-001": "no_suppliers"}
    assert questionnaires.applies_to_organization(conditional, [], values) is NO


def test_a_starter_set_with_another_member_is_refused() -> None:
    with pytest.raises(Refusal):
        questionnaires.parse_starter({"title": {}, "help": {}, "questions": [], "more": 1})
