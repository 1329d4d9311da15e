"""作成 → 確認 → 承認: the rules against a plain model."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from services.questionnaire.rules.approvals import (
    STEPS,
    ApprovalRefused,
    Deputy,
    Desk,
    Flow,
    Step,
)

TODAY = date(2027, 4, 1)
PEOPLE = ["a@x.example", "B@x.example", "c@x.example", "d@x.example"]
DAYS = st.integers(-2, 2).map(lambda days: TODAY + timedelta(days=days))
DEPUTIES = st.lists(st.builds(Deputy, st.sampled_from(PEOPLE), DAYS, DAYS), max_size=2).map(tuple)
HOLDERS = st.frozensets(st.sampled_from([each.lower() for each in PEOPLE]), max_size=2)
LATER: list[list[Step]] = [["check"], ["approve"], ["check", "approve"], []]


class ApprovalMachine(RuleBasedStateMachine):
    """The flow beside a model that keeps only who did what since it was last given back."""

    @initialize(
        later=st.sampled_from(LATER),
        holders=st.lists(HOLDERS, min_size=3, max_size=3),
        deputies=st.lists(DEPUTIES, min_size=3, max_size=3),
    )
    def begin(self, later: list[Step], holders: Any, deputies: Any) -> None:
        steps: list[Step] = ["write", *later]
        places = [STEPS.index(step) for step in steps]
        self.desks = {
            step: Desk(step, holders[at], deputies[at])
            for step, at in zip(steps, places, strict=True)
        }
        self.flow = Flow(tuple(self.desks.values()))
        self.steps = steps
        self.done: list[tuple[Step, str]] = []

    def _may(self, step: Step, who: str) -> bool:
        desk = self.desks[step]
        standing_in = [
            each
            for each in desk.deputies
            if each.mailbox.lower() == who.lower() and each.first <= TODAY <= each.last
        ]
        return not desk.mailboxes or who.lower() in desk.mailboxes or bool(standing_in)

    @rule(step=st.sampled_from(STEPS), who=st.sampled_from(PEOPLE))
    def take(self, step: Step, who: str) -> None:
        wanted = self.steps[len(self.done)] if len(self.done) < len(self.steps) else None
        before = {mailbox.lower() for _, mailbox in self.done}
        if step not in self.steps:
            urn: str | None = "approvals/no-flow"
        elif wanted != step:
            urn = "approvals/not-this-step"
        elif not self._may(step, who):
            urn = "approvals/not-your-turn"
        elif who.lower() in before:
            urn = "approvals/same-person"
        else:
            urn = None
        if urn is None:
            self.flow = self.flow.take(step, who, TODAY)
            self.done.append((step, who))
            return
        with pytest.raises(ApprovalRefused) as why:
            self.flow.take(step, who, TODAY)
        assert why.value.urn == urn

    @rule(choice=st.integers(0, 3))
    def go_on(self, choice: int) -> None:
        """As `take`, by somebody who may, if there is anybody."""
        left = self.steps[len(self.done) :]
        before = {mailbox.lower() for _, mailbox in self.done}
        able = [p for p in PEOPLE if left and self._may(left[0], p) and p.lower() not in before]
        if able:
            self.take(left[0], able[choice % len(able)])

    @rule(who=st.sampled_from(PEOPLE), reason=st.sampled_from(["", " ", "対象をご確認ください"]))
    def send_back(self, who: str, reason: str) -> None:
        waiting = self.steps[len(self.done)] if len(self.done) < len(self.steps) else None
        if waiting is None or waiting == "write":
            urn: str | None = "approvals/not-this-step"
        elif not self._may(waiting, who):
            urn = "approvals/not-your-turn"
        elif not reason.strip():
            urn = "approvals/reason-missing"
        else:
            urn = None
        if urn is None:
            self.flow = self.flow.send_back(who, reason, TODAY)
            last = self.flow.taken[-1]
            assert (last.step, last.action, last.mailbox) == (waiting, "returned", who)
            self.done = []
            return
        with pytest.raises(ApprovalRefused) as why:
            self.flow.send_back(who, reason, TODAY)
        assert why.value.urn == urn

    @rule(who=st.sampled_from(PEOPLE))
    def sign(self, who: str) -> None:
        if len(self.done) < len(self.steps):
            urn: str | None = "approvals/unfinished"
        elif not self._may(self.steps[-1], who):
            urn = "approvals/not-your-turn"
        else:
            urn = None
        if urn is None:
            self.flow.refuse_unless_last(who, TODAY)
            return
        with pytest.raises(ApprovalRefused) as why:
            self.flow.refuse_unless_last(who, TODAY)
        assert why.value.urn == urn

    @invariant()
    def the_next_step_is_the_models(self) -> None:
        if hasattr(self, "flow"):
            left = self.steps[len(self.done) :]
            assert self.flow.waiting_for == (left[0] if left else None)
            assert all(each.action in ("done", "returned") for each in self.flow.taken)


TestApprovals = ApprovalMachine.TestCase
TestApprovals.settings = settings(max_examples=150, stateful_step_count=20, deadline=None)
