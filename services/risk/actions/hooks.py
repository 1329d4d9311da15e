"""Telling a requester's own systems: endpoints, what there is to tell, and each attempt at it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session
from standardwebhooks import Webhook as StandardWebhook

from services.kit import clock
from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.problems import NotFound, Refused
from services.risk.rules import hooks as rules
from services.risk.store import Link
from services.risk.store import hooks as store
from services.risk.store.hooks import Webhook, WebhookDelivery

_LEASE = timedelta(minutes=2)
MOST = 20
_OUTCOME_LENGTH = 200


class TooMany(Refused):
    """An organization has as many endpoints as it may have."""

    urn = "webhooks/too-many"


class Disabled(Refused):
    """The endpoint is disabled: enable it first."""

    urn = "webhooks/disabled"


@dataclass(frozen=True)
class Wish:
    """An endpoint as its owner wants it."""

    url: str
    types: Sequence[str]
    description: str


def add(tx: Session, who: Principal, wish: Wish, *, production: bool, now: datetime) -> Webhook:
    """Add an endpoint; from now on it is told what it asked for.

    Raises:
        UrlRefused: see `rules.hooks.check_url`.
        TooMany: there are twenty already.
    """
    rules.check_url(wish.url, production=production)
    if len(store.endpoints(tx, who.org, after=None, limit=MOST)) == MOST:
        msg = f"an organization has at most {MOST} endpoints"
        raise TooMany(msg)
    made = Webhook(
        id=new_id(),
        org_id=who.org,
        url=wish.url,
        types=sorted(set(wish.types)),
        description=wish.description,
        secret_number=1,
        created_at=now,
    )
    tx.add(made)
    tx.flush()
    tx.info["details"]["webhook_id"] = str(made.id)
    return made


def change(
    tx: Session,
    who: Principal,
    webhook_id: UUID,
    changes: Mapping[str, Any],
    *,
    production: bool,
    now: datetime,
) -> Webhook:
    """Change an endpoint's address, types or description, or disable or enable it.

    Enabling forgets past failures; what was missed meanwhile comes by `replay`.

    Raises:
        NotFound: no such endpoint of yours.
        UrlRefused: see `rules.hooks.check_url`.
    """
    found = mine(tx, who, webhook_id, lock=True)
    if "url" in changes:
        rules.check_url(changes["url"], production=production)
    for name in ("url", "description"):
        setattr(found, name, changes.get(name, getattr(found, name)))
    found.types = sorted(set(changes.get("types", found.types)))
    if changes.get("enabled") is True:
        found.disabled_at = found.disabled_because = found.failing_since = None
    if changes.get("enabled") is False and found.disabled_at is None:
        _disable(tx, found, "by its owner", now)
    tx.info["details"]["changed"] = sorted(changes)
    tx.flush()
    return found


def remove(tx: Session, who: Principal, webhook_id: UUID, now: datetime) -> None:
    """Remove an endpoint; nothing is sent to it any more."""
    found = mine(tx, who, webhook_id, lock=True)
    found.removed_at = now
    store.stop(tx, found.id)


def rotate(
    tx: Session, who: Principal, webhook_id: UUID, overlap: timedelta, now: datetime
) -> Webhook:
    """Give an endpoint a new secret; both sign until the overlap is over."""
    found = mine(tx, who, webhook_id, lock=True)
    found.secret_number += 1
    found.old_secret_until = now + overlap
    tx.info["details"]["secret_number"] = found.secret_number
    tx.flush()
    return found


def test(tx: Session, who: Principal, webhook_id: UUID, now: datetime) -> store.Delivery:
    """Send an endpoint a message that means nothing, to see whether it arrives.

    Raises:
        NotFound: no such endpoint of yours.
        Disabled: it is disabled.
    """
    found = enabled(tx, who, webhook_id)
    message_id = new_id()
    message = _message(message_id, who.org, rules.TEST, str(message_id), {"test": True}, now)
    store.keep_once(tx, message)
    tx.add(_delivery(found, message_id, now))
    tx.flush()
    (made,) = store.deliveries(tx, found, None, before=None, limit=1)
    return made


def replay(tx: Session, who: Principal, webhook_id: UUID, since: datetime, now: datetime) -> int:
    """Make everything an endpoint missed since a moment due again; returns how many.

    Raises:
        NotFound: no such endpoint of yours.
        Disabled: it is disabled.
    """
    count = store.replay(tx, enabled(tx, who, webhook_id), since, now)
    tx.info["details"]["queued"] = count
    return count


def mine(tx: Session, who: Principal, webhook_id: UUID, *, lock: bool = False) -> Webhook:
    """Return an endpoint of one's own.

    Raises:
        NotFound: no such endpoint of yours.
    """
    found = store.endpoint(tx, who.org, webhook_id, lock=lock)
    if found is None:
        msg = "no such endpoint"
        raise NotFound(msg)
    return found


def enabled(tx: Session, who: Principal, webhook_id: UUID) -> Webhook:
    """Return an endpoint of one's own that is in use.

    Raises:
        NotFound, Disabled: see `test`.
    """
    found = mine(tx, who, webhook_id, lock=True)
    if found.disabled_at is not None:
        msg = "this endpoint is disabled; enable it first"
        raise Disabled(msg)
    return found


def announce(
    tx: Session, org: UUID, message_type: str, about: str, data: Mapping[str, Any], now: datetime
) -> None:
    """Tell every endpoint of an organization that wants to know; saying it twice tells it once.

    Args:
        about: what makes two announcements of this type the same.
    """
    wanting = store.wanting(tx, org, message_type)
    if not wanting:
        return
    message_id = new_id()
    if store.keep_once(tx, _message(message_id, org, message_type, about, data, now)):
        # One that is disabled misses it, and may have it replayed.
        tx.add_all(_delivery(each, message_id, now) for each in wanting)
        tx.flush()


def announce_bands(tx: Session, event: Mapping[str, Any], now: datetime) -> None:
    """Tell of the suppliers whose band moved (`score.changed.v1`)."""
    data = {"snapshot": event["snapshot_id"], "changes": event["changes"]}
    announce(tx, UUID(event["org_id"]), rules.BAND_CHANGED, event["id"], data, now)


def announce_dispute(tx: Session, event: Mapping[str, Any], now: datetime) -> None:
    """Tell a requester of a dispute that a supplier opened, or that was settled."""
    kinds = {"opened": rules.DISPUTE_OPENED, "settled": rules.DISPUTE_SETTLED}
    link = tx.get(Link, UUID(event["link_id"]))
    if event["step"] not in kinds or link is None:
        # In between it is the requester's own answer, or the supplier asking once more.
        return
    data = {
        "dispute_id": event["dispute_id"],
        "supplier_id": str(link.supplier_id),
        "step": event["step"],
    }
    announce(tx, UUID(event["org_id"]), kinds[event["step"]], event["dispute_id"], data, now)


def announce_expiries(tx: Session, now: datetime) -> None:
    """Tell of the declarations of direct suppliers that end within thirty days, each once."""
    for one in store.expiring(tx, now, now + rules.EXPIRING_WITHIN):
        data = {
            "supplier_id": str(one.supplier),
            "vendor_codes": list(one.vendor_codes),
            "statement_id": one.statement,
            "expires_at": clock.rfc3339(one.not_after),
        }
        about = f"{one.supplier} {one.statement}"
        announce(tx, one.org, rules.EXPIRING, about, data, now)


def _message(
    message_id: UUID, org: UUID, kind: str, about: str, data: Mapping[str, Any], now: datetime
) -> dict[str, Any]:
    body = {"type": kind, "timestamp": clock.rfc3339(now), "data": data}
    return {
        "id": message_id,
        "org_id": org,
        "type": kind,
        "about": about,
        "body": json.dumps(body, ensure_ascii=False, separators=(",", ":")),
        "created_at": now,
    }


def _delivery(webhook: Webhook, message_id: UUID, now: datetime) -> WebhookDelivery:
    return WebhookDelivery(
        webhook_id=webhook.id,
        message_id=message_id,
        org_id=webhook.org_id,
        attempts=0,
        next_attempt_at=now if webhook.disabled_at is None else None,
    )


@dataclass(frozen=True)
class Attempt:
    """A message that is to be sent now: where to, its bytes, and the headers that sign them."""

    webhook_id: UUID
    message_id: UUID
    url: str
    body: bytes
    headers: Mapping[str, str]


def take(tx: Session, master: bytes, now: datetime, limit: int) -> list[Attempt]:
    """Take what is due, at most `limit`; a sender that dies is followed by another in two minutes.

    Args:
        master: the secret the endpoints' secrets are derived from.
    """
    return [
        Attempt(webhook.id, message.id, webhook.url, message.body.encode(), headers)
        for _, message, webhook in store.claim(tx, now, now + _LEASE, limit)
        for headers in [_signed(master, webhook, message.id, message.body, now)]
    ]


def _signed(
    master: bytes, webhook: Webhook, message_id: UUID, body: str, now: datetime
) -> dict[str, str]:
    in_use = rules.secrets_in_use(
        master, webhook.id, webhook.secret_number, webhook.old_secret_until, now
    )
    name = f"msg_{message_id}"
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": " ".join(
            StandardWebhook(secret).sign(name, now, body) for secret in in_use
        ),
    }


def settle(tx: Session, attempt: Attempt, status: int | None, outcome: str, now: datetime) -> None:
    """Record how an attempt ended.

    A status of 2xx is delivered; 410 disables the endpoint at once; anything else is tried again
    later, and until then nothing else is tried at this endpoint.

    Args:
        status: of the answer; None where there was none.
        outcome: in a few words, for its owner.
    """
    found = store.delivery(tx, attempt.webhook_id, attempt.message_id)
    if found is None:
        return
    delivery, webhook = found
    delivery.outcome = outcome[:_OUTCOME_LENGTH]
    if status is not None and HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
        delivery.delivered_at, delivery.next_attempt_at = now, None
        webhook.failing_since = None
        return
    delivery.next_attempt_at = rules.next_attempt(delivery.attempts, now)
    webhook.failing_since = webhook.failing_since or now
    tx.flush()
    if status == HTTPStatus.GONE:
        _disable(tx, webhook, "it answered 410 Gone", now)
    elif rules.to_disable(webhook.failing_since, now):
        _disable(tx, webhook, f"nothing arrived since {clock.rfc3339(webhook.failing_since)}", now)
    elif webhook.disabled_at is not None or webhook.removed_at is not None:
        store.stop(tx, webhook.id)
    elif delivery.next_attempt_at is not None:
        store.put_off(tx, webhook.id, delivery.next_attempt_at)


def _disable(tx: Session, webhook: Webhook, because: str, now: datetime) -> None:
    webhook.disabled_at, webhook.disabled_because = now, because
    tx.flush()
    store.stop(tx, webhook.id)
