"""The asking of a campaign over HTTP, in chapters: 300 suppliers asked, bounced, chased over Golden
Week. It ends where answers begin: `Asked` holds what the next chapters start from.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Literal

from stdnum.jp import cn

from services.demo.cast import Firm
from services.demo.http import Json
from tests.questionnaire.mails import text_of
from tests.questionnaire.posting import report
from tests.questionnaire.test_forbidden_claims import claims
from tests.system.one_process import Here, Member

SUPPLIERS = 300
START = datetime(2027, 4, 12, 1, tzinfo=UTC)  # a Monday, ten o'clock in Japan
DUE = date(2027, 5, 20)
GOLDEN_WEEK = (date(2027, 4, 29), date(2027, 5, 6))
Q = "/questionnaire/v1"
REQUESTER = Firm("mihon-juko", "見本重工株式会社", "JP", "鈴木 一郎")
OWNER = {"name": "部長 例示 次郎", "mailbox": "owner@mihon-juko.example"}
# By number of the row: where its mailbox leads.
GONE, GREY, LATER, FULL = (5, 6), (7,), (8, 9), (10,)
ABROAD = {
    3: ("DE", "de"),
    13: ("TH", "th"),
    23: ("VN", "vi"),
    33: ("CN", "zh-Hans"),
    43: ("US", "en"),
    44: ("US", "en"),
}


def mailbox(number: int) -> str:
    return f"quality@kaku-{number:03}.example"


def supplier_file() -> bytes:
    """A list as it leaves a Japanese spreadsheet (CP932), seven of its rows wrong."""
    lines = ["取引先コード,会社名,国,担当者,メールアドレス,言語,法人番号,依存度"]
    for number in range(1, SUPPLIERS + 1):
        country, language = ABROAD.get(number, ("JP", "ja"))
        base = f"0000{number:08}"
        corporate = cn.calc_check_digit(base) + base if country == "JP" else ""
        name = (
            f"架空部品{number:03}株式会社" if country == "JP" else f"Sample Parts {number:03} Ltd."
        )
        person = "" if number % 3 else "見本 花子"
        lines.append(
            f"{number:06},{name},{country},{person},{mailbox(number)},{language},{corporate},major"
        )
    wrong = [
        "000001,重複工業株式会社,JP,,a@b.example,ja,,major",  # a code used above
        "000901,,JP,,a@b.example,ja,,major",  # no name
        "000902,国なし工業株式会社,ZZ,,a@b.example,ja,,major",  # no such country
        "000903,番号違い株式会社,JP,,a@b.example,ja,1234567890123,major",  # check digit
        "000904,宛先違い株式会社,JP,,これはメールではない,ja,,major",
        "000905,依存度違い株式会社,JP,,a@b.example,ja,,huge",
        "1.2E+05,指数株式会社,JP,,a@b.example,ja,,major",  # a spreadsheet's number
    ]
    return "\r\n".join([*lines, *wrong, ""]).encode("cp932")


@dataclass
class Asked:
    """A campaign that is out, and who is who in it."""

    system: Here
    requester: Member
    campaign: str
    requests: dict[int, Json]

    def board(self) -> dict[int, Json]:
        """How far each request is, by the number of its supplier."""
        every = self.requester.api.every(f"{Q}/campaigns/{self.campaign}/requests")
        numbers = {each["supplier_id"]: number for number, each in self.requests.items()}
        return {numbers[each["supplier_id"]]: each for each in every}

    def enrolled(self, number: int) -> Member:
        """Enrol a supplier by its invitation's link and the code in its mailbox."""
        firm = Firm(f"kaku-{number:03}", f"架空部品{number:03}株式会社", "JP", "見本 花子")
        party = self.system.member(Mailed(**vars(firm)))
        party.accept_invitation(self.board()[number]["invitation_link"])
        self.system.quiet()
        return party

    def days(self, first: date, last: date) -> None:
        """Let the beat run each morning, by Japanese and Central European time; on Mondays by the
        American East's too: who is asleep is not written to.
        """
        for number in range((last - first).days + 1):
            day = first + timedelta(days=number)
            for hour in (1, 8, 15) if day.weekday() == 0 else (1, 8):
                self.system.beat(datetime(day.year, day.month, day.day, hour, tzinfo=UTC))


