"""The office's pages as a browser's requests: each form does what it says, or says why not."""

from __future__ import annotations

import html
import json
import re
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.kit import clock
from tests.portal.conftest import Place
from tests.portal.office import MUTE, SUPPLIER, bounce, office, text_of
from tests.portal.stub import ORG, pages_over

REQUESTER = "mihon-jidosha"
LATER = (clock.now().date() + timedelta(days=90)).isoformat()


def test_every_page_of_the_office_opens_and_is_nobody_elses(place: Place) -> None:
    made = office(place)
    with place.browser_of(REQUESTER) as browser, place.browser_of() as nobody:
        for path in made.pages:
            assert browser.get(path).status_code == 200, path
            assert nobody.get(path).headers["location"].startswith("/login?next="), path


@pytest.mark.parametrize(
    "path",
    [
        *("/members/clients", "/members", "/connections/webhooks", "/risk/policy", "/keys/revoke"),
        *("/campaigns/{id}/code", "/campaigns/{id}/nudge", "/campaigns/{id}/mails/retry"),
    ],
)
def test_a_form_sent_after_the_session_ended_leads_to_the_log_in(place: Place, path: str) -> None:
    with place.browser_of() as ended:
        ended.cookies.set("rensho-session", "a-session-that-has-run-out")
        sent = ended.post(path.replace("{id}", str(office(place).campaign)), data={"whom": "all"})
    assert sent.status_code == 303
    assert sent.headers["location"].startswith("/login?next=")


def test_what_belongs_to_another_looks_like_nothing_at_all(place: Place) -> None:
    made = office(place)
    theirs = [
        f"/risk/disputes/{made.dispute['id']}",
        f"/reviews/{made.request['id']}/talk",
        f"/reviews/{made.request['id']}/corrective",
        f"/campaigns/{made.campaign}",
        f"/connections/webhooks/{made.webhook['id']}",
        f"/risk/suppliers/{made.supplier['id']}",
    ]
    with place.browser_of(SUPPLIER) as browser:
        for path in theirs:
            assert browser.get(path).status_code == 404, path
    with place.browser_of(REQUESTER) as browser:
        assert browser.get("/risk/suppliers/p_nobody").status_code == 404
        assert browser.get(f"/reviews/{made.request['id']}/files/other").status_code == 404
        assert browser.post(f"/campaigns/{made.campaign}/life/other").status_code == 404


def test_a_firms_page_takes_its_index_apart_and_shows_the_dispute_beside_it(place: Place) -> None:
    made = office(place)
    with place.browser_of(REQUESTER) as browser:
        shown = text_of(browser.get(f"/risk/suppliers/{made.supplier['id']}"))
        listed = text_of(browser.get("/risk/suppliers"))
        beside = text_of(browser.get(f"/suppliers/{made.supplier['id']}"))
    for part in ("会社自身だけ", "指針の観点ごとの差", "AIコンポーネントごと", "リスクが届く経路"):
        assert part in shown
    assert "この指数には再確認依頼が出ています。" in shown
    assert "再確認依頼中" in listed
    assert "再確認依頼中" in beside
    assert "はじめて評価した" in shown
    assert "貴社 → Tua Yang Parts Co., Ltd." in shown
    intervals = re.findall(r"\d+\.\d–\d+\.\d", shown)
    assert len(intervals) > 10
    lone = re.findall(r"指数 (\d+\.\d)(?!–|\d)", shown)
    assert lone == [], "an index is never a lone number"


def test_the_advice_says_what_each_action_does_and_leads_to_what_if(place: Place) -> None:
    made = office(place)
    before = place.story.requester.api.every("/risk/v1/snapshots")
    with place.browser_of(REQUESTER) as browser:
        shown = browser.get("/risk/advice").text
        changes = [
            html.unescape(each) for each in re.findall(r'name="change" value="(.*?)"', shown)
        ]
        assert 0 < len(changes) <= 20
        tried = browser.get("/risk/what-if", params={"change": changes[:2]})
        assert "リスクの総量" in tried.text
        assert tried.text.count('name="change"') == 2
        added = {
            "change": changes[0],
            "link_id": made.supplier["link"]["id"],
            "kind": "dependency",
            "value": "critical",
        }
        both = browser.get("/risk/what-if", params=added)
        assert both.text.count('name="change"') == 2
        assert "依存の度合いが変わったら (欠かせない)" in text_of(both)
        assert "保存されず" in text_of(both)
    after = place.story.requester.api.every("/risk/v1/snapshots")
    assert len(after) == len(before), "nothing of it was kept"


