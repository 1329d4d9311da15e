"""Requests that end without an answer, campaigns that end, and more time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.kit import clock
from services.kit.settings import Settings
from services.questionnaire.rules import letters
from tests.factories import questionnaire as made
from tests.questionnaire.mails import mails_to
from tests.questionnaire.world import Pair, World, somebody

NOTE = {"note": "調査の見直しのため"}


def stage(pair: Pair) -> str:
    found: str = pair.requester.asked(pair.campaign)[0]["stage"]
    return found


def decline(pair: Pair, status: int = 200, **body: Any) -> Any:
    body = {"reason": "no-capacity", **body}
    return pair.respondent.post(f"/requests/{pair.request_id}/decline", body, status)


def test_a_respondent_says_why_it_cannot_answer_and_the_requester_is_told(
    world: World, settings: Settings
) -> None:
    pair = world.pair(name="架空辞退株式会社")
    assert decline(pair, note="決算期のため")["state"] == "declined"
    world.carry(pair.campaign)
    assert stage(pair) == "declined"
    (reason,) = pair.requester.get(f"/requests/{pair.request_id}/history")["reasons"]
    assert (reason["effect"], reason["reason"], reason["note"]) == (
        *("declined", "no-capacity"),
        "決算期のため",
    )
    assert reason["words"] == {"ja": "人員・時間の都合がつかない", "en": "no capacity at present"}
    told = mails_to(settings, "member@firm.example")
    (letter,) = [text for subject, text in told if "架空辞退株式会社" in subject]
    assert "■理由:人員・時間の都合がつかない" in letter
    (event,) = world.said("request.ended.v1", campaign_id=pair.campaign["id"])
    assert event["requests"][0]["effect"] == "declined"


def test_whoever_declined_may_answer_after_all(world: World) -> None:
    pair = world.pair()
    decline(pair)
    pair.response()
    assert stage(pair) == "started"
    told = world.said("request.ended.v1", campaign_id=pair.campaign["id"])
    assert [each["requests"][0]["effect"] for each in told] == ["declined", "reopened"]
    pair.saved_again(answers={})
    assert world.said("request.ended.v1", campaign_id=pair.campaign["id"]) == told


def test_a_declining_is_taken_back(world: World) -> None:
    pair = world.pair()
    pair.respondent.post(f"/requests/{pair.request_id}/response", status=200)
    decline(pair)
    again = pair.respondent.post(f"/requests/{pair.request_id}/reopen", status=200)
    assert again["state"] == "opened"
    problem = pair.respondent.post(f"/requests/{pair.request_id}/reopen", status=409)
    assert problem["type"] == "urn:rensho:problem:requests/not-ended"


def test_other_needs_words(world: World) -> None:
    pair = world.pair()
    for note in ("", "  "):
        problem = decline(pair, 422, reason="other", note=note)
        assert problem["type"] == "urn:rensho:problem:requests/note-missing"
    assert stage(pair) == "issued"


def test_a_signed_answer_is_not_declined_nor_given_up(world: World) -> None:
    pair = world.pair()
    pair.signed()
    assert decline(pair, 409)["type"] == "urn:rensho:problem:requests/answered"
    path = f"/requests/{pair.request_id}/non-response"
    problem = pair.requester.post(path, {"reason": "no-reply"}, 409)
    assert problem["type"] == "urn:rensho:problem:requests/answered"


def test_a_stranger_and_the_wrong_end_find_nothing(world: World) -> None:
    pair, stranger = world.pair(), world.firm()
    path = f"/requests/{pair.request_id}"
    for firm in (stranger, pair.requester):
        firm.post(f"{path}/decline", {"reason": "no-capacity"}, 404)
    for firm in (stranger, pair.respondent):
        firm.post(f"{path}/non-response", {"reason": "no-reply"}, 404)
    stranger.post(f"{path}/reopen", status=404)
    stranger.get(f"{path}/history", 404)


def test_a_request_given_up_takes_no_answer_until_it_is_opened_again(world: World) -> None:
    pair = world.pair()
    response = pair.response()
    path = f"/requests/{pair.request_id}"
    pair.requester.post(f"{path}/non-response", {"reason": "unreachable"}, 200)
    assert stage(pair) == "closed"
    opened = pair.respondent.post(f"{path}/response", status=409)
    assert opened["type"] == "urn:rensho:problem:requests/shut"
    body = made.ResponseBody()
    saved = pair.respondent.put(f"/responses/{response['id']}", body, response["version"], 409)
    assert saved["type"] == "urn:rensho:problem:requests/shut"
    pair.respondent.post(f"{path}/reopen", status=409)
    assert pair.requester.post(f"{path}/reopen", status=200)["state"] == "started"
    pair.respondent.put(f"/responses/{response['id']}", body, response["version"])


def test_closing_a_campaign_closes_what_is_unanswered_and_keeps_what_is_signed(
    world: World, settings: Settings
) -> None:
    requester = world.firm()
    boxes = [f"{somebody()}@supplier.example" for _ in range(3)]
    records = [requester.supplier(mailbox=box) for box in boxes]
    campaign = requester.issued()
    world.carry(campaign)
    respondent = world.firm(link_id=records[0]["link"]["id"])
    asked = {each["supplier_id"]: each["id"] for each in requester.asked(campaign)}
    pair = Pair(requester, respondent, records[0], campaign, asked[records[0]["id"]])
    pair.signed()

    closed = requester.post(f"/campaigns/{campaign['id']}/close", NOTE, 200)
    assert (closed["state"], closed["counts"]) == ("closed", {"closed": 2, "signed": 1})
    assert closed["may"] == ["reopen"]
    world.carry(campaign)
    assert "受付を終了いたしました" in mails_to(settings, boxes[1])[-1][1]
    assert len(mails_to(settings, boxes[0])) == 1
    problem = requester.post(f"/campaigns/{campaign['id']}/close", NOTE, 409)
    assert problem["type"] == "urn:rensho:problem:campaigns/not-now"
    assert problem["state"] == "closed"
    reopen = f"/requests/{asked[records[1]['id']]}/reopen"
    assert requester.post(reopen, status=409)["type"] == "urn:rensho:problem:campaigns/over"

    again = requester.post(f"/campaigns/{campaign['id']}/reopen", status=200)
    assert (again["state"], again["counts"]) == ("issued", {"issued": 2, "signed": 1})


def test_calling_a_campaign_off_withdraws_every_request_and_says_so(
    world: World, settings: Settings
) -> None:
    requester = world.firm()
    boxes = {lang: f"{somebody()}@supplier.example" for lang in letters.LANGUAGES}
    for language, box in boxes.items():
        requester.supplier(mailbox=box, language=language)
    campaign = requester.issued()
    world.carry(campaign)
    gone = requester.post(f"/campaigns/{campaign['id']}/cancel", NOTE, 200)
    assert (gone["state"], gone["counts"]) == ("cancelled", {"cancelled": 6})
    world.carry(campaign)
    for box in boxes.values():
        _, (_, text) = mails_to(settings, box)
        assert NOTE["note"] in text
        assert campaign["title"] in text
    assert "取り下げる" in mails_to(settings, boxes["ja"])[-1][1]
    assert "withdrawing" in mails_to(settings, boxes["en"])[-1][1]


def test_a_draft_called_off_writes_to_nobody_and_a_late_signature_issues_nothing(
    world: World,
) -> None:
    requester = world.firm()
    requester.supplier()
    campaign = requester.campaign()
    prepared = requester.prepared(campaign)
    requester.post(f"/campaigns/{campaign['id']}/cancel", NOTE, 200)
    world.record(prepared["statement_id"], "request")
    assert requester.get(f"/campaigns/{campaign['id']}")["state"] == "cancelled"
    assert world.carry(campaign) == 0
    problem = requester.post(f"/campaigns/{campaign['id']}/prepare", made.HandBody(), 409)
    assert problem["type"] == "urn:rensho:problem:campaigns/not-now"


def extend(pair: Pair, days: int, status: int = 200, **fields: Any) -> Any:
    due_on = (clock.now() + timedelta(days=days)).date().isoformat()
    body = {"due_on": due_on, "reason": "連休を考慮", **fields}
    return pair.requester.post(f"/campaigns/{pair.campaign['id']}/due", body, status)


def test_more_time_is_a_logged_change_that_the_respondent_is_told_of(
    world: World, settings: Settings
) -> None:
    box = f"{somebody()}@supplier.example"
    pair = world.pair(mailbox=box)
    world.carry(pair.campaign)
    before = pair.requester.asked(pair.campaign)[0]
    assert extend(pair, 90)["request_ids"] == [pair.request_id]
    world.carry(pair.campaign)

    after = pair.requester.asked(pair.campaign)[0]
    assert after["due_at"] == before["due_at"], "what was signed stays"
    assert after["answer_by"] > before["answer_by"]
    history = pair.respondent.get(f"/requests/{pair.request_id}/history")
    (change,) = history["due_changes"]
    assert (change["from_at"], change["to_at"]) == (before["due_at"], after["answer_by"])
    assert pair.respondent.get(f"/requests/{pair.request_id}")["answer_by"] == after["answer_by"]
    subject, text = mails_to(settings, box)[-1]
    assert subject.startswith("【回答期限変更のお知らせ】")
    assert "連休を考慮" in text
    (event,) = world.said("request.extended.v1", campaign_id=pair.campaign["id"])
    assert event["requests"][0]["request_id"] == pair.request_id


def test_time_is_never_taken_away(world: World) -> None:
    pair = world.pair()
    assert extend(pair, 30, 422)["type"] == "urn:rensho:problem:requests/due-not-later"
    assert extend(pair, 600, 422)["type"] == "urn:rensho:problem:requests/due-not-later"


def test_only_who_still_owes_an_answer_is_given_time(world: World) -> None:
    pair, stranger = world.pair(), world.firm()
    pair.signed()
    assert extend(pair, 90, 422)["type"] == "urn:rensho:problem:requests/nothing-open"
    strange = extend(pair, 90, 422, request_ids=[str(somebody())])
    assert strange["type"] == "urn:rensho:problem:requests/nothing-open"
    body = {"due_on": "2030-01-01", "reason": "x"}
    stranger.post(f"/campaigns/{pair.campaign['id']}/due", body, 404)


@pytest.mark.parametrize("language", letters.LANGUAGES)
def test_the_news_of_more_time_is_written_in_every_language(
    world: World, settings: Settings, language: str
) -> None:
    box = f"{somebody()}@supplier.example"
    pair = world.pair(mailbox=box, language=language)
    extend(pair, 90)
    world.carry(pair.campaign)
    (text,) = [text for _, text in mails_to(settings, box) if "連休を考慮" in text]
    assert "{" not in text
