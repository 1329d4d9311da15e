"""How a response stands after reviews and corrections: the rules against a plain model."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, get_args

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.questionnaire.rules import reviewing
from services.questionnaire.rules.reviewing import Decided, Outcome, Signed, Spot, Standing

TODAY = date(2027, 1, 15)
COMPANY: Spot = (None, "Q-1")
PART: Spot = ("A", "Q-1")
OTHER: Spot = ("A", "Q-2")
SPOTS = [COMPANY, PART, OTHER]
ANSWERS = st.sampled_from([{"state": "checking"}, {"state": "answered", "value": "yes"}])
GIVEN = st.fixed_dictionaries({COMPANY: ANSWERS, PART: ANSWERS}, optional={OTHER: ANSWERS})
OUTCOMES = st.sampled_from(get_args(Outcome))
DAYS = st.sampled_from([None, *(TODAY + timedelta(days=days) for days in (-1, 0, 1))])
GOOD = ("accepted", "evidence_checked", "independent", "na_accepted", "waived")


class ReviewMachine(RuleBasedStateMachine):
    """Every answer as its own small story, beside the rules that look at all of them at once."""

    @initialize(given=GIVEN)
    def begin(self, given: Any) -> None:
        self.revisions = [Signed(1, given)]
        self.decided: list[Decided] = []
        self.own: dict[Spot, str] = dict.fromkeys(given, "open")

    @rule(given=GIVEN)
    def sign_again(self, given: Any) -> None:
        before = self.revisions[-1].answers
        after: dict[Spot, str] = {}
        for spot, answer in given.items():
            stood = self.own.get(spot, "open")
            if before.get(spot) == answer:
                after[spot] = "unchanged" if stood in ("sent_back", "unchanged") else stood
            else:
                after[spot] = "waived" if stood == "waived" else "open"
        self.own = after
        self.revisions.append(Signed(len(self.revisions) + 1, given))

    @rule(spot=st.sampled_from(SPOTS), outcome=OUTCOMES, until=DAYS)
    def decide(self, spot: Spot, outcome: Outcome, until: date | None) -> None:
        self.decided.append(Decided(len(self.revisions), spot, outcome, until))
        if spot not in self.own:
            return
        stood = self.own[spot]
        if outcome == "waived":
            if until is not None and until >= TODAY and stood not in GOOD:
                self.own[spot] = "waived"
        elif not (outcome == "accepted" and stood in ("evidence_checked", "independent")):
            self.own[spot] = outcome

    @invariant()
    def every_answer_stands_as_its_story_says(self) -> None:
        if not hasattr(self, "own"):
            return
        found = reviewing.standings(self.revisions, self.decided, TODAY)
        answers = self.revisions[-1].answers
        assert set(found) == set(answers)
        for spot, standing in found.items():
            expected = self.own[spot]
            if spot == PART and expected == "open" and answers[COMPANY] == answers[PART]:
                expected = self.own[COMPANY]
            assert standing == expected
        self.the_whole_stands_as_its_parts(found)

    def the_whole_stands_as_its_parts(self, found: dict[Spot, Standing]) -> None:
        said = set(found.values())
        if said & {"sent_back", "unchanged"}:
            assert reviewing.verdict(found) == "returned"
        elif said <= set(GOOD):
            assert reviewing.verdict(found) == "accepted"
        else:
            assert reviewing.verdict(found) == "in_review"


TestReviewing = ReviewMachine.TestCase
TestReviewing.settings = settings(max_examples=150, stateful_step_count=20, deadline=None)
