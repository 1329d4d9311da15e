"""What is waited for of a supplier: more time moves it, an end without an answer ends it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from services.kit import clock
from tests.factories.risk import NOW, an_id, question
from tests.risk.two import Two

SOON, LATER = NOW + timedelta(days=3), NOW + timedelta(days=30)
BEFORE = NOW - timedelta(seconds=1)


def band(two: Two) -> str:
    """How the firm is shown: unseen as long as an answer of it is waited for."""
    two.site.hear(*two.scene.events)
    two.scene.events.clear()
    _, results = two.site.judge(two.supply.customer)
    (firm,) = results["firms"]
    return str(firm["band"])


def until(moment: datetime) -> str:
    return clock.rfc3339(moment)


def test_a_silent_firm_is_judged_once_its_time_is_over(two: Two) -> None:
    two.scene.asked(two.supply, due_at=BEFORE)
    assert two.direct()["due_at"] == until(BEFORE)


def test_more_time_moves_the_day_until_which_an_answer_is_waited_for(two: Two) -> None:
    two.scene.asked(two.supply, due_at=BEFORE)
    two.scene.extended(two.supply, SOON)
    assert two.direct()["due_at"] == until(SOON)
    two.scene.extended(two.supply, LATER)
    assert (two.direct()["due_at"], two.direct()["submitted"]) == (until(LATER), False)


def test_more_time_that_is_heard_of_before_its_request_counts(two: Two) -> None:
    two.scene.asked(two.supply, due_at=BEFORE)
    two.scene.extended(two.supply, LATER)
    two.scene.events.reverse()
    assert two.direct()["due_at"] == until(LATER)


@pytest.mark.parametrize("effect", ["declined", "closed"])
def test_nothing_is_waited_for_once_a_request_ended_and_what_was_asked_still_is(
    two: Two, effect: str
) -> None:
    two.scene.asked(two.supply, [question("Q-5")], LATER)
    assert two.direct()["due_at"] == until(LATER)
    two.scene.ended(two.supply, effect)
    direct = two.direct()
    assert (direct["due_at"], direct["submitted"], direct["asked"]) == (
        until(BEFORE),
        False,
        ["Q-5"],
    )


def test_an_end_after_the_day_leaves_the_day(two: Two) -> None:
    two.scene.asked(two.supply, due_at=NOW - timedelta(days=9))
    two.scene.ended(two.supply, "closed")
    assert two.direct()["due_at"] == until(NOW - timedelta(days=9))


def test_a_request_that_was_called_off_asks_nothing(two: Two) -> None:
    two.scene.asked(two.supply, [question("Q-1", starter=True, asked=False), question("Q-5")])
    two.scene.asked(two.supply, [question("Q-6")], request=an_id())
    assert two.direct()["asked"] == ["Q-5", "Q-6"]
    two.scene.ended(two.supply, "cancelled")
    assert two.direct()["asked"] == ["Q-6"]


def test_a_firm_of_whom_all_was_called_off_was_not_asked(two: Two) -> None:
    two.scene.asked(two.supply, [question("Q-5")])
    two.scene.ended(two.supply, "cancelled")
    direct = two.direct()
    assert (direct["asked"], direct["due_at"], direct["submitted"]) == ([], None, False)


def test_a_request_that_is_opened_again_is_waited_for_again(two: Two) -> None:
    two.scene.asked(two.supply, due_at=LATER)
    two.scene.ended(two.supply, "declined")
    two.scene.ended(two.supply, "reopened")
    assert two.direct()["due_at"] == until(LATER)
    two.scene.ended(two.supply, "closed")
    assert two.direct()["due_at"] == until(BEFORE)


def test_of_several_words_on_a_request_the_last_said_holds_in_whatever_order_they_come(
    two: Two,
) -> None:
    two.scene.asked(two.supply, due_at=LATER)
    two.scene.ended(two.supply, "declined")
    two.scene.ended(two.supply, "reopened")
    two.scene.events.reverse()
    assert two.direct()["due_at"] == until(LATER)


def test_an_answered_request_stays_answered_whatever_becomes_of_another(two: Two) -> None:
    two.answered()
    other = an_id()
    two.scene.asked(two.supply, request=other, due_at=LATER)
    assert not two.direct()["submitted"]
    two.scene.ended(two.supply, "declined", request=other)
    assert two.direct()["submitted"]


def test_a_firm_that_declines_a_further_request_is_shown_by_what_it_answered(two: Two) -> None:
    two.answered()
    judged = band(two)
    assert judged != "unseen"
    further = an_id()
    two.scene.asked(two.supply, request=further, due_at=LATER)
    assert band(two) == "unseen"
    two.scene.ended(two.supply, "declined", request=further)
    assert band(two) == judged
