"""A supplier is done in one sitting: time and clicks of the main job, and no need for a mouse.

The time is a keystroke-level model (Card, Moran and Newell, 1980): 0.28 s a key, 1.1 s to point,
0.2 s to click, 1.35 s to make up one's mind before each; and reading at 600 characters a minute,
all that the questions say. What the pages themselves take is measured.
"""

from __future__ import annotations

import re
import time
from typing import Any

import pytest

from tests.portal import seeds
from tests.portal.conftest import Place
from tests.portal.keyboard import Keyboard
from tests.portal.screen import PHONE, Screen, open_screen
from tests.portal.test_supplier_journeys import declare_a_component, sign

pytestmark = pytest.mark.needs("chromium")

_KEY, _CHOICE = 0.28, 1.35 + 1.1 + 0.2
_READ_PER_SECOND = 10.0


def test_thirty_core_questions_take_twelve_minutes_and_45_clicks_at_most(
    chromium: Any, place: Place, record_property: Any
) -> None:
    seeds.invited(place, "kakuu-isseki")
    screen = open_screen(chromium, place)
    began = time.monotonic()
    screen.enter("kakuu-isseki")
    page = screen.page
    page.wait_for_selector("input[name=tick]")
    read = len(page.inner_text("main"))
    page.get_by_label("② 設計・製造・検査").check()
    screen.press("保存して回答に進む")
    declare_a_component(screen)
    typed, choices = len("12345678外観検査AI"), 6
    screen.press("設問に進む", "link")
    answers, more = _answer_everything(screen)
    read += more
    page.get_by_label("AIに関わる仕入先はない").check()
    choices += 1
    screen.press("保存して確認に進む")
    sign(screen)
    pages = time.monotonic() - began
    clicks = screen.clicks + choices
    typing = typed * _KEY + (clicks + answers) * _CHOICE
    reading = read / _READ_PER_SECOND
    said = (
        f"{answers} questions, {clicks} clicks beyond them, {typed} keys: {typing:.0f} s of typing "
        f"and clicking, {reading:.0f} s of reading {read} characters, {pages:.0f} s with the pages"
    )
    record_property("sitting", said)
    print(said)  # noqa: T201 (the measure itself)
    assert answers >= 30
    assert clicks <= 45
    assert typing + pages <= 12 * 60
    assert screen.noise == []


def _answer_everything(screen: Screen) -> tuple[int, int]:
    """Answer every question; return how many there were, and how many characters they say."""
    page, answers, read = screen.page, 0, 0
    while "/sections/" in page.url:
        for card in page.locator(".question").all():
            read += len(card.inner_text())
            card.locator(".choices:not(.aside) input").last.check()
            answers += 1
        page.wait_for_selector("#saved.good")
        before = page.url
        screen.press("保存して次へ")
        page.wait_for_url(lambda url, old=before: url != old)
    return answers, read


def test_the_whole_main_job_needs_no_mouse(chromium: Any, place: Place) -> None:
    screen = open_screen(chromium, place).log_in_as("kasou-software")
    page, keys = screen.page, Keyboard(screen.page)
    screen.go(f"/requests/{place.asked('kasou-software')['id']}")
    page.locator("input[name=tick]:checked").evaluate_all("all => all.forEach(one => one.click())")
    keys.to("input[name=tick][value=process]").press("Space")
    keys.to("text=保存して回答に進む").press("Enter")
    page.wait_for_url("**/components")
    keys.to("text=AIコンポーネントを追加").press("Enter")
    page.wait_for_url("**/components/new")
    keys.to("#name").type("外観検査AI")
    keys.to("select[name=use]")
    while page.locator("select[name=use]").input_value() != "process":
        keys.press("ArrowDown")
    for role, said in (("developer", "no"), ("provider", "no"), ("user", "yes")):
        # The tabulator leads to a group, arrows to the others of it.
        keys.to(f"input[name='role.{role}']").press("Space")
        while not page.locator(f"input[name='role.{role}'][value={said}]").is_checked():
            keys.press("ArrowDown")
    keys.to("main form button:has-text('保存する')").press("Enter")
    page.wait_for_url("**/components")
    keys.to("text=設問に進む").press("Enter")
    page.wait_for_url("**/sections/*")
    answered = _answer_by_keyboard(screen, keys)
    assert answered >= 30
    keys.to("text=保存して確認に進む").press("Enter")
    page.wait_for_url("**/check")
    assert "すべての設問にご回答いただきました" in page.inner_text("main")
    _sign_by_keyboard(page, keys)
    assert "ご回答は署名され" in page.inner_text("main")
    assert screen.noise == []