@pytest.mark.parametrize(
    "change", ["", "[]", "{", '["answer"]', '["burn","x",null,null,null]', '["end",7,null,null,1]']
)
def test_a_change_that_means_nothing_is_left_out(place: Place, change: str) -> None:
    office(place)
    with place.browser_of(REQUESTER) as browser:
        shown = browser.get("/risk/what-if", params={"change": change})
        assert shown.status_code == 200
        assert "リスクの総量" not in shown.text


def test_a_change_that_names_no_link_is_refused_beside_its_form(place: Place) -> None:
    office(place)
    with place.browser_of(REQUESTER) as browser:
        refused = browser.get(
            "/risk/what-if", params={"change": '["end","no-such-link",null,null,null]'}
        )
        assert refused.status_code == 422
        assert "ご確認ください" in refused.text


def test_a_dispute_is_answered_in_words_and_only_once(place: Place) -> None:
    made = office(place)
    page = f"/risk/disputes/{made.dispute['id']}"
    with place.browser_of(REQUESTER) as browser:
        assert "お答え待ち" in text_of(browser.get("/risk/disputes"))
        empty = browser.post(f"{page}/answer", data={"outcome": "stays", "text": " "})
        assert empty.status_code == 422
        assert "ご説明をご記入ください" in empty.text
        said = {"outcome": "stays", "text": "根拠資料の版が古いため"}
        answered = browser.post(f"{page}/answer", data=said)
        assert answered.headers["location"] == page
        shown = text_of(browser.get(page))
        assert "先方の確認待ち" in shown
        assert "根拠資料の版が古いため" in shown
        again = browser.post(f"{page}/answer", data=said)
        assert again.status_code == 422


def test_the_board_tells_what_bounced_and_what_to_do_about_it(place: Place) -> None:
    office(place)
    page = f"/campaigns/{bounce(place)}"
    with place.browser_of(REQUESTER) as browser:
        shown = text_of(browser.get(page))
        assert "メールが届いていない取引先 1社" in shown
        assert "宛先を確認して再送する" in shown
        only = text_of(browser.get(f"{page}?state=bounced"))
        assert "無言加工株式会社" in only
        assert "架空精機株式会社" not in only


def test_suppliers_are_asked_again_by_mail_at_most_once_a_day(place: Place) -> None:
    made = office(place)
    page = f"/campaigns/{made.campaign}"
    mute = place.asked(MUTE)["id"]
    with place.browser_of(REQUESTER) as browser:
        nobody = browser.post(f"{page}/nudge", data={})
        assert nobody.status_code == 422
        assert "取引先をお選びください" in nobody.text
        one = browser.post(f"{page}/nudge", data={"request": mute, "even_if_closed": "yes"})
        told = text_of(one)
        assert "ご回答状況のご確認" in told
        assert re.search(r"送って(いません|います)|お送りし", told)
        assert "1社" in told
        browser.post(f"{page}/nudge", data={"whom": "all", "even_if_closed": "yes"})
        again = text_of(
            browser.post(f"{page}/nudge", data={"whom": "all", "even_if_closed": "yes"})
        )
        assert "本日すでにお送りしています" in again


def test_an_address_is_put_right_and_its_mails_are_sent_again(place: Place) -> None:
    office(place)
    page = f"/campaigns/{bounce(place)}/mails"
    supplier = place.story.requester.supplier_ids[MUTE]
    with place.browser_of(REQUESTER) as browser:
        assert "5.1.1" in text_of(browser.get(f"{page}?state=bounced"))
        nothing = browser.post(f"{page}/retry", data={})
        assert nothing.status_code == 422
        wrong = browser.post(f"/suppliers/{supplier}/contact", data={"mailbox": "nowhere"})
        assert wrong.status_code == 422
        right = {"mailbox": "new-desk@mugon-kako.example", "contact_name": "総務部"}
        assert (
            "連絡先を直しました" in browser.post(f"/suppliers/{supplier}/contact", data=right).text
        )
        sent = text_of(browser.post(f"{page}/retry", data={"whom": "all"}))
        assert "1通を再送します" in sent
        assert browser.post(f"{page}/retry", data={"whom": "all"}).status_code == 422


