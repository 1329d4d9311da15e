"""When organizations work: public holidays, and the days they keep themselves."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from uuid import UUID
from zoneinfo import ZoneInfo, available_timezones

import holidays
from babel.core import get_global
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from services.questionnaire.rules.calendars import WorkingDays, fiscal_year, quiet_of
from services.questionnaire.store.asking_rows import CompanyDay

_WIDE = {
    "US": "America/Chicago",
    "CA": "America/Toronto",
    "MX": "America/Mexico_City",
    "BR": "America/Sao_Paulo",
    "AU": "Australia/Sydney",
    "RU": "Europe/Moscow",
    "ID": "Asia/Jakarta",
    "ES": "Europe/Madrid",
    "PT": "Europe/Lisbon",
    "CN": "Asia/Shanghai",
}
"""Countries of several zones: the one most of their industry works in."""


@cache
def public(country: str, year: int) -> frozenset[date]:
    """Return the public holidays of a country in one year; none where nobody knows them."""
    try:
        return frozenset(holidays.country_holidays(country, years=year))
    except NotImplementedError:
        return frozenset()


def working_days(tx: Session, orgs: Mapping[UUID, str], around: date) -> dict[UUID, WorkingDays]:
    """Return when each organization works, a year before and after a day.

    An organization that keeps days of its own in the fiscal year has no default quiet times in it.

    Args:
        orgs: organization → its country.
        around: the day in question.
    """
    first, last = around - timedelta(days=400), around + timedelta(days=800)
    query = select(CompanyDay).where(
        CompanyDay.org_id.in_(orgs), CompanyDay.day.between(first, last)
    )
    kept: dict[UUID, list[CompanyDay]] = {}
    for row in tx.scalars(query):
        kept.setdefault(row.org_id, []).append(row)
    return {org: _days(country, kept.get(org, []), around) for org, country in orgs.items()}


def by_country(country: str, around: date) -> WorkingDays:
    """Return when offices of a country usually work."""
    return _days(country, [], around)


def own(tx: Session, org: UUID, first: date, last: date) -> Sequence[CompanyDay]:
    """Return the days an organization keeps itself."""
    query = select(CompanyDay).where(CompanyDay.org_id == org, CompanyDay.day.between(first, last))
    return tx.scalars(query.order_by(CompanyDay.day)).all()


def replace(
    tx: Session, org: UUID, first: date, last: date, days: Collection[tuple[date, bool, str]]
) -> None:
    """Replace the days an organization keeps itself between two days, both included."""
    tx.execute(
        delete(CompanyDay).where(CompanyDay.org_id == org, CompanyDay.day.between(first, last))
    )
    tx.add_all(CompanyDay(org_id=org, day=day, works=works, name=name) for day, works, name in days)


@cache
def zone(country: str) -> ZoneInfo:
    """Return the time zone to count a country's office hours in."""
    known = get_global("territory_zones").get(country, ())
    for name in (_WIDE.get(country, ""), *known):
        if name in available_timezones():
            return ZoneInfo(name)
    return ZoneInfo("UTC")


def named_zone(name: str | None, country: str) -> ZoneInfo:
    """Return the time zone a contact states, else its country's."""
    return ZoneInfo(name) if name in _zones() else zone(country)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


def _days(country: str, kept: Sequence[CompanyDay], around: date) -> WorkingDays:
    free = frozenset[date]().union(
        *(public(country, year) for year in range(around.year - 1, around.year + 3))
    )
    here = [row for row in kept if fiscal_year(row.day) == fiscal_year(around)]
    return WorkingDays(
        holidays=free,
        quiet=quiet_of(country),
        closed=frozenset(row.day for row in kept if not row.works),
        open=frozenset(row.day for row in kept if row.works),
        own=bool(here),
    )
