"""Why a number is what it is, how it came about, what would move it: over the newest snapshot."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Request, Response
from pydantic import Field

from services.kit.auth import Who, needs
from services.kit.problems import Invalid, NotFound
from services.kit.web import Cursor, Limit, Model, Now, Page, Tx
from services.risk.actions.views import Views
from services.risk.api.disputes import Mark, marks
from services.risk.api.edge import (
    Exact,
    Here,
    IfNoneMatch,
    from_cursor,
    to_cursor,
    unless_known,
)
from services.risk.api.filters import Band
from services.risk.api.hot import FirmId
from services.risk.api.scores import NoneYet, Sourced
from services.risk.rules import moves, paths
from services.risk.rules.hypothesis import Change, Kind, apply
from services.risk.rules.results import document, settle
from services.risk.rules.serving import shown
from services.risk.store import SnapshotSigned, explained, served, snapshots

router = APIRouter(tags=["explanations"])

_READ = [needs("scores.read")]
_UNCHANGED: dict[int | str, dict[str, Any]] = {304: {"description": "as it was"}}


def _views(request: Request) -> Views:
    views: Views = request.app.state.views
    return views


Kept = Annotated[Views, Depends(_views)]


class Moved(Model):
    """A score before and after, 0..100 as shown, and R in 0..1 exactly."""

    before: float | None
    after: float | None
    before_exact: Exact
    after_exact: Exact


class Action(Model):
    """One thing to do next, computed exactly: `index` is of the supplier it concerns.

    `supplier` is your supplier's id, or the pseudonym of a firm further down. `total_before` and
    `total_after` are your total in nats, `effect` how far its evidenced bound falls, `share` the
    part of it that is. What is assumed of the action stands in `contracts/facts/README.md`.
    """

    action: Kind
    supplier: str
    link_id: str
    component: str | None
    question: str | None
    index: Moved
    total_before: Exact
    total_after: Exact
    effect: str
    share: float | None


class AdviceOut(Sourced):
    """The best next actions, the greatest effect first. Effects do not add up: try them together
    with `POST /what-if`.
    """

    items: list[Action]


@router.get("/advice", response_model=AdviceOut, responses=_UNCHANGED, dependencies=_READ)
def get_advice(
    tx: Tx,
    who: Who,
    here: Here,
    limit: Annotated[int, Query(ge=1, le=50)] = 50,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Get what to do next, each told as "index from … to …"."""
    snapshot = newest(tx, who.org)
    rows = explained.advised(tx, who.org, snapshot.snapshot_id)[:limit]
    told = AdviceOut(
        **sourced(snapshot, f"{here}/snapshots/{snapshot.snapshot_id}/results"),
        items=[action(row.action) for row in rows],
    )
    return unless_known(told, if_none_match)


def action(of: dict[str, Any]) -> Action:
    """Return an action as kept beside its snapshot, as it is shown."""
    before, after = of["before"], of["after"]
    total = float(before["total"]["evidenced"])
    return Action(
        **{name: of[name] for name in ("action", "supplier", "link_id", "component", "question")},
        index=_moved(before["risk"], after["risk"]),
        total_before=before["total"],
        total_after=after["total"],
        effect=of["effect"],
        share=float(of["effect"]) / total if total else None,
    )


def _moved(before: Any, after: Any) -> Moved:
    return Moved(
        before=shown(before["evidenced"]),
        after=shown(after["evidenced"]),
        before_exact=before,
        after_exact=after,
    )


class Explanation(Sourced):
    """A firm's score taken apart.

    `split` is its part of the results document, down to component and question
    (`contracts/facts/README.md`, section 11); null for a firm further down, of which nobody sees
    more than an interval. `ways` are the chains of links by which its risk reaches you, heaviest
    first: `carried` and `kept` in nats, `share` of your total; a step without id is a trading
    house. `dispute` stands beside the number until it is settled.
    """

    id: str
    score: float | None
    score_exact: Exact | None
    band: Band | None
    split: dict[str, Any] | None
    ways: list[dict[str, Any]]
    dispute: Mark | None


