"""Pages between people: colleagues, the other contact, the requester's questions and requests."""

from __future__ import annotations

from contextlib import closing

from services.demo.http import until
from tests.portal import seeds
from tests.portal.conftest import Place
from tests.portal.seeds import FINDING, MESSAGE, shown

COLLEAGUE = "hinshitsu@kasou-software.example"


def test_passing_on_wants_a_part_and_shows_its_link_once(place: Place) -> None:
    seeds.ticked(place, "kasou-software")
    here = f"/requests/{place.asked('kasou-software')['id']}"
    given = {"name": "品質保証部", "mailbox": COLLEAGUE, "note": "教育のことをお願いします。"}
    with place.browser_of("kasou-software") as firm:
        nothing = firm.post(f"{here}/delegations", data=given)
        assert nothing.status_code == 422
        assert "依頼する範囲を一つ以上お選びください" in nothing.text
        assert "教育のことをお願いします。" in nothing.text, "what was typed is still there"
        strange = firm.post(f"{here}/delegations", data={**given, "section": "pre-screen"})
        assert strange.status_code == 422
        assert "依頼する範囲を選び直してください" in strange.text
        chosen = {**given, "section": "company/jp-flow-down"}
        made = firm.post(f"{here}/delegations", data=chosen)
        assert "品質保証部様に依頼しました" in made.text
        link = made.text.partition('data-copy="')[2].partition('"')[0]
        assert link.startswith(f"{place.base}/invitations/")
        assert link not in firm.get(f"{here}/delegations").text
        assert "品質保証部様に依頼中" in shown(firm.get(f"{here}/check").text)


def test_a_colleague_comes_in_by_link_and_code_alone_and_sees_the_own_part_alone(
    place: Place,
) -> None:
    made = seeds.delegated(place, "kasou-software", COLLEAGUE, "教育のことをお願いします。")
    path = f"/invitations/{made['link'].rpartition('/')[2]}"
    with place.browser_of() as stranger:
        until(lambda: stranger.get(path).status_code == 200 or None, "the link", 20)
        hello = stranger.get(path).text
        assert "社内の方から、設問へのご回答のお願いが届いています" in hello
        assert f"{path}/contact" not in hello
        asked = stranger.post(f"{path}/code").text
        assert 'value="colleague"' in asked
        assert "会社名" not in asked, "a colleague's firm is known"
        wrong = stranger.post(f"{path}/accept", data={"code": "0000 0000", "as": "colleague"})
        assert wrong.status_code == 422
        assert "確認コードが違います" in wrong.text
    with closing(seeds.colleague(place, made["link"], COLLEAGUE)) as colleague:
        mine = f"/delegations/{made['delegation']['id']}"
        assert "/delegations" in colleague.get("/welcome").headers["location"]
        assert "/delegations" in colleague.get("/").headers["location"]
        page = colleague.get(mine).text
        assert "教育のことをお願いします。" in page
        assert "Q-CORE-001" in page
        assert "Q-FLOW" not in page
        assert 'href="/requests"' not in page
        assert colleague.get("/requests").status_code == 403
        assert f'href="{mine}"' in colleague.get("/delegations").text


def test_what_a_colleague_answers_is_in_the_response_and_said_to_be_done(place: Place) -> None:
    made = seeds.delegated(place, "kasou-software", "it@kasou-software.example")
    mine = f"/delegations/{made['delegation']['id']}"
    here = f"/requests/{place.asked('kasou-software')['id']}"
    answer = {"q": "Q-CORE-001", "Q-CORE-001.choice": "=complete", "Q-CORE-001.was": ""}
    with (
        closing(seeds.colleague(place, made["link"], "it@kasou-software.example")) as colleague,
        place.browser_of("kasou-software") as firm,
    ):
        unfit = colleague.post(mine, data={**answer, "Q-CORE-001.choice": "=nonsense"})
        assert unfit.status_code == 422
        done = colleague.post(mine, data=answer)
        assert done.headers["location"] == f"{mine}?done=1"
        assert "回答が済んだことをお伝えしました" in colleague.get(f"{mine}?done=1").text
        document = seeds.response_of(place, "kasou-software")["document"]
        assert document["answers"]["Q-CORE-001"]["value"] == "complete"
        assert "✓ 回答済み" in shown(firm.get(f"{here}/delegations").text)
        ended = firm.post(f"{here}{mine}/end")
        assert ended.headers["location"] == f"{here}/delegations"
        over = colleague.get(mine)
        assert over.status_code == 409
        assert "依頼は終了したか、期限が過ぎています" in over.text


def test_nobody_opens_what_was_passed_on_to_another(place: Place) -> None:
    made = seeds.delegated(place, "kasou-software", "kaihatsu@kasou-software.example")
    with place.browser_of("reiji-denso") as other:
        assert other.get(f"/delegations/{made['delegation']['id']}").status_code == 404
    with place.browser_of("kasou-software") as firm:
        assert firm.get(f"/delegations/{made['delegation']['id']}").status_code == 404
        assert "いまお願いしている設問はありません" in firm.get("/delegations").text


def test_the_wrong_person_names_the_right_one_before_any_code(place: Place) -> None:
    link = seeds.invited(place, "kakuu-renraku")
    path = f"/invitations/{link.rpartition('/')[2]}"
    named = {"name": "品質保証部", "mailbox": "hinshitsu@kakuu-renraku.example"}
    with place.browser_of() as browser:
        assert f'href="{path}/contact"' in browser.get(path).text
        assert "担当の方のメールアドレス" in browser.get(f"{path}/contact").text
        refused = browser.post(f"{path}/contact", data={**named, "mailbox": "品質保証部"})
        assert refused.status_code == 422
        assert 'value="品質保証部"' in refused.text, "what was typed is still there"
        assert "入力の形式が正しくない項目があります" in refused.text
        done = browser.post(f"{path}/contact", data=named)
        assert "承りました" in done.text
        assert browser.get("/invitations/unknown/contact").status_code == 404

        def moved() -> bool | None:
            hint = browser.get(path).text
            return (
                True if "h***" in hint or "hi" in hint.partition("確認コードの送り先")[2] else None
            )

        until(moved, "the new contact", 20)
    changes = place.story.requester.api.every("/questionnaire/v1/contact-changes")
    assert [(c["mailbox"], c["outcome"]) for c in changes] == [(named["mailbox"], "changed")]