def _answer_by_keyboard(screen: Screen, keys: Keyboard) -> int:
    answered = 0
    while "/sections/" in screen.page.url:
        for card in screen.page.locator(".question").all():
            name = card.locator("input[type=radio]").first.get_attribute("name")
            if card.locator(".choices input:checked").count() == 0:
                keys.to(f'input[name="{name}"]').press("Space")
            answered += 1
        screen.page.wait_for_timeout(400)
        before = screen.page.url
        keys.to("text=保存して次へ").press("Enter")
        screen.page.wait_for_url(lambda url, old=before: url != old)
    return answered


def _sign_by_keyboard(page: Any, keys: Keyboard) -> None:
    keys.to("text=署名に進む").press("Enter")
    page.wait_for_url("**/sign/*")
    page.wait_for_selector("[data-do=make]:visible")
    keys.to("[data-do=make]").press("Enter")
    page.wait_for_selector("[data-do=prepare]:visible")
    keys.to("[data-do=prepare]").press("Enter")
    page.wait_for_selector("[data-do=sign]:visible, #state.bad")
    assert page.inner_text("#state") == ""
    keys.to("input[name=sure]").press("Space")
    keys.to("[data-do=sign]").press("Enter")
    page.wait_for_url("**/receipt")


def test_passing_on_and_answering_what_was_passed_on_need_no_mouse_on_a_phone(
    chromium: Any, place: Place
) -> None:
    screen = open_screen(chromium, place, viewport=PHONE).log_in_as("reiji-denso")
    page, keys = screen.page, Keyboard(screen.page)
    id_ = place.asked("reiji-denso")["id"]
    screen.go(f"/requests/{id_}")
    if page.locator("input[name=tick]:checked").count() == 0:
        keys.to("input[name=tick][value=checking]").press("Space")
        keys.to("text=保存して回答に進む").press("Enter")
        page.wait_for_url(re.compile("/(components|sections)"))
    screen.go(f"/requests/{id_}/delegations")
    keys.to("input[name=section][value='company/jp-flow-down']").press("Space")
    keys.to("#name").type("購買部")
    keys.to("#mailbox").type("kobai@reiji-denso.example")
    keys.to("text=リンクを送る").press("Enter")
    page.wait_for_selector("[data-copy]")
    link = page.locator("[data-copy]").get_attribute("data-copy")
    other = open_screen(chromium, place, viewport=PHONE)
    theirs = Keyboard(other.page)
    for _ in range(40):
        if other.page.goto(link).status == 200:
            break
        other.page.wait_for_timeout(250)
    theirs.to("text=確認コードを受け取る").press("Enter")
    other.page.wait_for_selector("input[name=code]")
    code = place.code_for("kobai@reiji-denso.example")
    theirs.to("input[name=code]").type(code).press("Enter")
    other.page.wait_for_url("**/delegations/*")
    name = other.page.locator(".question input[type=radio]").first.get_attribute("name")
    theirs.to(f'input[name="{name}"]').press("Space")
    other.page.wait_for_selector("#saved.good")
    theirs.to("text=回答が済んだことを伝える").press("Enter")
    other.page.wait_for_url("**?done=1")
    assert "回答が済んだことをお伝えしました" in other.page.inner_text("main")
    screen.go(f"/requests/{id_}/delegations")
    assert "回答済み" in page.inner_text("main")
    assert screen.noise == other.noise == []
