"""Small pure rules of the asking: stages, letters as HTML, reports, addresses, warnings."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.questionnaire.rules import (
    campaigns,
    delivery,
    delivery_reports,
    due_warnings,
    endings,
    letters,
    progress,
)
from services.questionnaire.rules.calendars import WorkingDays, in_office_hours
from services.questionnaire.rules.letters import Occasion
from tests.questionnaire.posting import report

NOW = datetime(2027, 4, 12, tzinfo=UTC)
REFERENCE = "0192f0c0-0000-7000-8000-000000000001"
STATES = ("created", *progress.OPEN, *progress.ENDED, *progress.ANSWERED)
MARKS = ("sent", "delivered", "bounced", "opened", "delegated", "started", "prepared", "accepted")


@pytest.mark.parametrize(
    ("state", "marks", "reachable", "expected"),
    [
        ("created", (), True, "created"),
        ("issued", (), True, "issued"),
        ("issued", ("sent",), True, "sent"),
        ("issued", ("sent", "delivered"), True, "delivered"),
        ("issued", ("sent", "bounced"), False, "bounced"),
        ("opened", ("sent", "bounced"), False, "opened"),
        ("opened", ("sent", "delegated"), True, "delegated"),
        ("started", ("delegated",), True, "started"),
        ("prepared", (), True, "submitted"),
        ("signed", ("bounced",), False, "signed"),
        ("signed", ("accepted",), True, "signed"),
        ("returned", ("signed",), True, "returned"),
        ("accepted", ("signed",), True, "accepted"),
        ("granted", (), True, "granted"),
        ("declined", ("opened",), True, "declined"),
        ("closed", (), True, "closed"),
        ("cancelled", (), False, "cancelled"),
    ],
)
def test_a_stage_is_told_from_state_marks_and_reachability(
    state: str, marks: tuple[str, ...], reachable: bool, expected: str
) -> None:
    assert progress.stage(state, dict.fromkeys(marks, NOW), reachable=reachable) == expected


@settings(deadline=None)
@given(st.sampled_from(STATES), st.sets(st.sampled_from(MARKS)), st.booleans())
def test_every_request_has_a_stage(state: str, marks: set[str], reachable: bool) -> None:
    found = progress.stage(state, dict.fromkeys(marks, NOW), reachable=reachable)
    assert found in progress.Stage.__args__  # type: ignore[attr-defined]


def test_an_ended_request_is_opened_as_far_as_it_had_come() -> None:
    found = [
        progress.reopened(dict.fromkeys(marks, NOW))
        for marks in ((), ("sent",), ("opened",), ("opened", "started"), ("opened", "prepared"))
    ]
    assert found == ["issued", "issued", "opened", "started", "started"]


def test_times_are_called_as_the_stages_are() -> None:
    found = progress.times(NOW, None, {"prepared": NOW, "sent": NOW})
    assert set(found) == {"created", "submitted", "sent"}
    assert set(progress.times(NOW, NOW, {})) == {"created", "issued"}


def test_who_answered_or_ended_it_is_neither_reminded_nor_closed() -> None:
    assert progress.ENDED == ("declined", "closed", "cancelled")
    assert progress.SHUT == ("closed", "cancelled")
    assert progress.OPEN == ("issued", "opened", "started", "prepared")
    assert set(progress.SETTLED) == {
        *("declined", "closed", "cancelled"),
        *("signed", "returned", "accepted", "granted"),
    }


def test_a_report_is_read_by_envelope_id_or_by_the_headers_that_came_back() -> None:
    whole = report(REFERENCE, "a@b.example")
    (found,) = delivery_reports.read(whole)
    assert (str(found.reference), found.mailbox) == (REFERENCE, "a@b.example")
    assert (found.verdict, found.text) == ("bounced", "5.1.1 550 5.1.1 user unknown")
    without = whole.replace(f"Original-Envelope-Id: {REFERENCE}\r\n".encode(), b"")
    assert [str(each.reference) for each in delivery_reports.read(without)] == [REFERENCE]
    nested = without.replace(b"text/rfc822-headers", b"message/rfc822")
    assert [str(each.reference) for each in delivery_reports.read(nested)] == [REFERENCE]
    assert delivery_reports.read(report(REFERENCE, "a@b.example", "relayed")) == []


@pytest.mark.parametrize(
    ("state", "verdict", "after"),
    [
        ("sent", "bounced", "bounced"),
        ("sent", "delivered", "delivered"),
        ("sent", "delayed", "sent"),
        ("bounced", "delivered", "bounced"),
        ("delivered", "bounced", "bounced"),
    ],
)
def test_a_bounce_is_the_last_word(
    state: str, verdict: delivery_reports.Verdict, after: str
) -> None:
    assert delivery.after_report(state, verdict) == after


OCCASION = Occasion(
    requester_name="見本重工株式会社",
    contact="",
    supplier_name="架空樹脂株式会社",
    contact_name="",
    title="調査",
    why="",
    purpose="",
    viewers=(),
    not_used_for=(),
    due_on=date(2027, 5, 20),
    link="",
)


@pytest.mark.parametrize(
    ("fields", "ja"),
    [
        ({}, "ご担当者様"),
        ({"department": "品質保証部"}, "品質保証部 御中"),
        ({"contact_name": "山田 太郎"}, "山田 太郎 様"),
        (
            {"contact_name": "山田 太郎", "department": "品質保証部", "position": "部長"},
            "品質保証部 部長 山田 太郎 様",
        ),
    ],
)
def test_nobody_is_addressed_twice_over(fields: dict[str, str], ja: str) -> None:
    found = letters.addressee(replace(OCCASION, **fields)).ja  # type: ignore[arg-type]
    assert found == f"架空樹脂株式会社\n{ja}"
    assert not ("御中" in found and "様" in found)


def test_a_day_to_answer_by_ends_in_japan() -> None:
    end = letters.end_of(date(2027, 5, 20))
    assert end == datetime(2027, 5, 20, 14, 59, 59, tzinfo=UTC)
    assert letters.day_of(end) == date(2027, 5, 20)
    assert letters.day_of(end + timedelta(seconds=1)) == date(2027, 5, 21)


def test_a_day_with_nothing_against_it_is_not_warned_of() -> None:
    usual = {"JP": (WorkingDays(), 3)}
    found = due_warnings.warnings(date(2027, 4, 5), date(2027, 6, 10), WorkingDays(), usual)
    assert found == []


@pytest.mark.parametrize(("hour", "open_"), [(8, False), (9, True), (16, True), (17, False)])
def test_an_office_is_open_from_nine_to_five(hour: int, open_: bool) -> None:
    assert in_office_hours(datetime(2027, 4, 12, hour, 59, tzinfo=UTC)) is open_


def test_every_reason_has_words_in_both_languages() -> None:
    codes = {*endings.Declined.__args__, *endings.Unanswered.__args__}  # type: ignore[attr-defined]
    assert codes == set(endings.REASONS)


def test_a_campaign_that_is_over_offers_at_most_to_be_opened_again() -> None:
    assert campaigns.may("closed") == ["reopen"]
    assert campaigns.may("cancelled") == []
    assert campaigns.after("issue", "draft") is None
