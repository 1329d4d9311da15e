"""The ERP's face: scores, suppliers and tiers of the requester's newest snapshot."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal
from urllib.parse import quote, urlencode
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.problems import Invalid, NotFound, Refused
from services.kit.web import Cursor, Limit, Model, Page, Tx
from services.risk.api.edge import (
    Exact,
    Here,
    IfNoneMatch,
    from_cursor,
    number,
    shown,
    to_cursor,
    unless_known,
)
from services.risk.store import Label, Score, SnapshotSigned, snapshots
from services.risk.store.snapshots import Wanted

router = APIRouter(tags=["scores"])

Band = Literal["A", "B", "C", "D", "E", "unseen"]
_READ = [needs("scores.read")]
_ADDRESS = Field(description="where the score is explained")

FirmId = Annotated[str, Path(pattern=r"^[!-~]{1,100}$", description="supplier id or pseudonym")]
_CODE = r"^[^\x00-\x1f]{1,200}$"


class NoneYet(NotFound):
    """No snapshot of this organization was signed yet: `POST /snapshots` asks for one."""

    urn = "snapshots/none-yet"


class AmbiguousVendorCode(Refused):
    """Several suppliers carry this vendor code; `supplier_ids` names them."""

    urn = "suppliers/ambiguous-vendor-code"
    status = HTTPStatus.CONFLICT


class Sourced(Model):
    """Where a number comes from: the snapshot, its moment, model and policy."""

    snapshot: UUID
    as_of: datetime
    model_version: str
    policy_digest: str
    explanation_url: Annotated[str, _ADDRESS]


class SupplierScore(Sourced):
    """One firm as the requester sees it.

    `id` is the requester's own supplier id, or its pseudonym for a firm further down; name, tags
    and vendor codes are the requester's own and empty for those. `score` is 0..100, 100 worst, null
    for a firm that is not judged (a trading house that only handles goods); `band` is `unseen`
    where too little is known. `coverage` is 0..1. `tier` is the shortest way to it, `tiers` those
    in which it carries part of the total.
    """

    id: str
    name: str | None
    vendor_codes: list[str]
    tags: list[str]
    tier: int
    tiers: list[int]
    score: float | None
    score_exact: Exact | None
    band: Band | None
    coverage: float | None


class SupplierPage(Page):
    """A page of firms by id; all pages of one walk are of one snapshot."""

    items: list[SupplierScore]


class SupplierExplained(SupplierScore):
    """A firm with what its score is made of.

    `explanation` is the supplier's part of the results document (`contracts/facts/README.md`,
    section 11): own risk, tier below, contribution, principles, topics, components and single
    questions. Null for a firm further down: there nobody sees more than an interval.
    """

    explanation: dict[str, Any] | None


class Standing(Model):
    """Gap (0..1, both bounds) and coverage under one principle or topic; null where nothing
    was required.
    """

    gap: Exact | None
    coverage: str | None


class Share(Model):
    """A part of the requester's total per bound; null on a bound where the total is 0."""

    claimed: str | None
    evidenced: str | None


class Contributor(Model):
    """A firm that carries a great part of a tier's contribution, in nats."""

    id: str
    contribution: str
    undisclosed: str


class TierScore(Model):
    """One tier; `score` and `coverage` as of a supplier, the rest as in the results document."""

    tier: int
    score: float | None
    score_exact: Exact
    coverage: float | None
    unseen_width: str
    unseen_weight: str
    contribution: Exact
    share: Share
    undisclosed: str
    firms: dict[Band, int]
    herfindahl: str | None
    largest: list[Contributor]
    principles: dict[str, Standing]
    topics: dict[str, Standing]


class TierTable(Sourced):
    """The requester's total in nats, its portfolio index, and every tier."""

    total: Exact
    portfolio_score: float | None
    portfolio_exact: Exact | None
    deeper: Exact
    tiers: list[TierScore]


