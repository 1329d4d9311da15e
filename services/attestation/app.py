"""The attestation service, wired: its API, the log, the worker's handlers, the sequencer."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI

from services.attestation.actions import Damage, damage
from services.attestation.actions.trust import trust
from services.attestation.api import LOG_ROUTERS, ROUTERS
from services.attestation.api.submissions import MAX_SUBMISSION_BYTES
from services.attestation.rules.guard import SequencerRefused
from services.attestation.rules.tiles import NoSuchTile
from services.attestation.store import PLUMBING
from services.attestation.tasks import handlers
from services.attestation.tasks.sequencer import run_sequencer
from services.kit import clock
from services.kit.auth import Issuer
from services.kit.db import Actor, Database
from services.kit.settings import Settings
from services.kit.web import make_app

SERVICE = "attestation"

__all__ = [
    "PLUMBING",
    "SERVICE",
    "Damage",
    "SequencerRefused",
    "fsck",
    "handlers",
    "log_app",
    "run_sequencer",
    "web",
]


def web(settings: Settings, issuer: Issuer) -> FastAPI:
    """Make the API served under `/attestation/v1`."""
    return make_app(
        SERVICE,
        title="Rensho attestation",
        routers=ROUTERS,
        db=Database(PLUMBING, settings.service_url(SERVICE, "app")),
        issuer=issuer,
        refusals={},
        state={},
        max_body_bytes=MAX_SUBMISSION_BYTES,
    )


def log_app(settings: Settings, issuer: Issuer) -> FastAPI:
    """Make the read side of the log, served under `/log`."""
    app = make_app(
        SERVICE,
        title="Rensho log",
        routers=LOG_ROUTERS,
        db=Database(PLUMBING, settings.service_url(SERVICE, "app")),
        issuer=issuer,
        refusals={NoSuchTile: HTTPStatus.NOT_FOUND},
        state={},
    )
    app.servers = [{"url": "/log"}]
    return app


def fsck(settings: Settings) -> list[Damage]:
    """Derive everything stored anew and return what differs; nothing is changed.

    Raises:
        services.kit.problems.Unavailable: there is no log yet.
        sqlalchemy.exc.OperationalError: the database is away.
    """
    db = Database(PLUMBING, settings.service_url(SERVICE, "worker"), statement_timeout_ms=600_000)
    try:
        with db.begin(Actor(subject="urn:rensho:fsck"), read_only=True) as tx:
            return damage.fsck(tx, trust(tx, clock.now()))
    finally:
        db.close()
