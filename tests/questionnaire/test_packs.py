from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import rfc8785
import yaml
from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from services.questionnaire.rules import packs
from services.questionnaire.rules.packs import Pack
from services.questionnaire.rules.refusals import Refusal, Text
from services.questionnaire.store import packs as shipped
from tests.questionnaire.pack_data import option, pack, question, words

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts" / "packs"
FOLDERS = sorted(header.parent for header in shipped.FOLDER.glob("*/*/pack.yaml"))


def refusal(data: dict[str, Any]) -> Refusal:
    with pytest.raises(Refusal) as caught:
        packs.parse(data)
    return caught.value


def schema_problems(data: object) -> list[str]:
    registry: Registry[Any] = Registry()
    for path in CONTRACTS.glob("*.schema.json"):
        schema = json.loads(path.read_bytes())
        Draft202012Validator.check_schema(schema)
        registry = registry.with_resource(schema["$id"], Resource.from_contents(schema))
    contract = registry.contents("urn:rensho:pack:pack")
    return [
        error.message
        for error in Draft202012Validator(contract, registry=registry).iter_errors(data)
    ]


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_a_shipped_pack_keeps_its_contract(folder: Path) -> None:
    assert schema_problems(shipped.read(folder)) == []


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.parent.name)
def test_a_shipped_pack_has_the_digest_anybody_gets_from_its_files(folder: Path) -> None:
    data: dict[str, Any] = yaml.safe_load((folder / "pack.yaml").read_bytes())
    for part in ("clauses", "questions"):
        joined = [
            each
            for path in folder.glob(f"{part}*.yaml")
            for each in yaml.safe_load(path.read_bytes())
        ]
        data[part] = sorted(joined, key=lambda each: each["id"])
    pack = shipped.load_all()[folder.parent.name, folder.name]
    assert pack.digest == hashlib.sha256(rfc8785.dumps(data)).hexdigest()


def test_the_six_packs_ask_what_the_guidance_list_has() -> None:
    ids = {key: [q.id for q in pack.questions] for key, pack in shipped.load_all().items()}
    assert ids == {
        ("jp-ai-promotion-act", "0.1.0"): [f"Q-APA-{n:03}" for n in range(1, 10)],
        ("jp-aigb-core", "0.1.0"): [f"Q-CORE-{n:03}" for n in range(1, 31)],
        ("jp-flow-down", "0.1.0"): [f"Q-FLOW-{n:03}" for n in range(1, 15)],
        ("jp-fsa", "0.1.0"): [f"Q-FSA-{n:03}" for n in range(1, 12)],
        ("jp-industrial", "0.1.0"): ["Q-INDU-015"],
        ("jp-industrial", "0.2.0"): [f"Q-INDU-{n:03}" for n in range(1, 19)],
        ("jp-medical", "0.1.0"): [f"Q-MED-{n:03}" for n in range(1, 10)],
    }


def test_a_question_keeps_its_meaning_over_the_versions_of_its_pack() -> None:
    first: dict[str, packs.Question] = {}
    for one in shipped.load_all().values():
        for each in one.questions:
            bare = replace(each, clauses=(), rev=1)
            assert first.setdefault(each.id, bare) == bare, each.id


def test_every_shipped_pack_says_it_is_an_unverified_draft() -> None:
    notes = {(pack.status, pack.note) for pack in shipped.load_all().values()}
    assert notes == {
        ("draft", Text("草案 – 項目番号は原典との照合前です", "draft – unverified identifiers"))
    }


def test_the_scales_of_every_shipped_pack_are_those_of_the_risk_model() -> None:
    for one in shipped.load_all().values():
        for each in one.questions:
            if each.answer_type == "maturity":
                assert list(each.alignments.items()) == [
                    ("not_started", "0.000000000"),
                    ("planned", "0.250000000"),
                    ("partial", "0.500000000"),
                    ("implemented", "1.000000000"),
                    ("verified", "1.000000000"),
                ]
            if each.answer_type == "yes_no":
                assert each.alignments == {"no": "0.000000000", "yes": "1.000000000"}


def test_every_question_that_is_asked_has_a_worst_and_a_best_answer() -> None:
    for one in shipped.load_all().values():
        for each in one.questions:
            alignments = [option.alignment for option in each.options]
            assert max(alignments) == 1
            assert min(alignments) == 0 or each.derived_from == "signature"


def test_only_the_question_about_signing_is_answered_by_signing() -> None:
    derived = [
        q.id for pack in shipped.load_all().values() for q in pack.questions if q.derived_from
    ]
    assert derived == ["Q-CORE-024"]