@router.get(
    "/suppliers/{supplier_id}/explanation",
    response_model=Explanation,
    responses=_UNCHANGED,
    dependencies=_READ,
)
def get_explanation(
    supplier_id: FirmId,
    tx: Tx,
    who: Who,
    here: Here,
    views: Kept,
    now: Now,
    if_none_match: IfNoneMatch = None,
) -> Response:
    """Get one firm's score, split exactly, and the ways by which it reaches you."""
    snapshot = newest(tx, who.org)
    score = served.score(tx, who.org, snapshot.snapshot_id, supplier_id)
    if score is None:
        raise NotFound("no such supplier")
    settled = views.of(tx, who.org, snapshot.snapshot_id)
    assert settled is not None
    ways = paths.document(paths.ways(settled, supplier_id), settled.bounds["evidenced"].total)
    told = Explanation(
        **sourced(snapshot, f"{here}/suppliers/{supplier_id}/explanation"),
        id=score.id,
        score=shown(score.evidenced),
        score_exact=None
        if score.claimed is None or score.evidenced is None
        else Exact(claimed=score.claimed, evidenced=score.evidenced),
        band=score.band,
        split=score.explanation,
        ways=ways,
        dispute=marks(tx, [score.link_id], now).get(score.link_id) if score.link_id else None,
    )
    return unless_known(told, if_none_match)


class Reason(Model):
    """One thing that became different on the link since the snapshot before."""

    reason: str
    component: str | None = None
    question: str | None = None


class Move(Model):
    """A firm's score in one snapshot, and why it is not the one before.

    `reasons` is empty where nothing moved; `further_down` says that its own risk stands and the
    part of its suppliers moved. `policy_digest` names the policy it was judged by.
    """

    snapshot: UUID
    as_of: datetime
    policy_digest: str
    score: float | None
    score_exact: Exact | None
    band: Band | None
    change: float | None
    reasons: list[Reason]


class History(Page):
    """A firm's scores, newest first."""

    items: list[Move]


@router.get("/suppliers/{supplier_id}/history", dependencies=_READ)
def list_supplier_history(
    supplier_id: FirmId, tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 50
) -> History:
    """List how a firm's score moved from snapshot to snapshot, and why."""
    place = from_cursor(cursor, 1)
    try:
        before = None if place is None else UUID(place[0])
    except ValueError as why:
        raise Invalid("this cursor is none of ours") from why
    rows = explained.history(tx, who.org, supplier_id, before=before, limit=limit + 1)
    if not rows and before is None:
        raise NotFound("no such supplier")
    older = [*rows[1:], None] if len(rows) <= limit else rows[1:]
    items = [_move(row, other) for row, other in zip(rows[:limit], older, strict=False)]
    ended = to_cursor(str(items[-1].snapshot)) if len(rows) > limit else None
    return History(items=items, next_cursor=ended)


_Row = tuple[SnapshotSigned, Any, Any]


def _move(row: _Row, older: _Row | None) -> Move:
    signed, score, seen = row
    exact = None
    if score.claimed is not None and score.evidenced is not None:
        exact = Exact(claimed=score.claimed, evidenced=score.evidenced)
    now, was = shown(score.evidenced), None if older is None else shown(older[1].evidenced)
    return Move(
        snapshot=signed.snapshot_id,
        as_of=signed.as_of,
        policy_digest=signed.policy_digest,
        score=now,
        score_exact=exact,
        band=score.band,
        change=None if now is None or was is None else round(now - was, 1),
        reasons=[Reason(**told) for told in _reasons(score, seen, older)],
    )


