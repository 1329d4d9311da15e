"""The questionnaire service, wired."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI

from services.kit import keyfiles
from services.kit.auth import Issuer
from services.kit.damage import Damage, Look, Seen
from services.kit.db import Actor, Database
from services.kit.settings import Settings
from services.kit.web import make_app
from services.questionnaire.actions import damage
from services.questionnaire.actions.signing import Deployment
from services.questionnaire.api import (
    approvals,
    asked,
    calendars,
    campaign_life,
    campaigns,
    certificates,
    chasing,
    components,
    contact_changes,
    contacts,
    corrective,
    delegations,
    deliveries,
    deputies,
    endings,
    evidence,
    excel,
    firms,
    imports,
    messages,
    packs,
    progress,
    questionnaires,
    requests,
    responses,
    reuse,
    reviewed,
    reviews,
    segments,
    sheets,
    suppliers,
)
from services.questionnaire.api.edge import MAX_FILE_BYTES, NotStrictJson
from services.questionnaire.rules.approvals import ApprovalRefused
from services.questionnaire.rules.corrective import CorrectiveRefused
from services.questionnaire.rules.refusals import Refusal
from services.questionnaire.store import PLUMBING
from services.questionnaire.store.objects import open_objects
from services.questionnaire.tasks import handlers, ticks

__all__ = ["PLUMBING", "SERVICE", "fsck", "handlers", "ticks", "web"]

SERVICE = "questionnaire"


def web(settings: Settings, issuer: Issuer) -> FastAPI:
    """Make the web app of this service."""
    supply = (suppliers, imports, contacts, firms, segments)
    campaign = (campaigns, asked, campaign_life, deputies, calendars)
    waiting = (deliveries, chasing, endings)
    asking = (packs, questionnaires, *supply, *campaign, requests, *waiting)
    answering = (responses, progress, delegations, approvals, messages, contact_changes, reuse)
    after = (reviews, reviewed, corrective, certificates, sheets)
    nouns = (*asking, *answering, components, excel, evidence, *after)
    return make_app(
        SERVICE,
        title="Rensho questionnaire: suppliers, campaigns, requests, responses",
        routers=[noun.router for noun in nouns],
        db=Database(PLUMBING, settings.service_url(SERVICE, "app")),
        issuer=issuer,
        refusals={
            Refusal: HTTPStatus.UNPROCESSABLE_ENTITY,
            NotStrictJson: HTTPStatus.UNPROCESSABLE_ENTITY,
            ApprovalRefused: HTTPStatus.CONFLICT,
            CorrectiveRefused: HTTPStatus.CONFLICT,
        },
        state={
            "deployment": Deployment(settings.predicate_base, settings.log_origin),
            "invitation_secret": keyfiles.secret_bytes(settings, "invitation"),
            "base_url": settings.base_url,
            "evidence": open_objects(settings.evidence_url, settings.evidence_dir),
            "incoming": settings.incoming_dir,
        },
        max_body_bytes=MAX_FILE_BYTES,
        larger_bodies={evidence.UPLOAD: settings.evidence_max_bytes},
    )


def fsck(settings: Settings, seen: Seen = lambda _: None) -> list[Damage]:
    """Derive what is kept as evidence here anew and return what differs; nothing is changed.

    Args:
        settings: of this deployment.
        seen: told how many rows were looked at, again and again.

    Raises:
        sqlalchemy.exc.OperationalError: the database is away.
    """
    objects = open_objects(settings.evidence_url, settings.evidence_dir)
    db = Database(PLUMBING, settings.service_url(SERVICE, "worker"))
    try:
        with db.begin(Actor(subject="urn:rensho:fsck"), snapshot=True) as tx:
            return damage.fsck(Look(tx, seen), objects)
    finally:
        db.close()
