"""The states of one mail at one mailbox, and when the server is asked once more.

queued → sending → sent (taken by the server) or kept (no server is set: the link goes out by hand)
→ delivered (a report said so); bounced (refused for good); failed (refused for now, or cut off);
dropped (overtaken by the answer before it went).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, Literal, TypeVar

Each = TypeVar("Each")

State = Literal["queued", "sending", "sent", "kept", "delivered", "bounced", "failed", "dropped"]

WRONG: Final = ("failed", "bounced")
"""What a person should look at."""
AGAIN: Final = ("failed", "bounced", "kept")
"""What a person may have sent again."""
PER_EVENT: Final = 100
"""Mails, requests or invitations that one event holds at most, and one task handles."""
INTERRUPTED: Final = timedelta(minutes=15)
"""After this a mail still `sending` was cut off: it may have gone out, so a person decides."""
_WAITS: Final = (5, 30, 120, 480)
"""Minutes before the second, third … attempt; after these a person decides."""


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """Return when to try a mail again that was refused for now; None: no more by itself."""
    if attempts > len(_WAITS):
        return None
    return now + timedelta(minutes=_WAITS[attempts - 1])


def after_report(state: str, verdict: Literal["bounced", "delivered", "delayed"]) -> str:
    """Return the state after a delivery report; a delay changes nothing, a bounce is the end."""
    if verdict == "delayed" or state == "bounced":
        return state
    return verdict


def hundreds(of: Sequence[Each]) -> Iterator[Sequence[Each]]:
    """Part what is told of into what one event holds."""
    for start in range(0, len(of), PER_EVENT):
        yield of[start : start + PER_EVENT]
