"""The main job in a real browser: from the invitation to the receipt."""

from __future__ import annotations

import io
import json
import re
from typing import Any

import pytest
from rensho.trust import Trust
from rensho.verify import Expectations, ExpectedRequest, Material, verify

from services.demo.http import until
from services.kit import clock
from services.portal import paper
from tests.portal.conftest import Place
from tests.portal.keyboard import Keyboard
from tests.portal.screen import PHONE, Screen, open_screen

pytestmark = pytest.mark.needs("chromium")


def answer_everything(screen: Screen) -> int:
    """Choose the best option of every question, page by page; return how many were answered."""
    answered = 0
    while "/sections/" in screen.page.url:
        for card in screen.page.locator(".question").all():
            card.locator(".choices:not(.aside) input").last.check()
            answered += 1
        screen.page.wait_for_selector("#saved.good")
        before = screen.page.url
        screen.press("保存して次へ")
        # A click does not wait for the page it leads to.
        screen.page.wait_for_url(lambda url, old=before: url != old)
    return answered


def declare_a_component(screen: Screen) -> None:
    screen.press("AIコンポーネントを追加", "link")
    page = screen.page
    page.get_by_label("名称").fill("外観検査AI")
    page.get_by_label("用途").select_option("process")
    for role, said in (("開発している", "no"), ("提供している", "no"), ("利用している", "yes")):
        group = page.get_by_role("group", name=role)
        group.get_by_label("はい" if said == "yes" else "いいえ").check()
    screen.press("保存する")


def sign(screen: Screen) -> None:
    screen.press("署名に進む", "link")
    screen.press("署名鍵を作る")
    screen.press("署名する内容を確認する")
    screen.page.get_by_label("内容を確認しました").check()
    screen.clicks += 1
    screen.press("署名して提出する")
    screen.page.wait_for_url("**/receipt")


def test_a_supplier_answers_signs_and_gets_a_receipt_that_anybody_verifies(
    chromium: Any, place: Place
) -> None:
    screen = open_screen(chromium, place)
    screen.enter("kakuu-seiki")
    page = screen.page
    page.goto(place.base + f"/requests/{place.asked('kakuu-seiki')['id']}")
    assert "見本自動車工業株式会社 の署名鍵による署名を確認しました" in page.inner_text("main")
    page.get_by_label("② 設計・製造・検査").check()
    screen.press("保存して回答に進む")
    declare_a_component(screen)
    screen.press("設問に進む", "link")
    assert answer_everything(screen) > 30
    page.get_by_label("AIに関わる仕入先はない").check()
    screen.press("保存して確認に進む")
    assert "すべての設問にご回答いただきました" in page.inner_text("main")
    sign(screen)
    shown = page.inner_text("main")
    assert shown.count("確認できました") == 5
    assert "「責任者」としての署名は" in shown, "a key nobody compared yet is named as such"
    assert screen.clicks <= 45
    assert screen.strays == []
    assert screen.noise == []
    with page.expect_download() as saved:
        page.get_by_role("link", name="回答一式").click()
    archive = saved.value.path().read_bytes()
    with page.expect_download() as saved:
        page.get_by_role("link", name="信頼の起点").click()
    trust = Trust.load(saved.value.path().read_bytes())
    _verifies(archive, trust, place)
    if paper.japanese_font() is None:
        assert "日本語フォントがない" in page.inner_text("main")
        return
    with page.expect_download() as saved:
        page.get_by_role("link", name="受付票(PDF)").click()
    assert saved.value.path().read_bytes().startswith(b"%PDF-")


def _verifies(archive: bytes, trust: Trust, place: Place) -> None:
    request = place.story.requester.api.get(
        f"/questionnaire/v1/requests/{place.asked('kakuu-seiki')['id']}"
    )
    expected = Expectations(
        audience=f"urn:rensho:org:{request['requester_org_id']}",
        request=ExpectedRequest(request["id"], request["nonce"]),
    )
    verdict = verify(Material(archive), trust, expected, clock.now())
    assert verdict.codes == ("key.pending",)
    assert set(verdict.parts.values()) == {"VALID", "INDETERMINATE"}


