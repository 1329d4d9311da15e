"""Wiring of the identity service."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI

from services.identity.actions import Deployment
from services.identity.api import ROUTERS
from services.identity.rules.identifiers import MalformedIdentifier
from services.identity.rules.mailboxes import MalformedMailbox
from services.identity.rules.rights import UnknownScope
from services.identity.store import PLUMBING
from services.identity.tasks import handlers, ticks
from services.kit.auth import Issuer
from services.kit.db import Database
from services.kit.settings import Settings
from services.kit.web import make_app

SERVICE = "identity"

__all__ = ["PLUMBING", "SERVICE", "handlers", "ticks", "web"]


def web(settings: Settings, issuer: Issuer) -> FastAPI:
    """Return the app served under `/identity/v1`."""
    return make_app(
        SERVICE,
        title="Rensho identity",
        routers=ROUTERS,
        db=Database(PLUMBING, settings.service_url(SERVICE, "app")),
        issuer=issuer,
        refusals={
            MalformedIdentifier: HTTPStatus.UNPROCESSABLE_ENTITY,
            MalformedMailbox: HTTPStatus.UNPROCESSABLE_ENTITY,
            UnknownScope: HTTPStatus.UNPROCESSABLE_ENTITY,
        },
        state={"deployment": Deployment.of(settings)},
    )
