"""What comes in by the worker: events of the other services, snapshots to make, the night."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, time
from urllib.parse import urlsplit
from uuid import UUID

import httpx2
from rensho import strict_base64
from rensho.errors import VerificationError
from rensho.statement import Anchor
from sqlalchemy.orm import Session

from services.kit import clock
from services.kit.outbox import Event, Handler, remember_revocation
from services.kit.settings import Settings, secret
from services.risk.actions import hearing, snapshots
from services.risk.actions.deployment import Deployment

NIGHT = time(17, 0)
"""02:00 in Japan, as beat counts (UTC)."""
_LOG_SECONDS = 2.0
_MAX_NOTE = 16 * 1024

Tick = tuple[time, Callable[[Session, datetime], None]]


class LogAway(Exception):
    """The log could not be read; the event stays due and is handled again later."""


def handlers(settings: Settings) -> dict[str, Handler]:
    """Return what risk does when it hears of something.

    Raises:
        PolicyRefused, UnsafeKeys: see `Deployment.of`.
    """
    deployment = Deployment.of(settings)
    log = log_url(settings)

    def make_snapshot(tx: Session, event: Event) -> None:
        snapshots.freeze(tx, deployment, UUID(event["snapshot_id"]), newest_head(log), clock.now())

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


def log_url(settings: Settings) -> str:
    """Return where the log publishes its newest tree head.

    Beside the attestation service, at `RENSHO_ATTESTATION_URL`, else at this deployment's port.
    """
    beside = urlsplit(secret("ATTESTATION_URL") or f"http://127.0.0.1:{settings.port}")
    return f"{beside.scheme}://{beside.netloc}/log/checkpoint"


def newest_head(url: str) -> Anchor:
    """Read the tree head that a snapshot names as its anchor.

    The log's signature on it is not checked: risk signs that it saw this head, and the log refuses
    a snapshot whose anchor it never published.

    Raises:
        LogAway: the log does not answer, or not with a tree head.
    """
    try:
        # trust_env off: a proxy of the machine must not stand between our own services.
        with httpx2.Client(trust_env=False, timeout=_LOG_SECONDS) as http:
            answer = http.get(url)
            answer.raise_for_status()
            note = answer.content
    except httpx2.HTTPError as why:
        msg = f"the log at {url} could not be read"
        raise LogAway(msg) from why
    try:
        return _anchor(note[:_MAX_NOTE])
    except (ValueError, VerificationError) as why:
        msg = f"{url} shows no signed tree head"
        raise LogAway(msg) from why


def _anchor(note: bytes) -> Anchor:
    head, blank, signatures = note.partition(b"\n\n")
    origin, size, root = head.decode().split("\n")[:3]
    if not (blank and signatures.startswith("\u2014 ".encode()) and size.isdecimal()):
        msg = "not a signed note"
        raise ValueError(msg)
    return Anchor(origin, int(size), strict_base64.decode(root, 32))
