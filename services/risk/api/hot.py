"""One firm's score, as an ERP asks for it all day: stored bytes, by one statement, no ORM."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated, Any, Final, LiteralString

from fastapi import APIRouter, Path, Request, Response

from services.kit.auth import Principal, Who, needs
from services.kit.problems import NotFound, Refused, Unauthenticated
from services.risk.api.edge import IfNoneMatch, tags
from services.risk.api.filters import TEXT
from services.risk.api.scores import NoneYet, SupplierExplained
from services.risk.rules.serving import BY_ID, BY_VENDOR_CODE, SCHEMES
from services.risk.store.direct import Direct

router = APIRouter(tags=["scores"])

_READ = [needs("scores.read")]
_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "as it was"}}
_SERVED: LiteralString = (
    "SELECT state, firm, tag, bytes FROM risk.served_to"
    "($1::text, $2::uuid, $3::timestamptz, $4::text, $5::text, string_to_array($6::text, ','))"
)
FirmId = Annotated[str, Path(pattern=r"^[!-~]{1,100}$", description="supplier id or pseudonym")]
Scheme = Annotated[str, Path(pattern=f"^({'|'.join(SCHEMES)})$")]


class Ambiguous(Refused):
    """Several suppliers carry this code or number; `supplier_ids` names them."""

    urn = "suppliers/ambiguous-vendor-code"
    status = HTTPStatus.CONFLICT


@router.get(
    "/suppliers/by-vendor-code/{code:path}",
    response_model=SupplierExplained,
    responses=_UNCHANGED,
    dependencies=_READ,
)
async def get_supplier_by_vendor_code(
    code: Annotated[str, Path(pattern=TEXT)],
    request: Request,
    who: Who,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Get the score of the one supplier that carries a vendor code."""
    return await _serve(request, who, BY_VENDOR_CODE, code, if_none_match)


@router.get(
    "/suppliers/by-identifier/{scheme}/{value}",
    response_model=SupplierExplained,
    responses=_UNCHANGED,
    dependencies=_READ,
)
async def get_supplier_by_identifier(
    scheme: Scheme,
    value: Annotated[str, Path(pattern=TEXT)],
    request: Request,
    who: Who,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Get the score of the one supplier with a corporate number, LEI, D-U-N-S, GLN or BPNL.

    Numbers that you recorded count first; a supplier that enrolled is also found by what it claims.
    """
    return await _serve(request, who, scheme, value, if_none_match)


@router.get(
    "/suppliers/{supplier_id}",
    response_model=SupplierExplained,
    responses=_UNCHANGED,
    dependencies=_READ,
)
async def get_supplier_score(
    supplier_id: FirmId, request: Request, who: Who, if_none_match: IfNoneMatch = None
) -> Response:
    """Get one firm's score and what it is made of."""
    return await _serve(request, who, BY_ID, supplier_id, if_none_match)


async def _serve(
    request: Request, who: Principal, scheme: str, wanted: str, if_none_match: str | None
) -> Response:
    direct: Direct = request.app.state.direct
    known = tags(if_none_match)
    issued_at, held = who.issued_at.isoformat(), ",".join(known)
    rows = await direct.rows(_SERVED, (who.subject, str(who.org), issued_at, scheme, wanted, held))
    state, _, tag, body = rows[0]
    if state != b"found":
        refusal, words = _REFUSALS[state or b""]
        raise refusal(words)
    if len(rows) > 1:
        msg = "several suppliers carry this code or number"
        raise Ambiguous(msg, supplier_ids=[(row[1] or b"").decode() for row in rows])
    headers = {"ETag": f'"{(tag or b"").decode()}"', "Cache-Control": "private, no-cache"}
    if body is None or "*" in known:
        return Response(status_code=304, headers=headers)
    return Response(body, media_type="application/json", headers=headers)


_REFUSALS: Final[dict[bytes, tuple[type[Refused], str]]] = {
    b"revoked": (Unauthenticated, "this access was withdrawn"),
    b"unknown": (NotFound, "no such supplier"),
    b"none yet": (NoneYet, "no snapshot of yours was signed yet; ask for one"),
}
