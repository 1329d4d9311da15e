"""One clock, which a demo or a test may set."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from services.kit import clock


@pytest.fixture(autouse=True)
def _real_time_afterwards() -> Iterator[None]:
    yield
    clock.configure(None)


@pytest.mark.parametrize("setting", [None, ""])
def test_without_a_setting_it_is_the_real_time(setting: str | None) -> None:
    clock.configure(setting)
    assert abs(clock.now() - datetime.now(UTC)) < timedelta(seconds=1)
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize("given", ["2026-11-23T09:00:00+09:00", "2026-11-23T00:00:00Z"])
def test_a_fixed_time_stands_still_in_utc(given: str) -> None:
    clock.configure(given)
    assert clock.now() == clock.now() == datetime(2026, 11, 23, tzinfo=UTC)
    assert clock.now().tzinfo is UTC


@pytest.mark.parametrize(("given", "seconds"), [("+3600", 3600), ("-86400", -86400)])
def test_an_offset_moves_on_with_the_real_time(given: str, seconds: int) -> None:
    clock.configure(given)
    off = clock.now() - datetime.now(UTC)
    assert abs(off - timedelta(seconds=seconds)) < timedelta(seconds=1)


@pytest.mark.parametrize("given", ["tomorrow", "+an hour", "-"])
def test_what_is_neither_is_refused(given: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        clock.configure(given)


def test_times_are_written_in_whole_seconds_of_utc() -> None:
    tokyo = timezone(timedelta(hours=9))
    moment = datetime(2026, 4, 1, 8, 59, 59, 999_999, tzinfo=tokyo)
    assert clock.rfc3339(moment) == "2026-03-31T23:59:59Z"
