"""Answer once, sign once, grant many: what is offered, what a grant opens, and what ends it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from rensho.documents import DeclarationDocument
from sqlalchemy import text

from services.kit import clock
from services.kit.db import Actor
from services.kit.settings import Settings
from tests.factories import questionnaire as made
from tests.questionnaire.mails import letters_to
from tests.questionnaire.world import Firm, Pair, World, document

PART = {
    "Q-CORE-009": {"state": "answered", "value": "fallback_tried"},
    "Q-CORE-007": {"state": "withheld"},
}


class Twice:
    """A supplier that signed for one customer and was asked by another."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.first: Pair = world.pair()
        self.supplier = self.first.respondent
        own = made.ComponentBody(supplier_component_id="AI-1", answers=PART)
        self.prepared = self.first.signed(components=[own])
        self.statement = self.prepared["statements"][0]["statement_id"]
        self.second: Firm = world.firm()
        record = self.second.supplier()
        campaign = self.second.issued()
        enrolled = made.Enrolled(org_id=str(self.supplier.id), name=self.supplier.name)
        enrolled["invitation"]["link_id"] = record["link"]["id"]
        world.feed(enrolled)
        (request,) = self.second.asked(campaign)
        self.request, self.path = request["id"], f"/requests/{request['id']}"

    def offers(self) -> Any:
        return self.supplier.get(f"{self.path}/reuse")

    def grant(self, *questions: str, **fields: Any) -> str:
        event = made.GrantRecorded(
            statement_id=self.statement,
            org_id=str(self.supplier.id),
            to_org_id=str(self.second.id),
            request_id=self.request,
            questions=list(questions),
            **fields,
        )
        assert self.world.feed(event)
        return str(event["grant_id"])

    def withdraw(self, statement_id: str, kind: str, effect: str = "retracted") -> None:
        self.world.feed(
            made.Withdrawn(statement_id=statement_id, statement_type=kind, effect=effect)
        )

    def state(self) -> Any:
        return self.second.get(self.path)["state"]

    def grants(self, by: Firm) -> Any:
        return by.get(f"{self.path}/grants")["items"]


@pytest.fixture
def twice(world: World) -> Twice:
    return Twice(world)


def test_what_was_signed_before_is_offered_with_what_it_answers(twice: Twice) -> None:
    found = twice.offers()
    (offer,) = found["items"]
    assert (offer["statement_id"], offer["component"]) == (twice.statement, "AI-1")
    # Withheld is no answer; the organization's own answers travel in the component's document.
    assert set(offer["questions"]) >= {"Q-CORE-001", "Q-CORE-004", "Q-FLOW-001", "Q-CORE-009"}
    assert "Q-CORE-007" not in offer["questions"]
    assert (found["answered_before"], found["granted"]) == (len(offer["questions"]), [])
    assert len(found["left"]) == found["asked"] == 12
    twice.second.get(f"{twice.path}/reuse", 404)
    twice.world.firm().get(f"{twice.path}/reuse", 404)


def test_a_grant_in_the_log_is_read_by_its_requester_and_leaves_the_delta(
    twice: Twice, settings: Settings
) -> None:
    twice.grant("Q-CORE-001", "Q-CORE-009")
    (seen,) = twice.grants(twice.second)
    assert twice.grants(twice.supplier) == [seen]
    assert seen["questions"] == ["Q-CORE-001", "Q-CORE-009"]
    opened = seen["opened"]
    assert {each["question"] for each in opened["answers"]} == {"Q-CORE-001", "Q-CORE-009"}
    assert opened["name"] == "外観検査モデル"
    found = twice.offers()
    assert found["granted"] == ["Q-CORE-001", "Q-CORE-009"]
    assert "Q-CORE-001" not in found["left"]
    assert len(found["left"]) == 10
    draft = twice.supplier.post(f"{twice.path}/response", status=200)
    progress = twice.supplier.get(f"/responses/{draft['id']}/progress")
    silent = {one["where"] for each in progress["sections"] for one in each["unanswered"]}
    assert "/answers/Q-CORE-001" not in silent
    assert "/answers/Q-CORE-004" in silent
    assert progress["answered_by_grant"] == 2
    twice.world.pump("notice.due.v1")
    assert any("回答の開示" in m["Subject"] for m in letters_to(settings, "member@firm.example"))
    twice.first.requester.get(f"{twice.path}/grants", 404)


