"""What a customer's signed review changes in what it may count."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.kit import clock
from tests.factories.risk import NOW, an_id
from tests.factories.supply_chains import Firm, Supply, component
from tests.risk.two import Two


def reviewed(two: Two, *decisions: dict[str, Any], **fields: Any) -> dict[str, Any]:
    submitted = two.answered()
    (one,) = submitted["components"]
    two.scene.reviewed(two.supply, one["statement_id"], *decisions, **fields)
    return two.answers()


@pytest.mark.parametrize(
    ("outcome", "role", "assurance"),
    [
        ("accepted", "requester", "L2"),
        ("evidence_checked", "requester", "L3"),
        ("independent", "requester", "L3"),
        ("independent", "assessor", "L4"),
    ],
)
def test_a_recorded_review_raises_the_assurance_of_an_answer(
    two: Two, outcome: str, role: str, assurance: str
) -> None:
    answers = reviewed(two, {"question": "Q-1", "outcome": outcome}, signer_role=role)
    assert [answers[q]["assurance"] for q in ("Q-1", "Q-2")] == [assurance, "L2"]


def test_what_was_sent_back_after_it_was_checked_is_as_it_was_signed(two: Two) -> None:
    (one,) = two.answered()["components"]
    for outcome in ("evidence_checked", "sent_back"):
        two.scene.reviewed(two.supply, one["statement_id"], {"question": "Q-1", "outcome": outcome})
    assert two.answers()["Q-1"]["assurance"] == "L2"


@pytest.mark.parametrize("change", [{"org_id": an_id()}, {"statement_type": "declaration"}])
def test_a_review_counts_only_as_the_log_holds_it(two: Two, change: dict[str, Any]) -> None:
    (one,) = two.answered()["components"]
    two.scene.reviewed(
        two.supply, one["statement_id"], {"question": "Q-1", "outcome": "evidence_checked"}
    )
    two.scene.events[-1].update(change)
    assert two.answers()["Q-1"]["assurance"] == "L2"


def test_another_customers_review_raises_nothing_here(two: Two) -> None:
    (one,) = two.answered()["components"]
    other = Supply(Firm("Other"), two.supply.firm)
    two.scene.reviewed(
        other, one["statement_id"], {"question": "Q-1", "outcome": "evidence_checked"}
    )
    assert two.answers()["Q-1"]["assurance"] == "L2"


def test_not_applicable_counts_as_accepted_once_the_reviewer_says_so(two: Two) -> None:
    one = component("chat", {"Q-1": "yes"})
    one["answers"].append(
        {"question": "Q-2", "state": "not_applicable", "value": None, "opened": True}
    )
    two.answered(components=[one])
    assert not two.answers()["Q-2"]["accepted"]
    two.scene.reviewed(
        two.supply,
        one["statement_id"],
        {"question": "Q-2", "outcome": "na_accepted"},
        {"question": "Q-1", "outcome": "na_accepted"},
    )
    answers = two.answers()
    assert [answers[q]["accepted"] for q in ("Q-1", "Q-2")] == [False, True]


def test_a_withheld_answer_counts_as_seen_by_the_reviewer(two: Two) -> None:
    one = component("chat", {"Q-1": "yes"})
    one["answers"].append({"question": "Q-2", "state": "withheld", "value": None, "opened": True})
    two.answered(components=[one])
    decision = {"question": "Q-2", "outcome": "evidence_checked", "value": "partly"}
    later = clock.rfc3339(NOW + timedelta(hours=2))
    two.scene.reviewed(two.supply, one["statement_id"], decision, received_at=later)
    assert two.answers()["Q-2"]["seen"] == {"value": "partly", "assurance": "L3", "time": later}


@pytest.mark.parametrize(("until", "waived"), [("2026-11-21", True), ("2026-11-20", False)])
def test_a_waiver_lasts_to_the_end_of_its_last_day(two: Two, until: str, waived: bool) -> None:
    answers = reviewed(two, {"question": "Q-1", "outcome": "waived", "until": until})
    assert answers["Q-1"]["waived"] is waived


def test_a_question_nobody_answered_can_be_waived(two: Two) -> None:
    (one,) = two.answered(components=[component("chat", {"Q-1": "yes"})])["components"]
    decision = {"question": "Q-2", "outcome": "waived", "until": "2027-01-31"}
    unknown = {**decision, "question": "Q-99"}
    two.scene.reviewed(two.supply, one["statement_id"], decision, unknown)
    answers = two.answers()
    assert list(answers) == ["Q-1", "Q-2"]
    assert (answers["Q-2"]["state"], answers["Q-2"]["waived"]) == ("silent", True)