def _reasons(score: Any, seen: Any, older: _Row | None) -> list[dict[str, Any]]:
    if older is None:
        return moves.reasons(None, {})
    moved = (score.claimed, score.evidenced) != (older[1].claimed, older[1].evidenced)
    if seen is None or older[2] is None:
        return [{"reason": "further_down"}] if moved else []
    told = moves.reasons(older[2].seen, seen.seen)
    only_time = told == [{"reason": "time_passed"}]
    if not moved and only_time:
        return []
    if only_time and _same_own(score.explanation, older[1].explanation):
        return [{"reason": "further_down"}]
    return told


def _same_own(now: Any, before: Any) -> bool:
    return now is not None and before is not None and now["own"] == before["own"]


class Hypothetical(Model):
    """One change. `link_id` is one of your own links; for `declare_sub_tier` the pseudonym of a
    link further down will do. `value`: the option code of `answer` (best one if null), or the
    class of `dependency`.
    """

    kind: Kind
    link_id: Annotated[str, Field(min_length=1, max_length=100)]
    component: Annotated[str | None, Field(max_length=200)] = None
    question: Annotated[str | None, Field(max_length=100)] = None
    value: Annotated[str | None, Field(max_length=100)] = None


class WhatIfIn(Model):
    """Changes to imagine, in their order."""

    changes: Annotated[list[Hypothetical], Field(min_length=1, max_length=200)]


class SupplierMoved(Moved):
    """A supplier of yours whose score would be another one."""

    supplier: str
    band_before: Band | None
    band_after: Band | None


class TierMoved(Moved):
    """A tier whose index would be another one."""

    tier: int


class WhatIf(Sourced):
    """What the newest snapshot would say after the changes. Nothing of it is kept."""

    total_before: Exact
    total_after: Exact
    portfolio: Moved | None
    tiers: list[TierMoved]
    suppliers: list[SupplierMoved]


@router.post("/what-if", dependencies=_READ)
def imagine(body: WhatIfIn, tx: Tx, who: Who, here: Here, views: Kept) -> WhatIf:
    """Compute what any set of changes would do. Nothing of it becomes a fact or is kept."""
    snapshot = newest(tx, who.org)
    settled = views.of(tx, who.org, snapshot.snapshot_id)
    assert settled is not None
    changes = [
        Change(one.kind, one.link_id, one.component, one.question, one.value)
        for one in body.changes
    ]
    before, after = document(settled), document(settle(apply(settled.facts, changes)))
    suppliers = {row["id"]: row for row in after["suppliers"]}
    pairs = [(row, suppliers.get(row["id"])) for row in before["suppliers"]]
    tiers = {row["tier"]: row for row in after["tiers"]}
    indices = before["portfolio_index"], after["portfolio_index"]
    return WhatIf(
        **sourced(snapshot, f"{here}/snapshots/{snapshot.snapshot_id}/results"),
        total_before=before["total"],
        total_after=after["total"],
        portfolio=_moved(*indices) if all(indices) else None,
        tiers=[
            TierMoved(tier=row["tier"], **_moved(row["index"], other["index"]).model_dump())
            for row in before["tiers"]
            if (other := tiers.get(row["tier"])) is not None and other["index"] != row["index"]
        ],
        suppliers=[
            SupplierMoved(
                supplier=row["supplier"],
                band_before=row["band"],
                band_after=other["band"],
                **_moved(row["risk"], other["risk"]).model_dump(),
            )
            for row, other in pairs
            if other is not None and other["risk"] != row["risk"]
        ],
    )


def newest(tx: Tx, org: UUID) -> SnapshotSigned:
    """Return the newest signed snapshot; raises NoneYet."""
    found = snapshots.newest(tx, org)
    if found is None:
        raise NoneYet("no snapshot of yours was signed yet; ask for one")
    return found


def sourced(snapshot: SnapshotSigned, explanation_url: str) -> dict[str, Any]:
    """Return where numbers come from, as every answer says it."""
    return {
        "snapshot": snapshot.snapshot_id,
        "as_of": snapshot.as_of,
        "model_version": snapshot.model,
        "policy_digest": snapshot.policy_digest,
        "explanation_url": explanation_url,
        "synthetic": snapshot.summary.get("synthetic", False),
    }
