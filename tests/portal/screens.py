"""Pictures of the supplier's pages; `python -m tests.portal.screens docs/screens` writes them.

Each page is shown as it is in the middle of its work, in Japanese on a desktop and in English on a
telephone. The firms and all they say are the demo's.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from tests.portal import seeds
from tests.portal.conftest import FLAGS, Place, running
from tests.portal.screen import DESKTOP, PHONE, open_screen

LOOKS: Mapping[str, dict[str, Any]] = {
    "ja": {"locale": "ja-JP", "viewport": DESKTOP},
    "phone-en": {"locale": "en-GB", "viewport": PHONE},
}
_FIRM, _OTHER = "tuayang-parts", "mugon-kako"


def write(place: Place, chromium: Any, to: Path) -> None:
    """Let the firms do what their pages show, and write one picture per page and look."""
    dispute = seeds.disputed(place, _FIRM)
    seeds.written(place, "supplier", _FIRM)
    seeds.written(place, "requester", _FIRM, "はい、量産前の試作品も対象です。")
    seeds.asked_to_correct(place, _FIRM)
    mailbox = f"hinshitsu@{_FIRM}.example"
    passed_on = seeds.delegated(place, _FIRM, mailbox, "教育の記録についてお願いします。")
    seeds.ticked(place, _OTHER, "starter")
    seeds.flow(place, _OTHER, "write", "check", "approve")
    here = f"/requests/{place.asked(_FIRM)['id']}"
    with closing(seeds.colleague(place, passed_on["link"], mailbox)) as colleague:
        pages = {
            "messages": (place.session_of(_FIRM), f"{here}/messages?question=Q-CORE-001"),
            "delegations": (place.session_of(_FIRM), f"{here}/delegations"),
            "colleague": (
                str(colleague.cookies["rensho-session"]),
                f"/delegations/{passed_on['delegation']['id']}",
            ),
            "corrective": (place.session_of(_FIRM), f"{here}/corrective"),
            "differences": (place.session_of(_FIRM), f"{here}/differences"),
            "certificates": (place.session_of(_FIRM), f"{here}/certificates"),
            "decline": (place.session_of(_OTHER), f"/requests/{place.asked(_OTHER)['id']}/decline"),
            "approval": (
                place.session_of(_OTHER),
                f"/requests/{place.asked(_OTHER, 'starter')['id']}/approval",
            ),
            "own-score": (place.session_of(_FIRM), f"/own-scores/{dispute['link_id']}"),
            "own-dispute": (place.session_of(_FIRM), f"/own-scores/disputes/{dispute['id']}"),
            "keys": (place.session_of(_FIRM), "/keys"),
            "contact": ("", f"{place.links['kasou-shoji']}/contact"),
        }
        for name, (session, path) in pages.items():
            for look, options in LOOKS.items():
                screen = open_screen(chromium, place, **options)
                if session:
                    screen.hold(session)
                screen.go(path).page.screenshot(path=to / f"{name}-{look}.png")
                screen.context.close()


if __name__ == "__main__":
    with running() as system, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        write(system, browser, Path(sys.argv[1]))