@dataclass(frozen=True)
class Mailed(Firm):
    """A firm that reads the mailbox it has in the list."""

    @property
    def mailbox(self) -> str:
        return f"quality@{self.slug}.example"


def imported(requester: Member) -> dict[int, str]:
    """Import the list: the seven wrong rows are told by row and cell, nothing is half taken."""
    api = requester.api
    headers = {"Content-Type": "text/csv"}
    dry = dict(api.call("POST", f"{Q}/imports", content=supplier_file(), headers=headers).json())
    assert (dry["encoding"], dry["total"], dry["accepted"]) == ("cp932", 307, SUPPLIERS)
    told = {each["line"]: (each["column"], each["urn"]) for each in dry["rejected"]}
    assert set(told) == set(range(302, 309))
    assert [told[line][0] for line in range(302, 309)] == [
        *("vendor_code", "name", "country", "corporate_number", "mailbox"),
        *("dependency", "vendor_code"),
    ]
    assert api.every(f"{Q}/suppliers") == []
    api.post(f"{Q}/imports/{dry['id']}/confirm")
    found = api.every(f"{Q}/suppliers", limit=500)
    assert len(found) == SUPPLIERS
    return {int(each["vendor_codes"][0]["code"]): each["id"] for each in found}


def asked(system: Here) -> Asked:
    """Prepare the campaign, sign once, issue to all."""
    requester = system.first(REQUESTER)
    numbers = imported(requester)
    api = requester.api
    campaign = api.post(f"{Q}/campaigns", draft(starter(requester), "all"))
    # Visakha Bucha: the one firm in Thailand is closed on that day, and the day is still allowed.
    told = [(each["code"], each["suppliers"]) for each in campaign["warnings"]]
    assert told == [("suppliers_closed", 1)]
    path = f"{Q}/campaigns/{campaign['id']}"
    issue(requester, campaign)
    by_id = {supplier: number for number, supplier in numbers.items()}
    rows = api.every(f"{path}/requests", limit=500)
    requests = {by_id[each["supplier_id"]]: each for each in rows}
    assert api.get(path)["counts"] == {"issued": SUPPLIERS}
    return Asked(system, requester, campaign["id"], requests)


def starter(requester: Member) -> str:
    """The starter set, published as it was seen."""
    api = requester.api
    versions = {each["id"]: each["version"] for each in api.every(f"{Q}/packs")}
    names = ("jp-aigb-core", "jp-flow-down", "jp-industrial")
    packs = [{"id": name, "version": versions[name]} for name in names]
    chosen = {"title": "基本12問", "packs": packs, "selection": "starter"}
    seen = api.post(f"{Q}/questionnaire-previews", chosen)
    made = api.post(f"{Q}/questionnaires", {**chosen, "preview_sha256": seen["sha256"]})
    return str(made["id"])


def issue(requester: Member, campaign: Json) -> None:
    """Prepare, sign once, and wait until all has gone out."""
    path = f"{Q}/campaigns/{campaign['id']}/prepare"
    prepared = requester.api.post(path, requester.signing("requester"))
    location = requester.submit("request", [requester.sign(prepared["payload"])], prepared)
    requester.wait_logged(location)
    requester.here.quiet()


def draft(questionnaire: str, whom: list[str] | Literal["all"], owner: Json = OWNER) -> Json:
    return {
        "title": "AI利用状況調査 2027年度",
        "questionnaire_id": questionnaire,
        **({"all": True} if whom == "all" else {"supplier_ids": whom}),
        "due_on": DUE.isoformat(),
        "purpose": "製品の安全と品質の確認 / product safety and quality",
        "why": "製品の安全と品質を確かなものとするため、お伺いしております。",
        "viewers": ["調達部", "品質保証部"],
        "nda_basis": "basic-contract",
        "owner": owner,
        "fair_dealing": {
            "subcontract_act": "undecided",
            "basis": "資本金区分を確認中",
            "effort_minutes": 45,
            "cost_offered": "費用のご相談を承ると書面で案内",
            "explanation": "依頼の必要性と範囲を説明済み",
        },
    }