def test_the_starter_set_is_answered_and_signed_with_the_keyboard_alone_on_a_phone_in_english(
    chromium: Any, place: Place
) -> None:
    screen = open_screen(chromium, place, locale="en-GB", viewport=PHONE)
    screen.enter("muster-robotik")
    page = screen.page
    page.goto(place.base + f"/requests/{place.asked('muster-robotik', 'starter')['id']}")
    keys = Keyboard(page)
    keys.to("input[name=tick][value=checking]").press("Space")
    keys.to("text=Save and go on").press("Enter")
    page.wait_for_url("**/sections/basic")
    for card in page.locator(".question").all():
        name = card.locator("input[type=radio]").first.get_attribute("name")
        keys.to(f'input[name="{name}"]').press("Space")
        keys.press("ArrowDown")
    page.wait_for_selector("#saved.good")
    keys.to("text=Save and go on").press("Enter")
    page.wait_for_url("**/chain")
    keys.to("text=Save and check").press("Enter")
    page.wait_for_url("**/check")
    assert "Every question is answered." in page.inner_text("main")
    keys.to("text=Go on to sign").press("Enter")
    page.wait_for_url("**/sign/*")
    page.wait_for_selector("[data-do=make]:visible")
    keys.to("[data-do=make]").press("Enter")
    page.wait_for_selector("[data-do=prepare]:visible")
    keys.to("[data-do=prepare]").press("Enter")
    page.wait_for_selector("[data-do=sign]:visible")
    keys.to("input[name=sure]").press("Space")
    keys.to("[data-do=sign]").press("Enter")
    page.wait_for_url("**/receipt")
    assert "Your answers were signed and are in the tamper-evident log" in page.inner_text("main")
    assert screen.noise == []


def test_who_uses_no_ai_is_done_after_the_ticks_and_one_signature(
    chromium: Any, place: Place
) -> None:
    screen = open_screen(chromium, place, viewport=PHONE)
    screen.enter("tegami-kogyo")
    page = screen.page
    page.goto(place.base + f"/requests/{place.asked('tegami-kogyo')['id']}")
    page.get_by_label("④").check()
    screen.press("保存して回答に進む")
    page.wait_for_url("**/check")
    sign(screen)
    assert "ご回答は署名され" in page.inner_text("main")
    assert screen.clicks <= 10
    screen.press("回答を取り下げる", "link")
    page.get_by_label("取り消す").check()
    page.get_by_label("理由").fill("部署を誤って回答したため")
    screen.press("署名する内容を確認する")
    page.wait_for_selector("[data-part=summary]:visible")
    told = page.inner_text("[data-list=facts]")
    assert "以後、回答はなかったものとして扱われます" in told
    assert "部署を誤って回答したため" in told
    screen.press("署名する")
    page.wait_for_url("**/requests")
    receipt = f"/requests/{place.asked('tegami-kogyo')['id']}/receipt"

    def withdrawn() -> bool | None:
        shown = screen.go(receipt).page.inner_text("main")
        return "この回答は取り下げられています" in shown or None

    until(withdrawn, "the status list that says so", 60)
    assert screen.noise == []


def test_a_refused_signature_says_why_loses_nothing_and_is_tried_again(
    chromium: Any, place: Place
) -> None:
    screen = open_screen(chromium, place)
    screen.enter("kasou-shoji")
    page = screen.page
    page.goto(place.base + f"/requests/{place.asked('kasou-shoji')['id']}")
    page.get_by_label("④").check()
    screen.press("保存して回答に進む")
    tampered: list[bool] = []

    def tamper(route: Any) -> None:
        body = route.request.post_data_json
        if tampered:
            route.continue_()
            return
        tampered.append(True)
        envelope = body["bundles"][0]["dsseEnvelope"]
        envelope["signatures"][0]["sig"] = "MAYCAQECAQE="
        route.continue_(post_data=json.dumps(body))

    page.route("**/sign/submissions", tamper)
    screen.press("署名に進む", "link")
    screen.press("署名鍵を作る")
    screen.press("署名する内容を確認する")
    page.get_by_label("内容を確認しました").check()
    screen.press("署名して提出する")
    page.wait_for_selector("#state.bad")
    said = page.inner_text("#state")
    assert "署名を完了できませんでした" in said
    assert "sig.invalid" in said
    screen.press("署名して提出する")
    page.wait_for_url("**/receipt")


def test_answers_typed_without_a_connection_are_kept_once_it_is_back(
    chromium: Any, place: Place
) -> None:
    screen = open_screen(chromium, place).log_in_as("reiji-denso")
    page = screen.page
    id_ = place.asked("reiji-denso", "starter")["id"]
    screen.go(f"/requests/{id_}")
    page.get_by_label("⑤").check()
    screen.press("保存して回答に進む")
    page.wait_for_url("**/sections/basic")
    screen.context.set_offline(True)
    card = page.locator(".question").first
    card.locator(".choices:not(.aside) input").last.check()
    page.wait_for_selector("#saved.bad")
    assert "保存できていません" in page.inner_text("#saved")
    screen.context.set_offline(False)
    page.wait_for_selector("#saved.good")
    page.reload()
    assert page.locator(".question").first.locator("input:checked").count() >= 1


