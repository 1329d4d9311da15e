"""Corrective actions: the rules against a plain model."""

from __future__ import annotations

from datetime import date, timedelta
from typing import get_args

import pytest
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.questionnaire.rules import corrective
from services.questionnaire.rules.corrective import CorrectiveRefused, End, Move, Plan

TODAY = date(2027, 1, 15)
DAYS = st.sampled_from([None, *(TODAY + timedelta(days=days) for days in (-1, 0, 30))])
NOTES = st.sampled_from(["", "  ", "手順書を改訂いたします"])
# Who says it, from which states, to which, and whether it needs words and a day.
TABLE: dict[str, tuple[str, set[str], str, bool, bool]] = {
    "agree": ("respondent", {"opened"}, "agreed", True, True),
    "done": ("respondent", {"agreed"}, "done", True, False),
    "check": ("requester", {"done"}, "checked", False, False),
    "reopen": ("requester", {"agreed", "done"}, "opened", True, True),
    "drop": ("requester", {"opened", "agreed"}, "dropped", True, False),
}


class CorrectiveMachine(RuleBasedStateMachine):
    @initialize(due_on=DAYS)
    def begin(self, due_on: date | None) -> None:
        if due_on is None or due_on < TODAY:
            with pytest.raises(CorrectiveRefused) as why:
                corrective.opened(due_on, TODAY)
            missing = "corrective/due-missing" if due_on is None else "corrective/due-past"
            assert why.value.urn == missing
            due_on = TODAY
        self.plan = corrective.opened(due_on, TODAY)
        self.state, self.due_on = "opened", due_on

    @rule(
        move=st.sampled_from(get_args(Move)),
        by=st.sampled_from(get_args(End)),
        note=NOTES,
        due_on=DAYS,
    )
    def move(self, move: Move, by: End, note: str, due_on: date | None) -> None:
        end, states, after, worded, dated = TABLE[move]
        if self.state not in states:
            urn: str | None = "corrective/not-now"
        elif by != end:
            urn = "corrective/other-end"
        elif worded and not note.strip():
            urn = "corrective/note-missing"
        elif dated and due_on is None:
            urn = "corrective/due-missing"
        elif dated and due_on is not None and due_on < TODAY:
            urn = "corrective/due-past"
        else:
            urn = None
        if urn is not None:
            with pytest.raises(CorrectiveRefused) as why:
                corrective.moved(self.plan, move, by, note=note, due_on=due_on, today=TODAY)
            assert why.value.urn == urn
            return
        self.plan = corrective.moved(self.plan, move, by, note=note, due_on=due_on, today=TODAY)
        self.state = after
        if dated and due_on is not None:
            self.due_on = due_on

    @rule(move=st.sampled_from(get_args(Move)), days=st.sampled_from([0, 30, 60]))
    def go_on(self, move: Move, days: int) -> None:
        """As `move`, but never refused for its words, its day or its end."""
        end: End = "respondent" if TABLE[move][0] == "respondent" else "requester"
        self.move(move, end, "手順書を改訂いたします", TODAY + timedelta(days=days))

    @rule(move=st.sampled_from(get_args(Move)), due_on=DAYS, note=NOTES)
    def almost(self, move: Move, due_on: date | None, note: str) -> None:
        """As `move`, by the right end, with words or a day that may not do."""
        end: End = "respondent" if TABLE[move][0] == "respondent" else "requester"
        self.move(move, end, note, due_on)

    @invariant()
    def it_stands_as_the_model_says(self) -> None:
        if hasattr(self, "plan"):
            assert self.plan == Plan(self.state, self.due_on)  # type: ignore[arg-type]
            late = self.state in ("opened", "agreed")
            assert self.plan.overdue(self.due_on + timedelta(days=1)) == late
            assert not self.plan.overdue(self.due_on)


TestCorrective = CorrectiveMachine.TestCase
TestCorrective.settings = hypothesis_settings(
    max_examples=200, stateful_step_count=15, deadline=None
)
