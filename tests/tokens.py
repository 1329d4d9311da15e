"""Access tokens for tests, as identity would sign them."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from joserfc import jwt
from joserfc.jwk import ECKey

from services.kit import clock, keyfiles
from services.kit.db import new_id
from services.kit.settings import Settings


def token_key_of(settings: Settings, kid: str = "test") -> ECKey:
    """The key a deployment's access tokens are signed with."""
    pem = keyfiles.signing_key(settings, "token").to_pem()
    return ECKey.import_key(pem, {"kid": kid, "use": "sig", "alg": "ES256"})


def use_token_key(settings: Settings, pem: bytes) -> None:
    """Give a deployment that has no keys yet this one for its tokens."""
    folder = settings.keys / keyfiles.HOLDERS["token"]
    folder.mkdir(parents=True, mode=0o700)
    (folder / "token.key").write_bytes(pem)
    (folder / "token.key").chmod(0o600)


def minter(token_key: ECKey) -> Callable[..., dict[str, str]]:
    """Return what mints request headers for any principal."""

    def mint(
        *,
        org: UUID,
        audience: str,
        scopes: set[str],
        subject: str | None = None,
        name: str = "Test Member",
        mailbox: str = "member@firm.example",
        lifetime: timedelta = timedelta(minutes=5),
        logged_in: timedelta | None = timedelta(),
    ) -> dict[str, str]:
        now = clock.now()
        claims: dict[str, Any] = {
            "iss": "log.rensho.example",
            "aud": audience,
            "sub": subject or f"urn:rensho:member:{new_id()}",
            "org": str(org),
            "scope": " ".join(sorted(scopes)),
            "name": name,
            "mailbox": mailbox,
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "jti": secrets.token_urlsafe(16),
        }
        if logged_in is not None:
            claims["auth_time"] = int((now - logged_in).timestamp())
        token = jwt.encode(
            {"alg": "ES256", "kid": token_key.kid}, claims, token_key, algorithms=["ES256"]
        )
        return {"Authorization": f"Bearer {token}"}

    return mint
