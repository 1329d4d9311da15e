"""The ERP's face: scores, suppliers and tiers of the requester's newest snapshot."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from urllib.parse import urlencode
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import ConfigDict, Field
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.problems import Invalid, NotFound
from services.kit.web import Cursor, Limit, Model, Page, Tx
from services.risk.actions import serving
from services.risk.api.edge import (
    Exact,
    Here,
    IfNoneMatch,
    from_cursor,
    to_cursor,
    unless_known,
)
from services.risk.api.filters import Band, Filters, told
from services.risk.rules import serving as rules
from services.risk.rules.dispute import State
from services.risk.store import SnapshotSigned, disputed, served, snapshots

router = APIRouter(tags=["scores"])

_READ = [needs("scores.read")]
_ADDRESS = Field(description="where the score is explained")


class NoneYet(NotFound):
    """No snapshot of this organization was signed yet: `POST /snapshots` asks for one."""

    urn = "snapshots/none-yet"


class Sourced(Model):
    """Where a number comes from: the snapshot, its moment, model and policy.

    `synthetic` marks numbers made of made-up facts (a demo at size).
    """

    snapshot: UUID
    as_of: datetime
    model_version: str
    policy_digest: str
    explanation_url: Annotated[str, _ADDRESS]
    synthetic: bool


class Looked(Model):
    """That a number is being looked at again: until `due_at` it is somebody's turn."""

    dispute_id: UUID
    state: State
    due_at: datetime | None


class SupplierScore(Sourced):
    """One firm as the requester sees it.

    `id` is the requester's own supplier id, or its pseudonym for a firm further down; name, tags,
    vendor codes and identifiers (by scheme) are the requester's own and empty for those. `score` is
    0..100, 100 worst, null for a firm that is not judged (a trading house that only handles goods);
    `band` is `unseen` where too little is known. `coverage` is 0..1. `tier` is the shortest way to
    it, `tiers` those in which it carries part of the total. `dispute` stands beside the number
    while its supplier's request to look again is not settled.
    """

    id: str
    name: str | None
    vendor_codes: list[str]
    identifiers: dict[str, str]
    tags: list[str]
    product_lines: list[str]
    tier: int
    tiers: list[int]
    score: float | None
    score_exact: Exact | None
    band: Band | None
    coverage: float | None
    dispute: Looked | None


class SupplierRow(SupplierScore):
    """A score in a list: fields that were not asked for are left out."""

    model_config = ConfigDict(json_schema_extra=lambda schema: schema.update(required=["id"]))


class SupplierPage(Page):
    """A page of firms by id; all pages of one walk are of one snapshot."""

    items: list[SupplierRow]


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
def list_supplier_scores(
    tx: Tx,
    who: Who,
    here: Here,
    *,
    wanted: Filters,
    fields: Annotated[str | None, Query(pattern=r"^[a-z_]+(,[a-z_]+)*$", max_length=400)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """List the scores of your suppliers and of the firms below them.

    `fields` names, by commas, what each item shall hold; `id` is always among it.
    """
    shown = _fields(fields)
    snapshot, after = _at(tx, who.org, cursor)
    found = served.scores(tx, who.org, snapshot.snapshot_id, wanted, after=after, limit=limit + 1)
    looked = disputed.unsettled_of(tx, [one.link_id for one, _ in found if one.link_id])
    source = serving.source(here, snapshot)
    items = [
        {k: v for k, v in one.items() if shown is None or k in shown}
        for one in (
            rules.score(source, serving.firm(score, looked), serving.named(label))
            for score, label in found[:limit]
        )
    ]
    ended = to_cursor(str(snapshot.snapshot_id), items[-1]["id"]) if len(found) > limit else None
    asked = {**told(wanted), "fields": fields, "limit": limit, "cursor": ended}
    query = urlencode({k: v for k, v in asked.items() if v is not None})
    return unless_known(
        {"next_cursor": ended, "items": items},
        if_none_match,
        link=f"{here}/suppliers?{query}" if ended else None,
    )


def _fields(fields: str | None) -> set[str] | None:
    if fields is None:
        return None
    names = {"id", *fields.split(",")}
    if unknown := names - SupplierScore.model_fields.keys():
        msg = f"no such fields: {', '.join(sorted(unknown))}"
        raise Invalid(msg, fields=sorted(SupplierScore.model_fields))
    return names


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
        portfolio_score=None if index is None else rules.shown(index["evidenced"]),
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
        "synthetic": snapshot.summary.get("synthetic", False),
    }


def _tier(row: dict[str, Any]) -> TierScore:
    same = {
        name: row[name]
        for name in TierScore.model_fields
        if name not in ("score", "score_exact", "coverage")
    }
    return TierScore(
        **same,
        score=rules.shown(row["index"]["evidenced"]),
        score_exact=row["index"],
        coverage=rules.number(row["coverage"]),
    )
