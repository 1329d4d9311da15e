"""A supplier's request to look again (再確認依頼): who may do what next, and by when.

open → answered → settled. The requester answers within its time; the supplier then accepts, or
asks once more, or lets its own time pass. Nothing ends by the requester's silence: an unanswered
one stays open, is shown as overdue, and only its supplier may take it back.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from services.risk.rules.refusal import RuleError

State = Literal["open", "answered", "settled"]
Outcome = Literal["will_correct", "stays"]
Ending = Literal["accepted", "lapsed", "withdrawn"]

TO_ANSWER = timedelta(days=14)
TO_REACT = timedelta(days=14)
MOST_ROUNDS = 2


class NotNow(RuleError):
    """The request to look again is not in a state in which this may be done."""

    urn = "risk/dispute-not-now"


@dataclass(frozen=True, slots=True)
class Dispute:
    """Where it stands. `due_at` is the clock of whoever is to move; None once settled."""

    state: State
    rounds: int
    due_at: datetime | None
    outcome: Outcome | None = None
    ending: Ending | None = None

    def is_overdue(self, now: datetime) -> bool:
        """Whether the requester let its time pass."""
        return self.state == "open" and self.due_at is not None and now > self.due_at


def opened(now: datetime) -> Dispute:
    """The supplier asks for another look."""
    return Dispute("open", 1, now + TO_ANSWER)


def answered(at: Dispute, outcome: Outcome, now: datetime) -> Dispute:
    """The requester says what comes of it, late or in time."""
    _must_be(at, "open")
    return replace(at, state="answered", outcome=outcome, due_at=now + TO_REACT)


def accepted(at: Dispute, now: datetime) -> Dispute:
    """The supplier is content."""
    _must_be(at, "answered")
    _in_time(at, now)
    return _settled(at, "accepted")


def asked_again(at: Dispute, now: datetime) -> Dispute:
    """The supplier is not content: once more, with a new clock."""
    _must_be(at, "answered")
    _in_time(at, now)
    if at.rounds >= MOST_ROUNDS:
        raise NotNow("it was asked twice: talk to each other")
    return replace(at, state="open", rounds=at.rounds + 1, outcome=None, due_at=now + TO_ANSWER)


def withdrawn(at: Dispute) -> Dispute:
    """The supplier takes it back, whatever was answered."""
    if at.state == "settled":
        raise NotNow("it is settled already")
    return _settled(at, "withdrawn")


def lapsed(at: Dispute, now: datetime) -> Dispute | None:
    """What the clock does: an answer nobody reacted to settles it; None where nothing is due."""
    if at.state == "answered" and at.due_at is not None and now > at.due_at:
        return _settled(at, "lapsed")
    return None


def _settled(at: Dispute, ending: Ending) -> Dispute:
    return replace(at, state="settled", ending=ending, due_at=None)


def _must_be(at: Dispute, state: State) -> None:
    if at.state != state:
        raise NotNow(f"it is {at.state}, not {state}")


def _in_time(at: Dispute, now: datetime) -> None:
    if at.due_at is not None and now > at.due_at:
        raise NotNow("the time to react has passed")
