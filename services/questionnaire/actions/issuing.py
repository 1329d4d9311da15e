"""Requests go out once the log holds their statement; organizations are bound to their links."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit import clock
from services.kit.log import log
from services.kit.outbox import say_many
from services.questionnaire.actions import inviting, mailing
from services.questionnaire.actions.mailing import About
from services.questionnaire.actions.suppliers import say_linked
from services.questionnaire.rules.delivery import hundreds
from services.questionnaire.store import (
    campaigns,
    organizations,
    outgoing,
    requests,
    suppliers,
)
from services.questionnaire.store import questionnaires as stored_questionnaires
from services.questionnaire.store.requests import Issued
from services.questionnaire.store.tables import Campaign, Request


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
    if campaign.state != "prepared" or campaign.version != prepared.version:
        # Signed twice, or signed after all although the campaign was changed or called off.
        log.warning("a statement that issues nothing", statement_id=statement_id)
        return False
    issued = requests.issue(tx, campaign.id, statement_id, now)
    asked = requests.count(tx, campaign.id)
    assert len(issued) == asked, "all requests of a campaign are issued, or none"
    campaign.state, campaign.statement_id, campaign.issued_at = "issued", statement_id, now
    uninvited = [each for each in issued if each.respondent_org_id is None]
    firms = {each.supplier_id for each in uninvited}
    records = suppliers.letterheads(tx, campaign.org_id, firms)
    invited = [(each, records[each.supplier_id]) for each in uninvited]
    inviting.invite(tx, campaign, invited, secret, now)
    _say_issued(tx, campaign, issued)
    return True


def announce(tx: Session, request_ids: Sequence[UUID], now: datetime) -> None:
    """Queue the mails that tell of requests that went out, whoever they go to (worker)."""
    by_campaign: dict[UUID, list[Request]] = {}
    before = outgoing.announced(tx, request_ids)
    for request in requests.by_id(tx, set(request_ids) - before):
        by_campaign.setdefault(request.campaign_id, []).append(request)
    for campaign_id, asked in by_campaign.items():
        campaign = tx.get_one(Campaign, campaign_id)
        firms = {each.supplier_id for each in asked}
        known = suppliers.letterheads(tx, campaign.org_id, firms)
        invited = campaigns.invitations(tx, campaign.org_id, [each.id for each in asked])
        mails = [
            (
                each,
                known[each.supplier_id],
                About("invitation" if each.id in invited else "request"),
            )
            for each in sorted(asked, key=lambda request: request.id)
        ]
        mailing.to_suppliers(tx, campaign, mails, now)


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
    links = {link.id: link for link in suppliers.firm_links_for_update(tx, link_id)}
    if link_id not in links:
        log.error("an organization enrolled by an unknown link", link_id=str(link_id))
        return
    if links[link_id].supplier_org_id not in (None, org_id):
        log.error("a second organization enrolled by one link", link_id=str(link_id))
        return
    # Two records that were merged are one firm: whoever accepted the one stands behind both.
    for link in links.values():
        if link.supplier_org_id in (None, org_id):
            link.supplier_org_id = org_id
            tx.flush()
            requests.bind(tx, link.id, org_id)
            campaigns.accept_invitations(tx, link.id, now)
    supplier = suppliers.of_link(tx, link_id)
    assert supplier is not None
    say_linked(tx, supplier)


def _say_issued(tx: Session, campaign: Campaign, issued: Sequence[Issued]) -> None:
    questionnaire = stored_questionnaires.shown(tx, campaign.questionnaire_id)
    assert questionnaire is not None
    named = {
        "campaign_id": campaign.id,
        "org_id": campaign.org_id,
        "statement_id": campaign.statement_id,
        "questionnaire_id": questionnaire.id,
        "questionnaire_digest": questionnaire.digest,
    }
    told = ({**named, "requests": [_told(each) for each in some]} for some in hundreds(issued))
    say_many(tx, "request.issued.v1", told)


def _told(request: Issued) -> dict[str, Any]:
    return {
        "request_id": request.id,
        "link_id": request.link_id,
        "respondent_org_id": request.respondent_org_id,
        "nonce": request.nonce,
        "due_at": clock.rfc3339(request.answer_by),
    }
