"""Other systems and the office's own policy, as a browser's requests."""

from __future__ import annotations

import re

from services.demo.http import until
from tests.portal.conftest import Place
from tests.portal.office import office, text_of

REQUESTER = "mihon-jidosha"


def test_the_secret_of_a_webhook_is_shown_once_and_a_test_tells_how_it_went(place: Place) -> None:
    office(place)
    with place.browser_of(REQUESTER) as browser:
        wrong = browser.post("/connections/webhooks", data={"url": "ftp://x.example", "type": []})
        assert wrong.status_code == 422
        assert "ftp://x.example" in wrong.text
        given = {"url": "http://127.0.0.1:9/hook", "type": ["dispute.opened"]}
        made = browser.post("/connections/webhooks", data=given).text
        secret = re.search(r"whsec_[\w+/=]+", made)
        found = re.search(r"/connections/webhooks/([0-9a-f-]{36})/test", made)
        assert secret is not None
        assert found is not None
        page = f"/connections/webhooks/{found[1]}"
        assert "whsec_" not in browser.get(page).text
        assert "試験のメッセージを送りました" in browser.post(f"{page}/test").text

        def tried() -> str | None:
            shown = text_of(browser.get(page))
            return shown if re.search(r"送信待ち 1 ", shown) else None

        assert until(tried, "the test message tried", 30)
        rotated = re.search(r"whsec_[\w+/=]+", browser.post(f"{page}/secret").text)
        assert rotated is not None
        assert rotated[0] != secret[0]
        browser.post(f"{page}/switch", data={"to": "off"})
        assert "停止中" in text_of(browser.get(page))
        assert browser.post(f"{page}/test").status_code == 422
        browser.post(f"{page}/switch", data={"to": "on"})
        assert "件を再送します" in text_of(
            browser.post(f"{page}/replay", data={"since": "2026-01-01"})
        )
        assert browser.post(f"{page}/remove").headers["location"] == "/connections"
        assert browser.get(page).status_code == 404


def test_the_nightly_folder_is_asked_for_and_given_up(place: Place) -> None:
    office(place)
    with place.browser_of(REQUESTER) as browser:
        assert "出力していません" in text_of(browser.get("/connections"))
        browser.post("/connections/folder", data={"encoding": "cp932"})
        assert "出力中 Shift_JIS(CP932)" in text_of(browser.get("/connections"))
        assert browser.post("/connections/folder", data={"encoding": "utf-7"}).status_code == 422
        browser.post("/connections/folder", data={"stop": "yes", "encoding": "cp932"})
        assert "出力していません" in text_of(browser.get("/connections"))


def test_a_policy_of_ones_own_is_set_kept_in_the_history_and_given_up(place: Place) -> None:
    office(place)
    weights = {f"weight.{n}": str(n) for n in range(1, 6)}
    edges = {"edge.B": "10", "edge.C": "25.5", "edge.D": "45", "edge.E": "70"}
    with place.browser_of(REQUESTER) as browser:
        wrong = browser.post("/risk/policy", data={**weights, **edges, "weight.1": "heavy"})
        assert wrong.status_code == 422
        assert 'value="heavy"' in wrong.text
        falling = browser.post("/risk/policy", data={**weights, **edges, "edge.E": "20"})
        assert falling.status_code == 422
        kept = browser.post("/risk/policy", data={**weights, **edges, "note": "安全を重くみるため"})
        assert kept.headers["location"] == "/risk/policy?kept=yes"
        shown = text_of(browser.get("/risk/policy"))
        assert "貴社の方針" in shown
        assert "1 / 2 / 3 / 4 / 5" in shown
        assert "安全を重くみるため" in shown
        browser.post("/risk/policy", data={"reset": "yes", "note": "標準に戻す"})
        assert "いまの方針 標準の方針" in text_of(browser.get("/risk/policy"))
