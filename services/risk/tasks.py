"""What comes in by the worker: events of the other services, snapshots to make, the night."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit import clock
from services.kit.outbox import Event, Handler, remember_revocation
from services.kit.settings import Settings
from services.risk.actions import hearing, snapshots
from services.risk.actions.deployment import Deployment

NIGHT = time(17, 0)
"""02:00 in Japan, as beat counts (UTC)."""

Tick = tuple[time, Callable[[Session, datetime], None]]


def handlers(settings: Settings) -> dict[str, Handler]:
    """Return what risk does when it hears of something.

    Raises:
        PolicyRefused, UnsafeKeys: see `Deployment.of`.
    """
    deployment = Deployment.of(settings)

    def make_snapshot(tx: Session, event: Event) -> None:
        snapshots.freeze(tx, deployment, UUID(event["snapshot_id"]), clock.now())

    return {
        "organization.enrolled.v1": hearing.organization_enrolled,
        "questionnaire.published.v1": hearing.questionnaire_published,
        "supplier.linked.v1": hearing.supplier_linked,
        "request.issued.v1": hearing.request_issued,
        "response.submitted.v1": hearing.response_submitted,
        "statement.recorded.v1": hearing.statement_recorded,
        "statement.refused.v1": hearing.statement_refused,
        "review.decided.v1": hearing.review_decided,
        "key.changed.v1": hearing.key_changed,
        "access.revoked.v1": remember_revocation,
        "checkpoint.signed.v1": hearing.checkpoint_signed,
        "snapshot.requested.v1": make_snapshot,
    }


def ticks(settings: Settings) -> dict[str, Tick]:
    """Return what the beat runs at night, in a transaction of the worker role.

    Raises:
        PolicyRefused, UnsafeKeys: see `Deployment.of`.
    """
    deployment = Deployment.of(settings)

    def nightly(tx: Session, now: datetime) -> None:
        snapshots.request_where_facts_changed(tx, deployment, now)

    return {"nightly-snapshots": (NIGHT, nightly)}
