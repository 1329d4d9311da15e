"""The token endpoint and the public keys of its tokens."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal
from urllib.parse import unquote_plus

from fastapi import APIRouter, Form, Header, Response
from fastapi.responses import JSONResponse
from pydantic import BaseModel, StringConstraints

from services.identity.actions import tokens as actions
from services.identity.api.edge import Here, SessionToken
from services.kit.auth import PUBLIC, needs
from services.kit.web import Model, Now, Tx

router = APIRouter(tags=["tokens"])

TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105 (a public name)
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105 (a public name)

SESSION_TOKEN = "urn:rensho:token-type:session"  # noqa: S105 (a public name)

Text = Annotated[str | None, StringConstraints(max_length=8000)]


class TokenRequest(BaseModel):
    """The form of RFC 6749 section 4.4, RFC 7523 section 2.2 and RFC 8693 section 2.1.

    Every field may be missing and unknown ones are ignored, as the RFCs demand; what is missing is
    refused in their words.
    """

    grant_type: Text = None
    audience: Text = None
    scope: Text = None
    subject_token: Text = None
    subject_token_type: Text = None
    client_id: Text = None
    client_secret: Text = None
    client_assertion: Text = None
    client_assertion_type: Text = None


class TokenOut(Model):
    """An access token (RFC 6749 section 5.1, RFC 8693 section 2.2.1); lives 300 seconds."""

    access_token: str
    token_type: Literal["Bearer"] = "Bearer"  # noqa: S105 (a public name)
    expires_in: int
    scope: str
    issued_token_type: str | None = None


@router.post(
    "/token",
    response_model=TokenOut,
    response_model_exclude_none=True,
    dependencies=[needs(PUBLIC)],
)
def issue_token(
    tx: Tx,
    now: Now,
    here: Here,
    form: Annotated[TokenRequest, Form()],
    session_token: SessionToken,
    authorization: Annotated[str | None, Header(max_length=4000)] = None,
) -> TokenOut:
    """Get an access token for one service: from a session, or as a machine client."""
    if not form.audience:
        msg = "audience is missing: the service the token is for"
        raise actions.TokenRefused(msg)
    wish = actions.Wish(form.audience, form.scope)
    if form.grant_type == TOKEN_EXCHANGE:
        held = _held(form, session_token)
        return _out(actions.exchange(tx, here, held, wish, now), kind=ACCESS_TOKEN)
    if form.grant_type == "client_credentials":
        return _out(actions.for_client(tx, here, _proof(form, authorization), wish, now), kind=None)
    msg = f"grant_type must be {TOKEN_EXCHANGE} or client_credentials"
    raise actions.UnsupportedGrant(msg)


@router.get("/jwks.json", dependencies=[needs(PUBLIC)])
def get_public_keys(here: Here) -> Response:
    """Read the public keys of our access tokens (RFC 7517)."""
    return JSONResponse(here.jwks, headers={"Cache-Control": "public, max-age=60"})


def _held(form: TokenRequest, session_token: str | None) -> str:
    if form.subject_token_type not in {None, SESSION_TOKEN}:
        msg = f"subject_token_type must be {SESSION_TOKEN}"
        raise actions.TokenRefused(msg)
    held = form.subject_token or session_token
    if held is None:
        msg = "subject_token is missing: the session token"
        raise actions.TokenRefused(msg)
    return held


def _proof(form: TokenRequest, authorization: str | None) -> actions.ClientProof:
    asserted = form.client_assertion is not None
    if asserted and form.client_assertion_type != actions.ASSERTION_TYPE:
        msg = f"client_assertion_type must be {actions.ASSERTION_TYPE}"
        raise actions.TokenRefused(msg)
    basic_id, basic_secret = _basic(authorization)
    return actions.ClientProof(
        client_id=form.client_id or basic_id,
        secret=form.client_secret or basic_secret,
        assertion=form.client_assertion,
    )


def _out(issued: actions.Issued, *, kind: str | None) -> TokenOut:
    return TokenOut(
        access_token=issued.access_token,
        expires_in=issued.expires_in,
        scope=issued.scope,
        issued_token_type=kind,
    )


def _basic(authorization: str | None) -> tuple[str | None, str | None]:
    """Read `client_secret_basic` (RFC 6749 section 2.3.1)."""
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None, None
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError, ValueError) as why:
        raise actions.InvalidClient from why
    return unquote_plus(user), unquote_plus(password)
