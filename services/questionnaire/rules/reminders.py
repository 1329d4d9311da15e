"""Who is written to again, when, and when a person should rather call.

Collection fails by silence. The ladder is counted in working days of both ends, stops with the
answer, and ends in a call list and a word to the requester's owner, never in a threat.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from typing import Final, Literal

from services.questionnaire.rules.calendars import WorkingDays, both

Rung = Literal["unopened", "halfway", "before_due", "last_day", "overdue", "call", "escalate"]


@dataclass(frozen=True, slots=True)
class Ladder:
    """Working days of each rung; `before_due` and `last_day` count back from the due date."""

    unopened: int = 3
    before_due: int = 5
    last_day: int = 1
    overdue: int = 1
    call: int = 5
    escalate: int = 10


DEFAULT: Final = Ladder()
MAILED: Final[tuple[Rung, ...]] = ("unopened", "halfway", "before_due", "last_day", "overdue")
"""The rungs that write a mail; the other two ask a person of the requester to act."""


@dataclass(frozen=True, slots=True)
class Waiting:
    """A request as the ladder sees it.

    Attributes:
        done: rungs that were taken before.
        reachable: False where the mailbox bounced: a mail would be one more into the void.
        settled: signed, declined with a reason, or closed; nothing more is sent.
    """

    issued_on: date
    due_on: date
    opened: bool
    settled: bool
    reachable: bool = True
    done: Collection[Rung] = ()


def rung_on(
    waiting: Waiting,
    today: date,
    ours: WorkingDays,
    theirs: WorkingDays,
    ladder: Ladder = DEFAULT,
) -> Rung | None:
    """Return the rung to take today, or None.

    At most one a day, and of several that are due only the latest: whoever was closed for two
    weeks finds one mail and not three. A request whose mailbox bounced goes to the call list.
    """
    if waiting.settled or not both(ours, theirs, today) or today <= waiting.issued_on:
        return None
    if not waiting.reachable:
        return None if "call" in waiting.done else "call"
    due = [rung for rung, day in _days(waiting, theirs, ladder) if day <= today]
    if not due or due[-1] in waiting.done:
        return None
    return due[-1]


def _days(waiting: Waiting, theirs: WorkingDays, ladder: Ladder) -> list[tuple[Rung, date]]:
    """Return each rung with its day, in the order of the days; those that lost their sense out."""
    total = theirs.between(waiting.issued_on, waiting.due_on)
    found: list[tuple[Rung, date]] = []
    if not waiting.opened:
        found.append(("unopened", theirs.after(waiting.issued_on, ladder.unopened)))
    if total > 2 * ladder.before_due:
        found.append(("halfway", theirs.after(waiting.issued_on, total // 2)))
    found.append(("before_due", theirs.after(waiting.due_on, -ladder.before_due)))
    found.append(("last_day", theirs.after(waiting.due_on, -ladder.last_day)))
    found.append(("overdue", theirs.after(waiting.due_on, ladder.overdue)))
    found.append(("call", theirs.after(waiting.due_on, ladder.call)))
    found.append(("escalate", theirs.after(waiting.due_on, ladder.escalate)))
    later = [(rung, day) for rung, day in found if day > waiting.issued_on]
    return sorted(later, key=lambda each: each[1])
