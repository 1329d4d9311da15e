"""The requester's work in a real browser: from a supplier file to signed requests and reviews."""

from __future__ import annotations

from typing import Any

import pytest

from services.demo.http import until
from tests.portal import seeds
from tests.portal.conftest import Place
from tests.portal.office import office
from tests.portal.screen import PHONE, Screen, open_screen

pytestmark = pytest.mark.needs("chromium")

FILE = """取引先コード,会社名,国,担当者,メール,言語
A1,架空部品株式会社,JP,品質保証部,a1@kakuu-buhin.example,ja
A2,,JP,品質保証部,a2@namae-nashi.example,ja
"""


def make_a_key(screen: Screen) -> None:
    screen.press("署名鍵を作る")
    screen.page.wait_for_selector("[data-part=ask]:visible")
    screen.press("署名する内容を確認する")
    screen.page.wait_for_selector("[data-part=summary]:visible")


def take_suppliers_in(screen: Screen) -> None:
    page = screen.page
    screen.go("/suppliers/import")
    page.get_by_label("ファイル").set_input_files(
        {"name": "s.csv", "mimeType": "text/csv", "buffer": FILE.encode("cp932")}
    )
    screen.press("内容を確認する")
    assert "必須項目が空欄です" in page.inner_text("main")
    screen.press("1行を取り込む")


def draft_a_campaign(screen: Screen) -> None:
    page = screen.page
    screen.press("調査を作る", "link")
    screen.press("設問セットから調査票を作る", "link")
    for box in page.locator("input[name=pack]").all():
        box.check() if _newest(box) else box.uncheck()
    page.get_by_label("調査票の名称").fill("基本の調査票")
    screen.press("調査票を作る")
    page.wait_for_url("**/campaigns/new")
    page.get_by_label("調査の名称").fill("AIの利用状況調査")
    page.get_by_label("調査票", exact=True).select_option(index=1)
    page.get_by_label("お願いする理由").fill("製品の安全のため")
    page.get_by_label("利用目的").fill("対話と支援のため")
    page.get_by_label("ご回答を見る人").fill("調達部")
    page.get_by_label("判断の根拠").fill("資本金区分を確認中")
    page.get_by_label("見込まれるご負担").fill("60")
    page.get_by_label("費用のご相談").fill("依頼時に書面で案内")
    page.get_by_label("ご説明の内容").fill("必要性と範囲を説明")
    screen.press("下書きを保存する")


def test_a_newcomer_takes_suppliers_in_asks_them_and_tells_a_code_by_telephone(
    chromium: Any, place: Place
) -> None:
    link, code = place.invite("架空元請株式会社", "hajime@kakuu-motouke.example")
    screen = open_screen(chromium, place).go(link)
    page = screen.page
    screen.press("確認コードを受け取る")
    page.locator("input[name=code]").fill(code)
    screen.press("依頼の内容へ進む")
    page.wait_for_url(lambda url: "/welcome" not in url and "/invitations" not in url)
    take_suppliers_in(screen)
    draft_a_campaign(screen)
    assert "まだ発信されていません" in page.inner_text("main")
    screen.press("署名して発信する", "link")
    make_a_key(screen)
    told = page.inner_text("[data-list=facts]")
    assert "製品の安全のため" in told
    assert "調達部" in told
    screen.press("署名する")
    page.wait_for_url("**/campaigns/*")
    until(lambda: _reloaded(screen, "未着手"), "the request going out", 30)
    screen.press("確認コードを電話で伝える")
    assert "架空部品株式会社 にお電話でお伝えください" in page.inner_text("main")
    assert screen.noise == []
    assert screen.strays == []


def _newest(box: Any) -> bool:
    wanted = ("jp-aigb-core@0.1.0", "jp-flow-down@0.1.0", "jp-industrial@0.2.0")
    return box.get_attribute("value") in wanted


def _reloaded(screen: Screen, word: str) -> bool | None:
    screen.page.reload()
    rows = screen.page.locator("tbody tr")
    return True if rows.count() and word in rows.first.inner_text() else None