def test_more_time_is_given_to_one_supplier_and_never_taken_away(place: Place) -> None:
    made = office(place)
    page = f"/campaigns/{made.starter}"
    chosen = place.asked("tegami-kogyo", "starter")["id"]
    with place.browser_of(REQUESTER) as browser:
        early = {"request": chosen, "due_on": clock.now().date().isoformat(), "reason": "早く"}
        assert browser.post(f"{page}/life/due", data=early).status_code == 422
        given = {"request": chosen, "due_on": LATER, "reason": "連休のため"}
        assert browser.post(f"{page}/life/due", data=given).headers["location"] == page
        assert text_of(browser.get(page)).count("延長") >= 1


def test_a_request_is_closed_without_an_answer_and_opened_again(place: Place) -> None:
    made = office(place)
    page, id_ = f"/campaigns/{made.starter}", place.asked("kasou-shoji", "starter")["id"]
    with place.browser_of(REQUESTER) as browser:
        closing = f"{page}/requests/{id_}/no-answer"
        wordless = browser.post(closing, data={"reason": "other", "note": ""})
        assert wordless.status_code == 422
        browser.post(closing, data={"reason": "no-reply", "note": ""})
        shown = text_of(browser.get(f"{page}?state=closed"))
        assert "仮想商事株式会社" in shown
        browser.post(f"{page}/requests/{id_}/reopen")
        assert "仮想商事株式会社" not in text_of(browser.get(f"{page}?state=closed"))


def test_fair_dealing_is_shown_as_it_was_recorded(place: Place) -> None:
    made = office(place)
    with place.browser_of(REQUESTER) as browser:
        shown = text_of(browser.get(f"/campaigns/{made.campaign}/fair-dealing"))
        assert "費用のご相談を承ると書面で案内" in shown
        assert "確認中" in shown


def test_the_review_shows_what_is_otherwise_than_last_time(place: Place) -> None:
    made = office(place)
    with place.browser_of(REQUESTER) as browser:
        shown = text_of(browser.get(f"/reviews/{made.request['id']}"))
        first = text_of(browser.get(f"/reviews/{place.asked(SUPPLIER)['id']}"))
    assert "の回答と比べて" in shown
    assert "前回から変更" in shown
    assert "前回の署名済み回答はありません" in first


def test_answers_and_decisions_are_taken_along_as_a_workbook(place: Place) -> None:
    made = office(place)
    with place.browser_of(REQUESTER) as browser:
        answer = browser.get(f"/reviews/{made.request['id']}/files/workbook")
        assert answer.content.startswith(b"PK\x03\x04")
        assert "attachment" in answer.headers["content-disposition"]


def test_a_waiver_brings_its_owner_and_its_last_day_to_the_signature(place: Place) -> None:
    made = office(place)
    question = "Q-CORE-001"
    given = {
        "statement_id": "x",
        "question": question,
        f"{question}.outcome": "waived",
        f"{question}.reason": "対象外の製品",
        f"{question}.owner": "品質保証部",
        f"{question}.until": LATER,
    }
    with place.browser_of(REQUESTER) as browser:
        shown = html.unescape(browser.post(f"/reviews/{made.request['id']}/sign", data=given).text)
        assert LATER in shown
        assert json.dumps("品質保証部") in shown
        nothing = {"statement_id": "x", "question": question, f"{question}.outcome": "burn"}
        back = browser.post(f"/reviews/{made.request['id']}/sign", data=nothing)
        assert back.headers["location"] == f"/reviews/{made.request['id']}"


def test_both_ends_talk_about_one_question(place: Place) -> None:
    made = office(place)
    page = f"/reviews/{made.request['id']}/talk"
    with place.browser_of(REQUESTER) as browser:
        said = {"question": "Q-CORE-004", "text": "責任者の役職を教えてください"}
        answer = browser.post(page, data=said)
        assert answer.headers["location"] == f"{page}?question=Q-CORE-004"
        assert "責任者の役職を教えてください" in text_of(browser.get(page))
        empty = browser.post(page, data={"text": " "})
        assert empty.status_code == 422
        unknown = browser.post(page, data={"question": "Q-NO-1", "text": "x"})
        assert unknown.status_code == 422


