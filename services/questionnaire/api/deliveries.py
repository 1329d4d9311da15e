"""What became of each mail at each mailbox; again by hand; delivery reports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Query, Request, Response
from pydantic import Field

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx
from services.questionnaire.actions import letters, printing, resending
from services.questionnaire.api.campaigns import own_campaign
from services.questionnaire.api.edge import Body, after, cursor_after
from services.questionnaire.rules import delivery_reports
from services.questionnaire.rules.delivery import State
from services.questionnaire.store import outgoing, requests

router = APIRouter(tags=["mails"])

_A_MAIL: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"message/rfc822": {"schema": {"type": "string", "format": "binary"}}},
    }
}


class MailOut(Model):
    """One mail to one mailbox.

    `kept`: no mail server is set, so the link goes out by hand. `error` is what the server or the
    report said last; a mail that failed for now is tried again at `next_attempt_at`.
    """

    id: UUID
    request_id: UUID | None
    occasion: str
    lead: str | None
    kind: str
    mailbox: str
    name: str
    language: str
    state: State
    attempts: int
    error: str | None
    queued_at: datetime
    next_attempt_at: datetime | None
    sent_at: datetime | None
    settled_at: datetime | None


class MailPage(Page):
    """A page of mails, oldest first."""

    items: list[MailOut]
    counts: dict[str, int]


class RetryIn(Model):
    """Which mails to send again; without `mail_ids` all that failed or bounced."""

    mail_ids: Annotated[list[UUID], Field(min_length=1, max_length=10_000)] | None = None


class RetryOut(Model):
    """How many are sent again."""

    retried: int


class HeardOut(Model):
    """Of how many mails a report brought news."""

    heard: int


class LetterOut(Model):
    """A mail about a request as it is written now: to whom, in which language, what it says."""

    occasion: str
    mailbox: str
    kind: str
    language: str
    subject: str
    body: str
    html: str


class LetterList(Model):
    """What the people at a supplier are written."""

    items: list[LetterOut]


@router.get("/campaigns/{campaign_id}/mails", dependencies=[needs("campaigns.read")])
def list_mails(
    tx: Tx,
    who: Who,
    campaign_id: UUID,
    state: Annotated[list[State] | None, Query(max_length=8)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> MailPage:
    """List the mails of a campaign: `?state=failed&state=bounced` for those that need a person."""
    own_campaign(tx, who.org, campaign_id)
    rows = outgoing.page(tx, who.org, campaign_id, state or (), after(cursor), limit + 1)
    return MailPage(
        items=[MailOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
        counts=outgoing.counts(tx, who.org, campaign_id),
    )


@router.post(
    "/campaigns/{campaign_id}/mails/retry",
    dependencies=[needs("campaigns.write")],
    response_model=RetryOut,
)
def retry_mails(
    tx: Tx, who: Who, now: Now, http: Request, campaign_id: UUID, body: RetryIn, once: OnceOnly
) -> Response:
    """Send mails again that did not get through, to the supplier's mailboxes as they are now."""

    def work() -> RetryOut:
        secret = http.app.state.invitation_secret
        return RetryOut(retried=resending.retry(tx, who, campaign_id, body.mail_ids, secret, now))

    return once(work, status=200)


@router.post("/mail-reports", dependencies=[needs("campaigns.write")], openapi_extra=_A_MAIL)
def hear_report(tx: Tx, now: Now, content: Body) -> HeardOut:
    """Hand in a delivery report (RFC 3464) about mails of yours, as it came to a mailbox."""
    return HeardOut(heard=resending.hear(tx, delivery_reports.read(content), now))


@router.get(
    "/requests/{request_id}/letter.pdf",
    dependencies=[needs("campaigns.read")],
    response_class=Response,
    responses={200: {"content": {"application/pdf": {}}}},
)
def print_letter(
    tx: Tx,
    who: Who,
    now: Now,
    http: Request,
    request_id: UUID,
    language: Literal["ja", "en"] | None = None,
) -> Response:
    """Print a request of yours (依頼文書) for a channel of your own; the code is told apart."""
    found = requests.asked_by(tx, who.org, request_id)
    if found is None:
        raise NotFound("no such request")
    state = http.app.state
    link = letters.of_request(tx, found, state.invitation_secret, state.base_url)
    content = printing.pdf(tx, found, link, language, now)
    headers = {"Content-Disposition": f'attachment; filename="request-{found.id}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


@router.get("/requests/{request_id}/letters", dependencies=[needs("campaigns.read")])
def read_letters(tx: Tx, who: Who, http: Request, request_id: UUID) -> LetterList:
    """Read what the supplier of a request of yours is written first, before or after it went."""
    found = requests.asked_by(tx, who.org, request_id)
    if found is None:
        raise NotFound("no such request")
    state = http.app.state
    written = letters.first(tx, found, letters.link_of(state.invitation_secret, state.base_url))
    return LetterList(items=[LetterOut(**each) for each in written])
