"""The questionnaire service, wired."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI

from services.kit import keyfiles
from services.kit.auth import Issuer
from services.kit.db import Database
from services.kit.settings import Settings
from services.kit.web import make_app
from services.questionnaire.actions.signing import Deployment
from services.questionnaire.api import (
    campaigns,
    packs,
    questionnaires,
    requests,
    responses,
    reviews,
    suppliers,
)
from services.questionnaire.api.edge import MAX_FILE_BYTES, NotStrictJson
from services.questionnaire.rules.refusals import Refusal
from services.questionnaire.store import PLUMBING
from services.questionnaire.tasks import handlers

__all__ = ["PLUMBING", "SERVICE", "handlers", "web"]

SERVICE = "questionnaire"


def web(settings: Settings, issuer: Issuer) -> FastAPI:
    """Make the web app of this service."""
    nouns = (packs, questionnaires, suppliers, campaigns, requests, responses, reviews)
    return make_app(
        SERVICE,
        title="Rensho questionnaire: suppliers, campaigns, requests, responses",
        routers=[noun.router for noun in nouns],
        db=Database(PLUMBING, settings.service_url(SERVICE, "app")),
        issuer=issuer,
        refusals={
            Refusal: HTTPStatus.UNPROCESSABLE_ENTITY,
            NotStrictJson: HTTPStatus.UNPROCESSABLE_ENTITY,
        },
        state={
            "deployment": Deployment(settings.predicate_base, settings.log_origin),
            "invitation_secret": keyfiles.secret_bytes(settings, "invitation"),
            "base_url": settings.base_url,
        },
        max_body_bytes=MAX_FILE_BYTES,
    )