def refuse_some(system: Here) -> None:
    for number in GONE:
        system.desk.refuses[mailbox(number)] = "550 5.1.1 no such user"
    for number in GREY:
        system.desk.refuses[mailbox(number)] = "451 4.7.1 greylisted"


def mails_that_fail_are_seen_and_mended(run: Asked) -> None:
    """Bounced at once, later, or for now: each address is listed and can be sent to again."""
    api, path = run.requester.api, f"{Q}/campaigns/{run.campaign}/mails"
    wrong = api.every(path, state=["failed", "bounced"])
    assert {each["mailbox"] for each in wrong} == {mailbox(n) for n in (*GONE, *GREY)}
    assert all(each["error"] for each in wrong)
    run.system.desk.refuses.pop(mailbox(GREY[0]))
    run.system.beat(START + timedelta(minutes=10))
    assert run.board()[GREY[0]]["stage"] == "sent"
    sent = {each["mailbox"]: each["id"] for each in api.every(path, limit=500)}
    for number in LATER:
        api.call(
            "POST", f"{Q}/mail-reports", content=report(sent[mailbox(number)], mailbox(number))
        )
    delivered = report(sent[mailbox(FULL[0])], mailbox(FULL[0]), "delivered", "2.0.0")
    api.call("POST", f"{Q}/mail-reports", content=delivered)
    stages = Counter(each["stage"] for each in run.board().values())
    assert stages == {"sent": 295, "bounced": 4, "delivered": 1}

    mended = run.requests[GONE[0]]["supplier_id"]
    right = {"mailbox": "right@kaku-005.example"}
    api.call("PATCH", f"{Q}/suppliers/{mended}", json=right)
    assert api.post(f"{path}/retry", {})["retried"] == 4
    run.system.quiet()
    assert len(run.system.mails(right["mailbox"])) == 1
    assert run.board()[GONE[0]]["stage"] == "sent"


def some_answer_some_decline(run: Asked) -> None:
    """One opens, one says it cannot answer, most are given up here to keep this short."""
    started, declined = run.enrolled(11), run.enrolled(12)
    request = f"{Q}/requests/{run.requests[11]['id']}"
    assert started.api.get(request)["contact"]["mailbox"] == REQUESTER.mailbox
    started.api.post(f"{request}/response")
    reason = {"reason": "no-capacity", "note": "決算期のため"}
    declined.api.post(f"{Q}/requests/{run.requests[12]['id']}/decline", reason)
    run.system.quiet()
    board = run.board()
    assert (board[11]["stage"], board[12]["stage"]) == ("opened", "declined")
    assert {"created", "issued", "sent", "opened"} <= set(board[11]["times"])
    told = [subject for subject, _ in run.system.texts(REQUESTER.mailbox)]
    assert any("ご回答辞退のご連絡" in subject for subject in told)
    for number in range(50, SUPPLIERS + 1):
        path = f"{Q}/requests/{run.requests[number]['id']}/non-response"
        run.requester.api.post(path, {"reason": "declined-by-telephone"})


def a_month_with_golden_week(run: Asked) -> None:
    """Five reminders at the most, none while either end is closed, none after an answer."""
    run.days(START.date() + timedelta(days=1), DUE + timedelta(days=1))
    run.requester.log_in()
    rows = run.requester.api.every(f"{Q}/campaigns/{run.campaign}/mails", limit=500)
    reminders = [each for each in rows if each["occasion"] == "reminder"]
    days = {date.fromisoformat(each["queued_at"][:10]) for each in reminders}
    assert not [day for day in days if GOLDEN_WEEK[0] <= day <= GOLDEN_WEEK[1]]
    assert not [day for day in days if day.weekday() > 4]
    assert leads(reminders, 20) == ["unopened", "halfway", "before_due", "last_day", "overdue"]
    assert leads(reminders, 11) == ["halfway", "before_due", "last_day", "overdue"], (
        "it opened the request"
    )
    assert leads(reminders, 12) == leads(reminders, 60) == [], "declined, given up"
    assert leads(reminders, GONE[1]) == [], "nobody writes into the void"