def test_a_general_security_scheme_never_answers_a_question_about_security_of_ai() -> None:
    accepting = {
        q.id: q.substitutes
        for pack in shipped.load_all().values()
        for q in pack.questions
        if {"scs-star", "iso-iec-27001"} & set(q.substitutes)
    }
    assert sorted(accepting) == ["Q-CORE-015", "Q-CORE-016", "Q-FLOW-010", "Q-FLOW-014"]


def test_questions_near_know_how_ask_for_no_copy() -> None:
    near = ("Q-CORE-008", "Q-CORE-010", "Q-CORE-017", "Q-CORE-023", "Q-FLOW-004", "Q-FLOW-005")
    questions = {q.id: q for pack in shipped.load_all().values() for q in pack.questions}
    for each in (questions[number] for number in near):
        assert each.answer_type == "record"
        assert "お送りいただく必要はありません" in each.help.ja
        assert {"reviewed_by", "viewing"} <= {detail.name for detail in each.details}


def test_the_twelve_starter_questions_are_for_every_role_and_have_no_condition() -> None:
    questions = {q.id: q for pack in shipped.load_all().values() for q in pack.questions}
    starter = shipped.load_starter()
    assert len(starter.questions) == 12
    assert {questions[each].roles for each in starter.questions} == {
        frozenset({"developer", "provider", "user"})
    }
    assert {questions[each].applies_if for each in starter.questions} == {None}


def test_a_change_of_model_is_asked_for_as_a_change_point() -> None:
    asked = shipped.load_all()["jp-industrial", "0.1.0"].questions[0]
    assert "4M変更(変更点)" in asked.text.ja


def test_a_pack_is_read_whole() -> None:
    details = [
        {"name": "hours", "kind": "number", "unit": "hours", "label": words("Hours")},
        {
            "name": "view",
            "kind": "choice",
            "label": words("View"),
            "options": [{"code": "on_site", "label": words("On site")}],
        },
    ]
    read = packs.parse(
        pack(
            question(
                "Q-TEST-001",
                topic="supply-chain",
                answer={"type": "choice", "options": [option("some")]},
                details=details,
                substitutes=["scs-star"],
                derived_from="signature",
                applies_if={"attribute": "personalData", "in": ["yes"]},
            ),
            supersedes="0.0.1",
        )
    )
    asked = read.questions[0]
    assert isinstance(read, Pack)
    assert read.supersedes == "0.0.1"
    assert asked.pack == "test-pack"
    assert asked.options[0].alignment == Decimal("0.5")
    assert asked.alignments == {"some": "0.500000000"}
    assert asked.states == {"answered", "checking", "withheld", "not_applicable"}
    assert [(d.name, d.kind, d.unit, list(d.options)) for d in asked.details] == [
        ("hours", "number", "hours", []),
        ("view", "choice", None, ["on_site"]),
    ]
    assert asked.clauses[0].locator is None


def test_the_digest_covers_every_word() -> None:
    other = pack(question("Q-TEST-001", help=words("Say so, please.")))
    assert packs.parse(pack()).digest != packs.parse(other).digest