def test_a_corrective_action_is_asked_for_done_and_checked(place: Place) -> None:
    made = office(place)
    page = f"/reviews/{made.request['id']}/corrective"
    own = place.story.parties[SUPPLIER].api
    with place.browser_of(REQUESTER) as browser:
        past = {"finding": "記録がない", "due_on": "2020-01-01"}
        refused = browser.post(page, data=past)
        assert refused.status_code == 422
        assert "記録がない" in refused.text, "what was typed is still there"
        asked = {
            "finding": "停止手順の記録を整えてください",
            "due_on": LATER,
            "question": "Q-CORE-009",
        }
        assert browser.post(page, data=asked).headers["location"] == page
        action = own.every("/questionnaire/v1/corrective-actions")[-1]
        steps = f"/questionnaire/v1/corrective-actions/{action['id']}/steps"
        agreed = {"version": 1, "step": "agree", "note": "手順書を改訂します", "due_on": LATER}
        own.post(steps, agreed)
        own.post(steps, {"version": 2, "step": "done", "note": "改訂しました"})
        assert "貴社の確認待ち" in text_of(browser.get("/corrective"))
        stale = browser.post(f"{page}/{action['id']}", data={"version": "1", "step": "check"})
        assert stale.status_code == 422
        browser.post(f"{page}/{action['id']}", data={"version": "3", "step": "check"})
        assert "改訂しました" in text_of(browser.get(page))
        assert own.every("/questionnaire/v1/corrective-actions")[-1]["state"] == "checked"


def test_the_map_says_the_same_as_its_table(place: Place) -> None:
    made = office(place)
    with place.browser_of(REQUESTER) as browser:
        drawn = browser.get("/risk/map/data").json()
        names = {drawn["names"].get(row[0]) for row in drawn["nodes"][1:]}
        table = text_of(browser.get("/risk/map"))
        assert all(name in table for name in names)
        assert made.supplier["id"] in {row[0] for row in drawn["nodes"]}
        assert "該当する会社はありません" in text_of(browser.get("/risk/map?tier=99"))


def test_before_anything_was_judged_every_risk_page_says_so() -> None:
    nothing: dict[str, Any] = {"items": [], "next_cursor": None}
    answers = {
        "/questionnaire/v1/suppliers": nothing,
        "/questionnaire/v1/packs": nothing,
        "/risk/v1/suppliers": nothing,
    }
    with pages_over(answers) as base, _browser(base) as browser:
        for path in ("/risk/advice", "/risk/map"):
            assert "評価記録はまだありません" in text_of(browser.get(path)), path
        assert browser.get("/risk/map/data").status_code == 404


def test_the_call_list_gives_the_number_and_what_was_said_last() -> None:
    request = {"id": "r-1", "supplier_id": "s-1", "answer_by": "2027-01-30T14:59:59Z"}
    record = {"at": "2026-12-20T01:00:00Z", "channel": "telephone", "outcome": "promised"}
    call = {
        "request": request,
        "supplier_name": "架空精機株式会社",
        "rungs": ["overdue", "call"],
        "contacts": [
            {
                "telephone": "03-0000-0000",
                "department": "品質保証部",
                "name": "例示",
                "kana": "レイジ",
            }
        ],
        "last_record": {**record, "note": "来週ご回答いただける"},
        "again_on": "2026-12-25",
    }
    answers = {
        "/questionnaire/v1/campaigns/c-1": {"id": "c-1", "title": "調査"},
        "/questionnaire/v1/call-list": {"items": [call], "next_cursor": None},
    }
    with pages_over(answers) as base, _browser(base) as browser:
        shown = browser.get("/campaigns/c-1/calls")
        assert 'href="tel:03-0000-0000"' in shown.text
        told = text_of(shown)
        assert "お電話の時期" in told
        assert "ご回答のお約束をいただいた" in told
        assert "来週ご回答いただける" in told


def test_a_call_is_noted_and_never_an_answer(place: Place) -> None:
    made = office(place)
    id_ = place.asked(MUTE)["id"]
    page = f"/campaigns/{made.campaign}/calls"
    with place.browser_of(REQUESTER) as browser:
        wrong = browser.post(f"{page}/{id_}", data={"channel": "pigeon", "outcome": "reached"})
        assert wrong.status_code == 422
        given = {"channel": "telephone", "outcome": "not-reached", "note": "午後にかけ直す"}
        assert browser.post(f"{page}/{id_}", data=given).headers["location"] == f"{page}?kept=yes"
    api = place.story.requester.api
    records = api.every(f"/questionnaire/v1/requests/{id_}/contact-records")
    assert records[-1]["note"] == "午後にかけ直す"


def _browser(base: str) -> httpx2.Client:
    headers = {"Origin": base, "Accept-Language": "ja"}
    return httpx2.Client(
        base_url=base, cookies={"rensho-session": ORG}, headers=headers, trust_env=False
    )
