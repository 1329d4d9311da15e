"""Machine clients: programs that act for an organization with scopes of their own."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from http import HTTPStatus
from typing import Any
from uuid import UUID

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, OKPKey
from rensho.errors import VerificationError
from rensho.keys import PublicKey
from sqlalchemy.orm import Session

from services.identity.actions.deployment import Deployment
from services.identity.rules import rights
from services.identity.store import MachineClient, clients, people
from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.problems import NotFound, Refused


class UnfitKey(Refused):
    """Not a public P-256 or Ed25519 key as a JWK (RFC 7517), or a weak one."""

    urn = "clients/unfit-key"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


def add(
    tx: Session, who: Principal, here: Deployment, *, name: str, scopes: Sequence[str],
    jwk: Mapping[str, Any] | None, now: datetime,
) -> tuple[MachineClient, str | None]:  # fmt: skip
    """An admin registers a program. Returns it and its secret, shown once; None with a key.

    Raises:
        UnknownScope: a scope machines do not get.
        UnfitKey: `jwk` will not do.
    """
    secret = None if jwk is not None else secrets.token_urlsafe(32)
    client = MachineClient(
        id=new_id(),
        org_id=who.org,
        name=name,
        scopes=list(rights.machine_scopes(here.rights, scopes)),
        secret_sha256=people.digest(secret) if secret is not None else None,
        jwk=_public_only(jwk) if jwk is not None else None,
        created_at=now,
        ended_at=None,
    )
    tx.add(client)
    tx.flush()
    tx.info["details"]["client"] = str(client.id)
    return client, secret


def end(tx: Session, who: Principal, client_id: UUID, now: datetime) -> None:
    """An admin ends a program's access; its tokens end at once.

    Raises:
        NotFound: no active client of this organization.
    """
    client = clients.of_organization(tx, who.org, client_id)
    if client is None:
        msg = "there is no such machine client"
        raise NotFound(msg)
    client.ended_at = now
    people.revoke(tx, client.subject, now)


def _public_only(jwk: Mapping[str, Any]) -> dict[str, Any]:
    if "d" in jwk:
        msg = "this is a private key; keep it, send the public half, and better make a new one"
        raise UnfitKey(msg)
    wanted = {"EC": ("kty", "crv", "x", "y"), "OKP": ("kty", "crv", "x")}.get(str(jwk.get("kty")))
    if wanted is None or jwk.get("crv") not in {"P-256", "Ed25519"}:
        msg = "send a P-256 or Ed25519 key"
        raise UnfitKey(msg)
    try:
        public = {member: str(jwk[member]) for member in wanted}
        key = load(public)
        PublicKey.from_der(key.as_der(private=False)).enrol_check()
    except (KeyError, ValueError, TypeError, JoseError, VerificationError) as why:
        msg = "this is not a usable public key"
        raise UnfitKey(msg) from why
    return public


def load(jwk: Mapping[str, Any]) -> ECKey | OKPKey:
    """Return the key of a stored JWK."""
    parts: dict[str, str | list[str]] = {name: str(value) for name, value in jwk.items()}
    return ECKey.import_key(parts) if parts["kty"] == "EC" else OKPKey.import_key(parts)
