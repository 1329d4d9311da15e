"""What an access token says (RFC 7519, RFC 9068 in spirit) and what a client's assertion must."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar
from uuid import UUID

LIFETIME = timedelta(seconds=300)
ASSERTION_LIFETIME = timedelta(seconds=300)
SKEW = timedelta(seconds=30)
_MAX_JTI = 255


class BadAssertion(ValueError):
    """A client assertion that proves nothing (RFC 7523 section 3)."""

    urn: ClassVar[str] = "tokens/bad-assertion"


@dataclass(frozen=True)
class Bearer:
    """Whom a token will speak for."""

    subject: str
    org: UUID
    name: str
    mailbox: str
    revoked_until: datetime | None
    """Tokens issued up to this second are refused everywhere; None if nothing was revoked."""
    logged_in_at: datetime | None = None
    """When a person last gave a one-use code; None for a machine."""


def claims(
    bearer: Bearer, *, issuer: str, audience: str, scopes: Collection[str], now: datetime, jti: str
) -> dict[str, Any]:
    """Return the claims of one access token; it lives at most 300 seconds.

    Revocation counts in whole seconds, so a token asked for in the very second of a revocation is
    dated to the next one: else it would be born refused.
    """
    issued_at = int(now.timestamp())
    if bearer.revoked_until is not None:
        issued_at = max(issued_at, int(bearer.revoked_until.timestamp()) + 1)
    found = {
        "iss": issuer,
        "aud": audience,
        "sub": bearer.subject,
        "org": str(bearer.org),
        "scope": " ".join(sorted(scopes)),
        "name": bearer.name,
        "mailbox": bearer.mailbox,
        "iat": issued_at,
        "exp": int((now + LIFETIME).timestamp()),
        "jti": jti,
    }
    if bearer.logged_in_at is not None:
        # OpenID Connect Core, section 2; what RFC 9470 lets a resource insist on.
        found["auth_time"] = int(bearer.logged_in_at.timestamp())
    return found


@dataclass(frozen=True)
class Assertion:
    """The checked claims of a client assertion."""

    jti: str
    expires_at: datetime


def assertion(
    given: Mapping[str, Any], *, client_id: UUID, audiences: Collection[str], now: datetime
) -> Assertion:
    """Check the claims of an assertion whose signature is already known to be good.

    Raises:
        BadAssertion: another issuer, subject or audience, out of time, lives longer than five
            minutes, or has no `jti`.
    """
    if given.get("iss") != str(client_id) or given.get("sub") != str(client_id):
        msg = "iss and sub must both be the client_id"
        raise BadAssertion(msg)
    named = given.get("aud")
    if not set([named] if isinstance(named, str) else _texts(named)) & set(audiences):
        msg = "aud must be this token endpoint"
        raise BadAssertion(msg)
    expires_at = _moment(given, "exp")
    if expires_at <= now - SKEW or expires_at > now + ASSERTION_LIFETIME + SKEW:
        msg = "exp must lie within the next five minutes"
        raise BadAssertion(msg)
    for name in ("iat", "nbf"):
        if name in given and _moment(given, name) > now + SKEW:
            msg = f"{name} lies in the future"
            raise BadAssertion(msg)
    jti = given.get("jti")
    if not isinstance(jti, str) or not 1 <= len(jti) <= _MAX_JTI:
        msg = "jti is missing or too long"
        raise BadAssertion(msg)
    return Assertion(jti, expires_at)


def _texts(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _moment(given: Mapping[str, Any], name: str) -> datetime:
    value = given.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        msg = f"{name} must be a time in seconds"
        raise BadAssertion(msg)
    try:
        return datetime.fromtimestamp(value, UTC)
    except (OverflowError, ValueError, OSError) as why:
        msg = f"{name} must be a time in seconds"
        raise BadAssertion(msg) from why
