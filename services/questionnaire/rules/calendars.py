"""Working days as offices live them: weekends, public holidays, company calendars, quiet times.

A list of public holidays is no company calendar: it lacks Obon, 30 April, 1 May and the days
around New Year. So each side may keep days of its own, and quiet times hold where it keeps none.
"""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Final

_OFFICE_HOURS: Final = range(9, 17)
_WEEKEND: Final = frozenset({5, 6})
_LONGEST: Final = 400


@dataclass(frozen=True, slots=True)
class Quiet:
    """A time of year in which nobody is asked for anything; both (month, day) belong to it.

    `first` later than `last` runs over New Year.
    """

    first: tuple[int, int]
    last: tuple[int, int]

    def holds(self, day: date) -> bool:
        """Whether the day lies in it."""
        here = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= here <= self.last
        return here >= self.first or here <= self.last


QUIET: Final = {
    "JP": (Quiet((4, 29), (5, 6)), Quiet((8, 8), (8, 16)), Quiet((12, 28), (1, 5))),
    "TH": (Quiet((4, 12), (4, 16)), Quiet((12, 30), (1, 2))),
}
"""Default quiet times by country; the lunar New Year comes with the public holidays."""
_EVERYWHERE: Final = (Quiet((12, 29), (1, 2)),)


def quiet_of(country: str) -> tuple[Quiet, ...]:
    """Return the default quiet times of a country (ISO 3166-1 alpha-2)."""
    return QUIET.get(country, _EVERYWHERE)


@dataclass(frozen=True, slots=True)
class WorkingDays:
    """When an organization works.

    Attributes:
        holidays: public holidays of its country.
        quiet: default quiet times; they give way to a company's own calendar.
        closed: days its own calendar says it is closed.
        open: days its own calendar says it works, whatever else says.
        own: whether it keeps a calendar of its own.
    """

    holidays: frozenset[date] = frozenset()
    quiet: tuple[Quiet, ...] = ()
    closed: frozenset[date] = frozenset()
    open: frozenset[date] = frozenset()
    own: bool = False

    def works(self, day: date) -> bool:
        """Whether the office is open on that day."""
        if day in self.open:
            return True
        if day in self.closed or day.weekday() in _WEEKEND or day in self.holidays:
            return False
        return self.own or not any(time.holds(day) for time in self.quiet)

    def after(self, day: date, count: int) -> date:
        """Return the `count`-th working day after `day` (before it where negative).

        0 is `day` itself, or the next working day.

        Raises:
            ValueError: an office that is closed for more than a year.
        """
        step = timedelta(days=-1 if count < 0 else 1)
        left, here = abs(count), day
        if not left:
            return day if self.works(day) else self.after(day, 1)
        for _ in range(_LONGEST + 7 * left):
            here += step
            left -= self.works(here)
            if not left:
                return here
        msg = "no working day within a year"
        raise ValueError(msg)

    def between(self, start: date, end: date) -> int:
        """Count the working days after `start` up to and with `end`; 0 if `end` is not later."""
        return sum(self.works(day) for day in _days(start + timedelta(days=1), end))


def both(ours: WorkingDays, theirs: WorkingDays, day: date) -> bool:
    """Whether both ends work: the only days on which a reminder goes out."""
    return ours.works(day) and theirs.works(day)


def in_office_hours(local: datetime) -> bool:
    """Whether somebody is likely to be at a desk: from nine to five, by the clock on that wall."""
    return local.hour in _OFFICE_HOURS


def crowded(day: date) -> str | None:
    """Return why a due date is badly chosen: `month_end`, `fiscal_year_end`, or None.

    The last two days of a month belong to closing; 20 March to 10 April to the fiscal year and
    to the moves of 1 April (domain.md, Calendars).
    """
    if (3, 20) <= (day.month, day.day) <= (4, 10):
        return "fiscal_year_end"
    if day.day >= calendar.monthrange(day.year, day.month)[1] - 1:
        return "month_end"
    return None


def fiscal_year(day: date) -> int:
    """Return the Japanese fiscal year (April to March) a day lies in."""
    return day.year - (day.month < 4)  # noqa: PLR2004 (April)


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(days=number)