def test_two_colleagues_who_answer_at_once_both_find_their_answers_kept(
    chromium: Any, place: Place
) -> None:
    first = open_screen(chromium, place).log_in_as("kasou-software")
    second = open_screen(chromium, place).log_in_as("kasou-software")
    id_ = place.asked("kasou-software", "starter")["id"]
    first.go(f"/requests/{id_}")
    first.page.get_by_label("⑤").check()
    first.press("保存して回答に進む")
    for screen in (first, second):
        screen.go(f"/requests/{id_}/sections/basic")
    cards = first.page.locator(".question").count()
    for number in range(0, cards - 1, 2):
        for screen, at in ((first, number), (second, number + 1)):
            screen.page.locator(".question").nth(at).locator(".choices input").first.check()
    for screen in (first, second):
        screen.page.wait_for_selector("#saved.good")
    first.page.reload()
    kept = first.page.locator(".question:has(.choices input:checked)").count()
    assert kept == cards - cards % 2


def test_without_script_forms_still_save_and_other_ways_to_sign_are_offered(
    chromium: Any, place: Place
) -> None:
    screen = open_screen(chromium, place, java_script_enabled=False).log_in_as("mugon-kako")
    page = screen.page
    id_ = place.asked("mugon-kako", "starter")["id"]
    screen.go(f"/requests/{id_}")
    page.get_by_label("⑤").check()
    screen.press("保存して回答に進む")
    for card in page.locator(".question").all():
        card.locator(".choices.aside input").first.check()
    screen.press("保存して次へ")
    screen.press("保存して確認に進む")
    assert "すべての設問にご回答いただきました" in page.inner_text("main")
    screen.press("署名に進む", "link")
    assert "ほかの方法で署名する" in page.inner_text("main")


def test_the_workbook_goes_out_and_comes_back_with_its_changes_shown_first(
    chromium: Any, place: Place
) -> None:
    from openpyxl import load_workbook  # noqa: PLC0415 (one test's)

    screen = open_screen(chromium, place).log_in_as("tuayang-parts")
    page = screen.page
    id_ = place.asked("tuayang-parts", "starter")["id"]
    screen.go(f"/requests/{id_}")
    page.get_by_label("⑤").check()
    screen.press("保存して回答に進む")
    screen.go(f"/requests/{id_}/excel")
    with page.expect_download() as saved:
        page.get_by_role("link", name="Excelを保存する").click()
    book = load_workbook(io.BytesIO(saved.value.path().read_bytes()))
    changed = _fill_answer(book, "Q-CORE-001")
    content = io.BytesIO()
    book.save(content)
    page.get_by_label("記入済みのExcelファイル").set_input_files(
        {"name": "back.xlsx", "mimeType": "application/octet-stream", "buffer": content.getvalue()}
    )
    screen.press("変更箇所を確認する")
    shown = page.inner_text("main")
    assert re.search(r"1件の変更があります", shown), shown
    screen.press("この内容で保存する")
    page.wait_for_url("**/check")
    screen.go(f"/requests/{id_}/sections/basic")
    assert page.locator(".question .choices input:checked").count() == 1, changed


def _fill_answer(book: Any, question: str) -> str:
    """Choose the last value that the answer cell of a question offers."""
    for sheet in book.worksheets:
        rows = {c.row for row in sheet.iter_rows() for c in row if c.value == question}
        for rule in sheet.data_validations.dataValidation:
            for area in str(rule.sqref).split():
                cell = sheet[area.split(":")[0]]
                choices = _choices(book, rule.formula1) if cell.row in rows else []
                if choices and cell.value in (None, ""):
                    cell.value = choices[-1]
                    return f"{sheet.title}!{cell.coordinate}"
    message = f"no cell to answer {question}"
    raise AssertionError(message)


def _choices(book: Any, formula: str) -> list[str]:
    if formula.startswith('"'):
        return [each.strip() for each in formula.strip('"').split(",")]
    sheet, _, area = formula.lstrip("=").rpartition("!")
    found = book[sheet.strip("'")][area.replace("$", "")]
    rows = found if isinstance(found, tuple) else ((found,),)
    return [str(cell.value) for row in rows for cell in row if cell.value]
