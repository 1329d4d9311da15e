from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from services.questionnaire.rules import crosswalks, pack_changes, packs
from services.questionnaire.rules.refusals import Refusal
from services.questionnaire.store import packs as shipped
from tests.questionnaire.pack_data import pack, question, words
from tests.questionnaire.world import World

CONTRACTS = Path(__file__).resolve().parents[2] / "contracts" / "packs"
OLD = packs.parse(pack(question("Q-TEST-001"), question("Q-TEST-002")))


def change(*new: dict[str, Any], **fates: dict[str, Any]) -> pack_changes.PackChange:
    after = packs.parse(pack(*new, version="0.2.0", supersedes="0.1.0"))
    known = {("test-pack", "0.1.0"): OLD, ("test-pack", "0.2.0"): after}
    questions = {f"Q-TEST-00{name[1:]}": fate for name, fate in fates.items()}
    data = {"pack": "test-pack", "from": "0.1.0", "to": "0.2.0", "questions": questions}
    return pack_changes.parse(data, known)


def test_every_version_that_takes_anothers_place_says_what_became_of_its_questions() -> None:
    successors = {key for key, one in shipped.load_all().items() if one.supersedes}
    assert set(shipped.load_changes()) == successors
    assert successors


@pytest.mark.parametrize("kind", ["changes", "crosswalks"])
def test_shipped_maps_keep_their_contract(kind: str) -> None:
    contract = {"changes": "change", "crosswalks": "crosswalk"}[kind]
    schema = json.loads((CONTRACTS / f"{contract}.schema.json").read_bytes())
    Draft202012Validator.check_schema(schema)
    files = sorted((shipped.FOLDER / kind).glob("*.yaml"))
    assert files
    for path in files:
        Draft202012Validator(schema).validate(yaml.safe_load(path.read_bytes()))


def test_a_split_question_leads_to_its_halves_and_what_nothing_led_to_is_new() -> None:
    made = change(
        question("Q-TEST-001"),
        *(question(f"Q-TEST-00{n}") for n in (3, 4, 5)),
        q1={"outcome": "same"},
        q2={"outcome": "split", "into": ["Q-TEST-003", "Q-TEST-004"]},
    )
    assert made.fates["Q-TEST-002"].into == ("Q-TEST-003", "Q-TEST-004")
    assert made.added == ("Q-TEST-005",)


def test_better_wording_leaves_a_question_the_same() -> None:
    reworded = question("Q-TEST-001", rev=2, text=words("Is it really so?"))
    made = change(
        reworded,
        question("Q-TEST-003"),
        q1={"outcome": "same"},
        q2={"outcome": "merged", "into": ["Q-TEST-003"]},
    )
    assert made.added == ()


@pytest.mark.parametrize(
    ("fates", "why"),
    [
        ({"q1": {"outcome": "same"}}, "not the old questions: Q-TEST-002"),
        ({"q1": {"outcome": "retired"}, "q2": {"outcome": "retired"}}, "asked again only"),
        ({"q1": {"outcome": "same"}, "q2": {"outcome": "same"}}, "asked again only"),
        (
            {"q1": {"outcome": "same"}, "q2": {"outcome": "split", "into": ["Q-TEST-003"]}},
            "split with 1",
        ),
        (
            {"q1": {"outcome": "same"}, "q2": {"outcome": "merged", "into": ["Q-TEST-009"]}},
            "not in the new version",
        ),
    ],
)
def test_a_map_that_does_not_fit_both_versions_is_refused(
    fates: dict[str, dict[str, Any]], why: str
) -> None:
    with pytest.raises(Refusal) as caught:
        change(question("Q-TEST-001"), question("Q-TEST-003"), **fates)
    problem = caught.value.problems[0]
    assert problem.urn == "packs/migration"
    assert why in problem.reason.en


def test_a_question_that_means_something_else_may_not_be_called_the_same() -> None:
    heavier = question("Q-TEST-001", criticality=5)
    with pytest.raises(Refusal) as caught:
        change(heavier, q1={"outcome": "same"}, q2={"outcome": "retired"})
    assert "give it a new id" in caught.value.problems[0].reason.en


def test_versions_that_do_not_follow_each_other_have_no_map() -> None:
    known = {("test-pack", "0.1.0"): OLD}
    data = {"pack": "test-pack", "from": "0.1.0", "to": "0.1.0", "questions": {}}
    with pytest.raises(Refusal) as caught:
        pack_changes.parse(data, known)
    assert "successor" in caught.value.problems[0].reason.en
    with pytest.raises(Refusal) as caught:
        pack_changes.parse({**data, "to": "9.0.0"}, known)
    assert "no such version" in caught.value.problems[0].reason.en


@pytest.mark.parametrize(("status", "people"), [("reviewed", 0), ("current", 1)])
def test_a_pack_is_no_more_than_a_draft_until_people_have_read_the_source(
    status: str, people: int
) -> None:
    named = [f"reviewer {n}" for n in range(people)]
    with pytest.raises(Refusal) as caught:
        packs.parse(pack(status=status, reviewed_by=named))
    assert caught.value.problems[0].urn == "packs/not-reviewed"
    enough = [f"reviewer {n}" for n in range(people + 1)]
    assert packs.parse(pack(status=status, reviewed_by=enough)).status == status


def test_a_crosswalk_names_only_clauses_of_our_packs_and_its_author() -> None:
    clauses = {
        c.id for one in shipped.load_all().values() for q in one.questions for c in q.clauses
    }
    unasked = {"E-3-3"}
    for one in shipped.load_crosswalks():
        assert {row.source for row in one.rows} - unasked <= clauses, one.id
        assert one.author


def test_a_pair_may_stand_in_a_crosswalk_once() -> None:
    row = {"source": "C-1", "target": "A.1", "relation": "equal-to", "confidence": "low"}
    data = {
        "id": "a--b",
        "source": {"instrument": "a", "edition": "1"},
        "target": {"instrument": "b", "edition": "1", "title": words("B")},
        "author": "somebody",
        "rows": [row],
    }
    assert crosswalks.parse(data).rows[0].relation == "equal-to"
    with pytest.raises(Refusal):
        crosswalks.parse({**data, "rows": [row, {**row, "relation": "subset-of"}]})


def test_maps_translations_and_crosswalks_are_served(world: World) -> None:
    firm = world.firm()
    known = {(each["id"], each["version"]): each for each in firm.get("/packs")["items"]}
    assert known["jp-industrial", "0.1.0"]["status"] == "superseded"
    assert known["jp-industrial", "0.2.0"]["status"] == "draft"
    found = firm.get("/packs/jp-industrial/0.2.0/changes")
    assert found["fates"] == [{"question": "Q-INDU-015", "outcome": "same", "into": []}]
    assert len(found["added"]) == 17
    firm.get("/packs/jp-industrial/0.1.0/changes", 404)
    targets = {each["target"] for each in firm.get("/crosswalks")["items"]}
    assert targets == {"iso-iec-42001", "nist-ai-rmf", "eu-ai-act"}
    assert firm.get("/translations/vi")["words"]["questions/Q-CORE-008/text"].startswith("Có hồ sơ")
    firm.get("/translations/fr", 404)
    pack_shown = firm.get("/packs/jp-fsa/0.1.0")
    assert {each["binding"] for each in pack_shown["instruments"]} == {"voluntary", "supervisory"}
