"""The requests of a campaign as its requester sees them: how far each is, and the link to copy."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter, Request
from sqlalchemy.orm import Session
from starlette.datastructures import State

from services.kit.auth import Who, needs
from services.kit.web import Cursor, Limit, Model, Page, Tx
from services.questionnaire.api.campaigns import own_campaign
from services.questionnaire.api.edge import after, cursor_after
from services.questionnaire.rules import invitations, progress
from services.questionnaire.rules.progress import Stage
from services.questionnaire.store import campaigns, contacts, outgoing, requests, suppliers
from services.questionnaire.store.tables import Invitation
from services.questionnaire.store.tables import Request as AskedRequest

router = APIRouter(tags=["campaigns"])


class AskedOut(Model):
    """One request of a campaign; the link is for a supplier that has not enrolled yet.

    `stage` is how far it is, `times` when it first came to be so; `last_error` is what the mail
    server said last where mails to it do not get through (`failed_mails`).
    """

    id: UUID
    supplier_id: UUID
    link_id: UUID
    state: str
    stage: Stage
    times: dict[str, datetime]
    due_at: datetime
    answer_by: datetime
    respondent_org_id: UUID | None
    invitation_id: UUID | None
    invitation_link: str | None
    invitation_expires_at: datetime | None
    mailed_at: datetime | None
    failed_mails: int
    last_error: str | None


class AskedPage(Page):
    """A page of a campaign's requests."""

    items: list[AskedOut]


@router.get("/campaigns/{campaign_id}/requests", dependencies=[needs("campaigns.read")])
def list_campaign_requests(
    tx: Tx,
    who: Who,
    http: Request,
    campaign_id: UUID,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> AskedPage:
    """List the requests of a campaign, with the link to copy where a supplier was invited."""
    own_campaign(tx, who.org, campaign_id)
    rows = requests.of_campaign(tx, who.org, campaign_id, after(cursor), limit + 1)
    return AskedPage(
        items=asked_out(tx, who.org, rows[:limit], http.app.state),
        next_cursor=cursor_after(rows, limit),
    )


def asked_out(tx: Session, org: UUID, rows: Sequence[AskedRequest], state: State) -> list[AskedOut]:
    """Show requests to their requester, with how far they are."""
    ids = [row.id for row in rows]
    invited, marks = campaigns.invitations(tx, org, ids), outgoing.marks(tx, ids)
    sent = outgoing.sent(tx, ids)
    reached = _reached(tx, org, rows)
    found = []
    for row in rows:
        stands = sent.get(row.id, outgoing.Sent())
        mailboxes = reached[row.id]
        shut = bool(mailboxes) and mailboxes <= stands.bounced
        found.append(
            _asked_out(row, invited.get(row.id), state)
            | {
                "stage": progress.stage(row.state, marks[row.id], reachable=not shut),
                "times": progress.times(row.created_at, row.issued_at, marks[row.id]),
                "failed_mails": stands.failed,
                "last_error": stands.last_error,
            }
        )
    return [AskedOut(**each) for each in found]


def _reached(tx: Session, org: UUID, rows: Sequence[AskedRequest]) -> dict[UUID, set[str]]:
    firms = suppliers.letterheads(tx, org, {row.supplier_id for row in rows})
    told = contacts.recipients(tx, list({each.id: each for each in firms.values()}.values()))
    return {row.id: {each.mailbox for each in told[firms[row.supplier_id].id].to} for row in rows}


def _asked_out(
    request: AskedRequest, invitation: Invitation | None, state: State
) -> dict[str, Any]:
    link = None
    if invitation is not None:
        handle = invitations.handle(state.invitation_secret, invitation.id)
        link = f"{state.base_url}/invitations/{handle}"
    own = ("id", "supplier_id", "link_id", "state", "due_at", "answer_by", "respondent_org_id")
    return {
        **{name: getattr(request, name) for name in own},
        "invitation_id": invitation and invitation.id,
        "invitation_link": link,
        "invitation_expires_at": invitation and invitation.expires_at,
        "mailed_at": invitation and invitation.mailed_at,
    }
