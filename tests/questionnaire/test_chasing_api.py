"""The ladder as the beat climbs it, writing again by hand, and the calls that follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from services.kit import clock
from services.kit.db import Actor
from services.kit.settings import Settings
from services.questionnaire.store.tables import Campaign
from services.questionnaire.tasks import ticks
from tests.factories import questionnaire as made
from tests.questionnaire.mails import mails_to
from tests.questionnaire.world import Firm, World, somebody

MORNING = 1  # o'clock UTC: ten in Japan
# A Monday, three weeks before Golden Week.
START = datetime(2027, 4, 5, MORNING, tzinfo=UTC)


class Time:
    """The clock of this test, and the beat that runs by it."""

    def __init__(self, world: World, settings: Settings) -> None:
        self.world = world
        self.chase = ticks(settings)["reminders"][1]
        with world.worker.begin(Actor("test")) as tx:
            # What other tests asked is none of this one's business.
            tx.execute(update(Campaign).where(Campaign.state == "issued").values(state="closed"))
        self.at(START)

    def at(self, moment: datetime) -> None:
        clock.configure(moment.isoformat())

    def days(self, campaign: dict[str, Any], first: date, last: date) -> None:
        """Let the beat run each morning."""
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            self.at(datetime(day.year, day.month, day.day, MORNING, tzinfo=UTC))
            self.beat()
        self.world.carry(campaign)

    def beat(self) -> None:
        with self.world.worker.begin(Actor("test")) as tx:
            self.chase(tx, clock.now())


@pytest.fixture
def time(world: World, settings: Settings) -> Iterator[Time]:
    yield Time(world, settings)
    clock.configure(None)


@pytest.fixture
def asking(world: World, time: Time) -> Callable[..., tuple[Firm, dict[str, Any], str]]:
    def ask(due_on: str = "2027-05-20", **supplier: Any) -> tuple[Firm, dict[str, Any], str]:
        requester = world.firm(name="見本重工株式会社")
        box = f"{somebody()}@supplier.example"
        requester.supplier(mailbox=box, **supplier)
        campaign = requester.issued(due_on=due_on)
        world.carry(campaign)
        return requester, campaign, box

    return ask


Asking = Callable[..., tuple[Firm, dict[str, Any], str]]


def subjects(settings: Settings, box: str) -> list[str]:
    return [subject for subject, _ in mails_to(settings, box)]


def sent_on(firm: Firm, campaign: dict[str, Any]) -> list[tuple[str, str]]:
    rows = firm.get(f"/campaigns/{campaign['id']}/mails?limit=500")["items"]
    return [(row["queued_at"][:10], row["lead"] or row["occasion"]) for row in rows]


def test_a_silent_supplier_is_reminded_around_golden_week_then_called_then_escalated(
    time: Time, asking: Asking, settings: Settings
) -> None:
    requester, campaign, box = asking()
    time.days(campaign, date(2027, 4, 5), date(2027, 6, 15))
    assert sent_on(requester, campaign) == [
        ("2027-04-05", "invitation"),
        ("2027-04-08", "unopened"),
        ("2027-04-22", "halfway"),
        ("2027-05-13", "before_due"),
        ("2027-05-19", "last_day"),
        ("2027-05-21", "overdue"),
        ("2027-05-27", "call"),
        ("2027-06-03", "escalate"),
    ]
    leads = subjects(settings, box)
    assert leads[0].startswith("【ご回答のお願い】")
    assert all(each.startswith("【ご回答状況のご確認】") for each in leads[1:])
    told = [t for t in mails_to(settings, "member@firm.example") if campaign["title"] in t[0]]
    assert "【お電話でのご確認のお願い】" in told[-1][0]
    assert "お取引を見直すことはお控えください" in told[-1][1]


def test_the_beat_may_run_twice_or_every_hour(time: Time, asking: Asking) -> None:
    requester, campaign, _ = asking()
    for hour in range(24):
        time.at(datetime(2027, 4, 8, hour, tzinfo=UTC))
        time.beat()
        time.beat()
    found = sent_on(requester, campaign)
    assert found == [("2027-04-05", "invitation"), ("2027-04-08", "unopened")]


def test_nobody_is_written_to_at_night_where_they_are(time: Time, asking: Asking) -> None:
    requester, campaign, _ = asking(country="DE", language="de")
    for hour, expected in ((1, 1), (5, 1), (8, 2)):
        time.at(datetime(2027, 4, 8, hour, tzinfo=UTC))
        time.beat()
        assert len(sent_on(requester, campaign)) == expected


def test_chasing_stops_with_the_answer_even_if_the_mail_waits_already(
    world: World, time: Time, settings: Settings
) -> None:
    pair = world.pair()
    world.carry(pair.campaign)
    time.at(clock.now() + timedelta(days=90))
    pair.signed()
    due = datetime.fromisoformat(pair.requester.asked(pair.campaign)[0]["due_at"])
    time.days(pair.campaign, due.date() - timedelta(days=10), due.date() + timedelta(days=3))
    assert [lead for _, lead in sent_on(pair.requester, pair.campaign)] == ["invitation"]


def test_a_reminder_overtaken_by_the_answer_is_dropped(
    world: World, time: Time, settings: Settings
) -> None:
    requester = world.firm()
    record = requester.supplier()
    campaign = requester.issued(due_on="2027-05-20")
    world.carry(campaign)
    respondent = world.firm(link_id=record["link"]["id"])
    time.at(datetime(2027, 4, 8, MORNING, tzinfo=UTC))
    time.beat()
    (asked,) = requester.asked(campaign)
    respondent.post(f"/requests/{asked['id']}/decline", {"reason": "no-capacity"}, 200)
    world.carry(campaign)
    states = [
        (each["lead"] or each["occasion"], each["state"])
        for each in requester.get(f"/campaigns/{campaign['id']}/mails")["items"]
    ]
    assert ("unopened", "dropped") in states


def test_a_company_calendar_holds_reminders_back(world: World, time: Time, asking: Asking) -> None:
    requester, campaign, _ = asking()
    days = [{"day": f"2027-04-{n:02}", "name": "創立記念休業"} for n in range(8, 13)]
    requester.put("/calendar/2027", {"days": days}, None)
    assert len(requester.get("/calendar/2027")["days"]) == 5
    time.days(campaign, date(2027, 4, 6), date(2027, 4, 14))
    assert sent_on(requester, campaign)[1:] == [("2027-04-13", "unopened")]


@pytest.mark.parametrize("day", ["2027-03-31", "2028-04-01"])
def test_a_day_outside_the_fiscal_year_is_refused(world: World, day: str) -> None:
    body = {"days": [{"day": day, "name": "休業"}]}
    problem = world.firm().put("/calendar/2027", body, None, 422)
    assert problem["type"] == "urn:rensho:problem:calendar/day"
    assert problem["days"] == [day]


def test_one_nudge_a_day_and_none_into_the_void(
    time: Time, asking: Asking, settings: Settings
) -> None:
    requester, campaign, box = asking()
    (asked,) = requester.asked(campaign)
    problem = requester.post(f"/requests/{asked['id']}/nudge", {}, 409)
    assert problem["type"] == "urn:rensho:problem:requests/not-nudged"
    assert problem["reason"] == "mailed-today"
    time.at(START + timedelta(days=1))
    assert requester.post(f"/requests/{asked['id']}/nudge", {}, 200)["counts"] == {"queued": 1}
    time.world.carry(campaign)
    subject, text = mails_to(settings, box)[-1]
    assert subject.startswith("【ご回答状況のご確認】")
    assert "その後のご状況はいかがでしょうか" in text
    again = requester.post(f"/campaigns/{campaign['id']}/nudge", {}, 200)
    assert again["counts"] == {"mailed-today": 1}


def test_a_nudge_on_a_holiday_needs_a_word(time: Time, asking: Asking) -> None:
    requester, campaign, _ = asking()
    time.at(datetime(2027, 5, 4, MORNING, tzinfo=UTC))
    nudge = f"/campaigns/{campaign['id']}/nudge"
    assert requester.post(nudge, {}, 200)["counts"] == {"closed-today": 1}
    assert requester.post(nudge, {"even_if_closed": True}, 200)["counts"] == {"queued": 1}


def test_a_campaign_that_is_not_out_is_not_nudged(world: World) -> None:
    requester = world.firm()
    requester.supplier()
    campaign = requester.campaign()
    requester.post(f"/campaigns/{campaign['id']}/nudge", {}, 404)
    (asked,) = requester.asked(campaign)
    requester.post(f"/requests/{asked['id']}/nudge", {}, 404)
    world.firm().post(f"/requests/{asked['id']}/nudge", {}, 404)


def test_the_call_list_says_whom_to_call_and_what_was_said_last(
    world: World, time: Time, asking: Asking
) -> None:
    requester, campaign, _ = asking(name="架空樹脂株式会社")
    (asked,) = requester.asked(campaign)
    supplier = f"/suppliers/{asked['supplier_id']}/contacts"
    requester.post(
        supplier, made.ContactBody(mailbox=None, telephone="03-0000-0000", roles=["quality"])
    )
    assert requester.get("/call-list")["items"] == []
    time.days(campaign, date(2027, 5, 20), date(2027, 5, 27))
    (call,) = requester.get(f"/call-list?campaign_id={campaign['id']}")["items"]
    assert call["supplier_name"] == "架空樹脂株式会社"
    assert call["contacts"][0]["telephone"] == "03-0000-0000"
    assert "call" in call["rungs"]

    record = {
        "channel": "telephone",
        "outcome": "promised",
        "spoke_with": "山田様",
        "note": "6月第1週にご回答いただける見込み",
        "again_on": "2027-06-07",
    }
    path = f"/requests/{asked['id']}/contact-records"
    requester.post(path, record)
    (kept,) = requester.get(path)["items"]
    assert {name: kept[name] for name in record} == record
    (call,) = requester.get("/call-list")["items"]
    assert call["last_record"]["note"] == record["note"]
    assert requester.get("/call-list?today=true")["items"] == []
    assert requester.asked(campaign)[0]["stage"] == "sent", "a call is never an answer"
    other = world.firm()
    other.post(path, record, 404)
    other.get(path, 404)


@pytest.mark.parametrize("kind", ["cost-talk", "support"])
def test_a_talk_about_cost_and_help_given_are_told_without_a_word_of_what_was_said(
    world: World, kind: str
) -> None:
    pair = world.pair()
    path = f"/requests/{pair.request_id}/contact-records"
    for outcome in ("reached", kind):
        record = {"channel": "meeting", "outcome": outcome, "note": "内密のご相談"}
        pair.requester.post(path, record)
    (event,) = world.said("dialogue.recorded.v1", request_id=pair.request_id)
    assert (event["kind"], event["supplier_id"]) == (kind, pair.record["id"])
    assert "内密" not in str(event)


def test_a_firm_abroad_is_told_in_english_whom_to_call(
    world: World, time: Time, settings: Settings
) -> None:
    requester = world.firm(name="Example Works GmbH", country="DE")
    requester.supplier(name="Sample Castings", country="DE", language="en")
    campaign = requester.issued(due_on="2027-05-20", title="AI survey 2027 abroad")
    world.carry(campaign)
    for day in range(19, 32):
        time.at(datetime(2027, 5, day, 9, tzinfo=UTC))
        time.beat()
    world.carry(campaign)
    told = [t for t in mails_to(settings, "member@firm.example") if "abroad" in t[0]]
    assert told[-1][0].startswith("[Please call these suppliers]")
    assert "- Sample Castings (by 20 May 2027 (Thursday))" in told[-1][1]