BENT: dict[str, tuple[dict[str, Any], str]] = {
    "unknown member": (pack(colour="red"), "packs/malformed"),
    "missing member": ({k: v for k, v in pack().items() if k != "title"}, "packs/malformed"),
    "no questions": (pack(questions=[]), "packs/malformed"),
    "questions as an object": (pack(questions={}), "packs/malformed"),
    "question as text": (pack(questions=["Q-TEST-001"]), "packs/malformed"),
    "version that is none": (pack(version="1"), "packs/malformed"),
    "english missing": (pack(title={"ja": "題"}), "packs/malformed"),
    "blank words": (pack(title={"ja": "題", "en": "  "}), "packs/malformed"),
    "a number for words": (pack(title={"ja": "題", "en": 1}), "packs/malformed"),
    "words without end": (pack(title={"ja": "題", "en": "x" * 4001}), "packs/malformed"),
    "a fourth state": (
        pack(states={**pack()["states"], "silent": words("silent")}),
        "packs/malformed",
    ),
    "an L clause": (
        pack(clauses=[{**pack()["clauses"][0], "confidence": "L"}]),
        "packs/malformed",
    ),
    "criticality 6": (pack(question("Q-TEST-001", criticality=6)), "packs/malformed"),
    "criticality true": (pack(question("Q-TEST-001", criticality=True)), "packs/malformed"),
    "unknown topic": (pack(question("Q-TEST-001", topic="weather")), "packs/malformed"),
    "the same role twice": (
        pack(question("Q-TEST-001", roles=["user", "user"])),
        "packs/malformed",
    ),
    "no still checking": (pack(question("Q-TEST-001", states=["withheld"])), "packs/malformed"),
    "alignment as a number": (
        pack(
            question(
                "Q-TEST-001",
                answer={"type": "choice", "options": [option("a") | {"alignment": 0.5}]},
            )
        ),
        "packs/malformed",
    ),
    "alignment above one": (
        pack(
            question(
                "Q-TEST-001", answer={"type": "choice", "options": [option("a", "1.000000001")]}
            )
        ),
        "packs/malformed",
    ),
    "options on a scale": (
        pack(question("Q-TEST-001", answer={"type": "maturity", "options": [option("a")]})),
        "packs/malformed",
    ),
    "the same option twice": (
        pack(
            question("Q-TEST-001", answer={"type": "choice", "options": [option("a"), option("a")]})
        ),
        "packs/duplicate-id",
    ),
    "choice detail without options": (
        pack(
            question("Q-TEST-001", details=[{"name": "v", "kind": "choice", "label": words("V")}])
        ),
        "packs/malformed",
    ),
    "derived from nowhere": (pack(question("Q-TEST-001", derived_from="mood")), "packs/malformed"),
    "the same question twice": (
        pack(question("Q-TEST-001"), question("Q-TEST-001")),
        "packs/duplicate-id",
    ),
    "clause of no instrument": (
        pack(clauses=[{**pack()["clauses"][0], "instrument": "other"}]),
        "packs/unknown-reference",
    ),
    "unknown clause": (pack(question("Q-TEST-001", clauses=["C-9"])), "packs/unknown-reference"),
    "unknown evidence": (
        pack(question("Q-TEST-001", evidence=["seal"])),
        "packs/unknown-reference",
    ),
    "condition on a code that is not offered": (
        pack(
            question("Q-TEST-001"),
            question("Q-TEST-002", applies_if={"question": "Q-TEST-001", "in": ["maybe"]}),
        ),
        "packs/unknown-reference",
    ),
    "organization's question on a component's answer": (
        pack(
            question("Q-TEST-001"),
            question(
                "Q-TEST-002",
                about="organization",
                applies_if={"question": "Q-TEST-001", "in": ["yes"]},
            ),
        ),
        "packs/unknown-reference",
    ),
    "conditions in a circle": (
        pack(
            question("Q-TEST-001", applies_if={"question": "Q-TEST-002", "in": ["yes"]}),
            question("Q-TEST-002", applies_if={"not": {"question": "Q-TEST-001", "in": ["yes"]}}),
        ),
        "packs/cyclic-condition",
    ),
}


@pytest.mark.parametrize("name", BENT)
def test_an_unsound_pack_is_refused(name: str) -> None:
    data, urn = BENT[name]
    assert refusal(data).urn == urn


SAME_SHAPE = [name for name, (_, urn) in BENT.items() if urn == "packs/malformed"]


@pytest.mark.parametrize("name", [n for n in SAME_SHAPE if n != "words without end"])
def test_the_contract_refuses_what_the_rules_call_malformed(name: str) -> None:
    data, _ = BENT[name]
    assert schema_problems(data) != []


def test_a_refusal_tells_place_and_reason_in_both_languages() -> None:
    found = refusal(pack(question("Q-TEST-001", criticality=9)))
    assert str(found) == "/questions/0/criticality: outside 1..5"
    assert found.extensions == {
        "problems": [
            {
                "urn": "packs/malformed",
                "where": "/questions/0/criticality",
                "reason": {"ja": "1から5の範囲で指定してください", "en": "outside 1..5"},
            }
        ]
    }


def test_a_condition_may_wait_for_a_question_of_another_pack() -> None:
    waiting = {"question": "Q-ELSE-001", "in": ["yes"]}
    assert packs.parse(pack(question("Q-TEST-001", applies_if=waiting))).questions[0].references


def test_a_name_given_twice_in_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pack.yaml").write_text("id: a\nid: b\n", encoding="utf-8")
    with pytest.raises(yaml.YAMLError, match="given twice"):
        shipped.read(tmp_path)


def test_a_pack_in_a_folder_of_another_name_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "other-pack" / "0.1.0"
    folder.mkdir(parents=True)
    data = pack()
    (folder / "clauses.yaml").write_text(json.dumps(data.pop("clauses")), encoding="utf-8")
    (folder / "questions.yaml").write_text(json.dumps(data.pop("questions")), encoding="utf-8")
    (folder / "pack.yaml").write_text(json.dumps(data), encoding="utf-8")
    with pytest.raises(ValueError, match=r"lies in other-pack/0\.1\.0"):
        shipped.load_all(tmp_path)
