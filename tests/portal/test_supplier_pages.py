"""The supplier's further pages over HTTP: approval, certificates, differences, its own index."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import httpx2
import pytest

from services.kit import clock
from services.portal import forms
from tests.portal import seeds
from tests.portal.conftest import Place
from tests.portal.seeds import shown

COMPONENTS = [
    {
        "supplier_component_id": name,
        "name": f"外観検査AI {name}",
        "version": "1",
        "kind": "ai-system",
        "use": "process",
        "roles": {"user": "yes"},
    }
    for name in ("ai-1", "ai/2")
]


def test_one_component_is_answered_on_its_own_and_the_others_stay_with_the_firm(
    place: Place,
) -> None:
    opened = seeds.ticked(place, "reiji-denso")
    seeds.save(place, "reiji-denso", opened, components=COMPONENTS, answers={})
    here = f"/requests/{place.asked('reiji-denso')['id']}"
    with place.browser_of("reiji-denso") as browser:
        page = browser.get(f"{here}/components").text
        assert f"{here}/components/ai-1/answers" in page
        form = browser.get(f"{here}/components/ai-1/answers").text
        question = form.partition('name="q" value="')[2].partition("@")[0]
        name = forms.place(question, "ai-1")
        assert f'name="{name}.choice"' in form
        given = {"q": name, f"{name}.choice": "!withheld", f"{name}.was": ""}
        kept = browser.post(f"{here}/components/ai-1/answers", data=given)
        assert kept.headers["location"] == f"{here}/components"
        document = seeds.response_of(place, "reiji-denso")["document"]
        assert document["components"][0]["answers"] == {question: {"state": "withheld"} | _rest()}
        assert document["components"][1]["answers"] == {}
        assert question not in document["answers"]
        unfit = {**given, f"{name}.choice": "=nonsense"}
        assert browser.post(f"{here}/components/ai-1/answers", data=unfit).status_code == 422
        assert browser.get(f"{here}/components/none/answers").status_code == 404
        for part in ("", "/answers"):
            assert "外観検査AI ai/2" in browser.get(f"{here}/components/ai/2{part}").text
        assert browser.post(f"{here}/components/ai/2/remove").status_code == 303
        assert "外観検査AI ai/2" not in browser.get(f"{here}/components").text


def _rest() -> dict[str, Any]:
    return {"value": None, "reason": None, "note": None, "details": {}, "evidence": []}


def test_nobody_signs_before_the_firms_own_steps_are_done(place: Place) -> None:
    seeds.ticked(place, "mugon-kako", "starter")
    id_ = place.asked("mugon-kako", "starter")["id"]
    where = f"/requests/{id_}/approval"
    with place.browser_of("mugon-kako") as browser:
        assert "社内の承認は設定されていません" in browser.get(where).text
        wrong = browser.post("/approval-flow", data={"step": "approve"})
        assert wrong.status_code == 422
        assert "「作成」から始め" in wrong.text
        try:
            steps = {"step": ["write", "check"], "check.mailboxes": "kakunin@mugon-kako.example"}
            kept = browser.post("/approval-flow", data=steps)
            assert kept.headers["location"] == "/approval-flow?kept=1"
            assert "いまは「作成」をお待ちしています" in browser.get(where).text
            version = str(seeds.response_of(place, "mugon-kako", "starter")["version"])
            write = {"version": version, "step": "write"}
            assert browser.post(where, data=write).headers["location"] == where
            assert "いまは「確認」をお待ちしています" in browser.get(where).text
            again = browser.post(where, data={"version": version, "step": "check"})
            assert again.status_code == 422
            assert "この段階は、別の方の担当です" in again.text
            _signing_is_refused(place, browser, id_)
            moved = {"former": "kakunin@mugon-kako.example", "successor": "ato@mugon-kako.example"}
            assert browser.post("/approval-flow/hand-over", data=moved).status_code == 303
            assert "ato@mugon-kako.example" in browser.get("/approval-flow").text
            seeds.ticked(place, "mugon-kako", "starter")
        finally:
            browser.post("/approval-flow", data={})
        assert "社内の承認は設定されていません" in browser.get(where).text


def _signing_is_refused(place: Place, browser: httpx2.Client, id_: str) -> None:
    party = place.story.parties["mugon-kako"]
    party.wait_enrolled()
    given = {"key_id": party.key.public.key_id, "role": "responsible-officer"}
    answer = browser.post(f"/sign/{id_}/files", data=given)
    assert answer.status_code == 422
    assert "社内の承認がまだ済んでいません" in answer.text


def test_what_was_written_is_given_back_with_a_reason(place: Place) -> None:
    seeds.ticked(place, "mugon-kako", "starter")
    where = f"/requests/{place.asked('mugon-kako', 'starter')['id']}/approval"
    with place.browser_of("mugon-kako") as browser:
        try:
            browser.post("/approval-flow", data={"step": ["write", "approve"]})
            version = str(seeds.response_of(place, "mugon-kako", "starter")["version"])
            browser.post(where, data={"version": version, "step": "write"})
            same = browser.post(where, data={"version": version, "step": "approve"})
            assert "別の方が行ってください" in same.text
            back = {"version": version, "action": "returned", "reason": ""}
            assert "直していただきたい点をご記入ください" in browser.post(where, data=back).text
            kept = browser.post(where, data={**back, "reason": "設問3を見直してください。"})
            assert kept.status_code == 303
            page = shown(browser.get(where).text)
            assert "作成: 済み" in page
            assert "設問3を見直してください。" in page
            assert "いまは「作成」をお待ちしています" in page
        finally:
            browser.post("/approval-flow", data={})


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "1問に、認証書による回答を記入しました"),
        ({"valid_to": "2020-01-01"}, "有効期限が過ぎています"),
        ({"covers": "sites", "sites": "本社"}, "対象拠点が含まれていません"),
        ({"question": "Q-CORE-001"}, "この証明書では代えられません"),
        ({"evidence_id": ""}, "写しと、回答に用いる設問をお選びください"),
    ],
    ids=["answers", "expired", "elsewhere", "another-question", "no-copy"],
)
def test_a_certificate_answers_where_its_scope_reaches(
    place: Place, changes: dict[str, str], said: str
) -> None:
    opened = seeds.ticked(place, "reiji-denso")
    path = f"/questionnaire/v1/responses/{opened['id']}/certificates"
    offered = seeds.api_of(place, "reiji-denso").get(path)["items"]
    questions = next(e["questions"] for e in offered if e["scheme"] == "iso-iec-27001")
    where = f"/requests/{place.asked('reiji-denso')['id']}/certificates"
    with place.browser_of("reiji-denso") as browser:
        file = {"file": ("copy.txt", "認証書の写し".encode(), "text/plain")}
        described = {"title": "ISO/IEC 27001", "effective_on": "2026-04-01"}
        kept = browser.post("/evidence", data=described, files=file)
        assert kept.status_code == 303
        page = browser.get(where).text
        copy = page.partition('<option value="">お選びください</option><option value="')[2]
        given = {
            "scheme": "iso-iec-27001",
            "question": questions[0],
            "number": "IS 000000",
            "issuer": "架空認証機構",
            "valid_to": (clock.now() + timedelta(days=100)).date().isoformat(),
            "covers": "company",
            "evidence_id": copy.partition('"')[0],
        }
        answer = browser.post(where, data={**given, **changes})
        if changes:
            assert answer.status_code == 422
            assert said in answer.text
            assert 'value="IS 000000"' in answer.text, "what was typed is still there"
        else:
            assert said in shown(browser.get(answer.headers["location"]).text)
            document = seeds.response_of(place, "reiji-denso")["document"]
            assert "IS 000000" in document["answers"][questions[0]]["note"]


def test_what_differs_from_what_was_signed_is_shown_side_by_side(place: Place) -> None:
    seeds.signed(place, "tuayang-parts")
    where = f"/requests/{place.asked('tuayang-parts')['id']}/differences"
    starter = f"/requests/{place.asked('tuayang-parts', 'starter')['id']}/differences"
    with place.browser_of("tuayang-parts") as browser:
        opened = seeds.response_of(place, "tuayang-parts")
        answers = {**opened["document"]["answers"], "Q-CORE-001": {"state": "withheld"}}
        seeds.save(place, "tuayang-parts", opened, answers=answers)
        page = browser.get(where).text
        row = page.partition("<tbody>")[2].partition("</tbody>")[0]
        assert "<ins>非開示</ins>" in row
        assert "<del>" in row
        seeds.response_of(place, "tuayang-parts", "starter")
        assert "比べられる署名済みの回答がまだありません" in browser.get(starter).text
        against = browser.get(f"{starter}?against={opened['id']}")
        assert "件の違いがあります" in against.text or "違いはありません" in against.text
        strange = browser.get(f"{starter}?against=00000000-0000-4000-8000-000000000000")
        assert "比べられる署名済みの回答がまだありません" in strange.text


def test_a_supplier_reads_its_own_index_and_has_it_looked_at_again(place: Place) -> None:
    score = seeds.judged(place, "tuayang-parts")
    where = f"/own-scores/{score['link_id']}"
    with place.browser_of("tuayang-parts") as browser:
        listed = browser.get("/own-scores").text
        assert "見本自動車工業株式会社" in listed
        assert where in listed
        assert "指数を押し上げている設問" in browser.get(where).text
        empty = browser.post(where, data={"about": "", "text": " "})
        assert empty.status_code == 422
        assert "見直していただきたい点をご記入ください" in empty.text
        made = browser.post(where, data={"about": "", "text": "教育の記録を提出済みです。"})
        dispute = made.headers["location"]
        assert "回答をお待ちしています" in browser.get(dispute).text
        twice = browser.post(where, data={"about": "", "text": "もう一度"})
        assert "すでに再確認をお願いしています" in twice.text
        assert browser.post(f"{dispute}/accept", data={"text": ""}).status_code == 422
        assert browser.post(f"{dispute}/nonsense", data={}).status_code == 404
        api = place.story.requester.api
        path = f"/risk/v1/disputes/{dispute.rpartition('/')[2]}"
        api.post(f"{path}/answer", {"outcome": "stays", "text": "期限切れの資料でした。"})
        page = browser.get(dispute).text
        assert "評価は変わりません" in page
        assert "期限切れの資料でした。" in page
        assert browser.post(f"{dispute}/ask-again", data={"text": ""}).status_code == 422
        again = browser.post(f"{dispute}/ask-again", data={"text": "新しい資料を出しました。"})
        assert again.headers["location"] == dispute
        assert browser.post(f"{dispute}/withdraw", data={}).headers["location"] == dispute
        assert "終了しました" in browser.get(dispute).text
    with place.browser_of("mihon-jidosha") as requester:
        assert requester.get(dispute).status_code == 404, "the requester answers on its own page"
        assert requester.get("/own-scores").status_code == 200
    with place.browser_of("reiji-denso") as other:
        assert other.get(dispute).status_code == 404
        assert other.get(where).status_code == 404
