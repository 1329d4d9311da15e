"""An office in the middle of its work: answers of two years, a judgement, a dispute, loose ends."""

from __future__ import annotations

import html
import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx2

from services.demo.http import Answered, Json, until
from tests.portal.conftest import Place
from tests.questionnaire.posting import report

SUPPLIER = "tuayang-parts"
MUTE = "mugon-kako"


@dataclass
class Office:
    """What there is to look at.

    Attributes:
        request: the supplier's newest signed request, which was signed once before.
        supplier: the requester's own id of that supplier, and its link's.
        dispute: opened by the supplier, not answered.
        webhook: an endpoint that nobody listens at.
        campaign: the campaign of all questions, in which an address bounced.
        starter: the campaign of the starter set.
    """

    request: Json
    supplier: Json
    dispute: Json
    webhook: Json
    campaign: str
    starter: str
    action: Json

    @property
    def pages(self) -> list[str]:
        """The address of every page of the office that holds something of this."""
        review, campaign = f"/reviews/{self.request['id']}", f"/campaigns/{self.campaign}"
        change = json.dumps(["go_silent", self.supplier["link"]["id"], None, None, None])
        return [
            *("/risk", "/risk/suppliers", f"/risk/suppliers/{self.supplier['id']}"),
            *("/risk/advice", "/risk/what-if", f"/risk/what-if?change={quote(change)}"),
            *("/risk/disputes", f"/risk/disputes/{self.dispute['id']}"),
            *("/risk/policy", "/risk/map", f"/suppliers/{self.supplier['id']}"),
            *(campaign, f"{campaign}/mails", f"{campaign}/calls", f"{campaign}/fair-dealing"),
            *(review, f"{review}/talk", f"{review}/corrective", "/corrective"),
            *("/connections", f"/connections/webhooks/{self.webhook['id']}"),
        ]


def text_of(answer: httpx2.Response) -> str:
    """Return what a page says, without its markup."""
    body = answer.text.partition("<main")[2]
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).split())


_made: dict[str, Office] = {}


HOSTILE = "<script>window.xss=1</script><img src=x onerror=window.xss=1> "


def office(place: Place, mark: str = HOSTILE) -> Office:
    """Return the office of a place, made when first asked for; `mark` begins what people wrote."""
    if place.base not in _made:
        _made[place.base] = _make(place, mark)
    return _made[place.base]


def judge(place: Place) -> Json:
    """Have the risk judged and return the table per tier."""
    api = place.story.requester.api
    made = api.post("/risk/v1/snapshots")

    def table() -> Json | None:
        state = api.get(f"/risk/v1/snapshots/{made['id']}")["state"]
        return api.get("/risk/v1/tiers") if state in ("signed", "logged") else None

    return until(table, "the judgement", 60)


def _make(place: Place, mark: str) -> Office:
    story, api = place.story, place.story.requester.api
    place.session_of(SUPPLIER)
    supply = next(one for one in story.world.first_tier if one.supplier == SUPPLIER)
    for campaign in (place.campaigns["all"], place.campaigns["starter"]):
        story._answer(campaign, supply)
        story._wait(("mihon-jidosha", SUPPLIER))
    request = place.asked(SUPPLIER, "starter")
    until(lambda: _found(api, f"/questionnaire/v1/requests/{request['id']}/answers"), "answers")
    judge(place)
    judge(place)
    supplier = api.get(f"/questionnaire/v1/suppliers/{story.requester.supplier_ids[SUPPLIER]}")
    own = story.parties[SUPPLIER].api
    dispute = _disputed(own, mark)
    path = f"/questionnaire/v1/requests/{request['id']}"
    question = api.get(path)["questionnaire"]["questions"][0]["id"]
    own.post(f"{path}/messages", {"text": f"{mark}ご質問です"})
    api.post(f"{path}/messages", {"question": question, "text": "記録の頻度を教えてください"})
    action = api.post(
        f"{path}/corrective-actions",
        {
            "question": question,
            "finding": f"{mark}点検の記録",
            "due_on": "2099-04-01",
        },
    )
    webhook = api.post(
        "/risk/v1/webhooks",
        {
            "url": "http://127.0.0.1:9/",
            "description": f"{mark}架空のERP",
            "types": ["score.band_changed", "dispute.opened"],
        },
    )
    return Office(request, supplier, dispute, webhook, bounce(place), _starter(place), action)


def _disputed(own: Any, mark: str) -> Json:
    link = until(lambda: own.get("/risk/v1/own-scores")["items"] or None, "its own score")[0]
    for each in own.every("/risk/v1/disputes"):
        if each["state"] != "settled":
            return dict(each)
    made: Json = own.post(
        "/risk/v1/disputes",
        {
            "link_id": link["link_id"],
            "text": f"{mark}根拠資料を再度ご確認ください",
        },
    )
    return made


def bounce(place: Place) -> str:
    """Let the mails to the firm that nobody hears from come back, and return their campaign."""
    api = place.story.requester.api
    asked = place.asked(MUTE)["id"]
    campaigns = api.every("/questionnaire/v1/campaigns")
    campaign = str(next(each["id"] for each in campaigns if "基本12問" not in each["title"]))
    mails = api.every(f"/questionnaire/v1/campaigns/{campaign}/mails")
    for mail in (each for each in mails if each["request_id"] == asked):
        api.call(
            "POST",
            "/questionnaire/v1/mail-reports",
            content=report(mail["id"], mail["mailbox"]),
            headers={"Content-Type": "message/rfc822"},
        )
    return campaign


def _starter(place: Place) -> str:
    campaigns = place.story.requester.api.every("/questionnaire/v1/campaigns")
    return str(next(each["id"] for each in campaigns if each["title"] == "基本12問の調査"))


def _found(api: Any, path: str) -> Json | None:
    try:
        return dict(api.get(path))
    except Answered as refused:
        if refused.status == 404:
            return None
        raise
