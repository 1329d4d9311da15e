"""The way of a response through its own firm: 作成 → 確認 → 承認, where the firm wants one.

Every decision is on one version; a save makes a new one, and with it everything begins again.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Final, Literal

Step = Literal["write", "check", "approve"]
Action = Literal["done", "returned"]
STEPS: Final[tuple[Step, ...]] = ("write", "check", "approve")

Why = Literal[
    "approvals/no-flow",
    "approvals/not-your-turn",
    "approvals/not-this-step",
    "approvals/same-person",
    "approvals/unfinished",
    "approvals/reason-missing",
]


class ApprovalRefused(Exception):
    """This step cannot be taken, by this person, now; `urn` says why."""

    def __init__(self, urn: Why, text: str) -> None:
        super().__init__(text)
        self.urn = urn


@dataclass(frozen=True, slots=True)
class Deputy:
    """Who stands in for somebody, first and last day included."""

    mailbox: str
    first: date
    last: date


@dataclass(frozen=True, slots=True)
class Desk:
    """One step of the flow and whose it is; without holders any writer may take it."""

    step: Step
    mailboxes: frozenset[str] = frozenset()
    deputies: tuple[Deputy, ...] = ()

    def open_to(self, mailbox: str, today: date) -> bool:
        """Whether the reader of a mailbox may sit here today."""
        if not self.mailboxes or mailbox.lower() in self.mailboxes:
            return True
        return any(
            each.mailbox.lower() == mailbox.lower() and each.first <= today <= each.last
            for each in self.deputies
        )


@dataclass(frozen=True, slots=True)
class Taken:
    """One decision that was taken on the present version."""

    step: Step
    action: Action
    mailbox: str


@dataclass(frozen=True, slots=True)
class Flow:
    """The steps of a firm in their order; the first is always to write."""

    desks: tuple[Desk, ...]
    taken: tuple[Taken, ...] = field(default=())

    @property
    def waiting_for(self) -> Step | None:
        """The step that comes next; None once the last one is done."""
        done = self._done()
        return next((desk.step for desk in self.desks if desk.step not in done), None)

    def take(self, step: Step, mailbox: str, today: date) -> Flow:
        """Do a step.

        Raises `ApprovalRefused`: `approvals/no-flow` (no such step in this firm),
        `approvals/not-this-step` (another one comes first), `approvals/not-your-turn`,
        `approvals/same-person` (who did an earlier step).
        """
        desk = self._desk(step)
        if self.waiting_for != step:
            raise ApprovalRefused("approvals/not-this-step", "another step comes first")
        self._refuse_other(desk, mailbox, today)
        if mailbox.lower() in {each.mailbox.lower() for each in self._standing()}:
            raise ApprovalRefused("approvals/same-person", "nobody checks their own work")
        return Flow(self.desks, (*self.taken, Taken(step, "done", mailbox)))

    def send_back(self, mailbox: str, reason: str, today: date) -> Flow:
        """Give it back to whoever writes, from the step that comes next.

        Raises `ApprovalRefused`: `approvals/not-this-step` (nothing waits to be checked),
        `approvals/not-your-turn`, `approvals/reason-missing`.
        """
        step = self.waiting_for
        if step in (None, "write"):
            raise ApprovalRefused("approvals/not-this-step", "nothing waits to be checked")
        self._refuse_other(self._desk(step), mailbox, today)
        if not reason.strip():
            raise ApprovalRefused("approvals/reason-missing", "say what is to be changed")
        return Flow(self.desks, (*self.taken, Taken(step, "returned", mailbox)))

    def refuse_unless_last(self, mailbox: str, today: date) -> None:
        """Let only the last step's own person sign, once every step is done.

        Raises `ApprovalRefused`: `approvals/unfinished`, `approvals/not-your-turn`.
        """
        if self.waiting_for is not None:
            raise ApprovalRefused("approvals/unfinished", "not all steps are done")
        self._refuse_other(self.desks[-1], mailbox, today)

    def _desk(self, step: Step) -> Desk:
        found = next((desk for desk in self.desks if desk.step == step), None)
        if found is None:
            raise ApprovalRefused("approvals/no-flow", "this firm has no such step")
        return found

    def _refuse_other(self, desk: Desk, mailbox: str, today: date) -> None:
        if not desk.open_to(mailbox, today):
            raise ApprovalRefused("approvals/not-your-turn", "this step is somebody else's")

    def _standing(self) -> Sequence[Taken]:
        """The decisions since it was last given back."""
        back = [number for number, each in enumerate(self.taken) if each.action == "returned"]
        return self.taken[back[-1] + 1 :] if back else self.taken

    def _done(self) -> Collection[Step]:
        return {each.step for each in self._standing()}
