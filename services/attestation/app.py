"""The attestation service, wired: its API, the log, the worker's handlers, the sequencer."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI

from services.attestation.actions import Damage, damage
from services.attestation.api import LOG_ROUTERS, ROUTERS
from services.attestation.api.submissions import MAX_SUBMISSION_BYTES
from services.attestation.rules.guard import SequencerRefused
from services.attestation.rules.tiles import NoSuchTile
from services.attestation.store import PLUMBING
from services.attestation.tasks import handlers, readiness, ticks
from services.attestation.tasks.sequencer import run_sequencer
from services.attestation.tasks.stamper import probe
from services.attestation.tasks.succession import NotEnded, Succeeded, freeze, succeed
from services.kit import keyfiles
from services.kit.auth import Issuer
from services.kit.damage import Look, Seen
from services.kit.db import Actor, Database
from services.kit.settings import Settings
from services.kit.web import make_app

SERVICE = "attestation"

__all__ = [
    "PLUMBING",
    "SERVICE",
    "Damage",
    "NotEnded",
    "SequencerRefused",
    "Succeeded",
    "freeze",
    "fsck",
    "handlers",
    "log_app",
    "probe",
    "reader_checks",
    "run_sequencer",
    "succeed",
    "ticks",
    "web",
    "writer_checks",
]

reader_checks, writer_checks = readiness.of_reader, readiness.of_writer


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


def fsck(settings: Settings, seen: Seen = lambda _: None) -> list[Damage]:
    """Derive everything stored anew and return what differs; nothing is changed.

    The guard file is looked at where the log's keys are.

    Args:
        settings: of this deployment.
        seen: told how many rows were looked at, again and again.

    Raises:
        services.kit.problems.Unavailable: there is no log yet.
        sqlalchemy.exc.OperationalError: the database is away.
    """
    before = damage.remembered(settings.guard)
    db = Database(PLUMBING, settings.service_url(SERVICE, "worker"))
    try:
        with db.begin(Actor(subject="urn:rensho:fsck"), snapshot=True) as tx:
            derived = damage.fsck(Look(tx, seen))
    finally:
        db.close()
    if not keyfiles.exists(settings, "log"):
        return derived.damage
    after = damage.remembered(settings.guard)
    return derived.damage + damage.guarded(settings.guard, before, after, derived)
