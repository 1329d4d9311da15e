"""A person at one end is due a mail: noted here in the transaction that made it so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final, Literal
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.outbox import say
from services.questionnaire.actions.letters import Addressed
from services.questionnaire.rules import invitations, letters, notices
from services.questionnaire.rules.notices import Place
from services.questionnaire.store import contacts, mails, organizations, suppliers
from services.questionnaire.store.answering import ContactChange, Delegation, Message
from services.questionnaire.store.reviewing import CorrectiveAction, Renewal
from services.questionnaire.store.tables import Campaign, Invitation, Request

Kind = Literal[
    "message",
    "returned",
    "accepted",
    "corrective-opened",
    "corrective-agreed",
    "corrective-done",
    "corrective-checked",
    "corrective-reopened",
    "corrective-dropped",
    "renewal",
    "granted",
    "grant-ended",
    "delegated",
    "delegation-told",
    "delegation-returned",
    "contact-new",
    "contact-former",
    "contact-asked",
]
_NOBODY: Final = contacts.Address("", "", "", "", "", None)
To = Literal["requester", "respondent", "colleague"]


@dataclass(frozen=True)
class Post:
    """Where this deployment is reached, and the secret its links are made with."""

    base_url: str
    secret: bytes


def due(tx: Session, kind: Kind, request_id: UUID, to: To, about: UUID | None = None) -> None:
    """Note that a mail is due. `about` is the id of what it tells of."""
    say(tx, "notice.due.v1", kind=kind, request_id=request_id, to=to, about=about)


def write(
    tx: Session, post: Post, kind: Kind, request_id: UUID, to: To, about: UUID | None
) -> Addressed | None:
    """Write a mail that is due; None where nobody is known to write to (worker)."""
    request = tx.get_one(Request, request_id)
    campaign = tx.get_one(Campaign, request.campaign_id)
    supplier = suppliers.of_link(tx, request.link_id)
    assert supplier is not None, "a request stands on a link, and a link on a record"
    places: dict[Place, str] = {
        "requester": campaign.requester_name,
        "supplier": supplier.name,
        "title": campaign.title,
        "link": f"{post.base_url}/requests/{request.id}",
    }
    if to == "requester":
        country = organizations.country_of(tx, request.requester_org_id)
        language = "ja" if country in ("JP", None) else "en"
        mailbox, firm = campaign.contact["mailbox"], campaign.requester_name
        person = campaign.contact["name"]
    else:
        language = letters.language(supplier.language)
        (first, *_) = contacts.recipients(tx, [supplier])[supplier.id].to or (_NOBODY,)
        mailbox, firm, person = first.mailbox, supplier.name, first.name
    told = _about(tx, post, kind, about)
    places |= told.places
    mailbox, person = told.mailbox or mailbox, person if told.person is None else told.person
    language = told.language or language
    if not mailbox:
        return None
    template = mails.notice(language if language in ("ja", "en") else "en", kind)
    return Addressed(mailbox, notices.write(template, firm, person, places))


@dataclass(frozen=True)
class _Told:
    places: dict[Place, str]
    mailbox: str | None = None
    person: str | None = None
    language: str | None = None


def _about(tx: Session, post: Post, kind: Kind, about: UUID | None) -> _Told:
    if about is None:
        return _Told({})
    match kind.partition("-")[0]:
        case "message":
            message = tx.get_one(Message, about)
            return _Told({"person": message.name, "question": message.question or "-"})
        case "corrective":
            action = tx.get_one(CorrectiveAction, about)
            return _Told({"finding": action.finding, **_day(action.due_on)})
        case "renewal":
            return _Told(_day(tx.get_one(Renewal, about).not_after.date()))
        case "contact":
            return _of_contact(tx, tx.get_one(ContactChange, about), post, kind)
        case _:
            return _of_delegation(tx.get_one(Delegation, about), post, kind)


def _day(day: date) -> dict[Place, str]:
    written = letters.due(day)
    return {"due_ja": written.ja, "due_en": written.en}


def _of_delegation(found: Delegation, post: Post, kind: Kind) -> _Told:
    places: dict[Place, str] = {"person": found.name, "colleague": found.delegated_by}
    if kind != "delegated":
        return _Told(places)
    link = f"{post.base_url}/invitations/{invitations.handle(post.secret, found.id)}"
    return _Told(
        {**places, "link": link, "note": found.note}, found.mailbox, found.name, found.language
    )


def _of_contact(tx: Session, found: ContactChange, post: Post, kind: Kind) -> _Told:
    places: dict[Place, str] = {"person": found.name, "mailbox": found.mailbox}
    if kind == "contact-former":
        return _Told(places, found.former_mailbox)
    if kind == "contact-new":
        assert found.invitation_id is not None
        invitation = tx.get_one(Invitation, found.invitation_id)
        link = f"{post.base_url}/invitations/{invitations.handle(post.secret, invitation.id)}"
        return _Told({**places, "link": link}, found.mailbox, found.name)
    return _Told(places)
