"""Webhooks: endpoints, their secrets, what was delivered, and what was missed."""

from __future__ import annotations

import base64
import json
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Annotated, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, Field, StringConstraints

from services.kit import keyfiles
from services.kit.auth import Who, needs
from services.kit.problems import Invalid
from services.kit.settings import Settings
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx
from services.risk.actions import hooks as actions
from services.risk.api.edge import from_cursor, to_cursor
from services.risk.rules import hooks as rules
from services.risk.store import hooks as store
from services.risk.store.hooks import State, Webhook

router = APIRouter(prefix="/webhooks", tags=["webhooks"])

_READ = [needs("deliveries.read")]
_WRITE = [needs("deliveries.write")]
_PREFIX = "whsec_"
MessageType = Literal[
    "score.band_changed", "attestation.expiring", "dispute.opened", "dispute.settled"
]
Url = Annotated[str, StringConstraints(min_length=8, max_length=2000)]
Description = Annotated[str, StringConstraints(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Types = Annotated[list[MessageType], Field(min_length=1, max_length=10)]


class WebhookIn(Model):
    """A new endpoint; in production its address must begin with https."""

    url: Url
    types: Types
    description: Description = ""


class WebhookChange(Model):
    """What shall be different; what is left out stays. Enabling forgets past failures."""

    url: Url | None = None
    types: Types | None = None
    description: Description | None = None
    enabled: bool | None = None


class RotateIn(Model):
    """How long the old secret goes on signing beside the new one, in hours."""

    overlap_hours: Annotated[int, Field(ge=0, le=168)] = 24


class ReplayIn(Model):
    """From when on missed messages are sent again."""

    since: AwareDatetime


class Replayed(Model):
    """How many missed messages are due again."""

    queued: int


class WebhookOut(Model):
    """An endpoint. `failing_since` is its first failure after the last success; an endpoint that
    took nothing for five days, or answered 410, is disabled.
    """

    id: UUID
    url: str
    types: list[str]
    description: str
    created_at: datetime
    failing_since: datetime | None
    disabled_at: datetime | None
    disabled_because: str | None
    old_secret_until: datetime | None


class WebhookSecret(WebhookOut):
    """An endpoint with its secret (Standard Webhooks, `whsec_…`).

    It is shown once, and is null in a repeated answer.
    """

    secret: str | None


class WebhookPage(Page):
    """A page of endpoints, oldest first."""

    items: list[WebhookOut]


class DeliveryOut(Model):
    """One message to one endpoint: due at `next_attempt_at`, delivered, or missed.

    `outcome` is what the last attempt came to.
    """

    message_id: str
    type: str
    created_at: datetime
    state: State
    attempts: int
    next_attempt_at: datetime | None
    attempted_at: datetime | None
    delivered_at: datetime | None
    outcome: str | None


class DeliveryPage(Page):
    """A page of deliveries, newest message first."""

    items: list[DeliveryOut]


@router.get("", dependencies=_READ)
def list_webhooks(tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100) -> WebhookPage:
    """List your endpoints, oldest first."""
    found = store.endpoints(tx, who.org, after=_place(cursor), limit=limit + 1)
    return WebhookPage(
        items=[WebhookOut.model_validate(one) for one in found[:limit]],
        next_cursor=to_cursor(str(found[limit - 1].id)) if len(found) > limit else None,
    )


@router.post("", status_code=201, response_model=WebhookSecret, dependencies=_WRITE)
def add_webhook(
    request: Request, tx: Tx, who: Who, now: Now, once: OnceOnly, body: WebhookIn
) -> Response:
    """Add an endpoint; its secret is in this answer and in no other."""
    made: list[Webhook] = []

    def work() -> WebhookSecret:
        wish = actions.Wish(body.url, body.types, body.description)
        production = _settings(request).env == "production"
        made.append(actions.add(tx, who, wish, production=production, now=now))
        return _with_secret(made[0], None)

    kept = once(work)
    if not made:
        return kept
    # The kept answer has no secret: a repeated call gets the endpoint, never the secret again.
    shown = {**json.loads(bytes(kept.body)), "secret": _secret(request, made[0])}
    return JSONResponse(shown, kept.status_code)


@router.get("/{webhook_id}", dependencies=_READ)
def get_webhook(webhook_id: UUID, tx: Tx, who: Who) -> WebhookOut:
    """Get one endpoint."""
    return WebhookOut.model_validate(actions.mine(tx, who, webhook_id))


@router.patch("/{webhook_id}", dependencies=_WRITE)
def change_webhook(
    webhook_id: UUID, request: Request, tx: Tx, who: Who, now: Now, body: WebhookChange
) -> WebhookOut:
    """Change an endpoint, disable it, or enable it again."""
    changes = body.model_dump(exclude_none=True)
    production = _settings(request).env == "production"
    changed = actions.change(tx, who, webhook_id, changes, production=production, now=now)
    return WebhookOut.model_validate(changed)


@router.delete("/{webhook_id}", status_code=204, dependencies=_WRITE)
def remove_webhook(webhook_id: UUID, tx: Tx, who: Who, now: Now) -> None:
    """Remove an endpoint; nothing is sent to it any more."""
    actions.remove(tx, who, webhook_id, now)


@router.post("/{webhook_id}/secret", dependencies=_WRITE)
def rotate_webhook_secret(
    webhook_id: UUID, request: Request, tx: Tx, who: Who, now: Now, body: RotateIn
) -> WebhookSecret:
    """Get a new secret; for `overlap_hours` each message carries the signatures of both."""
    overlap = timedelta(hours=body.overlap_hours)
    found = actions.rotate(tx, who, webhook_id, overlap, now)
    return _with_secret(found, _secret(request, found))


@router.post("/{webhook_id}/test", status_code=202, dependencies=_WRITE)
def test_webhook(webhook_id: UUID, tx: Tx, who: Who, now: Now) -> DeliveryOut:
    """Send a message of the type `webhook.test`, now; its delivery says how it went."""
    return _delivery(actions.test(tx, who, webhook_id, now))


@router.get("/{webhook_id}/deliveries", dependencies=_READ)
def list_webhook_deliveries(
    webhook_id: UUID,
    tx: Tx,
    who: Who,
    state: Annotated[State | None, Query()] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> DeliveryPage:
    """List what was and will be sent to an endpoint, newest first."""
    found = store.deliveries(
        tx, actions.mine(tx, who, webhook_id), state, before=_place(cursor), limit=limit + 1
    )
    ended = to_cursor(str(found[limit - 1][1].id)) if len(found) > limit else None
    return DeliveryPage(items=[_delivery(one) for one in found[:limit]], next_cursor=ended)


@router.post("/{webhook_id}/replay", status_code=202, dependencies=_WRITE)
def replay_webhook(webhook_id: UUID, tx: Tx, who: Who, now: Now, body: ReplayIn) -> Replayed:
    """Send again what was missed since a moment: while disabled, or after the last attempt."""
    return Replayed(queued=actions.replay(tx, who, webhook_id, body.since, now))


def _settings(request: Request) -> Settings:
    settings: Settings = request.app.state.settings
    return settings


def _secret(request: Request, webhook: Webhook) -> str:
    master = keyfiles.secret_bytes(_settings(request), "webhook")
    made = rules.secret(master, webhook.id, webhook.secret_number)
    return _PREFIX + base64.b64encode(made).decode()


def _with_secret(webhook: Webhook, secret: str | None) -> WebhookSecret:
    shown = WebhookOut.model_validate(webhook).model_dump()
    return WebhookSecret(**shown, secret=secret)


def _delivery(one: store.Delivery) -> DeliveryOut:
    delivery, message = one
    state: State = "pending" if delivery.next_attempt_at else "missed"
    return DeliveryOut(
        message_id=f"msg_{message.id}",
        type=message.type,
        created_at=message.created_at,
        state="delivered" if delivery.delivered_at else state,
        attempts=delivery.attempts,
        next_attempt_at=delivery.next_attempt_at,
        attempted_at=delivery.attempted_at,
        delivered_at=delivery.delivered_at,
        outcome=delivery.outcome,
    )


def _place(cursor: str | None) -> UUID | None:
    read = from_cursor(cursor, 1)
    try:
        return None if read is None else UUID(read[0])
    except ValueError as why:
        msg = "this cursor is none of ours"
        raise Invalid(msg) from why


STATUS: dict[type[Exception], HTTPStatus] = {rules.UrlRefused: HTTPStatus.UNPROCESSABLE_ENTITY}
"""Refusals of the rules and what they become."""
