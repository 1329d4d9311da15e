"""The one place that asks what time it is, so demos and tests can set it (`RENSHO_CLOCK`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache


class _Clock:
    fixed: datetime | None = None
    offset: timedelta = timedelta(0)


_clock = _Clock()


def configure(setting: str | None) -> None:
    """Set the clock of this process.

    Args:
        setting: None for the real time, an RFC 3339 time to stand still at, or an offset such as
            `+3600` or `-86400` in seconds.

    Raises:
        ValueError: the setting is neither.
    """
    _clock.fixed, _clock.offset = None, timedelta(0)
    if not setting:
        return
    if setting[0] in "+-":
        _clock.offset = timedelta(seconds=int(setting))
    else:
        _clock.fixed = datetime.fromisoformat(setting).astimezone(UTC)


def now() -> datetime:
    """Return the current time, aware, in UTC, to the microsecond."""
    return _clock.fixed or datetime.now(UTC) + _clock.offset


def whole_second(moment: datetime) -> datetime:
    """Return the moment as signed documents can tell it: without its fraction of a second."""
    return moment.replace(microsecond=0)


@lru_cache
def rfc3339(moment: datetime) -> str:
    """Return `YYYY-MM-DDTHH:MM:SSZ` (RFC 3339, whole seconds, UTC)."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
