"""The whole life of a campaign over HTTP, one story on one clock.

300 suppliers are imported, asked, bounced and reminded over Golden Week; two firms answer, one in
Japanese and one in English, are sent back, correct, open what they signed to each other's customer,
and attest anew a year later. Every mail that can be written is looked at in both languages.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rensho.keys import PrivateKey

from services.demo.cast import Firm
from services.demo.http import Json, Where, until
from tests.system import asking_life as asking
from tests.system import letters_seen
from tests.system.answering_chapters import (
    answer_together,
    close_to_another,
    improve,
    open_to_another,
    send_back_and_correct,
)
from tests.system.answering_life import Asked, Life
from tests.system.asking_life import START, Mailed, Q
from tests.system.conftest import Fresh
from tests.system.one_process import Here, Member, here

pytestmark = [pytest.mark.slow]

SECOND = Firm("sample-motors", "Sample Motors Inc.", "US", "Jane Sample")
OWNER = {"name": "John Sample", "mailbox": "owner@sample-motors.example"}
JAPANESE, ENGLISH, SILENT = 21, 43, 401
ANSWERING = datetime(2027, 6, 7, 1, tzinfo=UTC)


@pytest.fixture
def system(fresh: Fresh, tmp_path: Path) -> Iterator[Here]:
    with here(fresh(), START) as running:
        yield running


def test_a_campaign_lives_its_whole_life(system: Here) -> None:
    asking.refuse_some(system)
    run = asking.asked(system)
    second = Second.of(system)
    asking.mails_that_fail_are_seen_and_mended(run)
    asking.some_answer_some_decline(run)
    second.somebody_else_is_named_and_declines()
    handed_on(system, ours(run, run.board()[22]), "ai-survey@reiji-buhin.example")
    asking.a_month_with_golden_week(run)
    asking.silence_ends_in_a_call_and_a_word_to_the_owner(run)
    asking.every_mail_reads_well(run)
    two = Two.of(run, second)
    two.answer()
    two.open_to_each_others_customer()
    two.are_asked_again_and_called_off()
    two.attest_anew()
    mails = [mail for _, mail in system.desk.taken if mail["Content-Language"]]
    assert letters_seen.ill(mails) == []
    assert letters_seen.unseen(mails) == []


@dataclass
class Second:
    """A customer abroad, which asks two of the same firms and one that stays silent."""

    system: Here
    requester: Member
    suppliers: dict[int, Json]
    campaign: Json

    @classmethod
    def of(cls, system: Here) -> Second:
        requester = system.first(SECOND)
        api = requester.api
        suppliers = {
            number: api.post(
                f"{Q}/suppliers",
                {
                    "name": name,
                    "country": country,
                    "mailbox": asking.mailbox(number),
                    "language": language,
                    "dependency": "major",
                },
            )
            for number, name, country, language in (
                (JAPANESE, "架空部品021株式会社", "JP", "ja"),
                (ENGLISH, "Sample Parts 043 Ltd.", "US", "en"),
                (SILENT, "Sample Silence Ltd.", "US", "en"),
                (SILENT + 1, "Sample Excuse Ltd.", "US", "en"),
            )
        }
        wanted = asking.draft(asking.starter(requester), "all", OWNER)
        campaign = api.post(f"{Q}/campaigns", wanted)
        asking.issue(requester, campaign)
        return cls(system, requester, suppliers, campaign)

    def asked(self, number: int) -> Asked:
        """The request to one of its suppliers."""
        record = self.suppliers[number]
        rows = self.requester.api.every(f"{Q}/campaigns/{self.campaign['id']}/requests")
        (row,) = [each for each in rows if each["supplier_id"] == record["id"]]
        return Asked(self.requester, record["id"], record["link"]["id"], row)

    def somebody_else_is_named_and_declines(self) -> None:
        """Of another mail domain: the customer calls first, then agrees; who is asked declines."""
        asked = self.asked(SILENT + 1)
        firm = Firm("sample-excuse", "Sample Excuse Ltd.", "US", "Jo Sample")
        handed_on(self.system, asked, firm.mailbox)
        party = self.system.member(firm)
        party.accept_invitation(asked.request["invitation_link"])
        self.system.quiet()
        party.api.post(f"{asked.path}/decline", {"reason": "no-capacity"})
        self.system.quiet()


def handed_on(system: Here, asked: Asked, mailbox: str) -> None:
    """Whoever holds the link names somebody at another mail domain; the customer agrees."""
    api, handle = asked.customer.api, asked.request["invitation_link"].rsplit("/", 1)[-1]
    other = {"name": "Jo Sample", "mailbox": mailbox}
    api.raw("POST", f"{Q}/invitations/{handle}/contact", json=other)
    system.quiet()
    (change,) = [each for each in api.every(f"{Q}/contact-changes") if each["mailbox"] == mailbox]
    assert change["outcome"] == "asked"
    api.post(f"{Q}/contact-changes/{change['id']}/decide", {"accept": True})
    system.quiet()


@dataclass
class ByMail(Life):
    """Here codes come by mail and are told by nobody."""

    system: Here = field(kw_only=True)

    def code_for(self, mailbox: str, handle: str, invitation_id: str) -> str:
        del invitation_id
        self.supplier.api.raw("POST", f"/identity/v1/invitations/{handle}/code")
        return self.system.code(mailbox)


@dataclass
class Two:
    """Two firms that answer, each with its own customer and the other's."""

    run: asking.Asked
    second: Second
    japanese: Life
    english: Life
    own: dict[int, Asked]
    other: dict[int, Asked]
    signed: dict[int, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, run: asking.Asked, second: Second) -> Two:
        """They enrol by the links of both customers, late as they are; each key is confirmed."""
        system = run.system
        system.beat(ANSWERING)
        for customer in (run.requester, second.requester):
            customer.log_in()
        board = run.board()
        first = {n: ours(run, board[n]) for n in (JAPANESE, ENGLISH)}
        abroad = {n: second.asked(n) for n in (JAPANESE, ENGLISH)}
        own = {JAPANESE: first[JAPANESE], ENGLISH: abroad[ENGLISH]}
        other = {JAPANESE: abroad[JAPANESE], ENGLISH: first[ENGLISH]}
        names = {JAPANESE: ("架空部品021株式会社", "JP"), ENGLISH: ("Sample Parts 043 Ltd.", "US")}
        lives = {}
        for number, (name, country) in names.items():
            party = system.member(Mailed(f"kaku-{number:03}", name, country, "見本 花子"))
            lives[number] = ByMail(Where(system.base_url), system=system)
            lives[number].supplier = party
            for each in (own[number], other[number]):
                party.accept_invitation(each.request["invitation_link"])
                system.quiet()
                lives[number].vouch(each)
        return cls(run, second, lives[JAPANESE], lives[ENGLISH], own, other)

    def answer(self) -> None:
        """Half by a colleague over the API and half by Excel; sent back, corrected, improved."""
        for number, life in ((JAPANESE, self.japanese), (ENGLISH, self.english)):
            asked = self.own[number]
            statements = answer_together(life, asked)
            self.signed[number] = send_back_and_correct(life, asked, statements)
            improve(life, asked)

    def open_to_each_others_customer(self) -> None:
        """What was signed once answers a second customer, and no more once it is taken back."""
        abroad = self.other[JAPANESE]
        opened = open_to_another(self.japanese, abroad, self.signed[JAPANESE])
        close_to_another(self.japanese, abroad, *opened)
        there = self.other[ENGLISH]
        (offer,) = self.english.supplier.api.get(f"{there.path}/reuse")["items"]
        grant = self.english.grant(there, offer)
        api = there.customer.api
        until(lambda: api.get(f"{there.path}/grants")["items"] or None, "the grant")
        self.english.withdraw(grant)
        ended = lambda: api.get(f"{there.path}/grants")["items"][0]["ended_at"] or None  # noqa: E731
        until(ended, "the end of the grant")

    def are_asked_again_and_called_off(self) -> None:
        """Who is known is asked without an invitation; both customers close what is left open."""
        run, second = self.run, self.second
        for customer, number in ((run.requester, JAPANESE), (second.requester, ENGLISH)):
            wanted = asking.draft(asking.starter(customer), [self.own[number].supplier_id], OWNER)
            flow = [{"kind": "approve", "name": "部長 例示 三郎", "mailbox": OWNER["mailbox"]}]
            later = {**wanted, "due_on": (ANSWERING.date() + timedelta(days=30)).isoformat()}
            again = customer.api.post(f"{Q}/campaigns", {**later, "flow": flow})
            customer.api.post(f"{Q}/campaigns/{again['id']}/submit")
            asking.issue(customer, customer.api.post(f"{Q}/campaigns", later))
        for customer, campaign in (
            (run.requester, run.campaign),
            (second.requester, second.campaign["id"]),
        ):
            customer.api.post(f"{Q}/campaigns/{campaign}/close", {"note": "ご協力に感謝いたします"})
        run.system.quiet()
        board = run.board()
        assert (board[JAPANESE]["stage"], board[44]["stage"]) == ("accepted", "closed")

    def attest_anew(self) -> None:
        """Two months before a declaration runs out its round opens; what is signed anew counts."""
        system = self.run.system
        old = self._head()
        system.beat(ANSWERING + timedelta(days=341))
        # An idle log repeats its head; a statement wants one that is younger than a week.
        until(lambda: True if self._head() != old else None, "a head of that day")
        for number, life in ((JAPANESE, self.japanese), (ENGLISH, self.english)):
            asked = self.own[number]
            for party in (life.supplier, asked.customer):
                assert isinstance(party, Member)
                party.log_in()
            api = life.supplier.api
            (round_,) = [
                r for r in api.every(f"{Q}/renewals") if r["request_id"] == asked.request["id"]
            ]
            prepared = life.sign(round_["response_id"])
            assert prepared["revision"] == 3
            system.quiet()
            closed = {r["declaration_id"]: r["closed_at"] for r in api.every(f"{Q}/renewals")}
            assert closed[round_["declaration_id"]]
            assert asked.customer.api.get(f"{asked.path}/answers")["revision"] == 3
        # One more key: both of its customers are told.
        self.japanese.supplier.key = PrivateKey.generate("ecdsa-p256")
        self.japanese.supplier.enrol_key()
        system.quiet()

    def _head(self) -> bytes:
        return self.run.requester.api.raw("GET", "/log/checkpoint").content


def ours(run: asking.Asked, row: Json) -> Asked:
    """A request of the first customer, as the answering steps know one."""
    supplier = run.requester.api.get(f"{Q}/suppliers/{row['supplier_id']}")
    return Asked(run.requester, supplier["id"], supplier["link"]["id"], row)
