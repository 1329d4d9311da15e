"""Webhooks as rules: when to try again, when to stop, which secrets sign, where nothing is sent."""

from __future__ import annotations

import hashlib
import hmac
import ipaddress
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import ClassVar, Final
from urllib.parse import urlsplit
from uuid import UUID

BAND_CHANGED: Final = "score.band_changed"
EXPIRING: Final = "attestation.expiring"
DISPUTE_OPENED: Final = "dispute.opened"
DISPUTE_SETTLED: Final = "dispute.settled"
TYPES: Final = (BAND_CHANGED, EXPIRING, DISPUTE_OPENED, DISPUTE_SETTLED)
"""What an endpoint may ask to be told of."""
TEST: Final = "webhook.test"

SCHEDULE: Final = (
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    timedelta(hours=2),
    timedelta(hours=5),
    timedelta(hours=10),
    timedelta(hours=14),
    timedelta(hours=20),
    timedelta(hours=24),
)
"""How long to wait after each attempt that failed (Standard Webhooks, "retry schedule")."""
GIVE_UP: Final = timedelta(days=5)
"""An endpoint that took nothing for so long is disabled."""
EXPIRING_WITHIN: Final = timedelta(days=30)

# Global by the registries, and yet ways into private networks: NAT64, 6to4, site-local of old.
_REFUSED: Final = tuple(
    ipaddress.ip_network(one)
    for one in ("64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "fec0::/10")
)


class UrlRefused(ValueError):
    """Nothing is sent to this address."""

    urn: ClassVar[str] = "webhooks/url-refused"


def next_attempt(attempts: int, now: datetime) -> datetime | None:
    """Return when to try again after `attempts` that failed; None when all were made."""
    return now + SCHEDULE[attempts - 1] if attempts <= len(SCHEDULE) else None


def to_disable(failing_since: datetime, now: datetime) -> bool:
    """Whether an endpoint took nothing for too long."""
    return now - failing_since >= GIVE_UP


def secret(master: bytes, webhook: UUID, number: int) -> bytes:
    """Return an endpoint's secret, 32 bytes: derived, so that no database and no backup holds it.

    Args:
        master: the deployment's own secret.
        number: how often it was rotated, from 1.
    """
    return hmac.digest(master, f"webhook {webhook} {number}".encode(), hashlib.sha256)


def secrets_in_use(
    master: bytes, webhook: UUID, number: int, old_until: datetime | None, now: datetime
) -> Iterator[bytes]:
    """Yield the secrets that sign now: the newest, and the one before while the two overlap."""
    yield secret(master, webhook, number)
    if old_until is not None and now < old_until:
        yield secret(master, webhook, number - 1)


def check_url(url: str, *, production: bool) -> None:
    """Refuse an address that can never be sent to; whether its host may be is seen on sending.

    Raises:
        UrlRefused: no absolute http address (in production: https), with credentials or a
            fragment, or a literal address that is refused.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as why:
        msg = "this is no web address"
        raise UrlRefused(msg) from why
    host = parts.hostname or ""
    if parts.scheme not in ({"https"} if production else {"https", "http"}):
        msg = "the address must begin with https://"
        raise UrlRefused(msg)
    odd = "@" in parts.netloc or parts.fragment or not url.isascii() or not url.isprintable()
    if odd or " " in url or not host or port == 0:
        msg = "the address must have a host, and no credentials, blanks or fragment"
        raise UrlRefused(msg)
    try:
        literal = ipaddress.ip_address(host)
    except ValueError:
        return
    if is_refused(literal, production=production):
        msg = "the address leads into a private network"
        raise UrlRefused(msg)


def is_refused(address: ipaddress.IPv4Address | ipaddress.IPv6Address, *, production: bool) -> bool:
    """Whether nothing is sent to an address: private, loopback, link-local, metadata, multicast.

    Outside production loopback is allowed, so that a demo can be shown on one machine.
    """
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped or address.teredo
        if isinstance(inner, ipaddress.IPv4Address):
            return is_refused(inner, production=production)
        if address.teredo or any(address in network for network in _REFUSED):
            return True
    if address.is_loopback:
        return production
    return not address.is_global or address.is_multicast