def test_whoever_accepted_an_invitation_changes_contacts_as_a_member(place: Place) -> None:
    place.session_of("reiji-denso")
    path = f"/invitations/{place.links['reiji-denso'].rpartition('/')[2]}/contact"
    with place.browser_of() as browser:
        assert "この招待はすでに受け付けられているため" in browser.get(path).text


def test_question_and_reply_stand_beside_the_question_they_are_about(place: Place) -> None:
    seeds.ticked(place, "tuayang-parts")
    here = f"/requests/{place.asked('tuayang-parts')['id']}"
    with place.browser_of("tuayang-parts") as browser:
        assert "まだやり取りはありません" in browser.get(f"{here}/messages").text
        thread = f"{here}/messages?question=Q-CORE-001"
        assert f'href="{thread}"' in browser.get(f"{here}/sections/basic").text
        given = {"question": "Q-CORE-001", "text": ""}
        empty = browser.post(f"{here}/messages", data=given)
        assert empty.status_code == 422
        assert "メッセージをご記入ください" in empty.text
        unknown = browser.post(f"{here}/messages", data={"question": "Q-NO-001", "text": "x"})
        assert unknown.status_code == 422
        assert browser.get(f"{here}/messages?question=Q-NO-001").status_code == 404
        sent = browser.post(f"{here}/messages", data={**given, "text": MESSAGE})
        assert sent.headers["location"] == f"{thread}&sent=1#newest"
        assert "メールでお知らせしています" in browser.get(sent.headers["location"]).text
        assert "依頼元からの返信あり" not in browser.get(f"{here}/sections/basic").text
        seeds.written(place, "requester", "tuayang-parts", "はい、対象です。")
        section = shown(browser.get(f"{here}/sections/basic").text)
        assert "この設問のやり取り 2件" in section
        assert "依頼元からの返信あり" in section
        assert "依頼元からの返信が1件あります" in browser.get(here).text
        both = browser.get(f"{here}/messages").text
        assert both.index(MESSAGE) < both.index("はい、対象です。")
        assert f"{here}/sections/basic#Q-CORE-001" in browser.get(thread).text


def test_a_request_is_declined_with_a_reason_and_answered_after_all(place: Place) -> None:
    here = f"/requests/{place.asked('mugon-kako')['id']}"
    with place.browser_of("mugon-kako") as browser:
        assert "調査の対象に該当しない" in browser.get(f"{here}/decline").text
        for given, said in (
            ({}, "理由を一つお選びください"),
            ({"reason": "laziness"}, "理由を一つお選びください"),
            ({"reason": "other"}, "事情を補足の欄にご記入ください"),
        ):
            refused = browser.post(f"{here}/decline", data=given)
            assert refused.status_code == 422
            assert said in refused.text
        given = {"reason": "out-of-scope", "note": "納入品はねじのみです。"}
        assert browser.post(f"{here}/decline", data=given).headers["location"] == here
        first = shown(browser.get(here).text)
        assert "回答できないことをお伝えいただいています" in first
        assert "調査の対象に該当しない – 納入品はねじのみです。" in first
        assert "辞退" in browser.get("/requests").text
        again = browser.post(f"{here}/decline", data=given)
        assert again.headers["location"] == here, "declining twice is no mistake"
        assert browser.post(f"{here}/reopen").headers["location"] == here
        assert "回答できないことをお伝えいただいています" not in browser.get(here).text


def test_a_corrective_action_is_agreed_and_done_by_the_supplier(place: Place) -> None:
    asked = seeds.asked_to_correct(place, "tuayang-parts")
    here = f"/requests/{place.asked('tuayang-parts')['id']}"
    with place.browser_of("tuayang-parts") as browser:
        assert "改善のご相談が1件あります" in browser.get(here).text
        page = browser.get(f"{here}/corrective").text
        assert FINDING in page
        assert "対応方針のご連絡をお待ちしています" in page
        where = f"{here}/corrective/{asked['id']}"
        plan = {"version": "1", "step": "agree", "note": "記録簿を作ります。"}
        undated = browser.post(where, data=plan)
        assert undated.status_code == 422
        assert "完了の予定日をお選びください" in undated.text
        assert "記録簿を作ります。" in undated.text, "what was typed is still there"
        past = browser.post(where, data={**plan, "due_on": "2020-01-01"})
        assert "今日以降の日付" in past.text
        agreed = browser.post(where, data={**plan, "due_on": asked["due_on"]})
        assert agreed.status_code == 303
        assert "対応中" in browser.get(f"{here}/corrective").text
        stale = browser.post(where, data={"version": "1", "step": "done", "note": "x"})
        assert stale.status_code == 422
        assert "その間に状況が変わりました" in stale.text
        done = browser.post(where, data={"version": "2", "step": "done", "note": "作りました。"})
        assert done.status_code == 303
        page = browser.get(f"{here}/corrective").text
        assert "依頼元が確認中" in page
        assert "作りました。" in page
        assert "改善のご相談が" not in browser.get(here).text
    with place.browser_of("reiji-denso") as other:
        assert other.post(where, data=plan).status_code == 404
