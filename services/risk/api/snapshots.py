"""Snapshots: asking for one, following it into the log, and its documents as digested."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.problems import Invalid, NotFound, Refused
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx
from services.risk.actions import snapshots as actions
from services.risk.api.edge import (
    Exact,
    Here,
    IfNoneMatch,
    bytes_unless_known,
    from_cursor,
    to_cursor,
)
from services.risk.store import SnapshotSigned, snapshots
from services.risk.store.snapshots import Standing

router = APIRouter(prefix="/snapshots", tags=["snapshots"])

_READ = [needs("snapshots.read")]
State = Literal["requested", "signed", "logged", "refused"]


class NotSignedYet(Refused):
    """The snapshot is being made; try again shortly."""

    urn = "snapshots/not-signed-yet"


class LogPlace(Model):
    """The leaf of a snapshot's statement."""

    origin: str
    index: int


class SnapshotOut(Model):
    """A judgement and how far it is.

    `statement_id`, `as_of` and the digests are null until it is signed, `log` until it is logged;
    `codes` say why the log refused it. `total` is in nats.
    """

    id: UUID
    state: State
    requested_at: datetime
    as_of: datetime | None
    statement_id: str | None
    model_version: str | None
    policy_digest: str | None
    facts_sha256: str | None
    results_sha256: str | None
    total: Exact | None
    portfolio_index: Exact | None
    log: LogPlace | None
    codes: list[str]


class SnapshotWhole(SnapshotOut):
    """A snapshot with its per-tier table, as in the results document."""

    tiers: list[dict[str, Any]]


class SnapshotPage(Page):
    """A page of snapshots, newest first."""

    items: list[SnapshotOut]


@router.post(
    "", status_code=202, response_model=SnapshotOut, dependencies=[needs("snapshots.write")]
)
def create_snapshot(tx: Tx, who: Who, now: Now, once: OnceOnly) -> Response:
    """Ask for a judgement of what is known now; it is made, signed and logged behind the answer."""

    def work() -> SnapshotOut:
        made = actions.request(tx, who.org, now)
        tx.info["details"]["snapshot_id"] = str(made.id)
        return SnapshotOut(**_out(Standing(made, None, None, None)))

    answer = once(work, status=202)
    answer.headers["Location"] = f"/risk/v1/snapshots/{json.loads(bytes(answer.body))['id']}"
    return answer


@router.get("", dependencies=_READ)
def list_snapshots(
    tx: Tx, who: Who, here: Here, response: Response, cursor: Cursor = None, limit: Limit = 100
) -> SnapshotPage:
    """List your snapshots, newest first."""
    place = from_cursor(cursor, 1)
    try:
        before = None if place is None else UUID(place[0])
    except ValueError as why:
        msg = "this cursor is none of ours"
        raise Invalid(msg) from why
    found = snapshots.standings(tx, who.org, before=before, limit=limit + 1)
    ended = to_cursor(str(found[limit - 1].asked.id)) if len(found) > limit else None
    if ended:
        response.headers["Link"] = f'<{here}/snapshots?limit={limit}&cursor={ended}>; rel="next"'
    return SnapshotPage(
        items=[SnapshotOut(**_out(each)) for each in found[:limit]], next_cursor=ended
    )


@router.get("/{snapshot_id}", dependencies=_READ)
def get_snapshot(snapshot_id: UUID, tx: Tx, who: Who) -> SnapshotWhole:
    """Get one snapshot and its per-tier table."""
    found = _mine(tx, who.org, snapshot_id)
    return SnapshotWhole(**_out(found), tiers=found.signed.summary["tiers"] if found.signed else [])


@router.get("/{snapshot_id}/facts", response_class=Response, dependencies=_READ)
def get_snapshot_facts(
    snapshot_id: UUID, tx: Tx, who: Who, if_none_match: IfNoneMatch = None
) -> Response:
    """Get the facts document byte for byte as it was digested."""
    signed = _documents(tx, who.org, snapshot_id)
    return bytes_unless_known(signed.facts, signed.facts_sha256, if_none_match)


@router.get("/{snapshot_id}/results", response_class=Response, dependencies=_READ)
def get_snapshot_results(
    snapshot_id: UUID, tx: Tx, who: Who, if_none_match: IfNoneMatch = None
) -> Response:
    """Get the results document byte for byte as it was digested."""
    signed = _documents(tx, who.org, snapshot_id)
    return bytes_unless_known(signed.results, signed.results_sha256, if_none_match)


def _mine(tx: Session, org: UUID, snapshot_id: UUID) -> Standing:
    found = snapshots.standing(tx, org, snapshot_id)
    if found is None:
        msg = "no such snapshot"
        raise NotFound(msg)
    return found


def _documents(tx: Session, org: UUID, snapshot_id: UUID) -> SnapshotSigned:
    found = snapshots.documents(tx, org, snapshot_id)
    if found is None:
        _mine(tx, org, snapshot_id)
        msg = "this snapshot is not signed yet"
        raise NotSignedYet(msg, headers={"Retry-After": "1"})
    return found


def _out(found: Standing) -> dict[str, Any]:
    signed, logged, refused = found.signed, found.logged, found.refused
    return {
        "id": found.asked.id,
        "state": _state(found),
        "requested_at": found.asked.requested_at,
        "as_of": signed and signed.as_of,
        "statement_id": signed and signed.statement_id,
        "model_version": signed and signed.model,
        "policy_digest": signed and signed.policy_digest,
        "facts_sha256": signed and signed.facts_sha256,
        "results_sha256": signed and signed.results_sha256,
        "total": signed and signed.summary["total"],
        "portfolio_index": signed and signed.summary["portfolio_index"],
        "log": logged and LogPlace(origin=logged.log_origin, index=logged.log_index),
        "codes": refused.codes if refused else [],
    }


def _state(found: Standing) -> State:
    if found.refused is not None:
        return "refused"
    if found.logged is not None:
        return "logged"
    return "requested" if found.signed is None else "signed"
