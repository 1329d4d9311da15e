"""Two colleagues write one response: neither overwrites the other unseen."""

from __future__ import annotations

from typing import Any

import pytest

from services.questionnaire.actions.responses import ChangedMeanwhile
from tests.factories import questionnaire as made
from tests.questionnaire.world import Firm, Pair, World


class Desk:
    """A response that two colleagues have open at the same version."""

    def __init__(self, world: World) -> None:
        self.pair: Pair = world.pair()
        self.saved = self.pair.response()
        self.path = f"/responses/{self.saved['id']}"
        self.one = self.pair.respondent.member("hanako@supplier.example", "見本 花子")
        self.two = self.pair.respondent.member("jiro@supplier.example", "見本 次郎")

    def save(self, by: Firm, status: int = 200, **answers: Any) -> Any:
        """Save over the version both had opened, with some answers changed (None: taken out)."""
        document = self.saved["document"]
        given = {**document["answers"], **{f"Q-CORE-{k[1:]}": v for k, v in answers.items()}}
        kept = {key: each for key, each in given.items() if each is not None}
        body = {**document, "answers": kept}
        return by.put(self.path, body, self.saved["version"], status)


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world)


CHECKING = {"state": "checking"}
WITHHELD = {"state": "withheld"}


def test_changes_of_different_questions_are_both_kept(desk: Desk) -> None:
    desk.save(desk.one, q007=CHECKING)
    merged = desk.save(desk.two, q008=WITHHELD)
    assert merged["merged"] == ["/answers/Q-CORE-007"]
    assert merged["version"] == 4
    answers = desk.two.get(desk.path)["document"]["answers"]
    assert (answers["Q-CORE-007"]["state"], answers["Q-CORE-008"]["state"]) == (
        *("checking", "withheld"),
    )


def test_a_change_of_the_same_question_is_shown_and_nothing_is_saved(desk: Desk) -> None:
    desk.save(desk.one, q007=CHECKING)
    desk.save(desk.one, q004=None)
    problem = desk.save(desk.two, 412, q007=WITHHELD, q008=CHECKING)
    assert problem["type"] == f"urn:rensho:problem:{ChangedMeanwhile.urn}"
    (conflict,) = problem["conflicts"]
    assert conflict["where"] == "/answers/Q-CORE-007"
    assert (conflict["yours"][0]["state"], conflict["theirs"][0]["state"]) == (
        *("withheld", "checking"),
    )
    assert conflict["by"] == "見本 花子"
    assert conflict["at"]
    kept = desk.two.get(desk.path)
    assert kept["version"] == problem["version"] == 4
    assert "Q-CORE-008" not in kept["document"]["answers"]


def test_the_same_change_by_both_is_no_conflict(desk: Desk) -> None:
    desk.save(desk.one, q007=CHECKING)
    again = desk.save(desk.two, q007=CHECKING)
    assert (again["version"], again["merged"]) == (3, [])


def test_an_autosave_that_changes_nothing_makes_no_version(desk: Desk) -> None:
    assert desk.save(desk.one)["version"] == desk.saved["version"]


def test_what_both_changes_make_together_is_checked_as_a_whole(desk: Desk) -> None:
    document = desk.saved["document"]
    gone = {**document, "components": []}
    desk.one.put(desk.path, gone, 2)
    name = document["components"][0]["supplier_component_id"]
    answered = [{**document["components"][0], "answers": {"Q-CORE-009": CHECKING}}]
    problem = desk.two.put(desk.path, {**document, "components": answered}, 2, 412)
    assert [each["where"] for each in problem["conflicts"]] == [
        f"/components/{name}/answers/Q-CORE-009"
    ]


