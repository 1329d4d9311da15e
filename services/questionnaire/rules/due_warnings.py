"""What a person should know about a due date before it is signed; none of it forbids the date."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from services.questionnaire.rules.calendars import WorkingDays, crowded
from services.questionnaire.rules.refusals import Text

_ENOUGH: Final = 15
"""Working days a supplier needs to ask its own people; fewer is worth a warning."""
_CROWDED: Final = {
    "month_end": Text(
        "月末は締め作業と重なります。月の前半の期限をお勧めします。",
        "The end of a month is closing time; the first half of a month is better.",
    ),
    "fiscal_year_end": Text(
        "3月20日から4月10日は年度末・異動の時期です。ほかの期限をお勧めします。",
        "20 March to 10 April is the end of the fiscal year and the time of moves; choose another.",
    ),
}


@dataclass(frozen=True, slots=True)
class Notice:
    """One thing to know: a stable code, the words, and how many suppliers it concerns (or None)."""

    code: str
    text: Text
    suppliers: int | None = None


def warnings(
    today: date,
    due_on: date,
    ours: WorkingDays,
    theirs: Mapping[str, tuple[WorkingDays, int]],
) -> list[Notice]:
    """Return what speaks against a due date.

    Args:
        today: when the request is likely to go out.
        due_on: the day to answer by.
        ours: when the requester works.
        theirs: per country, when offices there work and how many suppliers are there.
    """
    found = []
    if why := crowded(due_on):
        found.append(Notice(why, _CROWDED[why]))
    if not ours.works(due_on):
        text = Text("期限が貴社の休業日に当たります。", "The day falls on a day you are closed.")
        found.append(Notice("requester_closed", text))
    closed = sum(count for days, count in theirs.values() if not days.works(due_on))
    if closed:
        text = Text(
            f"期限が依頼先{closed}社の休業期間に当たります。",
            f"{closed} of the suppliers are likely to be closed on that day.",
        )
        found.append(Notice("suppliers_closed", text, closed))
    hurried = sum(n for days, n in theirs.values() if days.between(today, due_on) < _ENOUGH)
    if hurried:
        text = Text(
            f"依頼先{hurried}社には期限まで{_ENOUGH}営業日未満しかありません。",
            f"{hurried} of the suppliers would have fewer than {_ENOUGH} working days.",
        )
        found.append(Notice("too_short", text, hurried))
    return found
