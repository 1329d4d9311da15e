"""Wiring of the risk service."""

from __future__ import annotations

from fastapi import FastAPI

from services.kit.auth import Issuer
from services.kit.db import Database
from services.kit.settings import Settings
from services.kit.web import make_app
from services.risk.api import ROUTERS
from services.risk.store import PLUMBING
from services.risk.tasks import handlers, ticks

SERVICE = "risk"

__all__ = ["PLUMBING", "SERVICE", "handlers", "ticks", "web"]


def web(settings: Settings, issuer: Issuer) -> FastAPI:
    """Return the app served under `/risk/v1`."""
    return make_app(
        SERVICE,
        title="Rensho risk",
        routers=ROUTERS,
        db=Database(PLUMBING, settings.service_url(SERVICE, "app")),
        issuer=issuer,
        refusals={},
        state={"settings": settings},
    )
