"""The life of a browser's key, by the buttons of the key page; and a grant signed with one."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest

from services.demo.http import until
from services.kit import clock
from tests.portal import seeds
from tests.portal.conftest import Place
from tests.portal.screen import Screen, open_screen

pytestmark = pytest.mark.needs("chromium")

MENU = "この鍵を替える・止める・終了する"


def newcomer(chromium: Any, place: Place, name: str, mailbox: str) -> Screen:
    """Enrol a firm and make its browser's key on the key page."""
    link, code = place.invite(name, mailbox)
    screen = open_screen(chromium, place).go(link)
    screen.press("確認コードを受け取る")
    screen.page.locator("input[name=code]").fill(code)
    screen.press("依頼の内容へ進む")
    screen.page.wait_for_url(re.compile("/(requests|campaigns)"))
    screen.go("/keys")
    assert "登録済みの署名鍵はありません" in screen.page.inner_text("main")
    screen.press("このブラウザーに署名鍵を作る")
    screen.page.wait_for_selector("[data-state=enrolled] [data-here]:visible")
    return screen


def shows(screen: Screen, *states: str) -> None:
    """Wait until the page lists keys in these states, the newest first: the log takes a moment."""

    def look() -> bool | None:
        screen.go("/keys")
        cards = screen.page.locator("[data-key]").all()
        return [each.get_attribute("data-state") for each in cards] == list(states) or None

    until(look, f"keys that are {states}", 60)


def open_menu(screen: Screen) -> None:
    screen.page.get_by_text(MENU).first.click()


def test_a_key_is_suspended_goes_on_hands_over_objects_and_ends(
    chromium: Any, place: Place
) -> None:
    screen = newcomer(chromium, place, "架空鍵株式会社", "kagi@kakuu-kagi.example")
    page = screen.page
    assert "このブラウザーの鍵" in page.inner_text("main")
    open_menu(screen)
    screen.press("一時停止する")
    shows(screen, "suspended")
    screen.press("この鍵をもう一度登録して再開する")
    page.wait_for_selector("[data-state=enrolled]")
    open_menu(screen)
    screen.press("新しい鍵に引き継ぐ")
    page.wait_for_selector("[data-state=rotating]")
    page.wait_for_selector("[data-do=veto]:visible")
    told = page.inner_text("main")
    assert "に、前の鍵に代わって使えるようになります" in told
    assert "に、新しい鍵に引き継がれます" in told
    assert page.locator("[data-here]:visible").count() == 2, "both are in this browser"
    screen.press("引継ぎを止める")
    page.wait_for_selector("[data-state=vetoed]")
    page.wait_for_selector("[data-here]:visible")
    assert page.locator("[data-here]:visible").count() == 1, "the heir is gone"
    open_menu(screen)
    page.get_by_label("紛失・端末の入替えなどで使えなくなった").check()
    screen.press("この鍵を終了する")
    shows(screen, "vetoed", "revoked")
    assert "紛失・端末の入替えなどで使えなくなった" in page.inner_text("main")
    page.get_by_role("button", name="このブラウザーに署名鍵を作る").wait_for()
    assert screen.noise == []


def test_a_key_in_other_hands_ends_once_another_member_agrees(chromium: Any, place: Place) -> None:
    screen = newcomer(chromium, place, "架空盗難株式会社", "kagi@kakuu-tonan.example")
    page = screen.page
    open_menu(screen)
    page.get_by_label("第三者の手に渡ったおそれがある").check()
    screen.press("この鍵を終了する")
    assert "いつから第三者の手に渡ったおそれがあるか" in page.inner_text("main")
    open_menu(screen)
    page.get_by_label("第三者の手に渡ったおそれがある").check()
    page.get_by_label("いつから(第三者の手に渡った場合のみ・日本時間)").fill("2026-11-30T09:00")
    screen.press("この鍵を終了する")
    screen.press("同意する")
    assert "ほかのメンバーの同意が必要です" in page.inner_text("main")
    screen.go("/members")
    page.get_by_label("お名前").first.fill("署名 二郎")
    page.locator("#mailbox").fill("jiro@kakuu-tonan.example")
    page.locator("form[action='/members'] input[value=signer]").check()
    screen.press("追加する")
    other = open_screen(chromium, place).go("/login?next=/keys")
    other.page.get_by_label("メールアドレス").fill("jiro@kakuu-tonan.example")
    other.press("確認コードを受け取る")
    other.page.locator("input[name=code]").fill(place.code_for("jiro@kakuu-tonan.example"))
    other.press("ログイン")
    other.page.wait_for_url("**/keys")
    other.press("同意する")
    shows(screen, "revoked")
    assert "第三者の手に渡ったおそれがある" in page.inner_text("main")
    assert screen.noise == other.noise == []


def test_one_component_is_opened_to_a_further_request_until_a_day(
    chromium: Any, place: Place
) -> None:
    seeds.signed(place, "tuayang-parts")
    screen = open_screen(chromium, place).log_in_as("tuayang-parts")
    page = screen.page
    receipt = f"/requests/{place.asked('tuayang-parts')['id']}/receipt"
    until(lambda: "検証の結果" in screen.go(receipt).page.inner_text("main") or None, "it", 60)
    page.get_by_text("署名された文書の要約値(SHA-256)").click()
    page.get_by_role("link", name="ほかの依頼元への開示").first.click()
    page.wait_for_url("**/sign/grant/*")
    screen.press("署名鍵を作る")
    page.wait_for_selector("[data-part=ask]:visible")
    page.get_by_label("開示する相手の依頼").select_option(
        place.asked("tuayang-parts", "starter")["id"]
    )
    until_day = (clock.now() + timedelta(days=200)).date().isoformat()
    page.get_by_label("開示の期限").fill(until_day)
    page.get_by_label("署名者の立場").select_option("delegate")
    screen.press("署名する内容を確認する")
    page.wait_for_selector("[data-part=summary]:visible")
    told = page.inner_text("[data-list=facts]")
    assert "基本12問の調査" in told
    assert f"{until_day[:4]}年" in told
    screen.press("署名する")
    page.wait_for_url("**/requests")
    grants = seeds.api_of(place, "tuayang-parts").every("/attestation/v1/grants")
    wanted = place.asked("tuayang-parts", "starter")["id"]
    assert [each["request_id"] for each in grants if each["logged"]] == [wanted]
    assert screen.noise == []
