"""Access tokens: for a session (RFC 8693) or for a machine client (RFC 6749, 7523)."""

from __future__ import annotations

import hmac
import json
import secrets
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import ClassVar
from uuid import UUID

from joserfc import jwt
from joserfc.errors import JoseError
from sqlalchemy.orm import Session

from services.identity.actions.clients import load
from services.identity.actions.deployment import Deployment
from services.identity.actions.sessions import in_session
from services.identity.rules import rights
from services.identity.rules import tokens as rules
from services.identity.store import MachineClient, clients, people
from services.kit.db import Actor
from services.kit.problems import Refused
from services.kit.settings import SERVICES
from services.kit.web import act_as

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS = {"EC": "ES256", "OKP": "Ed25519"}
# Older libraries still name Ed25519 by its deprecated, ambiguous name (RFC 9864).
_OLD_NAME = "EdDSA"


class TokenRefused(Refused):
    """No token; `error` is the code of RFC 6749 section 5.2 or RFC 8693 section 2.2.2."""

    status = HTTPStatus.BAD_REQUEST
    error: ClassVar[str] = "invalid_request"
    urn = "tokens/invalid-request"

    def __init__(self, detail: str, *, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail, headers=headers, error=self.error)


class UnsupportedGrant(TokenRefused):
    """Neither token exchange nor client credentials."""

    error = "unsupported_grant_type"
    urn = "tokens/unsupported-grant-type"


class InvalidGrant(TokenRefused):
    """The session is unknown, has ended or has run out."""

    error = "invalid_grant"
    urn = "tokens/invalid-grant"


class InvalidTarget(TokenRefused):
    """There is no service of this name."""

    error = "invalid_target"
    urn = "tokens/invalid-target"


class InvalidScope(TokenRefused):
    """More was asked for than the caller has in that service."""

    error = "invalid_scope"
    urn = "tokens/invalid-scope"


class InvalidClient(TokenRefused):
    """The client did not prove who it is; an unknown client looks the same."""

    error = "invalid_client"
    urn = "tokens/invalid-client"
    status = HTTPStatus.UNAUTHORIZED

    def __init__(self, detail: str = "the client did not prove who it is") -> None:
        super().__init__(detail, headers={"WWW-Authenticate": 'Basic realm="token"'})


@dataclass(frozen=True)
class Wish:
    """For which service a token is asked for, and optionally for less than all one may do there."""

    audience: str
    scope: str | None


@dataclass(frozen=True)
class ClientProof:
    """How a machine client proves who it is: by its secret or by an assertion it signed."""

    client_id: str | None
    secret: str | None
    assertion: str | None


@dataclass(frozen=True)
class Issued:
    """An access token and what it allows."""

    access_token: str
    expires_in: int
    scope: str


def exchange(
    tx: Session, here: Deployment, session_token: str, wish: Wish, now: datetime
) -> Issued:
    """A member's session becomes an access token for one service.

    Raises:
        InvalidTarget, InvalidGrant, InvalidScope: see there.
    """
    _refuse_unknown_audience(wish)
    found = in_session(tx, session_token, now)
    if found is None:
        msg = "this session is unknown, has ended or has run out; log in again"
        raise InvalidGrant(msg)
    member, session = found
    bearer = rules.Bearer(
        subject=member.subject,
        org=member.org_id,
        name=member.name,
        mailbox=member.mailbox,
        revoked_until=people.revoked_until(tx, member.subject),
        logged_in_at=session.started_at,
    )
    return _issue(here, bearer, here.rights.of(member.roles, wish.audience), wish, now)


def for_client(
    tx: Session, here: Deployment, proof: ClientProof, wish: Wish, now: datetime
) -> Issued:
    """A machine client proves who it is and gets an access token for one service.

    Raises:
        InvalidTarget, InvalidClient, InvalidScope: see there.
    """
    _refuse_unknown_audience(wish)
    client_id = _client_id(proof)
    client = clients.by_client_id(tx, client_id)
    if client is None:
        raise InvalidClient
    if proof.assertion is not None:
        _check_assertion(tx, here, client, proof.assertion, now)
    else:
        _check_secret(client, proof.secret)
    act_as(tx, Actor(client.subject, client.org_id))
    bearer = rules.Bearer(
        subject=client.subject,
        org=client.org_id,
        name=client.name,
        mailbox="",
        revoked_until=people.revoked_until(tx, client.subject),
    )
    return _issue(here, bearer, rights.in_service(client.scopes, wish.audience), wish, now)


def _refuse_unknown_audience(wish: Wish) -> None:
    if wish.audience not in SERVICES:
        msg = f"audience must be one of {', '.join(SERVICES)}"
        raise InvalidTarget(msg)


def _client_id(proof: ClientProof) -> UUID:
    given = proof.client_id
    try:
        if given is None and proof.assertion is not None:
            given = str(_unverified(proof.assertion).get("sub"))
        return UUID(given)
    except (ValueError, TypeError) as why:
        raise InvalidClient from why


def _unverified(assertion: str) -> Mapping[str, object]:
    """Read whom an assertion names, only to find the key that must verify it."""
    payload = assertion.partition(".")[2].partition(".")[0]
    found = json.loads(urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return found if isinstance(found, dict) else {}


def _check_secret(client: MachineClient, secret: str | None) -> None:
    known = client.secret_sha256
    if known is None or secret is None or not hmac.compare_digest(known, people.digest(secret)):
        raise InvalidClient


def _check_assertion(
    tx: Session, here: Deployment, client: MachineClient, assertion: str, now: datetime
) -> None:
    if client.jwk is None:
        raise InvalidClient
    try:
        key = load(client.jwk)
        allowed = [_ALGORITHMS[key.key_type], *([_OLD_NAME] if key.key_type == "OKP" else [])]
        claims = jwt.decode(assertion, key, algorithms=allowed).claims
        checked = rules.assertion(
            claims, client_id=client.id, audiences=here.token_audiences, now=now
        )
    except (JoseError, ValueError, TypeError, KeyError) as why:
        detail = str(why) if isinstance(why, rules.BadAssertion) else "the assertion is not valid"
        raise InvalidClient(detail) from why
    if not clients.first_use(tx, client.id, checked.jti, checked.expires_at):
        msg = "this assertion was used before; sign a new one"
        raise InvalidClient(msg)


def _issue(
    here: Deployment, bearer: rules.Bearer, held: frozenset[str], wish: Wish, now: datetime
) -> Issued:
    scopes = held if wish.scope is None else frozenset(wish.scope.split())
    if not scopes or not scopes <= held:
        msg = f"this is more than you may do in {wish.audience}"
        raise InvalidScope(msg)
    claims = rules.claims(
        bearer,
        issuer=here.issuer,
        audience=wish.audience,
        scopes=scopes,
        now=now,
        jti=secrets.token_urlsafe(16),
    )
    return Issued(here.sign(claims), int(rules.LIFETIME.total_seconds()), str(claims["scope"]))
