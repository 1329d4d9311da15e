"""Somebody else is to be asked: said by whoever holds the link, before any code."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.outbox import say
from services.kit.problems import NotFound, Refused
from services.questionnaire.actions import notices
from services.questionnaire.rules import contact_change as rules
from services.questionnaire.rules import invitations
from services.questionnaire.store import answering, suppliers
from services.questionnaire.store.answering import ContactChange
from services.questionnaire.store.tables import Invitation, Request

_MOST_PER_DAY: Final = 5


class AlreadyDecided(Refused):
    """This change of contact was decided before."""

    urn = "contact-changes/decided"


def ask(tx: Session, handle: str, name: str, mailbox: str, now: datetime) -> None:
    """Note that the holder of a link names another contact.

    Whether there is such a link, and what comes of it, is not told here: the answer would be a key
    to guess with.
    """
    made = ContactChange(
        handle_sha256=invitations.digest(handle) if handle.isascii() else "",
        name=name,
        mailbox=mailbox,
        asked_at=now,
    )
    tx.add(made)
    tx.flush()
    say(tx, "contact.change_asked.v1", change_id=made.id)


def weigh(tx: Session, change_id: UUID, now: datetime) -> None:
    """Find out what a change that was asked for is worth, and do it (worker).

    The first contact is told whatever happens; a link that was used too often moves nothing more.
    """
    found = tx.get_one(ContactChange, change_id)
    invitation = answering.invitation_by_handle(tx, found.handle_sha256)
    if invitation is None or invitation.accepted_at is not None or invitation.expires_at <= now:
        found.outcome = "refused"
        return
    if found.outcome is None:
        _judge(tx, found, invitation, now)
    if found.outcome == "changed" and invitation.mailbox != found.mailbox:
        _readdress(tx, invitation, found, now)


def _judge(tx: Session, found: ContactChange, invitation: Invitation, now: datetime) -> None:
    found.org_id, found.invitation_id = invitation.org_id, invitation.id
    found.former_mailbox = invitation.mailbox
    asked = answering.changes_by_handle(tx, found.handle_sha256, now - timedelta(days=1))
    if asked > _MOST_PER_DAY:
        found.outcome = "refused"
        return
    found.outcome = rules.worth(invitation.mailbox, found.mailbox)
    if found.outcome == "asked":
        notices.due(tx, "contact-asked", invitation.request_id, "requester", found.id)


def _readdress(tx: Session, invitation: Invitation, found: ContactChange, now: datetime) -> None:
    """Ask the new contact from now on: the old one's codes are void, and it is told."""
    found.decided_at = now
    invitation.mailbox = found.mailbox
    request = tx.get_one(Request, invitation.request_id)
    supplier = suppliers.of_link(tx, request.link_id)
    assert supplier is not None, "an invitation stands on a link, and a link on a record"
    answering.put_in_place(tx, supplier, found.former_mailbox or "", found.name, found.mailbox)
    say(
        tx,
        "invitation.readdressed.v1",
        invitation_id=invitation.id,
        mailbox=found.mailbox,
        language=supplier.language,
    )
    notices.due(tx, "contact-new", invitation.request_id, "colleague", found.id)
    notices.due(tx, "contact-former", invitation.request_id, "respondent", found.id)


def decide(
    tx: Session, who: Principal, change_id: UUID, *, accept: bool, now: datetime
) -> ContactChange:
    """Decide on a contact outside the supplier's mail domain, after a call on the known number.

    Raises:
        NotFound: no such change on an invitation of yours.
        AlreadyDecided: it was.
    """
    found = answering.contact_change(tx, who.org, change_id)
    if found is None:
        raise NotFound("no such change of contact")
    if found.outcome != "asked":
        raise AlreadyDecided("it was decided before", outcome=found.outcome)
    found.outcome, found.decided_at = ("changed" if accept else "refused"), now
    tx.flush()
    if accept:
        say(tx, "contact.change_asked.v1", change_id=found.id)
    return found
