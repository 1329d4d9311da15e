from __future__ import annotations

from datetime import date, timedelta

import holidays
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.questionnaire.rules import calendars
from services.questionnaire.rules.calendars import Quiet, WorkingDays

JAPAN = WorkingDays(
    holidays=frozenset(holidays.country_holidays("JP", years=[2026, 2027])),
    quiet=calendars.quiet_of("JP"),
)
days = st.dates(date(2026, 1, 1), date(2027, 11, 30))


@pytest.mark.parametrize(
    "closed",
    [
        date(2026, 5, 1),  # between the holidays of Golden Week, on no holiday list
        date(2026, 8, 13),  # Obon
        date(2026, 12, 29),
        date(2027, 1, 4),
        date(2026, 11, 23),  # 勤労感謝の日
        date(2026, 11, 21),  # a Saturday
    ],
)
def test_an_office_is_closed_on_days_no_holiday_list_has(closed: date) -> None:
    assert not JAPAN.works(closed)


def test_a_company_calendar_of_its_own_replaces_the_quiet_times() -> None:
    own = WorkingDays(
        holidays=JAPAN.holidays,
        quiet=JAPAN.quiet,
        own=True,
        closed=frozenset({date(2026, 8, 12)}),
        open=frozenset({date(2026, 11, 21)}),
    )
    assert own.works(date(2026, 8, 13))
    assert not own.works(date(2026, 8, 12))
    assert own.works(date(2026, 11, 21))
    assert not own.works(date(2026, 5, 5))


def test_four_working_days_from_late_april_end_after_golden_week() -> None:
    assert JAPAN.after(date(2026, 4, 24), 4) == date(2026, 5, 8)
    assert JAPAN.after(date(2026, 5, 8), -4) == date(2026, 4, 24)


def test_a_closed_day_moves_to_the_next_working_one() -> None:
    assert JAPAN.after(date(2026, 5, 3), 0) == date(2026, 5, 7)
    assert JAPAN.after(date(2026, 5, 7), 0) == date(2026, 5, 7)


@given(days, st.integers(min_value=1, max_value=40))
def test_counting_forth_and_back_agree(start: date, count: int) -> None:
    end = JAPAN.after(start, count)
    assert JAPAN.works(end)
    assert JAPAN.between(start, end) == count
    assert JAPAN.after(end, -count) < end


def test_an_office_that_never_opens_is_an_error_and_no_endless_loop() -> None:
    closed = WorkingDays(closed=frozenset(date(2026, 1, 1) + timedelta(n) for n in range(2000)))
    with pytest.raises(ValueError, match="within a year"):
        closed.after(date(2026, 1, 1), 1)


@pytest.mark.parametrize(
    ("day", "why"),
    [
        (date(2027, 3, 20), "fiscal_year_end"),
        (date(2027, 4, 10), "fiscal_year_end"),
        (date(2027, 4, 11), None),
        (date(2027, 2, 27), "month_end"),
        (date(2027, 2, 26), None),
        (date(2026, 12, 31), "month_end"),
    ],
)
def test_a_badly_chosen_due_date_is_told(day: date, why: str | None) -> None:
    assert calendars.crowded(day) == why


def test_a_fiscal_year_begins_in_april() -> None:
    assert (calendars.fiscal_year(date(2027, 3, 31)), calendars.fiscal_year(date(2027, 4, 1))) == (
        2026,
        2027,
    )


def test_a_quiet_time_may_run_over_new_year() -> None:
    new_year = Quiet((12, 28), (1, 5))
    assert new_year.holds(date(2026, 12, 28))
    assert new_year.holds(date(2027, 1, 5))
    assert not new_year.holds(date(2027, 1, 6))
    assert not new_year.holds(date(2026, 12, 27))


def test_countries_without_quiet_times_of_their_own_rest_at_new_year() -> None:
    assert calendars.quiet_of("DE")[0].holds(date(2026, 12, 31))
    assert calendars.quiet_of("TH")[0].holds(date(2027, 4, 13))
