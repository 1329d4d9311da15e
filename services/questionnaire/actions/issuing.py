"""Requests go out once the log holds their statement; organizations are bound to their links."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit import clock
from services.kit.db import new_id
from services.kit.log import log
from services.kit.outbox import say
from services.questionnaire.actions.suppliers import say_linked
from services.questionnaire.rules import invitations
from services.questionnaire.store import (
    campaigns,
    organizations,
    requests,
    suppliers,
)
from services.questionnaire.store import questionnaires as stored_questionnaires
from services.questionnaire.store.tables import Campaign, Invitation, Request, Supplier

REQUESTS_PER_EVENT: Final = 100
INVITATION_LASTS: Final = timedelta(days=30)
"""Beyond the day to answer by: a late supplier finds an open door."""


def issue(tx: Session, statement_id: str, secret: bytes, now: datetime) -> bool:
    """Issue all requests of the campaign whose signed statement is in the log.

    A crash before the commit leaves the campaign prepared and the event unhandled; it comes again.

    Args:
        secret: what invitation handles are derived from.

    Returns:
        False where nothing was to do: no campaign of ours, or issued before.
    """
    prepared = campaigns.preparation_for_update(tx, statement_id)
    if prepared is None:
        return False
    campaign = campaigns.for_update(tx, prepared.campaign_id)
    if campaign.state == "issued":
        log.warning("a second statement of an issued campaign", statement_id=statement_id)
        return False
    changed = requests.issue(tx, campaign.id, statement_id, prepared.requests, now)
    assert changed == len(prepared.requests), "all requests of a campaign are issued, or none"
    campaign.state, campaign.statement_id, campaign.issued_at = "issued", statement_id, now
    issued = requests.by_id(tx, [UUID(each["id"]) for each in prepared.requests])
    issued = sorted(issued, key=lambda request: request.id)
    _invite(tx, campaign, [each for each in issued if each.respondent_org_id is None], secret, now)
    _say_issued(tx, campaign, issued)
    return True


def refuse(tx: Session, statement_id: str, codes: list[str]) -> bool:
    """Note that a campaign's statement was refused after all; it can be prepared again."""
    prepared = campaigns.preparation_for_update(tx, statement_id)
    if prepared is None:
        return False
    prepared.refused = codes
    campaign = campaigns.for_update(tx, prepared.campaign_id)
    if campaign.state == "prepared":
        campaign.state = "draft"
    return True


def enrol(
    tx: Session, org_id: UUID, name: str, country: str, link_id: UUID | None, now: datetime
) -> None:
    """Note an organization, and bind it to the supply link it was invited by.

    Its requests on that link become visible to it, and risk is told who is behind the link.
    """
    organizations.remember(tx, org_id, name, country)
    if link_id is None:
        return
    link = suppliers.link_for_update(tx, link_id)
    if link is None:
        log.error("an organization enrolled by an unknown link", link_id=str(link_id))
        return
    if link.supplier_org_id not in (None, org_id):
        log.error("a second organization enrolled by one link", link_id=str(link_id))
        return
    link.supplier_org_id = org_id
    tx.flush()
    requests.bind(tx, link_id, org_id)
    campaigns.accept_invitations(tx, link_id, now)
    supplier = suppliers.of_link(tx, link_id)
    assert supplier is not None
    say_linked(tx, supplier)


def _invite(
    tx: Session, campaign: Campaign, uninvited: Sequence[Request], secret: bytes, now: datetime
) -> None:
    records = suppliers.known_ids(
        tx, campaign.org_id, {request.supplier_id for request in uninvited}
    )
    made = [
        _invitation(campaign, records[each.supplier_id], each, secret, now) for each in uninvited
    ]
    tx.add_all(made)
    tx.flush()
    for request, invitation in zip(uninvited, made, strict=True):
        supplier = records[request.supplier_id]
        say(
            tx,
            "invitation.issued.v1",
            invitation_id=invitation.id,
            handle_sha256=invitation.handle_sha256,
            link_id=request.link_id,
            requester_org_id=campaign.org_id,
            requester_name=campaign.requester_name,
            supplier_name=supplier.name,
            mailbox=supplier.mailbox,
            language=supplier.language,
            expires_at=clock.rfc3339(invitation.expires_at),
        )


def _invitation(
    campaign: Campaign, supplier: Supplier, request: Request, secret: bytes, now: datetime
) -> Invitation:
    invitation_id = new_id()
    return Invitation(
        id=invitation_id,
        org_id=campaign.org_id,
        request_id=request.id,
        link_id=request.link_id,
        mailbox=supplier.mailbox,
        handle_sha256=invitations.digest(invitations.handle(secret, invitation_id)),
        issued_at=now,
        expires_at=max(campaign.due_at, now) + INVITATION_LASTS,
    )


def _say_issued(tx: Session, campaign: Campaign, issued: Sequence[Request]) -> None:
    questionnaire = stored_questionnaires.shown(tx, campaign.questionnaire_id)
    assert questionnaire is not None
    for some in _chunks(issued):
        say(
            tx,
            "request.issued.v1",
            campaign_id=campaign.id,
            org_id=campaign.org_id,
            statement_id=campaign.statement_id,
            questionnaire_id=questionnaire.id,
            questionnaire_digest=questionnaire.digest,
            requests=[
                {
                    "request_id": request.id,
                    "link_id": request.link_id,
                    "respondent_org_id": request.respondent_org_id,
                    "nonce": request.nonce,
                    "due_at": clock.rfc3339(request.due_at),
                }
                for request in some
            ],
        )


def _chunks(issued: Sequence[Request]) -> Iterator[Sequence[Request]]:
    for start in range(0, len(issued), REQUESTS_PER_EVENT):
        yield issued[start : start + REQUESTS_PER_EVENT]
