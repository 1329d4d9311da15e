"""The life of a campaign, deed by deed: the table below is the issue's, not the code's."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

import pytest

from services.questionnaire.rules import campaigns, delivery
from services.questionnaire.rules.campaigns import Deed, State

NOW = datetime(2027, 4, 12, tzinfo=UTC)
LIFE: dict[State, dict[Deed, State]] = {
    "draft": {
        "change": "draft",
        "submit": "in-approval",
        "prepare": "prepared",
        "cancel": "cancelled",
    },
    "in-approval": {
        "agree": "agreed",
        "return": "draft",
        "withdraw": "draft",
        "cancel": "cancelled",
    },
    "agreed": {"prepare": "prepared", "withdraw": "draft", "cancel": "cancelled"},
    "prepared": {
        "prepare": "prepared",
        "withdraw": "draft",
        "issue": "issued",
        "cancel": "cancelled",
    },
    "issued": {"close": "closed", "cancel": "cancelled"},
    "closed": {"reopen": "issued"},
    "cancelled": {},
}


@pytest.mark.parametrize("state", get_args(State))
def test_a_deed_leads_where_the_life_of_a_campaign_says_and_nowhere_else(state: State) -> None:
    found = {deed: campaigns.after(deed, state) for deed in get_args(Deed)}
    assert {deed: after for deed, after in found.items() if after is not None} == LIFE[state]


@pytest.mark.parametrize("state", get_args(State))
def test_a_page_offers_what_a_person_can_do_and_issuing_is_the_logs_word(state: State) -> None:
    assert set(campaigns.may(state)) == LIFE[state].keys() - {"issue"}


def test_a_mail_is_tried_again_after_longer_and_longer_and_then_by_a_person() -> None:
    waits = [delivery.next_attempt(attempts, NOW) for attempts in range(1, 6)]
    assert waits == [NOW + timedelta(minutes=each) for each in (5, 30, 120, 480)] + [None]
    constants = (delivery.INTERRUPTED, delivery.WRONG, delivery.AGAIN)
    assert constants == (
        timedelta(minutes=15),
        ("failed", "bounced"),
        ("failed", "bounced", "kept"),
    )


@pytest.mark.parametrize(
    ("count", "parts"), [(0, []), (1, [1]), (100, [100]), (101, [100, 1]), (250, [100, 100, 50])]
)
def test_an_event_holds_a_hundred_at_most_and_every_one_once(count: int, parts: list[int]) -> None:
    found = list(delivery.hundreds(range(count)))
    assert [len(each) for each in found] == parts
    assert [one for each in found for one in each] == list(range(count))
