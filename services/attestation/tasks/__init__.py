"""What comes in by the worker: events of the other services."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from services.attestation.actions import hearing
from services.attestation.actions.key_changes import carry_out_rotations
from services.kit import clock
from services.kit.outbox import Handler, remember_revocation
from services.kit.settings import Settings


def handlers(_settings: Settings) -> dict[str, Handler]:
    """Return what this service does when it hears of something."""
    return {
        "organization.enrolled.v1": lambda tx, event: hearing.organization_enrolled(
            tx, event, clock.now()
        ),
        "request.prepared.v1": hearing.request_prepared,
        "request.issued.v1": hearing.request_issued,
        "snapshot.signed.v1": lambda tx, event: hearing.snapshot_signed(tx, event, clock.now()),
        "access.revoked.v1": remember_revocation,
    }


Tick = tuple[timedelta, Callable[[Session, datetime], None]]


def ticks(_settings: Settings) -> dict[str, Tick]:
    """Return what the beat runs, how often, in a transaction of the worker role."""
    return {"rotations": (timedelta(minutes=1), carry_out_rotations)}