def test_answers_are_reviewed_beside_their_questions_and_the_review_is_signed(
    chromium: Any, place: Place
) -> None:
    seeds.signed(place, "tuayang-parts")
    screen = open_screen(chromium, place).log_in_as("mihon-jidosha")
    page = screen.page
    id_ = place.asked("tuayang-parts")["id"]
    until(
        lambda: "記録日時" in screen.go(f"/reviews/{id_}").page.inner_text("main") or None, "it", 30
    )
    part = page.locator("details.part").last
    if part.get_attribute("open") is None:
        part.locator("summary").click()
    part.locator("select").first.select_option("sent_back")
    part.locator("input[name$='.reason']").first.fill("根拠を教えてください <b>x</b>")
    part.locator("select").nth(1).select_option("accepted")
    part.get_by_role("button", name="選んだ結果に署名する").click()
    make_a_key(screen)
    told = page.inner_text("[data-list=facts]")
    assert "差戻し 根拠を教えてください <b>x</b>" in told
    assert "受領" in told
    screen.press("署名する")
    page.wait_for_url(f"**/reviews/{id_}")
    until(
        lambda: (
            "確認結果が署名されています" in screen.go(f"/reviews/{id_}").page.inner_text("main")
            or None
        ),
        "the review",
        30,
    )
    assert screen.noise == []


def reach(screen: Screen, name: str, role: str = "link") -> None:
    """Go on by Tab until something has the focus; the first of that name on the way."""
    wanted = screen.page.get_by_role(role, name=name)
    for _ in range(400):
        screen.page.keyboard.press("Tab")
        focus = "found => found.some((each) => each === document.activeElement)"
        if wanted.evaluate_all(focus):
            return
    msg = f"no key leads to the {role} {name!r}"
    raise AssertionError(msg)


def enter(screen: Screen, name: str, role: str = "link") -> None:
    """Reach something and press Enter; wait for the page it leads to."""
    reach(screen, name, role)
    with screen.page.expect_navigation():
        screen.page.keyboard.press("Enter")


def test_the_offices_work_needs_no_mouse(chromium: Any, place: Place) -> None:
    made = office(place)
    screen = open_screen(chromium, place).log_in_as("mihon-jidosha").go("/campaigns")
    page = screen.page
    page.mouse.move(0, 0)
    enter(screen, "基本12問の調査")
    reach(screen, "架空精機株式会社", "checkbox")
    page.keyboard.press("Space")
    enter(screen, "選んだ取引先へ送る", "button")
    assert "ご回答状況のご確認" in page.inner_text("[role=status]")
    enter(screen, "リスク")
    enter(screen, "次の一手")
    reach(screen, "申告していただく", "checkbox")
    page.keyboard.press("Space")
    enter(screen, "選んだものを合わせて試算する", "button")
    assert "いまの評価" in page.inner_text("[role=status]")
    screen.go(f"/reviews/{made.request['id']}")
    reach(screen, "確認の結果 Q-CORE-007", "combobox")
    page.keyboard.press("ArrowDown")
    enter(screen, "選んだ結果に署名する", "button")
    page.wait_for_selector("button:visible:has-text('署名鍵を作る')")
    reach(screen, "署名鍵を作る", "button")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-part=ask]:visible")
    reach(screen, "署名する内容を確認する", "button")
    page.keyboard.press("Enter")
    page.wait_for_selector("[data-part=summary]:visible")
    assert "受領" in page.inner_text("[data-list=facts]")
    reach(screen, "署名する", "button")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/reviews/{made.request['id']}")
    enter(screen, "やりとり")
    reach(screen, "内容", "textbox")
    page.keyboard.type("確認しました")
    enter(screen, "送る", "button")
    assert "確認しました" in page.inner_text("ol.talk >> nth=0")
    assert screen.noise == []
    assert screen.strays == []


@pytest.mark.parametrize(
    "look", [{}, {"viewport": PHONE, "has_touch": True}], ids=["desk", "phone"]
)
def test_the_map_opens_a_firm_and_its_table_does_the_same(
    chromium: Any, place: Place, look: dict[str, Any]
) -> None:
    made = office(place)
    screen = open_screen(chromium, place, **look).log_in_as("mihon-jidosha").go("/risk/map")
    page = screen.page
    page.wait_for_selector("#map[data-drawn]")
    page.get_by_role("button", name="拡大").click()
    page.get_by_role("button", name="全体").click()
    until(lambda: _told_in_the_middle(page) or None, "the requester in the middle", 20)
    page.get_by_role("table").get_by_role("link", name="Tua Yang Parts").click()
    page.wait_for_url(f"**/risk/suppliers/{made.supplier['id']}")
    assert screen.noise == []


def _told_in_the_middle(page: Any) -> bool:
    box = page.locator("#map").bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.wait_for_timeout(200)
    return "貴社" in page.inner_text("#map-told")


def test_where_no_map_can_be_drawn_the_table_stands_alone(chromium: Any, place: Place) -> None:
    office(place)
    screen = open_screen(chromium, place).log_in_as("mihon-jidosha")
    screen.page.route("**/risk/map/data", lambda route: route.abort())
    screen.go("/risk/map")
    screen.page.wait_for_selector("#map-gone:visible")
    assert not screen.page.locator("#map-part").is_visible()
    assert screen.page.locator("table tbody tr").count() >= 8