def leads(reminders: list[Json], number: int) -> list[str]:
    return [each["lead"] for each in reminders if each["mailbox"] == mailbox(number)]


def silence_ends_in_a_call_and_a_word_to_the_owner(run: Asked) -> None:
    api = run.requester.api
    late = [run.requests[number]["id"] for number in (30, 44)]
    more = {"due_on": "2027-06-30", "reason": "連休を考慮", "request_ids": late}
    api.post(f"{Q}/campaigns/{run.campaign}/due", more)
    run.days(DUE + timedelta(days=4), date(2027, 6, 4))
    run.requester.log_in()
    calls = run.requester.api.every(f"{Q}/call-list", campaign_id=run.campaign)
    waiting = {each["supplier_name"] for each in calls}
    assert "架空部品020株式会社" in waiting
    assert "架空部品006株式会社" in waiting, "its mails do not arrive"
    assert not waiting & {"架空部品012株式会社", "架空部品030株式会社", "架空部品060株式会社"}
    record = {
        "channel": "telephone",
        "outcome": "promised",
        "note": "来週ご回答",
        "again_on": "2027-06-14",
    }
    (one,) = [each for each in calls if each["supplier_name"] == "架空部品020株式会社"]
    run.requester.api.post(f"{Q}/requests/{one['request']['id']}/contact-records", record)
    assert run.board()[20]["stage"] == "sent", "a call is no answer"
    subjects = [subject for subject, _ in run.system.texts(OWNER["mailbox"])]
    assert subjects
    assert all(each.startswith("【お電話でのご確認のお願い】") for each in subjects)
    letter = run.system.texts(mailbox(30))
    assert [s for s, _ in letter if s.startswith("【回答期限変更のお知らせ】")]


def every_mail_reads_well(run: Asked) -> None:
    """Each mail says who, what, until when and how to make sure, in its reader's language."""
    opening = {
        "ja": "いつもお世話になっております。見本重工株式会社の鈴木 一郎でございます。",
        "en": "Thank you for working with us. This is 見本重工株式会社, 鈴木 一郎.",
        "de": "vielen Dank für die gute Zusammenarbeit.",
        "th": "ขอขอบคุณที่ให้ความร่วมมือเสมอมา",
        "vi": "Cảm ơn quý công ty",
        "zh-Hans": "承蒙关照",
    }
    ours = [m for _, m in run.system.desk.taken if m["Reply-To"] == REQUESTER.mailbox]
    to_suppliers = [mail for mail in ours if "@kaku-" in str(mail["To"])]
    assert Counter(str(m["Content-Language"]) for m in to_suppliers).keys() == opening.keys()
    for mail in to_suppliers:
        language, text, html = str(mail["Content-Language"]), text_of(mail), text_of(mail, "html")
        assert opening[language] in text
        assert not re.search(r"[{}]", text + str(mail["Subject"]))
        assert claims(text) == []
        assert "督促" not in text + str(mail["Subject"])
        assert f'<html lang="{language}">' in html
        links = re.findall(r"http://\S+", text)
        assert len(links) == 1
        assert f'<a href="{links[0]}">' in html
    named = next(text_of(m) for m in run.system.mails(mailbox(9)))
    unnamed = next(text_of(m) for m in run.system.mails(mailbox(20)))
    assert named.startswith("架空部品009株式会社\n見本 花子 様\n")
    assert unnamed.startswith("架空部品020株式会社\nご担当者様\n")
    first = unnamed.split("\n")
    assert "■回答期限:2027年5月20日(木)" in first
    assert any("従来の電話番号にてご確認いただけます" in line for line in first)
    english = next(text_of(m) for m in run.system.mails(mailbox(43)))
    assert "Please answer by: 20 May 2027 (Thursday)" in english
    assert "there is no legal duty behind them" in english
