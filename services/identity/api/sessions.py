"""Log-in and log-out."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Response
from pydantic import StringConstraints

from services.identity.actions import sessions as actions
from services.identity.api.edge import (
    Here,
    Mailbox,
    SessionToken,
    WantsToken,
    answer,
    clear_session_cookie,
    set_session_cookie,
)
from services.identity.api.members import MemberOut
from services.kit.auth import PUBLIC, needs
from services.kit.problems import Refused
from services.kit.web import Model, Now, Tx

router = APIRouter(prefix="/sessions", tags=["sessions"])


class LogIn(Model):
    """Whose mailbox the code goes to."""

    mailbox: Mailbox


class LogInRequested(Model):
    """If a member reads this mailbox, a code is on its way."""

    delivery: str = "mail"


class LogInConfirm(Model):
    """The code, and the organization where one mailbox belongs to several."""

    mailbox: Mailbox
    code: Annotated[str, StringConstraints(min_length=1, max_length=40)]
    organization_id: UUID | None = None


class SessionOut(Model):
    """A new session; the token comes as a cookie, and here if `X-Rensho-Client: api` was sent."""

    organization_id: UUID
    member: MemberOut
    session_token: str | None


@router.post("", status_code=202, dependencies=[needs(PUBLIC)])
def request_log_in(tx: Tx, now: Now, body: LogIn) -> LogInRequested:
    """Ask for a log-in code. The answer never tells whether somebody reads the mailbox."""
    actions.request_log_in(tx, body.mailbox, now)
    return LogInRequested()


@router.post("/confirm", status_code=201, response_model=SessionOut, dependencies=[needs(PUBLIC)])
def log_in(
    tx: Tx, now: Now, here: Here, body: LogInConfirm, response: Response, wants: WantsToken = None
) -> SessionOut | Response:
    """Log in with the code from the mailbox."""
    done = actions.log_in(tx, here, body.mailbox, body.code, body.organization_id, now)
    if isinstance(done, Refused):
        return answer(done)
    set_session_cookie(response, done.session_token)
    return SessionOut(
        organization_id=done.member.org_id,
        member=MemberOut.model_validate(done.member),
        session_token=done.session_token if wants == "api" else None,
    )


@router.delete("/current", status_code=204, dependencies=[needs(PUBLIC)])
def log_out(tx: Tx, now: Now, response: Response, session_token: SessionToken) -> None:
    """Log out; access tokens made from the session are refused at once."""
    actions.log_out(tx, session_token, now)
    clear_session_cookie(response)
