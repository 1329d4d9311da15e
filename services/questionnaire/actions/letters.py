"""What is written to suppliers: their invitation, or news of a further request."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.questionnaire.rules import invitations, letters
from services.questionnaire.rules.letters import Letter, Occasion
from services.questionnaire.store import campaigns, mails, requests, suppliers
from services.questionnaire.store.tables import Campaign, Invitation, Request, Supplier


@dataclass(frozen=True)
class Addressed:
    """A letter and the mailbox it goes to."""

    to: str
    letter: Letter


def invite(tx: Session, invitation_id: UUID, secret: bytes, base_url: str) -> Addressed | None:
    """Write the mail of one invitation; None where it went out before or served its purpose."""
    invitation = campaigns.invitation(tx, invitation_id)
    if invitation is None or invitation.mailed_at or invitation.accepted_at:
        return None
    request = tx.get_one(Request, invitation.request_id)
    link = f"{base_url}/invitations/{invitations.handle(secret, invitation.id)}"
    return _letter(tx, request, link, invited=True)


def invited(tx: Session, invitation_id: UUID, at: datetime) -> None:
    """Note that the mail of an invitation was handed over."""
    tx.get_one(Invitation, invitation_id).mailed_at = at


def tell(tx: Session, request_ids: list[UUID], base_url: str) -> list[Addressed]:
    """Write to the enrolled suppliers among these requests; the others have their invitation."""
    found = []
    for request in requests.by_id(tx, request_ids):
        if request.respondent_org_id is None or campaigns.has_invitation(tx, request.id):
            continue
        letter = _letter(tx, request, f"{base_url}/requests/{request.id}", invited=False)
        if letter.to:
            found.append(letter)
    return found


def _letter(tx: Session, request: Request, link: str, *, invited: bool) -> Addressed:
    supplier = suppliers.of_link(tx, request.link_id)
    assert supplier is not None
    campaign = tx.get_one(Campaign, request.campaign_id)
    template = mails.template(
        letters.language(supplier.language), "invitation" if invited else "request"
    )
    return Addressed(supplier.mailbox, letters.write(template, _occasion(supplier, campaign, link)))


def _occasion(supplier: Supplier, campaign: Campaign, link: str) -> Occasion:
    return Occasion(
        requester_name=campaign.requester_name,
        contact=campaign.contact["name"],
        supplier_name=supplier.name,
        contact_name=supplier.contact_name,
        title=campaign.title,
        why=campaign.terms["why"],
        purpose=campaign.terms["purpose"],
        viewers=campaign.terms["viewers"],
        not_used_for=campaign.terms["not_used_for"],
        due_on=campaign.due_on,
        link=link,
    )
