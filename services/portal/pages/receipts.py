"""The receipt: what was signed, that it stands in the log, and how anybody verifies it."""

from __future__ import annotations

from typing import Any, Final

from rensho.errors import VerificationError
from starlette.responses import Response

from services.kit import clock
from services.portal import paper, receipt
from services.portal.client import Problem
from services.portal.pages import desk as desks
from services.portal.pages.desk import Desk, desk_page
from services.portal.pages.evidence import saved
from services.portal.pages.keys import fingerprint
from services.portal.pages.signing import ROLES
from services.portal.receipt import Receipt
from services.portal.visit import Book, Visit, to
from services.portal.words import words as words_in

book = Book()

_NOT_FOUND: Final = 404
TYPES: Final = {
    "declaration": "AI利用状況申告書",
    "ai-governance": "AIコンポーネントの回答書",
}


@book.get("/requests/{id}/receipt")
async def show(visit: Visit) -> Response:
    """Show the receipt, or that the log has not got it yet."""
    desk = await desks.load(visit)
    found = await _receipt(visit, desk)
    if found is None:
        return desk_page(visit, desk, "receipt_waiting.html", "receipt")
    return desk_page(
        visit,
        desk,
        "receipt.html",
        "receipt",
        receipt=found,
        roles=ROLES,
        types=TYPES,
        fingerprint=fingerprint,
        paper=paper.japanese_font() is not None,
    )


@book.get("/requests/{id}/receipt.rensho.zip")
async def archive_file(visit: Visit) -> Response:
    """Give the archive that anybody verifies offline."""
    return saved(await _archive(visit, await desks.load(visit)))


@book.get("/requests/{id}/trust.json")
async def trust_file(visit: Visit) -> Response:
    """Give the Trust file of this deployment."""
    return saved(await visit.api.raw("GET", "/attestation/v1/trust.json"))


@book.get("/requests/{id}/bundle/{statement}")
async def bundle_file(visit: Visit) -> Response:
    """Give the bundle of one statement."""
    statement = visit.request.path_params["statement"]
    answer = await visit.api.call("GET", f"/attestation/v1/statements/{statement}/bundle")
    answer.headers["content-disposition"] = f'attachment; filename="{statement}.sigstore.json"'
    return saved(answer)


@book.get("/requests/{id}/receipt.pdf")
async def pdf(visit: Visit) -> Response:
    """Give the receipt on paper."""
    desk = await desks.load(visit)
    found = await _receipt(visit, desk)
    if found is None or paper.japanese_font() is None:
        return to(f"/requests/{desk.id}/receipt")
    own = await visit.api.get("/identity/v1/organizations/me")
    made = paper.receipt_pdf(_said(visit, desk, found, own["name"]), visit.complete_language)
    name = f"rensho-receipt-r{found.revision}.pdf"
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(made, media_type="application/pdf", headers=headers)


async def _archive(visit: Visit, desk: Desk) -> Any:
    if desk.response is None:
        raise Problem(_NOT_FOUND, {"type": "urn:rensho:problem:request/not-found"})
    path = f"/attestation/v1/responses/{desk.response['id']}.rensho.zip"
    return await visit.api.call("GET", path)


async def _receipt(visit: Visit, desk: Desk) -> Receipt | None:
    try:
        content = (await _archive(visit, desk)).content
        trust = (await visit.api.raw("GET", "/attestation/v1/trust.json")).content
        return receipt.read(content, trust, desk.request, clock.now())
    except Problem as why:
        if why.status != _NOT_FOUND:
            raise
    except VerificationError:
        # The newest revision is promised and its proof is not there yet.
        return None
    return None


def _said(visit: Visit, desk: Desk, found: Receipt, own_name: str) -> dict[str, Any]:
    words = words_in(visit.complete_language)
    text, request = words.plain, desk.request
    pairs = [
        (text("回答者"), own_name),
        (text("依頼元"), request["requester_name"]),
        (text("依頼"), request["title"]),
        (text("回答の版"), str(found.revision)),
        (text("署名日時"), words.time(found.signed_at)),
        (text("署名者の立場"), text(ROLES.get(found.role, found.role))),
        (text("鍵の指紋"), fingerprint(found.key_id)),
        (text("ご回答を見る人"), "、".join(request["viewers"])),
    ]
    steps = (
        "この受付票と同じ画面から、回答一式(.rensho.zip)と信頼の起点(trust.json)を保存します。",
        "rensho verify <zip> --trust trust.json --any audience,request を実行します。",
        "署名・ログ・時刻・内容の判定と、上の要約値が一致することをご確認ください。",
    )
    return {
        "title": text("受付票"),
        "number": f"No. {found.declaration_id[:16]}",
        "date": words.day(found.signed_at),
        "to": text("%(name)s 御中", name=own_name),
        "lead": str(
            text("下記のご回答が署名され、改ざん検知ログに記録されたことをお知らせいたします。")
        ),
        "rows": [[str(name), str(value)] for name, value in pairs],
        "proof": text("署名された文書"),
        "head": [text(each) for each in ("種類", "要約値(SHA-256)", "ログ番号")],
        "statements": [
            [text(TYPES[each.type]), each.id, str(each.log_index)] for each in found.statements
        ],
        "how": text("ご自身で確かめる方法"),
        "steps": [text(each) for each in steps],
        "disclaimer": words.pick(request["disclaimer"]),
        "boxes": [text(each) for each in ("作成", "確認", "承認")],
        "footer": text("連証 Rensho"),
    }
