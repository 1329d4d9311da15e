"""Questionnaires composed per tier and role, with what a requester lays over the packs."""

from __future__ import annotations

from typing import Any

import pytest

from tests.questionnaire.world import PACKS, Firm, World

SAFETY = "Q-CORE-011"


def body(**fields: Any) -> dict[str, Any]:
    return {"title": "調査票", "packs": PACKS, "selection": "all", **fields}


def own(**fields: Any) -> dict[str, Any]:
    return {
        "id": "Q-OWN-001",
        "about": "component",
        "roles": ["developer", "provider", "user"],
        "principle": "C-6",
        "criticality": 3,
        "text": {
            "ja": "画像の保存期間を定めていますか。",
            "en": "Is it set how long images are kept?",
        },
        "help": {"ja": "社内規程で結構です。", "en": "An internal rule will do."},
        "scale": "yes_no",
        **fields,
    }


def ids(found: Any) -> list[str]:
    return [each["id"] for each in found["questions"]]


def refused(firm: Firm, **overlay: Any) -> list[str]:
    problem = firm.post("/questionnaires", body(overlay=overlay), 422)
    return [each["urn"] for each in problem.get("problems", [{"urn": problem["type"]}])]


@pytest.fixture
def firm(world: World) -> Firm:
    return world.firm()


@pytest.fixture
def whole(firm: Firm) -> Any:
    return firm.post("/questionnaires", body())


@pytest.fixture
def safe(whole: Any) -> str:
    """A question about safety that is not of the starter set."""
    return next(
        str(each["id"])
        for each in whole["questions"]
        if not each["starter"] and each["topic"] == "safety-verification"
    )


def test_a_pack_meant_for_one_tier_is_not_asked_of_another(firm: Firm) -> None:
    packs = [{**PACKS[0], "tiers": [1]}, PACKS[1], PACKS[2]]
    first, second, any_ = (
        firm.post("/questionnaires", body(packs=packs, tier=tier)) for tier in (1, 2, None)
    )
    assert first["tier"] == 1
    assert set(ids(second)) < set(ids(first))
    only_first = {each for each in ids(first) if each not in ids(second)}
    assert all(each.startswith("Q-CORE") for each in only_first)
    assert {each["id"] for each in second["questions"] if each["starter"]} <= set(ids(first))
    assert set(ids(second)) <= set(ids(any_))


def test_a_role_narrows_the_questions_and_keeps_the_starter_set(firm: Firm, whole: Any) -> None:
    users = firm.post("/questionnaires", body(roles=["user"]))
    assert set(ids(users)) < set(ids(whole))
    assert all("user" in each["roles"] or each["starter"] for each in users["questions"])
    assert sum(each["starter"] for each in users["questions"]) == 12


def test_a_preview_shows_what_suppliers_will_see_and_keeps_nothing(
    firm: Firm, world: World
) -> None:
    seen = firm.post("/questionnaire-previews", body(overlay={"questions": [own()]}), 200)
    assert "Q-OWN-001" in ids(seen)
    assert seen["pre_screen"]
    assert firm.get("/questionnaires")["items"] == []
    changed = body(preview_sha256=seen["sha256"])
    problem = firm.post("/questionnaires", changed, 409)
    assert problem["type"] == "urn:rensho:problem:questionnaires/changed-since-preview"
    same = body(overlay={"questions": [own()]}, preview_sha256=seen["sha256"])
    assert ids(firm.post("/questionnaires", same)) == ids(seen)


def test_own_questions_are_asked_answered_and_told_to_risk(world: World) -> None:
    requester = world.firm()
    record = requester.supplier()
    overlay = {"questions": [own()], "criticality": {"Q-CORE-002": 5}}
    made = requester.post("/questionnaires", body(overlay=overlay))
    assert requester.get(f"/questionnaires/{made['id']}")["overlay"]["criticality"]
    campaign = requester.issued(questionnaire_id=made["id"])
    respondent = world.firm(link_id=record["link"]["id"])
    (asked,) = requester.asked(campaign)
    shown = respondent.get(f"/requests/{asked['id']}")["questionnaire"]["questions"]
    by_id = {each["id"]: each for each in shown}
    assert by_id["Q-OWN-001"]["pack"] == "own-questions"
    assert by_id["Q-CORE-002"]["criticality"] == 5
    (event,) = world.said("questionnaire.published.v1", questionnaire_id=made["id"])
    told = {each["id"]: each["criticality"] for each in event["questions"]}
    assert (told["Q-OWN-001"], told["Q-CORE-002"]) == (3, 5)
    assert "own-questions" in {each["id"] for each in event["packs"]}


def test_the_digest_covers_what_was_laid_over(firm: Firm, safe: str) -> None:
    previews = [
        firm.post("/questionnaire-previews", body(overlay=overlay), 200)["sha256"]
        for overlay in ({}, {"dropped": {safe: "甲"}}, {"dropped": {safe: "乙"}})
    ]
    assert len(set(previews)) == 3


def test_a_safety_question_is_left_out_only_with_a_reason_that_stays(firm: Firm, safe: str) -> None:
    assert refused(firm, dropped={safe: " "}) == ["questionnaires/safety-dropped"]
    made = firm.post("/questionnaires", body(overlay={"dropped": {safe: "該当製品がないため"}}))
    assert safe not in ids(made)
    assert made["overlay"]["dropped"] == {safe: "該当製品がないため"}
    (row,) = [each for each in firm.get("/audit")["items"] if "dropped" in each["details"]]
    assert row["details"]["dropped"] == {safe: "該当製品がないため"}


def test_what_must_be_asked_and_weighed_is(firm: Firm, safe: str) -> None:
    assert refused(firm, dropped={"Q-CORE-001": "理由"}) == ["questionnaires/starter-dropped"]
    assert refused(firm, dropped={"Q-NONE-001": "x"}) == ["questionnaires/unknown-question"]
    assert refused(firm, criticality={safe: 1}) == ["questionnaires/criticality-lowered"]
    assert refused(firm, criticality={safe: 6}) == ["questionnaires/criticality-lowered"]


def test_own_questions_that_wait_for_each_other_are_refused(firm: Firm) -> None:
    def waits_for(other: str) -> dict[str, Any]:
        return {"question": other, "in": ["yes"]}

    circle = [
        own(applies_if=waits_for("Q-OWN-002")),
        own(id="Q-OWN-002", applies_if=waits_for("Q-OWN-001")),
    ]
    assert refused(firm, questions=circle) == ["packs/cyclic-condition"]


def test_an_own_question_has_an_id_of_its_own(firm: Firm) -> None:
    twice = refused(firm, questions=[own(), own()])
    assert twice == ["packs/duplicate-id"]
    problem = firm.post("/questionnaires", body(overlay={"questions": [own(id="Q-CORE-001")]}), 422)
    assert problem["type"] == "urn:rensho:problem:request/invalid"
