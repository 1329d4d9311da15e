"""Reviews over HTTP: decided, signed, counted, seen by both ends."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from rensho import statement

from services.kit.settings import DEMO_BASE
from tests.factories import questionnaire as made
from tests.questionnaire.world import Pair, World


def _review(statement_id: str, *decisions: dict[str, Any]) -> dict[str, Any]:
    return {**made.HandBody(), "statement_id": statement_id, "decisions": list(decisions)}


def _sent_back(question: str) -> dict[str, Any]:
    return {"question": question, "outcome": "sent_back", "reason": "対象の工程をご確認ください"}


def _decide(pair: Pair, statement_id: str, *decisions: dict[str, Any]) -> str:
    prepared = pair.requester.post("/reviews/prepare", _review(statement_id, *decisions))
    pair.requester.world.record(prepared["statement_id"], "review")
    return str(prepared["statement_id"])


def test_a_review_is_told_to_risk_once_the_log_has_it(world: World) -> None:
    pair = world.pair()
    target = pair.signed()["statements"][0]["statement_id"]
    decisions = (
        {"question": "Q-CORE-001", "outcome": "evidence_checked"},
        {
            "question": "Q-CORE-007",
            "outcome": "waived",
            "until": "2027-03-31",
            "owner": "品質保証部長",
        },
        {"question": "Q-CORE-008", "outcome": "na_accepted"},
    )
    prepared = pair.requester.post("/reviews/prepare", _review(target, *decisions))
    found = statement.parse(base64.b64decode(prepared["payload"]), (DEMO_BASE,))
    assert (found.name, found.subject_sha256) == ("review", target)
    assert found.predicate["decisions"][1]["until"] == "2027-03-31T23:59:59Z"
    assert world.said("review.decided.v1", statement_id=target) == []
    assert pair.respondent.get("/reviews")["items"] == []

    world.record(prepared["statement_id"], "review")
    world.record(prepared["statement_id"], "review")
    (event,) = world.said("review.decided.v1", statement_id=target)
    assert event["review_statement_id"] == prepared["statement_id"]
    assert event["decisions"][1] == {
        "question": "Q-CORE-007",
        "outcome": "waived",
        "value": None,
        "until": "2027-03-31",
    }
    (seen,) = pair.respondent.get("/reviews")["items"]
    assert seen["recorded_at"]
    assert world.firm().get("/reviews")["items"] == []


@pytest.mark.parametrize(("outcome", "stands"), [("sent_back", "returned"), ("accepted", "signed")])
def test_a_reviewed_request_is_on_the_board_and_stays_answered(
    world: World, outcome: str, stands: str
) -> None:
    pair = world.pair()
    target = pair.signed()["statements"][0]["statement_id"]
    reason = {"reason": "対象の工程をご確認ください"} if outcome == "sent_back" else {}
    _decide(pair, target, {"question": "Q-CORE-001", "outcome": outcome, **reason})
    (asked,) = pair.requester.asked(pair.campaign)
    assert (asked["state"], asked["stage"]) == (stands, stands)
    declined = {"reason": "no-capacity"}
    problem = pair.respondent.post(f"/requests/{pair.request_id}/decline", declined, 409)
    assert problem["type"] == "urn:rensho:problem:requests/answered"
    pair.requester.post(f"/campaigns/{pair.campaign['id']}/close", {"note": "終了"}, 200)
    assert pair.requester.asked(pair.campaign)[0]["state"] == stands


def test_only_the_requester_reviews_and_only_what_is_on_record(world: World) -> None:
    pair = world.pair()
    prepared = pair.prepared(pair.response())
    target = prepared["statements"][0]["statement_id"]
    accepted = {"question": "Q-CORE-001", "outcome": "accepted"}
    pair.requester.post("/reviews/prepare", _review(target, accepted), 404)
    world.record(prepared["statements"][-1]["statement_id"], "declaration")
    pair.respondent.post("/reviews/prepare", _review(target, accepted), 404)
    world.firm().post("/reviews/prepare", _review(target, accepted), 404)
    pair.requester.post("/reviews/prepare", _review(target, accepted))


@pytest.mark.parametrize(
    ("decision", "urn"),
    [
        ({"question": "Q-CORE-999", "outcome": "accepted"}, "reviews/unknown-question"),
        (
            {"question": "Q-CORE-001", "outcome": "accepted", "value": "nope"},
            "reviews/unknown-question",
        ),
        ({"question": "Q-CORE-001", "outcome": "waived"}, "reviews/waiver-owner-missing"),
        (
            {"question": "Q-CORE-001", "outcome": "waived", "owner": "品質保証部長"},
            "statements/unsignable",
        ),
        ({"question": "Q-CORE-001", "outcome": "independent"}, "reviews/document-missing"),
        (
            {"question": "Q-CORE-001", "outcome": "evidence_checked", "evidence": ["x" * 43]},
            "reviews/unknown-evidence",
        ),
        ({"question": "Q-CORE-001", "outcome": "sent_back"}, "statements/unsignable"),
        ({"question": "Q-CORE-001", "outcome": "liked"}, "request/invalid"),
    ],
)
def test_a_decision_that_cannot_be_signed_is_refused(
    world: World, decision: dict[str, Any], urn: str
) -> None:
    pair = world.pair()
    target = pair.signed()["statements"][-1]["statement_id"]
    problem = pair.requester.post("/reviews/prepare", _review(target, decision), 422)
    assert problem["type"] == f"urn:rensho:problem:{urn}"


def test_what_was_withheld_cannot_be_sent_back_a_second_time(world: World) -> None:
    pair = world.pair()
    answers = {"Q-CORE-001": {"state": "withheld"}, "Q-CORE-004": {"state": "checking"}}
    target = pair.signed(answers=answers)["statements"][-1]["statement_id"]
    _decide(pair, target, _sent_back("Q-CORE-001"), _sent_back("Q-CORE-004"))
    again = _review(target, _sent_back("Q-CORE-001"))
    problem = pair.requester.post("/reviews/prepare", again, 409)
    assert problem["type"] == "urn:rensho:problem:reviews/withheld-sent-back-twice"
    assert problem["questions"] == ["Q-CORE-001"]
    pair.requester.post("/reviews/prepare", _review(target, _sent_back("Q-CORE-004")))
