"""A browser window that watches what must never happen, and what is looked for on a page."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.portal.conftest import Place

AXE = (Path(__file__).parent / "vendor" / "axe.min.js").read_text(encoding="utf-8")
_RULES = "['wcag2a','wcag2aa','wcag21a','wcag21aa','wcag22aa','best-practice']"
DESKTOP = {"width": 1280, "height": 900}
PHONE = {"width": 390, "height": 844}


@dataclass
class Screen:
    """One window. `strays` are requests to other hosts, `noise` errors and policy violations."""

    context: Any
    page: Any
    place: Place
    strays: list[str] = field(default_factory=list)
    noise: list[str] = field(default_factory=list)
    clicks: int = 0

    def go(self, path: str) -> Screen:
        """Open a page."""
        self.page.goto(self.place.base + path if path.startswith("/") else path)
        return self

    def press(self, name: str, role: str = "button") -> None:
        """Click a button or link; each such click counts."""
        self.clicks += 1
        self.page.get_by_role(role, name=name).first.click()

    def enter(self, slug: str) -> None:
        """Come in by a firm's invitation, the way its people would."""
        assert not self.place.is_enrolled(slug), f"another test of this module took {slug}"
        self.go(self.place.links[slug])
        japanese = self.page.locator("html").get_attribute("lang") == "ja"
        self.press("確認コードを受け取る" if japanese else "Get the code")
        code = self.place.code_for(f"@{slug}.example")
        self.page.locator("input[name=code]").fill(code)
        if not japanese:
            self.page.get_by_label("Country or region").select_option("DE")
        self.press("依頼の内容へ進む" if japanese else "Go on to the request")
        self.page.wait_for_url(re.compile("/requests"))

    def log_in_as(self, slug: str) -> Screen:
        """Have the session of a firm that enrolled over the APIs."""
        return self.hold(self.place.session_of(slug))

    def hold(self, session: str) -> Screen:
        """Have a session."""
        self.context.add_cookies(
            [{"name": "rensho-session", "value": session, "url": self.place.base}]
        )
        return self

    def violations(self) -> list[Any]:
        """Run axe in a world of its own, which the page's policy does not bind."""
        # Colours that fade would be measured half-way.
        self.page.wait_for_timeout(200)
        session = self.context.new_cdp_session(self.page)
        frame = session.send("Page.getFrameTree")["frameTree"]["frame"]["id"]
        world = session.send("Page.createIsolatedWorld", {"frameId": frame})["executionContextId"]
        session.send("Runtime.evaluate", {"expression": AXE, "contextId": world})
        run = (
            f"axe.run(document, {{runOnly: {_RULES}}}).then(r => JSON.stringify(r.violations.map("
            "v => [v.id, v.nodes.map(n => n.html.slice(0, 200) + n.failureSummary)])))"
        )
        options = {"expression": run, "contextId": world, "awaitPromise": True}
        found = session.send("Runtime.evaluate", options)["result"]["value"]
        session.detach()
        return list(json.loads(found))


def open_screen(chromium: Any, place: Place, **options: Any) -> Screen:
    """Open a window; `locale`, `viewport`, `color_scheme` and the like are Playwright's."""
    context = chromium.new_context(**{"locale": "ja-JP", "viewport": DESKTOP, **options})
    context.set_default_timeout(15_000)
    page = context.new_page()
    screen = Screen(context, page, place)
    ours = urlsplit(place.base).netloc

    def watch(request: Any) -> None:
        if urlsplit(request.url).netloc != ours and not request.url.startswith("data:"):
            screen.strays.append(request.url)

    def hear(message: Any) -> None:
        if message.type == "error" and "Failed to load resource" not in message.text:
            screen.noise.append(message.text)

    def dismiss(dialog: Any) -> None:
        screen.noise.append("a dialog")
        dialog.dismiss()

    page.on("request", watch)
    page.on("console", hear)
    page.on("pageerror", lambda error: screen.noise.append(str(error)))
    page.on("dialog", dismiss)
    return screen
