"""How far a request is: one word for the board, from its state, its mails and its marks.

created → issued → sent → delivered (or bounced) → opened → delegated → started → submitted →
signed → accepted, or returned and signed again; granted where answers given to others are opened;
declined, closed and cancelled end it without an answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, Literal

Stage = Literal[
    "created",
    "issued",
    "sent",
    "delivered",
    "bounced",
    "opened",
    "delegated",
    "started",
    "submitted",
    "signed",
    "returned",
    "accepted",
    "granted",
    "declined",
    "closed",
    "cancelled",
]
ENDED: Final = ("declined", "closed", "cancelled")
"""States without an answer. A declined request may still be answered; the others are shut."""
SHUT: Final = ("closed", "cancelled")
ANSWERED: Final = ("signed", "returned", "accepted", "granted")
"""States with an answer that stays, whatever becomes of it."""
SETTLED: Final = (*ENDED, *ANSWERED)
"""States in which nobody is reminded."""
OPEN: Final = ("issued", "opened", "started", "prepared")

_SAME: Final[Mapping[str, Stage]] = {
    "created": "created",
    "opened": "opened",
    "started": "started",
    "prepared": "submitted",
    "signed": "signed",
    "returned": "returned",
    "accepted": "accepted",
    "granted": "granted",
    "declined": "declined",
    "closed": "closed",
    "cancelled": "cancelled",
}


def stage(state: str, marks: Mapping[str, datetime], *, reachable: bool) -> Stage:
    """Return how far a request is.

    Args:
        state: of the request.
        marks: when it first was sent, delivered, delegated and so on.
        reachable: False where every mailbox it goes to bounced.
    """
    if state == "opened" and "delegated" in marks:
        return "delegated"
    if state != "issued":
        return _SAME[state]
    if not reachable:
        return "bounced"
    for mark in ("delivered", "sent"):
        if mark in marks:
            return mark
    return "issued"


def reopened(marks: Mapping[str, datetime]) -> str:
    """Return the state of an ended request that is opened again: as far as it had come."""
    for state in ("started", "opened"):
        if state in marks or (state == "started" and "prepared" in marks):
            return state
    return "issued"


def times(
    created_at: datetime, issued_at: datetime | None, marks: Mapping[str, datetime]
) -> dict[str, datetime]:
    """Return when a request first was created, issued, sent, … as the stages are called."""
    known = {"created": created_at, "issued": issued_at, **marks}
    return {_SAME.get(name, name): at for name, at in known.items() if at is not None}
