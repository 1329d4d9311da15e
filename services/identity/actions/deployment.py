"""What the actions need to know of the deployment they run in; read once at start."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from joserfc import jwt
from joserfc.jwk import ECKey

from services.identity.rules.rights import Rights
from services.kit import keyfiles
from services.kit.auth import ALGORITHM
from services.kit.outbox import CONTRACTS
from services.kit.settings import Settings


def load_rights() -> Rights:
    """Read `contracts/permissions.json`: role, service, permissions."""
    table = json.loads((CONTRACTS / "permissions.json").read_bytes())
    return Rights(
        {
            role: {service: tuple(permissions) for service, permissions in services.items()}
            for role, services in table.items()
        }
    )


@dataclass(frozen=True)
class Deployment:
    """Keys, addresses and the table of rights."""

    base_url: str
    mails: bool
    """Whether a mail server is set; without one a code is told by the inviter."""
    shows_mails: bool
    """Whether the demo shows its folder of mails: a code is then told and mailed."""
    rights: Rights
    code_secret: bytes = field(repr=False)
    token_key: ECKey = field(repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Deployment:
        """Load what the settings point to.

        Raises:
            UnsafeKeys: the token key or the code secret is missing or open to others.
        """
        pem = keyfiles.signing_key(settings, "token").to_pem()
        bare = ECKey.import_key(pem)
        return cls(
            base_url=settings.base_url,
            mails=settings.smtp_url is not None,
            shows_mails=settings.mail_viewer,
            rights=load_rights(),
            code_secret=keyfiles.secret_bytes(settings, "code"),
            token_key=ECKey.import_key(
                pem, {"kid": bare.thumbprint(), "use": "sig", "alg": ALGORITHM}
            ),
        )

    @property
    def issuer(self) -> str:
        """The `iss` of our tokens."""
        return f"{self.base_url}/identity/v1"

    @property
    def token_audiences(self) -> frozenset[str]:
        """What a client's assertion may name as `aud`: the token endpoint or our origin."""
        return frozenset({f"{self.issuer}/token", self.base_url})

    @cached_property
    def jwks(self) -> dict[str, Any]:
        """The public keys of our tokens (RFC 7517); `kid` is the RFC 7638 thumbprint."""
        return {"keys": [dict(self.token_key.as_dict(private=False))]}

    def sign(self, claims: dict[str, Any]) -> str:
        """Return the claims as a signed compact JWT."""
        header = {"alg": ALGORITHM, "kid": self.token_key.kid, "typ": "at+jwt"}
        return jwt.encode(header, claims, self.token_key, algorithms=[ALGORITHM])
