from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.questionnaire.rules.calendars import WorkingDays, quiet_of
from services.questionnaire.rules.reminders import MAILED, Rung, Waiting, rung_on

EVERY_WEEKDAY = WorkingDays()
JAPAN = WorkingDays(quiet=quiet_of("JP"))
ISSUED, DUE = date(2026, 9, 1), date(2026, 9, 30)


def life(
    waiting: Waiting, until: date, ours: WorkingDays = EVERY_WEEKDAY
) -> list[tuple[date, Rung]]:
    """Take every rung the ladder asks for, day by day."""
    taken: list[tuple[date, Rung]] = []
    for number in range((until - waiting.issued_on).days + 1):
        today = waiting.issued_on + timedelta(days=number)
        rung = rung_on(waiting, today, ours, EVERY_WEEKDAY)
        if rung is not None:
            taken.append((today, rung))
            waiting = replace(waiting, done=(*waiting.done, rung))
    return taken


def test_a_silent_supplier_is_written_to_five_times_then_called_then_escalated() -> None:
    taken = life(Waiting(ISSUED, DUE, opened=False, settled=False), date(2026, 11, 30))
    assert taken == [
        (date(2026, 9, 4), "unopened"),
        (date(2026, 9, 15), "halfway"),
        (date(2026, 9, 23), "before_due"),
        (date(2026, 9, 29), "last_day"),
        (date(2026, 10, 1), "overdue"),
        (date(2026, 10, 7), "call"),
        (date(2026, 10, 14), "escalate"),
    ]


def test_who_opened_the_request_is_not_told_that_it_is_unopened() -> None:
    taken = life(Waiting(ISSUED, DUE, opened=True, settled=False), DUE)
    assert [rung for _, rung in taken] == ["halfway", "before_due", "last_day"]


@pytest.mark.parametrize(
    ("issued", "due", "reminded"),
    [
        (ISSUED, date(2026, 9, 15), False),
        # Due on a Saturday: the two days would not even fall together.
        (date(2026, 9, 4), date(2026, 9, 19), False),
        (ISSUED, date(2026, 9, 16), True),
    ],
    ids=["ten working days", "ten, to a Saturday", "eleven working days"],
)
def test_halfway_is_left_out_where_it_would_stand_beside_the_warning_before_the_day(
    issued: date, due: date, *, reminded: bool
) -> None:
    taken = life(Waiting(issued, due, opened=True, settled=False), due)
    assert ("halfway" in [rung for _, rung in taken]) == reminded


def test_an_answer_stops_the_ladder() -> None:
    waiting = Waiting(ISSUED, DUE, opened=True, settled=True)
    assert life(waiting, date(2026, 12, 31)) == []


def test_a_bounced_mailbox_goes_to_the_call_list_at_once_and_gets_no_mail() -> None:
    waiting = Waiting(ISSUED, DUE, opened=False, settled=False, reachable=False)
    assert life(waiting, date(2026, 12, 31)) == [(date(2026, 9, 2), "call")]


def test_nothing_goes_out_while_either_end_is_closed() -> None:
    waiting = Waiting(date(2026, 4, 24), date(2026, 5, 8), opened=False, settled=False)
    taken = life(waiting, date(2026, 5, 31), ours=JAPAN)
    assert taken
    assert all(not (date(2026, 4, 29) <= day <= date(2026, 5, 6)) for day, _ in taken)


def test_after_a_long_closure_there_is_one_mail_and_not_three() -> None:
    waiting = Waiting(date(2026, 4, 27), date(2026, 5, 1), opened=False, settled=False)
    first = life(waiting, date(2026, 5, 8), ours=JAPAN)
    assert [rung for day, rung in first if day == date(2026, 5, 7)] == ["overdue"]


@settings(deadline=None)
@given(
    issued=st.dates(date(2026, 1, 1), date(2026, 12, 1)),
    span=st.integers(min_value=1, max_value=120),
    opened=st.booleans(),
)
def test_nobody_is_written_to_twice_a_day_nor_twice_for_one_rung(
    *, issued: date, span: int, opened: bool
) -> None:
    due = issued + timedelta(days=span)
    taken = life(Waiting(issued, due, opened=opened, settled=False), due + timedelta(days=60))
    rungs = [rung for _, rung in taken]
    assert len(set(rungs)) == len(rungs)
    assert len({day for day, _ in taken}) == len(taken)
    assert sum(rung in MAILED for rung in rungs) <= len(MAILED)
    assert rungs[-2:] == ["call", "escalate"]


def test_five_rungs_write_a_mail_and_two_ask_a_person() -> None:
    assert MAILED == ("unopened", "halfway", "before_due", "last_day", "overdue")


def test_no_rung_is_of_the_day_of_asking_itself() -> None:
    # Five working days before the due date is the day of asking: that rung has lost its sense.
    waiting = Waiting(ISSUED, date(2026, 9, 8), opened=True, settled=False)
    assert [rung for _, rung in life(waiting, date(2026, 9, 8))] == ["last_day"]


@pytest.mark.parametrize("today", [ISSUED, ISSUED - timedelta(days=1)])
def test_the_day_of_asking_is_no_day_of_reminding(today: date) -> None:
    waiting = Waiting(ISSUED, ISSUED, opened=False, settled=False)
    assert rung_on(waiting, today, EVERY_WEEKDAY, EVERY_WEEKDAY) is None
