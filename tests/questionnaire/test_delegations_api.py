"""Sections passed on to a colleague: a link of their own, those sections and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from services.kit.settings import Settings
from services.questionnaire.rules import invitations
from tests.factories import questionnaire as made
from tests.questionnaire.mails import letters_to, text_of
from tests.questionnaire.world import Firm, Pair, World

CORE = "company/jp-aigb-core"
CHECKING = {"state": "checking"}


class Desk:
    """A respondent who passed the core questions on to a colleague."""

    def __init__(self, world: World, mailbox: str) -> None:
        self.world, self.mailbox = world, mailbox
        self.pair: Pair = world.pair()
        self.saved = self.pair.response()
        self.component = self.saved["document"]["components"][0]["supplier_component_id"]
        self.path = f"/responses/{self.saved['id']}"
        self.made = self.pass_on([CORE])
        self.id = self.made["delegation"]["id"]
        self.colleague: Firm = self.pair.respondent.member(
            mailbox, "見本 次郎", {"delegations.answer"}
        )

    def pass_on(self, sections: list[str], status: int = 201) -> Any:
        body = {
            "mailbox": self.mailbox,
            "name": "見本 次郎",
            "sections": sections,
            "note": "お手数ですがお願いいたします",
        }
        return self.pair.respondent.post(f"{self.path}/delegations", body, status)

    def answer(self, version: int | None, status: int = 200, **fields: Any) -> Any:
        return self.colleague.put(f"/delegations/{self.id}", fields, version, status)


@pytest.fixture
def desk(world: World) -> Desk:
    return Desk(world, f"it-{made.HandBody()['key_id'][:8].strip('/+')}@supplier.example")


def test_a_colleague_sees_the_own_sections_and_nothing_else(desk: Desk) -> None:
    (listed,) = desk.colleague.get("/delegations")["items"]
    assert (listed["id"], listed["sections"]) == (desk.id, [CORE])
    found = desk.colleague.get(f"/delegations/{desk.id}")
    assert [each["id"] for each in found["sections"]] == [CORE]
    assert {each["about"] for each in found["questions"]} == {"organization"}
    assert set(found["places"]) == {"/answers/Q-CORE-001", "/answers/Q-CORE-004"}
    for path in (desk.path, f"{desk.path}/progress", "/requests", "/suppliers"):
        desk.colleague.get(path, 403)


def test_a_colleagues_answers_go_in_beside_what_others_save(desk: Desk) -> None:
    document = desk.saved["document"]
    other = {**document["answers"], "Q-FLOW-001": CHECKING}
    desk.pair.respondent.put(desk.path, {**document, "answers": other}, 2)
    found = desk.answer(2, answers={"Q-CORE-007": CHECKING, "Q-CORE-004": None})
    assert found["merged"] == ["/answers/Q-FLOW-001"]
    answers = desk.pair.respondent.get(desk.path)["document"]["answers"]
    assert answers["Q-CORE-007"]["state"] == answers["Q-FLOW-001"]["state"] == "checking"
    assert "Q-CORE-004" not in answers
    saves = desk.pair.respondent.get(f"{desk.path}/saves")["items"]
    assert saves[0]["name"] == "見本 次郎"
    assert desk.pair.respondent.get(f"{desk.path}/delegations")["items"][0]["opened_at"]


def test_a_colleague_and_the_firm_do_not_overwrite_each_other(desk: Desk) -> None:
    document = desk.saved["document"]
    other = {**document["answers"], "Q-CORE-007": {"state": "withheld"}}
    desk.pair.respondent.put(desk.path, {**document, "answers": other}, 2)
    problem = desk.answer(2, 412, answers={"Q-CORE-007": CHECKING})
    assert problem["conflicts"][0]["theirs"][0]["state"] == "withheld"
    assert desk.answer(None, 428, answers={})["type"].endswith("responses/if-match-required")


def test_places_outside_of_the_own_sections_are_refused(desk: Desk) -> None:
    for fields in (
        {"answers": {"Q-FLOW-001": CHECKING}},
        {"components": {desk.component: {"Q-CORE-009": CHECKING}}},
        {"answers": {"Q-CORE-999": CHECKING}},
    ):
        problem = desk.answer(2, 422, **fields)
        assert problem["type"] == "urn:rensho:problem:delegations/not-yours"


def test_the_questions_on_one_component_can_be_passed_on(desk: Desk) -> None:
    section = f"component/{desk.component}"
    desk.id = desk.pass_on([section])["delegation"]["id"]
    found = desk.answer(2, components={desk.component: {"Q-CORE-009": CHECKING}})
    assert set(found["places"]) == {f"/components/{desk.component}/answers/Q-CORE-009"}
    problem = desk.answer(3, 422, components={desk.component: {"Q-CORE-009": {"state": "liked"}}})
    assert problem["type"] == "urn:rensho:problem:request/invalid"


def test_a_section_that_is_not_there_or_not_to_be_passed_on_is_refused(desk: Desk) -> None:
    for section in ("company/none", "component/none", "pre-screen", "sub-tier"):
        problem = desk.pass_on([section], 422)
        assert problem["type"] == "urn:rensho:problem:delegations/unknown-section"


def test_identity_is_told_by_digest_and_the_link_fits_it(desk: Desk) -> None:
    (event,) = desk.world.said("delegation.issued.v1", delegation_id=desk.id)
    handle = desk.made["link"].rpartition("/")[2]
    assert event["handle_sha256"] == invitations.digest(handle)
    assert (event["mailbox"], event["org_id"]) == (desk.mailbox, str(desk.pair.respondent.id))


def test_the_colleague_gets_the_link_and_the_first_contact_is_told(
    desk: Desk, settings: Settings
) -> None:
    desk.world.pump("notice.due.v1")
    (mail,) = letters_to(settings, desk.mailbox)
    assert desk.made["link"] in text_of(mail)
    assert "お手数ですがお願いいたします" in text_of(mail)
    first = desk.pair.record["mailbox"]
    assert "見本 次郎" in text_of(letters_to(settings, first)[-1])
    desk.colleague.post(f"/delegations/{desk.id}/return", status=200)
    desk.world.pump("notice.due.v1")
    assert "終えられました" in text_of(letters_to(settings, first)[-1])


def test_what_was_taken_back_is_over_and_what_was_filled_in_stays(desk: Desk) -> None:
    desk.answer(2, answers={"Q-CORE-007": CHECKING})
    desk.pair.respondent.post(f"/delegations/{desk.id}/end", status=200)
    problem = desk.answer(3, 409, answers={})
    assert problem["type"] == "urn:rensho:problem:delegations/ended"
    assert desk.colleague.get("/delegations")["items"] == []
    assert "Q-CORE-007" in desk.pair.respondent.get(desk.path)["document"]["answers"]


def test_nobody_else_finds_a_delegation(desk: Desk, world: World) -> None:
    colleague = desk.pair.respondent.member("other@supplier.example")
    stranger = world.firm().member(desk.mailbox)
    for who in (colleague, stranger):
        who.get(f"/delegations/{desk.id}", 404)
        who.put(f"/delegations/{desk.id}", {}, 2, 404)
        who.post(f"/delegations/{desk.id}/return", status=404)
    world.firm().post(f"/delegations/{desk.id}/end", status=404)
    stranger.get(f"{desk.path}/delegations", 404)
    stranger.post(
        f"{desk.path}/delegations",
        {"mailbox": "a@b.example", "name": "a", "sections": [CORE]},
        404,
    )
