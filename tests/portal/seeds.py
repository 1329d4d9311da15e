"""What others did before a page is looked at: over the public APIs, as their programs would."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import httpx2

from services.demo.http import Api, until
from services.demo.story import _campaign
from services.kit import clock
from tests.portal.conftest import Place, issue

MESSAGE = "この設問は、量産前の試作品も対象でしょうか。"
FINDING = "教育の記録が確認できませんでした。記録の方法をお知らせください。"


def api_of(place: Place, slug: str) -> Api:
    """Return a firm's own API; it is enrolled first where it is not."""
    place.session_of(slug)
    return place.story.parties[slug].api


def response_of(place: Place, slug: str, what: str = "all") -> dict[str, Any]:
    """Open the response of a firm to one of its requests."""
    path = f"/questionnaire/v1/requests/{place.asked(slug, what)['id']}/response"
    return api_of(place, slug).post(path)


def save(place: Place, slug: str, response: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """Save parts of a response over the version that was read."""
    answer = api_of(place, slug).call(
        "PUT",
        f"/questionnaire/v1/responses/{response['id']}",
        json={**response["document"], **changes},
        headers={"If-Match": f'"{response["version"]}"'},
    )
    return dict(answer.json())


def ticked(place: Place, slug: str, what: str = "all") -> dict[str, Any]:
    """Open a response and leave every tick at checking, so that questions are asked."""
    checking = dict.fromkeys(("embedded", "process", "customer_data"), "checking")
    opened = response_of(place, slug, what)
    return save(place, slug, opened, pre_screen=checking)


def signed(place: Place, slug: str) -> None:
    """Have a firm answer everything it is asked and sign, once per system."""
    story, campaign = place.story, place.campaigns["all"]
    link = (campaign.customer.firm.slug, slug)
    if link not in story.signed:
        place.session_of(slug)
        story._answer(campaign, next(s for s in story.world.first_tier if s.supplier == slug))
        story._wait(link)


def judged(place: Place, slug: str) -> dict[str, Any]:
    """Have the requester judge what a firm signed; return the firm's own score."""
    signed(place, slug)

    def look() -> dict[str, Any] | None:
        place.story.requester.api.post("/risk/v1/snapshots")
        found = api_of(place, slug).get("/risk/v1/own-scores")["items"]
        return dict(found[0]) if found and found[0]["explanation"]["components"] else None

    return until(look, f"the score of {slug}", 90)


def asked_to_correct(place: Place, slug: str, finding: str = FINDING) -> dict[str, Any]:
    """Have the requester ask a firm for a corrective action."""
    due = (clock.now() + timedelta(days=30)).date().isoformat()
    path = f"/questionnaire/v1/requests/{place.asked(slug)['id']}/corrective-actions"
    body = {"question": "Q-CORE-001", "finding": finding, "due_on": due}
    api_of(place, slug)
    return place.story.requester.api.post(path, body)


def written(place: Place, by: str, slug: str, text: str = MESSAGE) -> None:
    """Write into the thread of a question of a firm's request, from either end."""
    path = f"/questionnaire/v1/requests/{place.asked(slug)['id']}/messages"
    api_of(place, slug)
    api = place.story.requester.api if by == "requester" else api_of(place, slug)
    api.post(path, {"question": "Q-CORE-001", "text": text})


def delegated(
    place: Place, slug: str, mailbox: str, note: str = "お願いします。"
) -> dict[str, Any]:
    """Pass the core questions of a firm on to a colleague."""
    response = ticked(place, slug)
    body = {
        "mailbox": mailbox,
        "name": "品質保証部 見本",
        "sections": ["company/jp-aigb-core"],
        "note": note,
    }
    path = f"/questionnaire/v1/responses/{response['id']}/delegations"
    return api_of(place, slug).post(path, body)


def invited(place: Place, slug: str) -> str:
    """Have the manufacturer ask one firm more, everything; return the link of its invitation."""
    party = place.story.requester
    whole = party.api.every("/questionnaire/v1/questionnaires")
    supplier = party.api.post(
        "/questionnaire/v1/suppliers",
        {
            "name": f"株式会社{slug}",
            "country": "JP",
            "contact_name": "品質保証部",
            "mailbox": f"ai-survey@{slug}.example",
            "language": "ja",
            "vendor_codes": [],
            "dependency": "moderate",
        },
    )
    chosen = next(each["id"] for each in whole if each["title"] != "基本12問")
    body = {**_campaign(party, chosen), "all": False, "supplier_ids": [supplier["id"]]}
    (request,) = issue(place.story, body)
    place.links[slug] = str(request["invitation_link"])
    return place.links[slug]


def colleague(place: Place, link: str, mailbox: str) -> httpx2.Client:
    """Come in by a delegation's link and the code that was mailed, as its reader would."""
    browser = place.browser_of()
    path = f"/invitations/{link.rpartition('/')[2]}"
    # The firm's word that it invites somebody travels by event.
    until(lambda: browser.get(path).status_code == 200 or None, "the colleague's link", 20)
    browser.post(f"{path}/code")
    given = {"code": place.code_for(mailbox), "as": "colleague"}
    came = browser.post(f"{path}/accept", data=given)
    assert came.headers["location"] == "/welcome", came.text
    return browser


def session_in(browser: httpx2.Client) -> str:
    """Return the session a browser holds."""
    return str(browser.cookies["rensho-session"])


def disputed(place: Place, slug: str, text: str = "教育の記録を提出済みです。") -> dict[str, Any]:
    """Have a firm ask for another look at its score, once at a time, and the requester answer."""
    body = {"link_id": judged(place, slug)["link_id"], "text": text}
    api = api_of(place, slug)
    asked = [each for each in api.every("/risk/v1/disputes") if each["state"] != "settled"]
    made = asked[0] if asked else api.post("/risk/v1/disputes", body)
    answer = {"outcome": "stays", "text": text}
    place.story.requester.api.post(f"/risk/v1/disputes/{made['id']}/answer", answer)
    return made


def flow(place: Place, slug: str, *steps: str) -> None:
    """Set the approval steps of a firm; none for none."""
    desks = [{"step": step, "mailboxes": [], "deputies": []} for step in steps]
    api_of(place, slug).call("PUT", "/questionnaire/v1/approval-flow", json={"desks": desks})


def shown(text: str) -> str:
    """Return what a page says, without its markup."""
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", text))
