"""Looking through what a respondent signed: question by question, then one signature."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from urllib.parse import quote

from starlette.datastructures import FormData
from starlette.responses import Response

from services.portal.asking import ANSWERED
from services.portal.client import Json, Problem
from services.portal.comparing import compare
from services.portal.pages.components import KINDS, USES
from services.portal.pages.evidence import saved
from services.portal.pages.sign_one import one_page
from services.portal.visit import Book, Visit, field, to

book = Book()

_NOT_FOUND: Final = 404
OUTCOMES: Final = {
    "accepted": "受領",
    "evidence_checked": "根拠資料を確認(現地・画面を含む)",
    "independent": "独立した評価を確認",
    "na_accepted": "該当なしを了承",
    "sent_back": "修正をお願いする",
    "waived": "回答を求めない(免除)",
}
STANDINGS: Final = {
    "accepted": "受領",
    "sent_back": "差戻し",
    "unchanged": "差戻し(回答に変更なし)",
    "evidence_checked": "根拠資料を確認",
    "independent": "独立した評価を確認",
    "na_accepted": "該当なしを了承",
    "waived": "免除",
}
FILES: Final = {"evidence.zip": "evidence.zip", "workbook": "answers/workbook"}


@book.get("/reviews/{id}")
async def show(visit: Visit) -> Response:
    """Show what was signed and opened to the requester, beside its evidence and last time."""
    id_ = request_id(visit)
    request = await visit.api.get(f"/questionnaire/v1/requests/{id_}")
    if request["requester_org_id"] != await visit.org():
        return to(f"/requests/{id_}")
    answers, threads, actions = await asyncio.gather(
        _signed(visit, id_),
        visit.api.every(f"/questionnaire/v1/requests/{id_}/messages", limit=500),
        visit.api.every("/questionnaire/v1/corrective-actions", request_id=id_),
    )
    return visit.page(
        "review.html",
        request=request,
        answers=answers,
        parts=_parts(answers),
        questions={each["id"]: each for each in request["questionnaire"]["questions"]},
        talks=[each["question"] for each in threads],
        actions=actions,
        outcomes=OUTCOMES,
        standings=STANDINGS,
        kinds=KINDS,
        uses=USES,
        **(await _beside(visit, request, answers) if answers else {}),
    )


@book.post("/reviews/{id}/sign")
async def sign(visit: Visit) -> Response:
    """Lead to the signature under the decisions that were made."""
    form = await visit.form()
    statement = field(form, "statement_id")
    found = (_decision(form, str(question)) for question in form.getlist("question"))
    decisions = [each for each in found if each is not None]
    back = f"/reviews/{request_id(visit)}"
    if not decisions:
        return to(back)
    prepare = f"/sign/review/{quote(statement, safe='')}/prepare"
    return one_page(visit, "review", prepare, back, {"decisions": decisions})


@book.get("/reviews/{id}/evidence/{use}")
async def evidence_file(visit: Visit) -> Response:
    """Give one file that backs the answers."""
    use = quote(visit.request.path_params["use"], safe="")
    path = f"/questionnaire/v1/requests/{request_id(visit)}/evidence/{use}/content"
    return saved(await visit.api.call("GET", path))


@book.get("/reviews/{id}/files/{name}")
async def whole_file(visit: Visit) -> Response:
    """Give all evidence as one archive, or answers and decisions as one workbook."""
    name = visit.request.path_params["name"]
    if name not in FILES:
        raise Problem(_NOT_FOUND, {"type": "urn:rensho:problem:request/not-found"})
    path = f"/questionnaire/v1/requests/{request_id(visit)}/{FILES[name]}"
    query = {"language": visit.complete_language} if name == "workbook" else {}
    return saved(await visit.api.call("GET", path, params=query))


def request_id(visit: Visit) -> str:
    """Return the request of the address, safe within another."""
    return quote(visit.request.path_params["id"], safe="")


def _decision(form: FormData, question: str) -> Json | None:
    outcome = field(form, f"{question}.outcome")
    if outcome not in OUTCOMES:
        return None
    decision: Json = {"question": question, "outcome": outcome}
    wanted = {"sent_back": ("reason",), "waived": ("reason", "owner", "until")}
    for name in wanted.get(outcome, ()):
        if value := field(form, f"{question}.{name}"):
            decision[name] = value
    if outcome == "independent":
        decision["evidence"] = [str(each) for each in form.getlist(f"{question}.evidence")]
    return decision


async def _signed(visit: Visit, id_: str) -> Json | None:
    try:
        return await visit.api.get(f"/questionnaire/v1/requests/{id_}/answers")
    except Problem as why:
        if why.status != _NOT_FOUND:
            raise
        return None


async def _beside(visit: Visit, request: Json, answers: Json) -> dict[str, Any]:
    """Return what stands beside the answers: evidence, decisions, and the answers of last time."""
    path = f"/questionnaire/v1/requests/{request['id']}"
    evidence, standing, reviews, before = await asyncio.gather(
        visit.api.get(f"{path}/evidence"),
        visit.api.get(f"{path}/standing"),
        visit.api.every("/questionnaire/v1/reviews"),
        _last_time(visit, request),
    )
    mine = {each["statement_id"] for each in answers["statements"]}
    asked = {each["id"] for each in request["questionnaire"]["questions"]}
    return {
        "evidence": evidence["items"],
        "verdict": standing["verdict"],
        "spots": {(each["component"], each["question"]): each for each in standing["items"]},
        "reviews": [each for each in reviews if each["statement_id"] in mine],
        "before": before,
        "compared": compare(answers, before, asked) if before else None,
    }


async def _last_time(visit: Visit, request: Json) -> Json | None:
    """Return what the same supplier signed before this request was issued, the newest of it."""
    found = await visit.api.every("/questionnaire/v1/requests", side="requester", limit=500)
    # Ids are time-ordered.
    earlier = sorted(
        each["id"]
        for each in found
        if each["supplier_id"] == request["supplier_id"]
        and each["id"] < request["id"]
        and each["state"] in ANSWERED
    )
    return await _signed(visit, earlier[-1]) if earlier else None


def _parts(answers: Json | None) -> list[Json]:
    """Return the statements with their answers: the company's, then each component's."""
    if answers is None:
        return []
    company = {
        "statement_id": answers["declaration_id"],
        "component": None,
        "at": None,
        "answers": answers["answers"],
    }
    others = [
        {
            "statement_id": each["statement_id"],
            "component": each,
            "at": each["supplier_component_id"],
            "answers": each["answers"],
        }
        for each in answers["components"]
    ]
    return [each for each in (company, *others) if each["answers"] or each["component"]]
