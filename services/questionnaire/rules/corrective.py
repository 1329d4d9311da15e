"""A corrective action: who asked opens and checks it, who answered agrees and does it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Literal

State = Literal["opened", "agreed", "done", "checked", "dropped"]
Move = Literal["agree", "done", "check", "reopen", "drop"]
End = Literal["requester", "respondent"]

Why = Literal[
    "corrective/not-now",
    "corrective/other-end",
    "corrective/note-missing",
    "corrective/due-missing",
    "corrective/due-past",
]


class CorrectiveRefused(Exception):
    """This move cannot be made, by this end, now; `urn` says why."""

    def __init__(self, urn: Why, text: str) -> None:
        super().__init__(text)
        self.urn = urn


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a corrective action stands, and by when it is to be done."""

    state: State
    due_on: date

    def overdue(self, today: date) -> bool:
        """Whether the day has passed and nobody said that it is done."""
        return self.state in ("opened", "agreed") and self.due_on < today


def opened(due_on: date | None, today: date) -> Plan:
    """Begin. Raises `CorrectiveRefused`: `corrective/due-missing`, `corrective/due-past`."""
    return Plan("opened", _day(due_on, today))


def moved(plan: Plan, move: Move, by: End, *, note: str, due_on: date | None, today: date) -> Plan:
    """Make a move.

    Agreeing says what will be done and by when, done what was done, reopening why not yet and by
    when, dropping why it is needed no longer.

    Raises `CorrectiveRefused`: `corrective/not-now` (not from this state),
    `corrective/other-end`, `corrective/note-missing`, `corrective/due-missing`,
    `corrective/due-past`.
    """
    end, state = _next(plan.state, move)
    if by != end:
        raise CorrectiveRefused("corrective/other-end", f"{move} is the {end}'s to say")
    if move != "check" and not note.strip():
        raise CorrectiveRefused("corrective/note-missing", "say it in words too")
    dated = move in ("agree", "reopen")
    return Plan(state, _day(due_on, today) if dated else plan.due_on)


def _next(state: State, move: Move) -> tuple[End, State]:
    """Return whose move it is, and what comes of it."""
    match state, move:
        case "opened", "agree":
            return "respondent", "agreed"
        case "agreed", "done":
            return "respondent", "done"
        case "done", "check":
            return "requester", "checked"
        case "agreed" | "done", "reopen":
            return "requester", "opened"
        case "opened" | "agreed", "drop":
            return "requester", "dropped"
        case _:
            raise CorrectiveRefused("corrective/not-now", f"{move} does not follow {state}")


def _day(due_on: date | None, today: date) -> date:
    if due_on is None:
        raise CorrectiveRefused("corrective/due-missing", "by when?")
    if due_on < today:
        raise CorrectiveRefused("corrective/due-past", "this day is past")
    return due_on
