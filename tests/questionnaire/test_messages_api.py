"""Threads per question, and another contact named by a link."""

from __future__ import annotations

import secrets
from typing import Any
from uuid import UUID

import pytest

from services.kit import keyfiles
from services.kit.settings import Settings
from services.questionnaire.rules import invitations
from tests.questionnaire.mails import letters_to, text_of
from tests.questionnaire.world import World


def test_both_ends_write_beside_a_question_and_each_is_told(
    world: World, settings: Settings
) -> None:
    mailbox = f"q-{secrets.token_hex(4)}@supplier.example"
    pair = world.pair(mailbox=mailbox)
    path = f"/requests/{pair.request_id}/messages"
    asked = {"question": "Q-CORE-009", "text": "試作ラインも対象でしょうか。"}
    sent = pair.respondent.post(path, asked)
    answer = {"question": "Q-CORE-009", "text": "量産ラインのみで結構です。"}
    pair.requester.post(path, answer)
    pair.requester.post(path, {"text": "期限はご相談いただけます。"})
    for end in (pair.requester, pair.respondent):
        thread = end.get(f"{path}?question=Q-CORE-009")["items"]
        assert [each["text"] for each in thread] == [asked["text"], answer["text"]]
        assert len(end.get(path)["items"]) == 3
    assert thread[0]["id"] == sent["id"]
    assert thread[0]["by_org_id"] == str(pair.respondent.id)
    page = pair.requester.get(f"{path}?limit=2")
    rest = pair.requester.get(f"{path}?cursor={page['next_cursor']}")["items"]
    assert len(rest) == 1
    world.pump("notice.due.v1")
    bodies = [text_of(mail) for mail in letters_to(settings, mailbox)]
    assert len(bodies) == 2
    assert "■対象の設問:Q-CORE-009" in bodies[0]
    assert answer["text"] not in "".join(bodies)
    stranger = world.firm()
    stranger.get(path, 404)
    stranger.post(path, asked, 404)


def test_a_message_needs_a_question_that_was_asked_and_a_reader(world: World) -> None:
    pair = world.pair()
    body = {"question": "Q-CORE-999", "text": "?"}
    problem = pair.requester.post(f"/requests/{pair.request_id}/messages", body, 422)
    assert problem["type"] == "urn:rensho:problem:messages/unknown-question"
    requester = world.firm()
    requester.supplier()
    (request,) = requester.asked(requester.issued())
    problem = requester.post(f"/requests/{request['id']}/messages", {"text": "?"}, 409)
    assert problem["type"] == "urn:rensho:problem:messages/nobody-there"


class Door:
    """An invitation nobody accepted yet, and its link."""

    def __init__(self, world: World, settings: Settings) -> None:
        self.world = world
        self.domain = f"{secrets.token_hex(4)}.example"
        self.first = f"sales@{self.domain}"
        self.requester = world.firm()
        self.record = self.requester.supplier(mailbox=self.first)
        campaign = self.requester.issued()
        self.request = self.requester.asked(campaign)[0]
        (event,) = world.said("invitation.issued.v2", requester_org_id=str(self.requester.id))
        self.id = event["invitations"][0]["invitation_id"]
        secret = keyfiles.secret_bytes(settings, "invitation")

        self.handle = invitations.handle(secret, UUID(self.id))

    def name(self, mailbox: str, handle: str | None = None) -> Any:
        answer = self.world.client.post(
            f"/invitations/{handle or self.handle}/contact",
            json={"name": "見本 次郎", "mailbox": mailbox},
        )
        assert answer.status_code == 202, answer.text
        self.world.pump("contact.change_asked.v1", "notice.due.v1")
        return answer.json()

    def changes(self) -> Any:
        return self.requester.get("/contact-changes")["items"]


@pytest.fixture
def door(world: World, settings: Settings) -> Door:
    return Door(world, settings)


def test_within_the_firms_own_domain_the_colleague_is_asked_at_once(
    door: Door, settings: Settings
) -> None:
    mailbox = f"quality@{door.domain}"
    door.name(mailbox)
    (change,) = door.changes()
    assert (change["outcome"], change["former_mailbox"]) == ("changed", door.first)
    (said,) = door.world.said("invitation.readdressed.v1", invitation_id=door.id)
    assert said["mailbox"] == mailbox
    (new,) = letters_to(settings, mailbox)
    assert f"/invitations/{door.handle}" in text_of(new)
    assert mailbox in text_of(letters_to(settings, door.first)[-1])
    contacts = door.requester.get(f"/suppliers/{door.record['id']}/contacts")["items"]
    assert [each["mailbox"] for each in contacts if "respondent" in each["roles"]] == [mailbox]


def test_another_domain_waits_for_the_inviters_word(door: Door) -> None:
    door.name("somebody@elsewhere.example")
    (change,) = door.changes()
    assert change["outcome"] == "asked"
    assert door.world.said("invitation.readdressed.v1", invitation_id=door.id) == []
    path = f"/contact-changes/{change['id']}/decide"
    door.world.firm().post(path, {"accept": True}, 404)
    door.requester.post(path, {"accept": True}, 200)
    door.world.pump("contact.change_asked.v1")
    for event in door.world.said("contact.change_asked.v1", change_id=change["id"]):
        door.world.feed({**event, "id": event["id"]})
    (said,) = door.world.said("invitation.readdressed.v1", invitation_id=door.id)
    assert said["mailbox"] == "somebody@elsewhere.example"
    problem = door.requester.post(path, {"accept": False}, 409)
    assert problem["type"] == "urn:rensho:problem:contact-changes/decided"


def test_a_refused_contact_changes_nothing(door: Door) -> None:
    door.name("somebody@elsewhere.example")
    (change,) = door.changes()
    found = door.requester.post(f"/contact-changes/{change['id']}/decide", {"accept": False}, 200)
    assert found["outcome"] == "refused"
    assert door.world.said("invitation.readdressed.v1", invitation_id=door.id) == []


def test_a_link_that_is_none_is_answered_alike(door: Door) -> None:
    known = door.name(f"quality@{door.domain}")
    assert door.name(f"quality@{door.domain}", "no-such-link") == known
    assert door.name(f"quality@{door.domain}", "リンク") == known
    assert len(door.changes()) == 1


def test_an_accepted_invitation_and_a_link_used_too_often_move_nothing(door: Door) -> None:
    for number in range(6):
        door.name(f"quality{number}@{door.domain}")
    assert [each["outcome"] for each in door.changes()] == [*["changed"] * 5, "refused"]
    door.world.firm(link_id=door.record["link"]["id"])
    before = len(door.world.said("invitation.readdressed.v1", invitation_id=door.id))
    door.name(f"late@{door.domain}")
    assert len(door.world.said("invitation.readdressed.v1", invitation_id=door.id)) == before
    assert len(door.changes()) == 6
