"""Who may: access tokens in, a principal out, one permission per operation.

Tokens are JWTs (ES256, at most five minutes, audience-bound) from the issuer's JWKS, which is
loaded at start and refreshed in the background, never inside a request.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import Depends, Request
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from services.kit import clock
from services.kit.db import Actor
from services.kit.log import log
from services.kit.problems import Forbidden, Unauthenticated, Unavailable

ALGORITHM = "ES256"
LEEWAY_SECONDS = 5
PUBLIC = "public"
MOST_KNOWN = 1_000


@dataclass(frozen=True)
class Principal:
    """Who a valid access token speaks for, and what it may do in this service.

    `logged_in_at` is when a person last proved to read the mailbox; None for a machine.
    """

    subject: str
    org: UUID
    scopes: frozenset[str]
    issued_at: datetime
    name: str = ""
    mailbox: str = ""
    logged_in_at: datetime | None = None

    @property
    def actor(self) -> Actor:
        """The principal as the database knows it."""
        return Actor(self.subject, self.org, self.issued_at)


def may(who: Principal, permission: str) -> bool:
    """Decide whether `who` may use operations that need `permission`.

    The resource's half of the decision is row-level security: what is not yours is not there.
    """
    return permission in who.scopes


class Issuer:
    """The public keys of the token issuer."""

    def __init__(self, fetch: Callable[[], dict[str, Any]], *, refresh_seconds: float = 60) -> None:
        """Keep the key set that `fetch` returns (a JWKS document), refreshed in the background."""
        self._fetch = fetch
        self._refresh_seconds = refresh_seconds
        self._keys: KeySet | None = None
        self._known: OrderedDict[tuple[str, str], tuple[Principal, datetime]] = OrderedDict()

    def refresh(self) -> None:
        """Fetch the keys once; an issuer that is away leaves the known keys in use."""
        try:
            self._keys = KeySet.import_key_set(self._fetch())  # type: ignore[arg-type]
            # A key that is gone from the set vouches for nothing any more.
            self._known.clear()
        except Exception as why:  # noqa: BLE001 (any failure of a foreign endpoint means: later)
            log.warning("token keys not loaded", error=repr(why))

    def run(self, stop: threading.Event) -> None:
        """Refresh until told to stop."""
        while not stop.is_set():
            self.refresh()
            stop.wait(self._refresh_seconds if self._keys else 0.5)

    def principal(self, token: str, audience: str) -> Principal:
        """Return whom `token` speaks for.

        Raises:
            Unauthenticated: wrong signature, algorithm, audience or time.
            Unavailable: no keys are loaded yet.
        """
        if self._keys is None:
            msg = "the keys of the token issuer are not loaded yet"
            raise Unavailable(msg)
        now = clock.now()
        # A program asks many times with one token: its signature is checked once, its end always.
        known = self._known.get((token, audience))
        if known is not None and known[0].issued_at <= now < known[1]:
            return known[0]
        who, ends_at = _read(self._keys, token, audience)
        self._known[token, audience] = who, ends_at
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return who


def _read(keys: KeySet, token: str, audience: str) -> tuple[Principal, datetime]:
    """Check a token; return whom it speaks for and until when. Raises `Unauthenticated`."""
    try:
        claims = jwt.decode(token, keys, algorithms=[ALGORITHM]).claims
        # exp and aud are essential: a token without them is no access token of ours.
        registry = jwt.JWTClaimsRegistry(
            now=lambda: int(clock.now().timestamp()),
            leeway=LEEWAY_SECONDS,
            aud={"essential": True, "value": audience},
            exp={"essential": True},
            iat={"essential": True},
        )
        registry.validate(claims)
        who = Principal(
            subject=claims["sub"],
            org=UUID(claims["org"]),
            scopes=frozenset(claims["scope"].split()),
            issued_at=datetime.fromtimestamp(claims["iat"], UTC),
            name=claims.get("name", ""),
            mailbox=claims.get("mailbox", ""),
            logged_in_at=datetime.fromtimestamp(claims["auth_time"], UTC)
            if "auth_time" in claims
            else None,
        )
        return who, datetime.fromtimestamp(claims["exp"], UTC)
    except (JoseError, ValueError, KeyError, TypeError, AttributeError, OverflowError) as why:
        msg = "the access token is not valid here"
        raise Unauthenticated(msg) from why


class Needs:
    """The permission an operation declares: a route-level dependency that enforces it."""

    def __init__(self, permission: str) -> None:
        self.permission = permission

    async def __call__(self, request: Request) -> None:
        """Read the bearer token, check it, and leave the principal with the request.

        Async though it waits for nothing: a plain function would cost a trip to another thread.
        """
        if self.permission == PUBLIC:
            return
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            msg = "send an access token: Authorization: Bearer …"
            raise Unauthenticated(msg)
        issuer: Issuer = request.app.state.issuer
        who = issuer.principal(token, request.app.state.service)
        if not may(who, self.permission):
            msg = f"this needs the permission {self.permission}"
            raise Forbidden(msg)
        request.state.principal = who


def needs(permission: str) -> Any:
    """Declare the one permission of an operation: `dependencies=[needs("suppliers.write")]`."""
    return Depends(Needs(permission))


async def _principal(request: Request) -> Principal:
    who: Principal = request.state.principal
    return who


Who = Annotated[Principal, Depends(_principal)]
