"""Signing one statement in the browser: a request, a review, a withdrawal, a grant."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, time
from typing import Any, Final
from urllib.parse import quote
from zoneinfo import ZoneInfo

from starlette.responses import JSONResponse, Response

from services.portal.client import Json, Problem
from services.portal.pages.signing import body_of, hand
from services.portal.visit import SIGNING_POLICY, Book, Visit

book = Book()

# Kind → what it is called, and which members of the signed statement are read out.
KINDS: Final[Mapping[str, tuple[str, Mapping[str, str]]]] = {
    "request": (
        "回答依頼への署名",
        {
            "why": "お願いする理由",
            "purpose": "利用目的",
            "viewers": "ご回答を見る人",
            "notUsedFor": "次の目的には使いません",
            "clauses": "参考にした項目",
            "ndaBasis": "秘密保持",
            "dueAt": "回答期限",
            "respondents": "依頼先の数",
        },
    ),
    "review": ("確認結果への署名", {"decisions": "確認の結果"}),
    "withdrawal": ("回答の取下げ", {"effect": "取下げの種類", "reason": "理由"}),
    "grant": (
        "ほかの依頼元への開示",
        {
            "reader": "開示する相手の依頼",
            "answers": "開示する回答の数",
            "onward": "さらに先への引渡し",
            "notAfter": "開示の期限",
        },
    ),
}
VALUES: Final = {
    "cost-reduction": "原価低減の要請",
    "price-talks": "価格交渉",
    "approaching-sub-suppliers": "貴社の仕入先への直接取引の打診",
    "basic-contract": "取引基本契約の秘密保持条項",
    "own-nda": "個別の秘密保持契約",
    "retracted": "取り消す(以後、回答はなかったものとして扱われます)",
    "superseded": "新しい回答に置き換わった",
    "none": "なし",
    "accepted": "受領",
    "evidence_checked": "根拠資料を確認",
    "independent": "独立した評価を確認",
    "na_accepted": "該当なしを了承",
    "sent_back": "差戻し",
    "waived": "回答を求めない",
}


@book.get("/sign/campaign/{id}")
async def sign_campaign(visit: Visit) -> Response:
    """Show the page that signs a campaign's requests."""
    id_ = _safe(visit, "id")
    await visit.api.get(f"/questionnaire/v1/campaigns/{id_}")
    return one_page(visit, "request", f"/sign/campaign/{id_}/prepare", f"/campaigns/{id_}")


@book.post("/sign/campaign/{id}/prepare")
async def prepare_campaign(visit: Visit) -> Response:
    """Fix a campaign and give its one statement to sign."""
    given = await body_of(visit)
    return JSONResponse(
        await visit.api.post(
            f"/questionnaire/v1/campaigns/{_safe(visit, 'id')}/prepare",
            await hand(visit, str(given.get("key_id")), "requester"),
        )
    )


@book.post("/sign/review/{statement}/prepare")
async def prepare_review(visit: Visit) -> Response:
    """Give the statement of a review's decisions to sign."""
    given = await body_of(visit)
    return JSONResponse(
        await visit.api.post(
            "/questionnaire/v1/reviews/prepare",
            {
                **await hand(visit, str(given.get("key_id")), "requester"),
                "statement_id": visit.request.path_params["statement"],
                "decisions": given.get("decisions", []),
            },
        )
    )


@book.get("/sign/withdrawal/{statement}")
async def sign_withdrawal(visit: Visit) -> Response:
    """Show the page that takes a statement back."""
    statement = _safe(visit, "statement")
    return one_page(visit, "withdrawal", f"/sign/withdrawal/{statement}/prepare", "/requests")


@book.post("/sign/withdrawal/{statement}/prepare")
async def prepare_withdrawal(visit: Visit) -> Response:
    """Give the withdrawal to sign."""
    given = await body_of(visit)
    return JSONResponse(
        await visit.api.post(
            "/attestation/v1/withdrawals/prepare",
            {
                **await hand(visit, str(given.get("key_id")), str(given.get("role"))),
                "statement_id": visit.request.path_params["statement"],
                "effect": given.get("effect"),
                "reason": given.get("reason"),
            },
        )
    )


@book.get("/sign/grant/{statement}")
async def sign_grant(visit: Visit) -> Response:
    """Show the page that opens a statement to one further requester."""
    statement = _safe(visit, "statement")
    asked = await visit.api.every("/questionnaire/v1/requests", side="respondent")
    return one_page(visit, "grant", f"/sign/grant/{statement}/prepare", "/requests", requests=asked)


@book.post("/sign/grant/{statement}/prepare")
async def prepare_grant(visit: Visit) -> Response:
    """Give the grant to sign."""
    given = await body_of(visit)
    try:
        day = datetime.strptime(str(given.get("until")), "%Y-%m-%d")  # noqa: DTZ007 (a day alone)
    except ValueError as why:
        raise Problem(422, {"detail": "until is a day"}) from why
    until = datetime.combine(day.date(), time(23, 59, 59), ZoneInfo("Asia/Tokyo"))
    return JSONResponse(
        await visit.api.post(
            "/attestation/v1/grants/prepare",
            {
                **await hand(visit, str(given.get("key_id")), str(given.get("role"))),
                "statement_id": visit.request.path_params["statement"],
                "request_id": given.get("request_id"),
                "not_after": until.isoformat(),
            },
        )
    )


def one_page(
    visit: Visit,
    kind: str,
    prepare: str,
    done: str,
    extra: Json | None = None,
    requests: list[Any] | None = None,
) -> Response:
    """Return the page that has one statement of `kind` prepared, shown and signed."""
    title, fields = KINDS[kind]
    return visit.page(
        "sign_one.html",
        policy=SIGNING_POLICY,
        kind=kind,
        prepare=prepare,
        done=done,
        extra=extra or {},
        title=title,
        fields=fields,
        values=VALUES,
        requests=requests or [],
    )


def _safe(visit: Visit, name: str) -> str:
    return quote(visit.request.path_params[name], safe="")
