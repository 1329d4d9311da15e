"""Pictures of every page; `python -m tests.portal.screens docs/screens` writes them.

Each is shown as it is in the middle of its work: the supplier's in Japanese on a desktop and in
English on a telephone, the office's in Japanese. The firms and all they say are the demo's.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

from playwright.sync_api import sync_playwright

from services.demo.cast import REQUESTER
from services.demo.story import _campaign
from tests.portal import seeds
from tests.portal.conftest import FLAGS, Place, running
from tests.portal.office import office
from tests.portal.screen import DESKTOP, PHONE, open_screen

Pages = dict[str, tuple[str, str]]
"""By name: the session to come with, and the address."""

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
        _shoot(place, chromium, to, LOOKS, pages | answering(place))
    _shoot(place, chromium, to, {"ja": LOOKS["ja"]}, of_the_office(place))


def answering(place: Place) -> Pages:
    """Return the pages by which a supplier answers, half-way and done."""
    half, done = place.session_of(_OTHER), place.session_of(_FIRM)
    here = f"/requests/{place.asked(_OTHER, 'starter')['id']}"
    signed = f"/requests/{place.asked(_FIRM)['id']}"
    return {
        "login": ("", "/login"),
        "first": ("", place.links["kasou-shoji"]),
        "requests": (half, "/requests"),
        "request": (half, here),
        "components": (half, f"{here}/components"),
        "component": (half, f"{here}/components/new"),
        "answering": (half, f"{here}/sections/basic"),
        "chain": (half, f"{here}/chain"),
        "check": (half, f"{here}/check"),
        "excel": (half, f"{here}/excel"),
        "sign": (done, f"/sign/{place.asked(_FIRM, 'starter')['id']}"),
        "receipt": (done, f"{signed}/receipt"),
        "evidence": (done, "/evidence"),
        "own-scores": (done, "/own-scores"),
        "approval-flow": (half, "/approval-flow"),
    }


def of_the_office(place: Place) -> Pages:
    """Return the pages by which a requester asks, reviews and steers."""
    _answer_all(place)
    made, api = office(place, mark=""), place.story.requester.api
    party = place.story.requester
    asked = api.every("/questionnaire/v1/questionnaires")[-1]
    draft = api.post("/questionnaire/v1/campaigns", _campaign(party, asked["id"]))
    change = json.dumps(["go_silent", made.supplier["link"]["id"], None, None, None])
    campaign, review = f"/campaigns/{made.campaign}", f"/reviews/{made.request['id']}"
    pages = {
        "suppliers": "/suppliers",
        "supplier": f"/suppliers/{made.supplier['id']}",
        "supplier-import": "/suppliers/import",
        "packs": "/packs",
        "pack": "/packs/jp-aigb-core/0.1.0",
        "campaigns": "/campaigns",
        "campaign": campaign,
        "campaign-draft": f"/campaigns/{draft['id']}/draft",
        "campaign-sign": f"/sign/campaign/{draft['id']}",
        "campaign-mails": f"{campaign}/mails",
        "campaign-calls": f"{campaign}/calls",
        "campaign-fair-dealing": f"{campaign}/fair-dealing",
        "review": review,
        "review-talk": f"{review}/talk",
        "review-corrective": f"{review}/corrective",
        "corrective-list": "/corrective",
        "members": "/members",
        "audit": "/audit",
        "connections": "/connections",
        "webhook": f"/connections/webhooks/{made.webhook['id']}",
        "risk": "/risk",
        "risk-firms": "/risk/suppliers",
        "risk-firm": f"/risk/suppliers/{made.supplier['id']}",
        "risk-advice": "/risk/advice",
        "risk-what-if": f"/risk/what-if?change={quote(change)}",
        "risk-disputes": "/risk/disputes",
        "risk-dispute": f"/risk/disputes/{made.dispute['id']}",
        "risk-policy": "/risk/policy",
        "risk-map": "/risk/map",
        "mails": "/mails",
        "about": "/about",
        "not-found": "/no-such-page",
    }
    session = place.session_of(REQUESTER.slug)
    return {name: (session, path) for name, path in pages.items()}


def _answer_all(place: Place) -> None:
    """Let all but the silent and the newly invited answer, so that there is a risk to look at."""
    story, campaign = place.story, place.campaigns["all"]
    for supply in story.world.first_tier:
        if supply.supplier not in (_FIRM, _OTHER, "kasou-shoji"):
            place.session_of(supply.supplier)
            story._confirm(campaign, supply)
            firm = story.world.firms[supply.supplier]
            if firm.supplies:
                story._ask(firm, firm.supplies)
            story._answer(campaign, supply)
            story._wait((REQUESTER.slug, supply.supplier))


def _shoot(
    place: Place, chromium: Any, to: Path, looks: Mapping[str, dict[str, Any]], pages: Pages
) -> None:
    for name, (session, path) in pages.items():
        for look, options in looks.items():
            screen = open_screen(chromium, place, **options)
            if session:
                screen.hold(session)
            screen.go(path).page.wait_for_load_state("networkidle")
            screen.page.screenshot(path=to / f"{name}-{look}.png")
            screen.context.close()


if __name__ == "__main__":
    with running() as system, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        write(system, browser, Path(sys.argv[1]))
