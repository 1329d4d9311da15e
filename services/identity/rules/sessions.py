"""How long a log-in lasts."""

from __future__ import annotations

from datetime import datetime, timedelta

IDLE = timedelta(minutes=30)
ABSOLUTE = timedelta(hours=12)


def alive(
    now: datetime, *, started_at: datetime, last_seen_at: datetime, ended_at: datetime | None
) -> bool:
    """Whether a session still counts: not ended, used within 30 minutes, younger than 12 hours."""
    return ended_at is None and now - last_seen_at < IDLE and now - started_at < ABSOLUTE