@router.get(
    "/suppliers",
    response_model=SupplierPage,
    responses={304: {"description": "as it was"}},
    dependencies=_READ,
)
def list_supplier_scores(  # noqa: PLR0913 (the filters of one list)
    tx: Tx,
    who: Who,
    here: Here,
    *,
    tier: Annotated[int | None, Query(ge=1, le=100)] = None,
    band: Band | None = None,
    vendor_code: Annotated[str | None, Query(pattern=_CODE)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """List the scores of your suppliers and of the firms below them."""
    snapshot, after = _at(tx, who.org, cursor)
    wanted = Wanted(tier=tier, band=band, vendor_code=vendor_code)
    found = snapshots.scores(
        tx, who.org, snapshot.snapshot_id, wanted, after=after, limit=limit + 1
    )
    items = [SupplierScore(**_score(here, snapshot, *each)) for each in found[:limit]]
    ended = to_cursor(str(snapshot.snapshot_id), items[-1].id) if len(found) > limit else None
    filters = {"tier": tier, "band": band, "vendor_code": vendor_code, "limit": limit}
    query = urlencode({**{k: v for k, v in filters.items() if v is not None}, "cursor": ended})
    return unless_known(
        SupplierPage(items=items, next_cursor=ended),
        if_none_match,
        link=f"{here}/suppliers?{query}" if ended else None,
    )


@router.get(
    "/suppliers/by-vendor-code/{code:path}",
    response_model=SupplierExplained,
    responses={304: {"description": "as it was"}},
    dependencies=_READ,
)
def get_supplier_by_vendor_code(
    code: Annotated[str, Path(pattern=_CODE)],
    tx: Tx,
    who: Who,
    here: Here,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Get the score of the one supplier that carries a vendor code."""
    snapshot = _newest(tx, who.org)
    found = snapshots.scores(
        tx, who.org, snapshot.snapshot_id, Wanted(vendor_code=code), after=None, limit=10
    )
    if not found:
        msg = "no supplier carries this vendor code"
        raise NotFound(msg)
    if len(found) > 1:
        msg = "several suppliers carry this vendor code"
        raise AmbiguousVendorCode(msg, supplier_ids=[score.id for score, _ in found])
    return unless_known(_explained(here, snapshot, *found[0]), if_none_match)


@router.get(
    "/suppliers/{supplier_id}",
    response_model=SupplierExplained,
    responses={304: {"description": "as it was"}},
    dependencies=_READ,
)
def get_supplier_score(
    supplier_id: FirmId, tx: Tx, who: Who, here: Here, if_none_match: IfNoneMatch = None
) -> Response:
    """Get one firm's score and what it is made of."""
    snapshot = _newest(tx, who.org)
    found = snapshots.score(tx, who.org, snapshot.snapshot_id, supplier_id)
    if found is None:
        msg = "no such supplier"
        raise NotFound(msg)
    return unless_known(_explained(here, snapshot, *found), if_none_match)


@router.get(
    "/tiers",
    response_model=TierTable,
    responses={304: {"description": "as it was"}},
    dependencies=_READ,
)
def get_tiers(tx: Tx, who: Who, here: Here, if_none_match: IfNoneMatch = None) -> Response:
    """Get the risk index per tier, and what it stands on."""
    snapshot = _newest(tx, who.org)
    summary = snapshot.summary
    index = summary["portfolio_index"]
    table = TierTable(
        **_source(snapshot, f"{here}/snapshots/{snapshot.snapshot_id}/results"),
        total=summary["total"],
        portfolio_score=None if index is None else shown(index["evidenced"]),
        portfolio_exact=index,
        deeper=summary["deeper"],
        tiers=[_tier(row) for row in summary["tiers"]],
    )
    return unless_known(table, if_none_match)


def _newest(tx: Session, org: UUID) -> SnapshotSigned:
    found = snapshots.newest(tx, org)
    if found is None:
        msg = "no snapshot of yours was signed yet; ask for one"
        raise NoneYet(msg)
    return found


def _at(tx: Session, org: UUID, cursor: str | None) -> tuple[SnapshotSigned, str | None]:
    """Return the snapshot a list walks, and after which firm it goes on."""
    place = from_cursor(cursor, 2)
    if place is None:
        return _newest(tx, org), None
    snapshot_id, after = place
    try:
        found = snapshots.signed(tx, org, UUID(snapshot_id))
    except ValueError:
        found = None
    if found is None or not after.isprintable():
        msg = "this cursor is none of ours"
        raise Invalid(msg)
    return found, after


def _source(snapshot: SnapshotSigned, explanation_url: str) -> dict[str, Any]:
    return {
        "snapshot": snapshot.snapshot_id,
        "as_of": snapshot.as_of,
        "model_version": snapshot.model,
        "policy_digest": snapshot.policy_digest,
        "explanation_url": explanation_url,
    }


def _score(
    here: str, snapshot: SnapshotSigned, score: Score, label: Label | None
) -> dict[str, Any]:
    exact = None
    if score.claimed is not None and score.evidenced is not None:
        exact = Exact(claimed=score.claimed, evidenced=score.evidenced)
    return {
        **_source(snapshot, f"{here}/suppliers/{quote(score.id, safe='')}"),
        "id": score.id,
        "name": label.name if label else None,
        "vendor_codes": label.vendor_codes if label else [],
        "tags": label.tags if label else [],
        "tier": score.tier,
        "tiers": score.tiers,
        "score": shown(score.evidenced),
        "score_exact": exact,
        "band": score.band,
        "coverage": number(score.coverage),
    }


def _explained(
    here: str, snapshot: SnapshotSigned, score: Score, label: Label | None
) -> SupplierExplained:
    return SupplierExplained(**_score(here, snapshot, score, label), explanation=score.explanation)


def _tier(row: dict[str, Any]) -> TierScore:
    same = {
        name: row[name]
        for name in TierScore.model_fields
        if name not in ("score", "score_exact", "coverage")
    }
    return TierScore(
        **same,
        score=shown(row["index"]["evidenced"]),
        score_exact=row["index"],
        coverage=number(row["coverage"]),
    )
