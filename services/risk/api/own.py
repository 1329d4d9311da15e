"""What a requester sets for itself, each version kept: its policy, and what it says it buys."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Field

from services.kit.auth import Who, needs
from services.kit.problems import Invalid
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx
from services.risk.actions import policies as actions
from services.risk.actions.deployment import default_policy
from services.risk.api.edge import from_cursor, to_cursor
from services.risk.rules.number import nine_places
from services.risk.rules.policy import Policy
from services.risk.store import PolicyVersion, owned

router = APIRouter(tags=["policy"])

Weight = Annotated[int, Field(ge=1, le=1000)]
Edge = Annotated[float, Field(gt=0, lt=1)]


class Bands(Model):
    """Lower edges of the bands on the evidenced risk, 0..1; A starts at 0."""

    B: Edge
    C: Edge
    D: Edge
    E: Edge


class PolicyIn(Model):
    """Your own question weights by criticality 1..5, your own band edges; null: the deployment's.

    Both null goes back to the deployment's policy. `note` says why, for whoever reads the history.
    """

    weights: Annotated[list[Weight] | None, Field(min_length=5, max_length=5)] = None
    bands: Bands | None = None
    note: Annotated[str, Field(max_length=1000)] = ""


class PolicyOut(Model):
    """One version: what was set, by whom, and the digest that snapshots made under it name."""

    id: UUID
    made_at: datetime
    made_by: str
    digest: str
    weights: list[int] | None
    bands: Bands | None
    note: str


class PolicyPage(Page):
    """A page of policy versions, newest first."""

    items: list[PolicyOut]


class PolicyNow(Model):
    """The policy your next snapshot is judged by: whole, with its digest. `own` is your version."""

    digest: str
    document: dict[str, Any]
    own: PolicyOut | None


Base = Annotated[Policy, Depends(default_policy)]


@router.get("/policy", dependencies=[needs("policies.read")])
def get_policy(tx: Tx, who: Who, base: Base) -> PolicyNow:
    """Get the policy your next snapshot will be judged by."""
    own = owned.policy(tx, who.org)
    held = actions.of(tx, base, who.org)
    own_out = None if own is None or own.document is None else _out(own)
    return PolicyNow(digest=held.digest, document=dict(held.document), own=own_out)


@router.post(
    "/policies",
    status_code=201,
    response_model=PolicyOut,
    dependencies=[needs("policies.write")],
)
def adopt_policy(
    body: PolicyIn, tx: Tx, who: Who, now: Now, base: Base, once: OnceOnly
) -> Response:
    """Judge by your own weights and bands from your next snapshot on."""

    def work() -> PolicyOut:
        edges = None if body.bands is None else body.bands.model_dump()
        own = actions.Own(
            weights=body.weights,
            bands=None if edges is None else {b: nine_places(edge) for b, edge in edges.items()},
        )
        made = actions.adopt(tx, base, who.org, own, by=who.subject, note=body.note, now=now)
        tx.info["details"].update(policy_id=str(made.id), digest=made.digest)
        return _out(made)

    return once(work)


@router.get("/policies", dependencies=[needs("policies.read")])
def list_policies(tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100) -> PolicyPage:
    """List every version of your own policy, newest first."""
    found = owned.policies(tx, who.org, before=_before(cursor), limit=limit + 1)
    ended = to_cursor(str(found[limit - 1].id)) if len(found) > limit else None
    return PolicyPage(items=[_out(one) for one in found[:limit]], next_cursor=ended)


class ClassOut(Model):
    """What you said you buy on a link: attribute → `[least, most]`."""

    said_at: datetime
    classification: dict[str, list[str]]


class ClassPage(Page):
    """A page of what you said, newest first; the first one counts."""

    items: list[ClassOut]


@router.get("/links/{link_id}/classifications", dependencies=[needs("policies.read")])
def list_classifications(
    link_id: UUID, tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100
) -> ClassPage:
    """List what you said you buy on a link, each time you said so (empty: never, or no such)."""
    found = owned.classifications(tx, who.org, link_id, before=_before(cursor), limit=limit + 1)
    ended = to_cursor(str(found[limit - 1].event_id)) if len(found) > limit else None
    items = [
        ClassOut(said_at=one.said_at, classification=one.classification) for one in found[:limit]
    ]
    return ClassPage(items=items, next_cursor=ended)


def _before(cursor: str | None) -> UUID | None:
    place = from_cursor(cursor, 1)
    try:
        return None if place is None else UUID(place[0])
    except ValueError as why:
        raise Invalid("this cursor is none of ours") from why


def _out(of: PolicyVersion) -> PolicyOut:
    bands = of.changed["bands"]
    return PolicyOut(
        id=of.id,
        made_at=of.made_at,
        made_by=of.made_by,
        digest=of.digest,
        weights=of.changed["weights"],
        bands=bands and Bands(**{name: float(edge) for name, edge in bands.items()}),
        note=of.note,
    )
