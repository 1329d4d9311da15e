"""One response on the desk: what was asked, what is written so far, and how a change is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from starlette.responses import Response

from services.kit import clock
from services.portal import asking
from services.portal.client import Json, Problem
from services.portal.visit import Visit

_STALE: Final = 412
_FORBIDDEN: Final = 403
_NOT_FOUND: Final = 404
_BUSY: Final = 503
_TRIES: Final = 10
_PAUSE_SECONDS: Final = 0.03

EMPTY: Final[Json] = {
    "pre_screen": None,
    "scope": {"kind": "company", "goods": "all", "sites": [], "products": [], "members": []},
    "origin": "self",
    "source_document": None,
    "answers": {},
    "components": [],
    "sub_tier": None,
}


@dataclass
class Desk:
    """A request with the response to it; `response` None before anybody may write one.

    `passed_on`: the delegations a colleague has still to return.
    """

    request: Json
    response: Json | None
    passed_on: list[Json] = field(default_factory=list)

    @property
    def document(self) -> Json:
        """What is written so far."""
        return self.response["document"] if self.response else EMPTY

    @property
    def id(self) -> str:
        """The request's id."""
        return str(self.request["id"])

    @property
    def path(self) -> str:
        """The response's own path in the API.

        Raises:
            Problem: 403, the visitor has none and may write none.
        """
        if self.response is None:
            raise Problem(_FORBIDDEN, {"type": "urn:rensho:problem:request/forbidden"})
        return f"/questionnaire/v1/responses/{self.response['id']}"

    @property
    def sections(self) -> list[asking.Section]:
        """The questions in portions."""
        return asking.sections(self.request["questionnaire"], self.document)

    @property
    def open(self) -> int:
        """How many questions wait for an answer."""
        return sum(len(each.open(self.document)) for each in self.sections)

    @property
    def asked(self) -> int:
        """How many questions there are to answer."""
        return sum(len(each.questions) for each in self.sections)

    def colleagues(self, section: asking.Section) -> list[str]:
        """Return who was asked to answer questions of a section and has not returned them."""
        packs = {f"company/{each['pack']}" for each in section.questions}
        return [each["name"] for each in self.passed_on if packs & set(each["sections"])]

    @property
    def no_ai(self) -> bool:
        """Whether the ticks say that no question follows."""
        return asking.uses_no_ai(self.document)


async def load(visit: Visit) -> Desk:
    """Take a request from the address, open the response to it, and lay both on the desk.

    Raises:
        Problem: 404, no such request, or one the visitor made itself.
    """
    request_id = visit.request.path_params["id"]
    request = await visit.api.get(f"/questionnaire/v1/requests/{request_id}")
    if request["requester_org_id"] == await visit.org():
        raise Problem(_NOT_FOUND, {"type": "urn:rensho:problem:request/not-found"})
    if "responses.write" in await visit.scopes("questionnaire"):
        path = f"/questionnaire/v1/requests/{request_id}/response"
        desk = Desk(request, await visit.api.post(path))
    elif request["response_id"] is None:
        return Desk(request, None)
    else:
        path = f"/questionnaire/v1/responses/{request['response_id']}"
        desk = Desk(request, await visit.api.get(path))
    listed = await visit.api.get(f"{desk.path}/delegations")
    desk.passed_on = [each for each in listed["items"] if is_out(each)]
    return desk


def is_out(delegation: Json) -> bool:
    """Whether a colleague has still to return what was passed on."""
    return delegation["returned_at"] is None and opens(delegation)


def opens(delegation: Json) -> bool:
    """Whether a colleague's link still leads to the sections."""
    runs = datetime.fromisoformat(delegation["expires_at"]) > clock.now()
    return delegation["ended_at"] is None and runs


async def save(visit: Visit, desk: Desk, change: Callable[[Json], Json]) -> None:
    """Keep a change; where a colleague saved meanwhile it is made again on what they wrote.

    Raises:
        Problem: the change was refused, or others save faster than we can.
    """
    path = desk.path
    assert desk.response is not None, "what has a path is there"
    for tries in range(_TRIES):
        try:
            answer = await visit.api.call(
                "PUT",
                path,
                json=change(desk.document),
                headers={"If-Match": f'"{desk.response["version"]}"'},
            )
        except Problem as why:
            if why.status != _STALE:
                raise
            if tries == _TRIES - 1:
                # Nothing is wrong with the change: whoever sent it may send it again.
                raise Problem(_BUSY, why.document) from why
            await asyncio.sleep(_PAUSE_SECONDS * tries)
            desk.response = await visit.api.get(path)
        else:
            desk.response = dict(answer.json())
            return


def desk_page(visit: Visit, desk: Desk, template: str, here: str, **context: Any) -> Response:
    """Show a page of the desk, with the list of its parts beside it; `here` names this part."""
    given = {"errors": [], "status": 200, **context}
    status = int(given.pop("status"))
    return visit.page(
        template, status, desk=desk, here=here, section_name=section_name, principles=PRINCIPLES,
        **given,
    )  # fmt: skip


PRINCIPLES: Final = {
    "c-1": "人間中心",
    "c-2": "安全性",
    "c-3": "公平性",
    "c-4": "プライバシー保護",
    "c-5": "セキュリティ確保",
    "c-6": "透明性",
    "c-7": "アカウンタビリティ",
    "c-8": "教育・リテラシー",
    "c-9": "公正競争の確保",
    "c-10": "イノベーション",
}


def section_name(key: str, gettext: Callable[[str], str]) -> str:
    """Return what a section is called."""
    return gettext("基本12問" if key == asking.STARTER else PRINCIPLES[key])
