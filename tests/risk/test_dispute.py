"""Requests to look again: a model of who may do what, played in every order with a clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.risk.rules import dispute
from services.risk.rules.dispute import Dispute, NotNow

START = datetime(2027, 3, 1, tzinfo=UTC)
FORTNIGHT = timedelta(days=14)


class Disputing(RuleBasedStateMachine):
    """The machine beside a model that knows only whose turn it is, since when, and how often."""

    def __init__(self) -> None:
        super().__init__()
        self.now = START
        self.at: Dispute = dispute.opened(self.now)
        self.turn: str | None = "requester"
        self.since = self.now
        self.rounds = 1

    @rule(hours=st.integers(1, 24 * 20))
    def time_passes(self, hours: int) -> None:
        self.now += timedelta(hours=hours)

    @property
    def is_late(self) -> bool:
        return self.now > self.since + FORTNIGHT

    def try_(self, step: object, *, allowed: bool) -> bool:
        assert callable(step)
        if not allowed:
            with pytest.raises(NotNow):
                step()
            return False
        self.at = step()
        return True

    @rule(outcome=st.sampled_from(("will_correct", "stays")))
    def answer(self, outcome: dispute.Outcome) -> None:
        if self.try_(
            lambda: dispute.answered(self.at, outcome, self.now),
            allowed=self.turn == "requester",
        ):
            self.turn, self.since = "respondent", self.now

    @rule()
    def accept(self) -> None:
        allowed = self.turn == "respondent" and not self.is_late
        if self.try_(lambda: dispute.accepted(self.at, self.now), allowed=allowed):
            self.turn = None

    @rule()
    def ask_again(self) -> None:
        allowed = self.turn == "respondent" and not self.is_late and self.rounds < 2
        if self.try_(lambda: dispute.asked_again(self.at, self.now), allowed=allowed):
            self.turn, self.since, self.rounds = "requester", self.now, self.rounds + 1

    @rule()
    def withdraw(self) -> None:
        if self.try_(lambda: dispute.withdrawn(self.at), allowed=self.turn is not None):
            self.turn = None

    @rule()
    def the_clock_strikes(self) -> None:
        lapses = self.turn == "respondent" and self.is_late
        after = dispute.lapsed(self.at, self.now)
        assert (after is not None) == lapses
        if after is not None:
            assert after.ending == "lapsed"
            self.at, self.turn = after, None

    @invariant()
    def it_stands_where_the_model_says(self) -> None:
        names = {"requester": "open", "respondent": "answered", None: "settled"}
        assert self.at.state == names[self.turn]
        assert self.at.rounds == self.rounds
        assert (self.at.due_at is None) == (self.turn is None)
        assert (self.at.ending is None) == (self.turn is not None)

    @invariant()
    def the_requesters_silence_settles_nothing(self) -> None:
        assert self.at.is_overdue(self.now) == (self.turn == "requester" and self.is_late)

    @precondition(lambda self: self.turn == "respondent")
    @invariant()
    def an_answer_has_an_outcome(self) -> None:
        assert self.at.outcome is not None


TestDisputing = Disputing.TestCase
TestDisputing.settings = settings(max_examples=150, stateful_step_count=20, deadline=None)