def test_risk_hears_what_was_opened_and_that_the_rest_stays_closed(twice: Twice) -> None:
    grant = twice.grant("Q-CORE-009")
    (event,) = twice.world.said("answers.granted.v1", grant_id=grant)
    assert event["requester_org_id"] == str(twice.second.id)
    assert event["component"]["statement_id"] == twice.statement
    opened = {each["question"]: each["opened"] for each in event["component"]["answers"]}
    assert opened["Q-CORE-009"]
    assert not opened["Q-CORE-001"]
    assert event["component"]["answers_sha256"] in document(twice.prepared, "answers")


def test_a_request_that_grants_answer_whole_is_granted_until_one_is_withdrawn(
    twice: Twice,
) -> None:
    asked = twice.offers()["left"]
    part = twice.grant("Q-CORE-001")
    assert twice.state() == "started"
    # Grants open what the statement holds: pretend that it answered everything that is asked.
    with twice.world.worker.begin(Actor("test")) as tx:
        tx.execute(
            text(
                "UPDATE questionnaire.granted SET questions = to_jsonb(cast(:asked AS text[]))"
                " WHERE grant_id = :grant"
            ),
            {"asked": asked, "grant": part},
        )
    last = twice.grant("Q-CORE-004")
    assert twice.state() == "granted"
    twice.withdraw(part, "grant")
    assert twice.state() == "started"
    shown = {each["grant_id"]: each for each in twice.grants(twice.second)}
    assert shown[part]["ended_at"]
    assert shown[part]["opened"] == {}
    assert shown[last]["opened"]["answers"]
    assert twice.offers()["granted"] == ["Q-CORE-004"]


def test_a_grant_ends_with_its_statement_and_with_its_time(twice: Twice) -> None:
    twice.grant("Q-CORE-001")
    twice.withdraw(twice.statement, "ai-governance")
    (ended,) = twice.grants(twice.second)
    assert ended["ended_at"]
    assert twice.offers()["items"] == []
    past = clock.rfc3339(clock.now() - timedelta(days=1))
    twice.grant("Q-CORE-004", not_after=past)
    assert all(each["opened"] == {} for each in twice.grants(twice.second))
    assert twice.offers()["granted"] == []


def test_a_superseded_statement_goes_on_reading_for_who_has_no_other(twice: Twice) -> None:
    twice.grant("Q-CORE-001")
    twice.withdraw(twice.statement, "ai-governance", "superseded")
    (seen,) = twice.grants(twice.second)
    assert seen["ended_at"] is None


def test_a_grant_of_nothing_we_know_and_one_heard_twice_change_nothing(twice: Twice) -> None:
    event = made.GrantRecorded(request_id=twice.request)
    twice.world.feed(event)
    assert twice.grants(twice.second) == []
    grant = twice.grant("Q-CORE-001")
    twice.grant("Q-CORE-001", grant_id=grant)
    assert len(twice.grants(twice.second)) == 1
    assert len(twice.world.said("answers.granted.v1", grant_id=grant)) == 1


def test_the_declaration_counts_the_granted_components_as_not_its_own(twice: Twice) -> None:
    twice.grant("Q-CORE-001")
    draft = twice.supplier.post(f"{twice.path}/response", status=200)
    body = made.ResponseBody(components=[])
    twice.supplier.put(f"/responses/{draft['id']}", body, draft["version"])
    hand = {**made.HandBody(role="responsible-officer"), "locale": "ja"}
    prepared = twice.supplier.post(f"/responses/{draft['id']}/prepare", hand, 200)
    (content,) = document(prepared, "declaration").values()
    assert DeclarationDocument.parse(content).withheld_components == 1
    (event,) = twice.world.said("response.submitted.v1", request_id=twice.request)
    assert event["withheld_components"] == 1
