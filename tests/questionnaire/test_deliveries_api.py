"""Each mail at each mailbox: sent, refused, bounced later, sent again, seen by its requester."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from services.kit import clock
from services.kit.db import Actor
from services.kit.settings import Settings
from services.questionnaire.app import handlers
from services.questionnaire.rules import delivery
from services.questionnaire.tasks import ticks
from tests.factories import questionnaire as made
from tests.questionnaire.mails import letters_to, text_of
from tests.questionnaire.posting import Desk, mail_server, report
from tests.questionnaire.world import Firm, World, somebody


@pytest.fixture
def desk(world: World, settings: Settings) -> Iterator[Desk]:
    with mail_server() as (desk, url):
        served = settings.model_copy(update={"smtp_url": SecretStr(url)})
        world.handlers = handlers(served)
        yield desk


def mailbox() -> str:
    return f"{somebody()}@supplier.example"


def mails(firm: Firm, campaign: dict[str, Any], query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = firm.get(f"/campaigns/{campaign['id']}/mails{query}")["items"]
    return found


def tick(world: World, settings: Settings, name: str) -> None:
    with world.worker.begin(Actor("test")) as tx:
        ticks(settings)[name][1](tx, clock.now())


def test_a_mail_goes_as_text_and_html_to_the_respondents_with_sales_in_copy(
    world: World, desk: Desk
) -> None:
    requester = world.firm(name="見本重工株式会社")
    quality, sales = mailbox(), mailbox()
    supplier = requester.supplier(name="架空樹脂株式会社")
    path = f"/suppliers/{supplier['id']}/contacts"
    requester.post(
        path,
        made.ContactBody(mailbox=quality, name="山田 太郎", department="品質保証部", title="部長"),
    )
    requester.post(
        path,
        made.ContactBody(mailbox=sales, name="佐藤", department="営業部", roles=["sales"]),
    )
    campaign = requester.issued()
    world.carry(campaign)

    (mail,) = desk.to(quality)
    assert (mail["To"], mail["Cc"]) == (quality, sales)
    text, html = text_of(mail), text_of(mail, "html")
    assert "架空樹脂株式会社\n品質保証部 部長 山田 太郎 様\n(cc:営業部 佐藤 様)" in text
    (asked,) = requester.asked(campaign)
    assert asked["invitation_link"] in text
    assert f'<a href="{asked["invitation_link"]}">' in html
    assert '<html lang="ja">' in html
    (copy,) = desk.to(sales)
    assert text_of(copy) == text
    assert desk.to(supplier["mailbox"]) == []
    assert (asked["stage"], asked["failed_mails"]) == ("sent", 0)
    assert set(asked["times"]) == {"created", "issued", "sent"}


def test_a_refused_mailbox_bounces_and_says_what_the_server_said(world: World, desk: Desk) -> None:
    requester = world.firm()
    gone, there = mailbox(), mailbox()
    desk.refuses[gone] = "550 5.1.1 no such user"
    requester.supplier(mailbox=gone)
    requester.supplier(mailbox=there)
    campaign = requester.issued()
    world.carry(campaign)

    (bounced,) = mails(requester, campaign, "?state=bounced")
    assert (bounced["mailbox"], bounced["error"]) == (gone, "550 5.1.1 no such user")
    assert len(mails(requester, campaign)) == 2
    stages = {each["stage"] for each in requester.asked(campaign)}
    assert stages == {"bounced", "sent"}
    assert len(desk.to(there)) == 1


def test_a_server_that_is_busy_is_asked_again_by_the_clock(
    world: World, desk: Desk, settings: Settings
) -> None:
    requester = world.firm()
    busy = mailbox()
    desk.refuses[busy] = "451 4.7.1 greylisted, try again later"
    requester.supplier(mailbox=busy)
    campaign = requester.issued()
    world.carry(campaign)
    (failed,) = mails(requester, campaign, "?state=failed")
    assert (failed["attempts"], failed["error"]) == (1, "451 4.7.1 greylisted, try again later")

    desk.refuses.clear()
    tick(world, settings, "mail-retries")
    assert mails(requester, campaign)[0]["state"] == "failed", "not before its time"
    clock.configure("+600")
    try:
        tick(world, settings, "mail-retries")
        world.carry(campaign)
        assert mails(requester, campaign)[0]["state"] == "sent"
    finally:
        clock.configure(None)
    assert len(desk.to(busy)) == 1


def test_after_the_last_attempt_a_person_decides() -> None:
    now = clock.now()
    waits = [delivery.next_attempt(attempts, now) for attempts in range(1, 6)]
    assert waits[:4] == [now + timedelta(minutes=each) for each in (5, 30, 120, 480)]
    assert waits[4] is None


def test_a_mail_whose_sending_was_cut_off_is_never_sent_by_itself_again(
    world: World, desk: Desk, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def killed(*_: object) -> None:
        raise Killed

    requester = world.firm()
    requester.supplier(mailbox=mailbox())
    campaign = requester.issued()
    with monkeypatch.context() as patched:
        patched.setattr("services.questionnaire.actions.mailing.settle", killed)
        with pytest.raises(Killed):
            world.carry(campaign)
    world.carry(campaign)
    (mail,) = mails(requester, campaign)
    assert (mail["state"], len(desk.taken)) == ("sending", 1)
    clock.configure("+1000")
    try:
        tick(world, settings, "mail-retries")
    finally:
        clock.configure(None)
    world.carry(campaign)
    (mail,) = mails(requester, campaign)
    assert mail["state"] == "failed"
    assert "may have gone out" in mail["error"]
    assert len(desk.taken) == 1


def test_a_corrected_mailbox_is_written_to_with_a_link_of_its_own(world: World, desk: Desk) -> None:
    requester = world.firm()
    wrong, right = mailbox(), mailbox()
    desk.refuses[wrong] = "550 no such user"
    supplier = requester.supplier(mailbox=wrong)
    campaign = requester.issued()
    world.carry(campaign)
    (before,) = requester.asked(campaign)
    requester.call("PATCH", f"/suppliers/{supplier['id']}", 200, json={"mailbox": right})
    retried = requester.post(f"/campaigns/{campaign['id']}/mails/retry", {}, 200)
    assert retried == {"retried": 1}
    world.carry(campaign)

    (asked,) = requester.asked(campaign)
    assert asked["stage"] == "sent"
    assert asked["invitation_link"] != before["invitation_link"]
    (mail,) = desk.to(right)
    assert asked["invitation_link"] in text_of(mail)
    (told,) = world.said("invitation.issued.v2", invitations=[{"mailbox": right}])
    assert [each["invitation_id"] for each in told["invitations"]] == [asked["invitation_id"]]


def test_there_is_nothing_to_retry_where_nothing_failed(world: World, desk: Desk) -> None:
    requester = world.firm()
    requester.supplier()
    campaign = requester.issued()
    world.carry(campaign)
    problem = requester.post(f"/campaigns/{campaign['id']}/mails/retry", {}, 404)
    assert problem["type"] == "urn:rensho:problem:mails/nothing-to-retry"


def test_a_later_report_of_failure_or_delivery_is_believed(world: World, desk: Desk) -> None:
    requester = world.firm()
    for _ in range(2):
        requester.supplier(mailbox=mailbox())
    campaign = requester.issued()
    world.carry(campaign)
    failed, delivered = mails(requester, campaign)
    for mail, action in ((failed, "failed"), (delivered, "delivered"), (delivered, "delayed")):
        content = report(mail["id"], mail["mailbox"], action)
        requester.call("POST", "/mail-reports", 200, content=content)
    states = [each["state"] for each in mails(requester, campaign)]
    assert states == ["bounced", "delivered"]
    assert {each["stage"] for each in requester.asked(campaign)} == {"bounced", "delivered"}
    error = mails(requester, campaign)[0]["error"]
    assert error == "5.1.1 550 5.1.1 user unknown"


@pytest.mark.parametrize(
    ("content", "urn"),
    [
        (b"From: a@b.example\r\n\r\nhello", "mails/not-a-report"),
        (report("nothing-of-ours", "a@b.example"), "mails/unknown-mail"),
    ],
)
def test_what_is_no_report_of_ours_is_refused(world: World, content: bytes, urn: str) -> None:
    problem = world.firm().call("POST", "/mail-reports", 422, content=content)
    assert problem["type"] == f"urn:rensho:problem:{urn}"


def test_a_report_about_anothers_mail_looks_like_none(world: World, desk: Desk) -> None:
    requester, other = world.firm(), world.firm()
    requester.supplier()
    campaign = requester.issued()
    world.carry(campaign)
    (mail,) = mails(requester, campaign)
    content = report(mail["id"], mail["mailbox"])
    other.call("POST", "/mail-reports", 404, content=content)
    requester.call("POST", "/mail-reports", 404, content=report(mail["id"], "x@y.example"))
    other.get(f"/campaigns/{campaign['id']}/mails", 404)
    assert mails(requester, campaign)[0]["state"] == "sent"


def test_without_a_server_mails_are_kept_and_the_link_is_handed_over_by_ones_own_channel(
    world: World, settings: Settings
) -> None:
    requester = world.firm()
    box = mailbox()
    requester.supplier(mailbox=box)
    campaign = requester.issued()
    world.carry(campaign)
    (mail,) = mails(requester, campaign)
    assert mail["state"] == "kept"
    assert len(letters_to(settings, box)) == 1
    (asked,) = requester.asked(campaign)
    body = {"channel": "handed-over", "outcome": "reached", "note": "訪問時に依頼文書をお渡し"}
    requester.post(f"/requests/{asked['id']}/contact-records", body)
    assert requester.asked(campaign)[0]["stage"] == "sent"


def test_the_first_letters_can_be_read_before_anything_goes_out(
    world: World, settings: Settings
) -> None:
    requester = world.firm()
    box = mailbox()
    requester.supplier(mailbox=box, language="en", name="Example Castings Ltd.")
    campaign = requester.campaign()
    (asked,) = requester.asked(campaign)
    (letter,) = requester.get(f"/requests/{asked['id']}/letters")["items"]
    assert (letter["language"], letter["mailbox"]) == ("en", box)
    assert "Example Castings Ltd." in letter["body"]
    assert letters_to(settings, box) == []
    world.firm().get(f"/requests/{asked['id']}/letters", 404)
