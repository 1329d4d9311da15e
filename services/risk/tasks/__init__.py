"""What comes in by the worker: events of the other services, snapshots to make, the night."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit import clock
from services.kit.outbox import Event, Handler, remember_revocation
from services.kit.settings import Settings
from services.risk.actions import disputes, hearing, hooks, proving, serving, snapshots
from services.risk.actions.deployment import Deployment
from services.risk.store.snapshots import by_statement
from services.risk.tasks.drop import drop_all

NIGHT = time(17, 0)
"""02:00 in Japan, as beat counts (UTC)."""
AFTER_MIDNIGHT = time(18, 0)
"""03:00 in Japan, when the night's snapshots are made."""
FOLDER = time(19, 0)
"""Two hours after the snapshots: 04:00 in Japan."""
_CATCH_UP = timedelta(minutes=10)
HOURLY = timedelta(hours=1)

Tick = tuple[time | timedelta, Callable[[Session, datetime], None]]


def handlers(settings: Settings) -> dict[str, Handler]:
    """Return what risk does when it hears of something.

    Raises:
        PolicyRefused, UnsafeKeys: see `Deployment.of`.
    """
    deployment = Deployment.of(settings)
    here = serving.address(settings)

    def make_snapshot(tx: Session, event: Event) -> None:
        snapshots.freeze(tx, deployment, UUID(event["snapshot_id"]), clock.now())
        serving.renew(tx, here, UUID(event["org_id"]), clock.now())

    def supplier_linked(tx: Session, event: Event) -> None:
        hearing.supplier_linked(tx, event)
        rename(tx, event["org_id"], event["link_id"])

    def organization_enrolled(tx: Session, event: Event) -> None:
        hearing.organization_enrolled(tx, event)
        invitation = event["invitation"]
        if invitation["link_id"] is not None and invitation["inviter_org_id"] is not None:
            rename(tx, invitation["inviter_org_id"], invitation["link_id"])

    def rename(tx: Session, org: str, link: str) -> None:
        serving.rename(tx, here, UUID(org), UUID(link), clock.now())

    def statement_refused(tx: Session, event: Event) -> None:
        hearing.statement_refused(tx, event)
        if (ours := by_statement(tx, event["statement_id"])) is not None:
            serving.renew(tx, here, ours.org_id, clock.now())

    def score_changed(tx: Session, event: Event) -> None:
        hooks.announce_bands(tx, event, clock.now())

    def dispute_changed(tx: Session, event: Event) -> None:
        now = clock.now()
        hooks.announce_dispute(tx, event, now)
        serving.rename(tx, here, UUID(event["org_id"]), UUID(event["link_id"]), now)

    return {
        "score.changed.v1": score_changed,
        "dispute.changed.v1": dispute_changed,
        "organization.enrolled.v1": organization_enrolled,
        "questionnaire.published.v1": hearing.questionnaire_published,
        "supplier.linked.v1": supplier_linked,
        "supplier.merged.v1": hearing.supplier_merged,
        "link.classified.v1": hearing.link_classified,
        "request.issued.v1": hearing.request_issued,
        "request.ended.v1": hearing.request_changed,
        "request.extended.v1": hearing.request_changed,
        "dialogue.recorded.v1": hearing.dialogue_recorded,
        "response.submitted.v1": hearing.response_submitted,
        "statement.recorded.v1": hearing.statement_recorded,
        "statement.refused.v1": statement_refused,
        "statement.withdrawn.v1": hearing.statement_withdrawn,
        "review.decided.v1": hearing.review_decided,
        "answers.granted.v1": hearing.answers_granted,
        "sheet.confirmed.v1": hearing.sheet_confirmed,
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
    here = serving.address(settings)

    def nightly(tx: Session, now: datetime) -> None:
        snapshots.request_where_facts_changed(tx, deployment, now)

    def catch_up(tx: Session, now: datetime) -> None:
        serving.catch_up(tx, here, now)

    def expiries(tx: Session, now: datetime) -> None:
        hooks.announce_expiries(tx, now)

    def folder(tx: Session, now: datetime) -> None:
        drop_all(tx, settings, now)

    return {
        "nightly-snapshots": (NIGHT, nightly),
        "nightly-proof": (AFTER_MIDNIGHT, proving.nightly),
        "dispute-clock": (HOURLY, disputes.let_lapse),
        "served": (_CATCH_UP, catch_up),
        "expiries": (AFTER_MIDNIGHT, expiries),
        "folder-drop": (FOLDER, folder),
    }
