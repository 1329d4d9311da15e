"""What several routes of identity share: the deployment, the session that came along, cursors."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated
from uuid import UUID

from fastapi import Cookie, Depends, Header, Request, Response
from pydantic import StringConstraints

from services.identity.actions import Deployment
from services.identity.rules import sessions
from services.kit import problems
from services.kit.problems import Invalid, Refused

COOKIE = "__Host-rensho-session"

Name = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Mailbox = Annotated[str, StringConstraints(min_length=6, max_length=254)]


def _deployment(request: Request) -> Deployment:
    here: Deployment = request.app.state.deployment
    return here


def _session_token(
    cookie: Annotated[str | None, Cookie(alias=COOKIE, max_length=200)] = None,
    authorization: Annotated[str | None, Header(max_length=4000)] = None,
) -> str | None:
    scheme, _, token = (authorization or "").partition(" ")
    return token if scheme.lower() == "session" and token else cookie


Here = Annotated[Deployment, Depends(_deployment)]
SessionToken = Annotated[str | None, Depends(_session_token)]
WantsToken = Annotated[
    str | None,
    Header(
        alias="X-Rensho-Client",
        max_length=20,
        description="`api`: give the session token in the answer too, for callers without cookies",
    ),
]


def set_session_cookie(response: Response, token: str) -> None:
    """Give the browser its session: no script reads it, no other site sends it along."""
    response.set_cookie(
        COOKIE,
        token,
        max_age=int(sessions.ABSOLUTE.total_seconds()),
        path="/",
        secure=True,
        httponly=True,
        samesite="lax",
    )


def clear_session_cookie(response: Response) -> None:
    """Take the session from the browser."""
    response.delete_cookie(COOKIE, path="/", secure=True, httponly=True, samesite="lax")


def answer(refusal: Refused) -> Response:
    """Answer a refusal whose transaction is kept: a wrong attempt counts."""
    return problems.response(
        refusal.status, refusal.urn, refusal.detail, refusal.headers, **refusal.extensions
    )


def after(cursor: str | None) -> UUID | None:
    """Return the id a page starts after.

    Raises:
        Invalid: the cursor is none of ours.
    """
    if cursor is None:
        return None
    try:
        return UUID(bytes=base64.urlsafe_b64decode(cursor.encode() + b"=="))
    except (ValueError, binascii.Error) as why:
        msg = "this cursor is none of ours"
        raise Invalid(msg) from why


def cursor_after(ids: list[UUID], limit: int) -> str | None:
    """Return the cursor of the next page, given one id more than the page holds."""
    if len(ids) <= limit:
        return None
    return base64.urlsafe_b64encode(ids[limit - 1].bytes).rstrip(b"=").decode()