def test_who_saved_what_can_be_read_back(desk: Desk, world: World) -> None:
    desk.save(desk.one, q007=CHECKING)
    desk.save(desk.two, q008=CHECKING)
    saves = desk.one.get(f"{desk.path}/saves")["items"]
    assert [(each["name"], each["places"]) for each in saves[:2]] == [
        ("見本 次郎", ["/answers/Q-CORE-008"]),
        ("見本 花子", ["/answers/Q-CORE-007"]),
    ]
    world.firm().get(f"{desk.path}/saves", 404)
    desk.pair.requester.get(f"{desk.path}/saves", 404)


def test_progress_names_what_is_still_silent_to_jump_to(desk: Desk) -> None:
    found = desk.one.get(f"{desk.path}/progress")
    sections = {each["id"]: each for each in found["sections"]}
    component = desk.saved["document"]["components"][0]["supplier_component_id"]
    assert set(sections) == {
        *("pre-screen", "company/jp-aigb-core", "company/jp-flow-down", f"component/{component}"),
        "sub-tier",
    }
    assert sections["pre-screen"]["progress"]["checking"] == 1
    core = sections["company/jp-aigb-core"]
    silent = {each["where"] for each in core["unanswered"]}
    assert core["progress"]["silent"] == len(silent)
    assert "/answers/Q-CORE-001" not in silent
    assert found["next"] in silent
    assert sections[f"component/{component}"]["title"]["ja"] == "外観検査モデル"
    whole = desk.saved["progress"]
    asked = [each for name, each in sections.items() if name not in ("pre-screen", "sub-tier")]
    assert sum(each["progress"]["total"] for each in asked) == whole["total"]
    assert sum(each["progress"]["silent"] for each in asked) == whole["silent"]
    desk.pair.requester.get(f"{desk.path}/progress", 404)


def test_the_difference_to_last_time_is_told_question_by_question(world: World) -> None:
    pair = world.pair()
    part = made.ComponentBody(answers={"Q-CORE-009": CHECKING})
    pair.signed(components=[part])
    again = pair.saved_again(
        components=[part],
        answers={
            "Q-CORE-001": {"state": "answered", "value": "complete"},
            "Q-CORE-004": {"state": "answered", "value": "undecided"},
            "Q-CORE-007": CHECKING,
        },
    )
    told = pair.respondent.get(f"/responses/{again['id']}/differences")
    found = {each["where"]: each for each in told["items"]}
    assert set(found) == {
        *("/answers/Q-CORE-004", "/answers/Q-CORE-007", "/answers/Q-FLOW-001"),
    }
    changed = found["/answers/Q-CORE-004"]
    assert (changed["last_time"][0]["value"], changed["now"][0]["value"]) == (
        *("appointed", "undecided"),
    )
    assert found["/answers/Q-CORE-007"]["last_time"] == []
    assert found["/answers/Q-FLOW-001"]["now"] == []
    assert changed["text"]["ja"]
    assert (told["against_revision"], told["new_questions"]) == (1, [])
    pair.requester.get(f"/responses/{again['id']}/differences", 404)


def test_a_response_can_be_held_against_one_to_another_customer(world: World) -> None:
    pair = world.pair()
    pair.signed()
    other = world.pair()
    enrolled = made.Enrolled(org_id=str(pair.respondent.id), name=pair.respondent.name)
    record = other.requester.supplier()
    whole = other.requester.questionnaire("all")
    campaign = other.requester.issued(
        questionnaire_id=whole["id"], all=False, supplier_ids=[record["id"]]
    )
    enrolled["invitation"]["link_id"] = record["link"]["id"]
    world.feed(enrolled)
    (request,) = other.requester.asked(campaign)
    opened = pair.respondent.post(f"/requests/{request['id']}/response", status=200)
    first = pair.respondent.get(f"/requests/{pair.request_id}")["response_id"]
    told = pair.respondent.get(f"/responses/{opened['id']}/differences?against={first}")
    assert told["against_response_id"] == first
    assert len(told["new_questions"]) > 12
    pair.respondent.get(f"/responses/{opened['id']}/differences", 404)
