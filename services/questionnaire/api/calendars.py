"""The days an organization keeps itself: reminders to and from it wait for them to pass."""

from __future__ import annotations

from datetime import date
from typing import Annotated

from fastapi import APIRouter, Path
from pydantic import Field

from services.kit.auth import Who, needs
from services.kit.problems import Invalid
from services.kit.web import Model, Tx
from services.questionnaire.api.edge import Line
from services.questionnaire.rules.calendars import fiscal_year
from services.questionnaire.store import calendars

router = APIRouter(prefix="/calendar", tags=["calendar"])

Year = Annotated[int, Path(ge=2000, le=2200, description="fiscal year, from April")]


class StrangeDay(Invalid):
    """A day lies outside the fiscal year, or is given twice."""

    urn = "calendar/day"


class DayIn(Model):
    """A day you are closed, or (`works`) one you work although others do not."""

    day: date
    works: bool = False
    name: Line


class CalendarIn(Model):
    """All the days you keep yourself in a fiscal year; none brings the usual quiet times back."""

    days: Annotated[list[DayIn], Field(max_length=366)]


class CalendarOut(Model):
    """The days you keep yourself in a fiscal year."""

    fiscal_year: int
    days: list[DayIn]


@router.get("/{year}", dependencies=[needs("campaigns.read")])
def read_calendar(tx: Tx, who: Who, year: Year) -> CalendarOut:
    """Read your own calendar of a fiscal year."""
    return _out(tx, who, year)


@router.put("/{year}", dependencies=[needs("campaigns.write")])
def keep_calendar(tx: Tx, who: Who, year: Year, body: CalendarIn) -> CalendarOut:
    """Replace your own calendar of a fiscal year."""
    days = [each.day for each in body.days]
    strange = {each for each in days if fiscal_year(each) != year or days.count(each) > 1}
    if strange:
        raise StrangeDay(
            "days must lie in the fiscal year, each once",
            days=sorted(each.isoformat() for each in strange),
        )
    told = [(each.day, each.works, each.name) for each in body.days]
    calendars.replace(tx, who.org, *_span(year), told)
    tx.flush()
    return _out(tx, who, year)


def _out(tx: Tx, who: Who, year: int) -> CalendarOut:
    rows = calendars.own(tx, who.org, *_span(year))
    return CalendarOut(fiscal_year=year, days=[DayIn.model_validate(row) for row in rows])


def _span(year: int) -> tuple[date, date]:
    return date(year, 4, 1), date(year + 1, 3, 31)
