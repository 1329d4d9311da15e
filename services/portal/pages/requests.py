"""The requests of a respondent, and the first page of each: who asks, why, until when, what."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from services.portal import asking, forms, seal
from services.portal.client import Json, Problem
from services.portal.pages import desk as desks
from services.portal.pages.desk import Desk, desk_page
from services.portal.pages.keys import fingerprint
from services.portal.pages.messages import threads_of
from services.portal.visit import Book, Visit, to

book = Book()

OVER: Final = ("declined", "closed", "cancelled")
SETTLED: Final = tuple(state for state in asking.ANSWERED if state != "returned")
"""States in which nothing is asked of the respondent; what was sent back waits for it again."""
USES_NOT: Final = {
    "cost-reduction": "原価低減の要請",
    "price-talks": "価格交渉",
    "approaching-sub-suppliers": "貴社の仕入先への直接取引の打診",
}
NDA: Final = {
    "basic-contract": "取引基本契約の秘密保持条項に基づき取り扱います。",
    "own-nda": "個別の秘密保持契約に基づき取り扱います。",
    "none": "秘密保持の取り決めはまだありません。秘密にあたる資料は添付なさらないでください。",
}


@book.get("/requests")
async def list_requests(visit: Visit) -> Response:
    """List what is to be answered, the nearest deadline first."""
    found = await visit.api.every("/questionnaire/v1/requests", side="respondent")
    waiting = [each for each in found if each["state"] not in (*SETTLED, *OVER)]
    return visit.page(
        "requests.html",
        waiting=sorted(waiting, key=lambda each: str(each["answer_by"])),
        done=[each for each in reversed(found) if each["state"] in SETTLED],
        over=[each for each in reversed(found) if each["state"] in OVER],
        mine=await _passed_on(visit),
    )


@book.get("/requests/{id}")
async def first_page(visit: Visit) -> Response:
    """Say who asks, why, until when, in what form, and who will read it; ask the five ticks."""
    request_id = visit.request.path_params["id"]
    try:
        desk = await desks.load(visit)
    except Problem as why:
        seen = await visit.api.get(f"/questionnaire/v1/requests/{request_id}")
        if why.status == 404 and seen["requester_org_id"] == await visit.org():  # noqa: PLR2004
            return to(f"/reviews/{request_id}")
        raise
    return await _first_page(visit, desk)


@book.post("/requests/{id}/begin")
async def begin(visit: Visit) -> Response:
    """Keep the five ticks and lead on to what they leave to be asked."""
    desk, form = await desks.load(visit), await visit.form()
    try:
        stated = forms.pre_screen(form)
    except forms.Unfit as why:
        return await _first_page(visit, desk, errors=[visit.words.plain(str(why))])
    await desks.save(visit, desk, lambda document: {**document, "pre_screen": stated})
    return to(after_ticks(desk))


def after_ticks(desk: Desk) -> str:
    """Return where to go on after the ticks."""
    if desk.no_ai:
        return f"/requests/{desk.id}/check"
    if any(desk.document["pre_screen"][tick] == "yes" for tick in asking.TICKS):
        return f"/requests/{desk.id}/components"
    return f"/requests/{desk.id}/sections/{desk.sections[0].key}"


@book.post("/requests/{id}/copy")
async def copy(visit: Visit) -> Response:
    """Take over the answers of another response of the visitor's."""
    desk, form = await desks.load(visit), await visit.form()
    assert desk.response is not None
    answer = await visit.api.post(
        f"/questionnaire/v1/responses/{desk.response['id']}/copy",
        {"from_response_id": forms.text(form, "from")},
        headers={"If-Match": f'"{desk.response["version"]}"'},
    )
    desk.response = answer["response"]
    return await _first_page(visit, desk, copied=len(answer["left_out"]))


async def _first_page(
    visit: Visit, desk: Desk, errors: list[str] | None = None, copied: int | None = None
) -> Response:
    translation = await _translation(visit)
    return desk_page(
        visit,
        desk,
        "first.html",
        "first",
        status=422 if errors else 200,
        errors=errors or [],
        seal=await seal.of_request(visit, desk.request),
        ticked=forms.ticks_of(desk.document["pre_screen"]),
        earlier=await _earlier(visit, desk),
        copied=copied,
        uses_not=USES_NOT,
        nda=NDA,
        translation=translation,
        fingerprint=fingerprint,
        why=await _why(visit, desk),
        waiting=await _waiting(visit, desk),
    )


async def _passed_on(visit: Visit) -> list[Json]:
    """Return what colleagues passed on to the visitor and wait for."""
    if "delegations.answer" not in await visit.scopes("questionnaire"):
        return []
    found = await visit.api.get("/questionnaire/v1/delegations")
    return [each for each in found["items"] if desks.is_out(each)]


async def _why(visit: Visit, desk: Desk) -> Json | None:
    """Return the newest reason why no answer is waited for, if none is."""
    if desk.request["state"] not in OVER:
        return None
    said = await visit.api.get(f"/questionnaire/v1/requests/{desk.id}/history")
    return said["reasons"][-1] if said["reasons"] else None


async def _waiting(visit: Visit, desk: Desk) -> dict[str, int]:
    """Count what the requester waits for besides the answers."""
    asks = desk.request["requester_org_id"]
    threads = (await threads_of(visit, desk.id)).values()
    actions = await visit.api.every("/questionnaire/v1/corrective-actions", request_id=desk.id)
    return {
        "threads": sum(each[-1]["by_org_id"] == asks for each in threads),
        "corrective": sum(each["state"] in ("opened", "agreed") for each in actions),
    }


async def _translation(visit: Visit) -> Json | None:
    if visit.language in ("ja", "en"):
        return None
    return await visit.api.get(f"/questionnaire/v1/translations/{visit.language}")


async def _earlier(visit: Visit, desk: Desk) -> list[Json]:
    """Return the visitor's other responses worth reusing, while this one is still blank."""
    if desk.document["answers"] or desk.document["components"]:
        return []
    found: list[Json] = []
    for each in await visit.api.every("/questionnaire/v1/requests", side="respondent"):
        if each["id"] == desk.id or each["state"] not in ("started", "prepared", *asking.ANSWERED):
            continue
        request = await visit.api.get(f"/questionnaire/v1/requests/{each['id']}")
        if request["response_id"]:
            found.append({**each, "response_id": request["response_id"]})
    return found[-5:]
