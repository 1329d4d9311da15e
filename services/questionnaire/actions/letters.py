"""Where the readers of our mails go on, and what requesters are told of their suppliers' keys."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit import clock, mail_html
from services.questionnaire.actions import mailing
from services.questionnaire.actions.mailing import About, LinkOf
from services.questionnaire.rules import invitations, key_letters
from services.questionnaire.rules.key_letters import KeyNews, KeyReader
from services.questionnaire.rules.letters import Letter
from services.questionnaire.store import campaigns, mails, organizations, suppliers
from services.questionnaire.store.asking_rows import Mail
from services.questionnaire.store.tables import Campaign, Request


@dataclass(frozen=True)
class Addressed:
    """A letter and the mailbox it goes to."""

    to: str
    letter: Letter


def link_of(secret: bytes, base_url: str) -> LinkOf:
    """Return how the link of a mail is found: an invitation's while nobody accepted it.

    Args:
        secret: what invitation handles are derived from.
        base_url: of the pages.
    """

    def find(tx: Session, mail: Mail) -> str:
        if mail.request_id is None:
            return f"{base_url}/campaigns/{mail.campaign_id}"
        return of_request(tx, tx.get_one(Request, mail.request_id), secret, base_url)

    return find


def of_request(tx: Session, request: Request, secret: bytes, base_url: str) -> str:
    """Return where a supplier answers: its invitation's page while nobody accepted it."""
    invitation = campaigns.newest_invitation(tx, request.id)
    if invitation is not None and invitation.accepted_at is None:
        return f"{base_url}/invitations/{invitations.handle(secret, invitation.id)}"
    return f"{base_url}/requests/{request.id}"


def first(tx: Session, request: Request, find: LinkOf) -> list[dict[str, str]]:
    """Write the first mail about a request as everybody at the supplier will get it; send none."""
    campaign = tx.get_one(Campaign, request.campaign_id)
    occasion = "request" if request.respondent_org_id else "invitation"
    made = mailing.drafted(tx, campaign, request, About(occasion), clock.now())
    written = [(mail, mailing.write(tx, mail, find)) for mail in made]
    return [
        {
            "occasion": mail.occasion,
            "mailbox": mail.mailbox,
            "kind": mail.kind,
            "language": letter.language,
            "subject": letter.subject,
            "body": letter.body,
            "html": mail_html.page(letter.subject, letter.body, letter.language),
        }
        for mail, letter in written
    ]


def tell_of_key(tx: Session, supplier_org: UUID, news: KeyNews, base_url: str) -> list[Addressed]:
    """Write to every requester on a link with a supplier that a key of it changed."""
    found = []
    for request, campaign in campaigns.newest_on_links_to(tx, supplier_org):
        supplier = suppliers.of_link(tx, request.link_id)
        assert supplier is not None, "a request stands on a link, and a link on a record"
        country = organizations.country_of(tx, request.requester_org_id)
        reader = KeyReader(
            name=campaign.requester_name,
            contact=campaign.contact["name"],
            supplier_name=supplier.name,
            link=f"{base_url}/suppliers/{supplier.id}",
        )
        template = mails.key_template("ja" if country in ("JP", None) else "en")
        letter = key_letters.write(template, news, reader)
        if campaign.contact["mailbox"]:
            found.append(Addressed(campaign.contact["mailbox"], letter))
    return found
