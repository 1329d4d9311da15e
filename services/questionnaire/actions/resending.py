"""Mails that did not get through: reports of it, and sending again by the clock or by hand."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.problems import NotFound
from services.questionnaire.actions import inviting, mailing
from services.questionnaire.actions.mailing import About
from services.questionnaire.rules import delivery
from services.questionnaire.rules.delivery_reports import Report
from services.questionnaire.store import contacts, outgoing, suppliers
from services.questionnaire.store.asking_rows import Mail
from services.questionnaire.store.tables import Campaign, Request


class NothingToRetry(NotFound):
    """None of these mails failed."""

    urn = "mails/nothing-to-retry"


def hear(tx: Session, reports: Iterable[Report], now: datetime) -> int:
    """Note what delivery reports say of mails of the asking organization; return of how many.

    Raises:
        NotFound: a report names no mail of yours at that mailbox.
    """
    heard = 0
    for report in reports:
        mail = outgoing.one(tx, report.reference)
        if mail is None or mail.mailbox.casefold() != report.mailbox.casefold():
            raise NotFound("no such mail")
        after = delivery.after_report(mail.state, report.verdict)
        if after != mail.state:
            mail.state = after
            mail.error = report.text if after == "bounced" else None
            mail.next_attempt_at = None
            mailing.mark_fate(tx, mail, now)
            heard += 1
    tx.info["details"]["heard"] = heard
    return heard


def retry(
    tx: Session,
    who: Principal,
    campaign_id: UUID,
    ids: Collection[UUID] | None,
    secret: bytes,
    now: datetime,
) -> int:
    """Send mails of a campaign again that did not get through, at the mailboxes as they are now.

    Args:
        ids: which; None for all that failed or bounced.
        secret: what invitation handles are derived from.

    Returns:
        How many are sent again.

    Raises:
        NothingToRetry: none of these is a mail of yours that did not get through.
    """
    states = delivery.WRONG if ids is None else delivery.AGAIN
    found = outgoing.wrong(tx, who.org, campaign_id, states, ids)
    if not found:
        raise NothingToRetry("no such mail failed")
    moved = _moved(tx, who.org, found)
    again(tx, [mail for mail in found if mail not in moved])
    _readdress(tx, secret, moved, now)
    tx.info["details"]["retried"] = len(found)
    return len(found)


def _moved(tx: Session, org: UUID, found: Sequence[Mail]) -> list[Mail]:
    """Return the mails whose mailbox is no longer one of the supplier's."""
    of = {mail.id: tx.get(Request, mail.request_id) for mail in found if mail.request_id}
    asked = {each.id: each for each in of.values() if each is not None}
    known = suppliers.letterheads(tx, org, {each.supplier_id for each in asked.values()})
    reached = contacts.recipients(tx, list({each.id: each for each in known.values()}.values()))
    gone = []
    for mail in found:
        request = of.get(mail.id)
        if request is not None:
            told = reached[known[request.supplier_id].id]
            if mail.mailbox not in {each.mailbox for each in (*told.to, *told.cc)}:
                gone.append(mail)
    return gone


def _readdress(tx: Session, secret: bytes, moved: Sequence[Mail], now: datetime) -> None:
    """Write anew to the supplier's mailboxes of today; who was invited gets a link of its own."""
    seen: set[UUID] = set()
    for mail in moved:
        mail.state, mail.settled_at = "dropped", now
        assert mail.request_id is not None
        if mail.request_id in seen:
            continue
        seen.add(mail.request_id)
        request, campaign = (
            tx.get_one(Request, mail.request_id),
            tx.get_one(Campaign, mail.campaign_id),
        )
        supplier = suppliers.letterheads(tx, mail.org_id, [request.supplier_id])[
            request.supplier_id
        ]
        if request.respondent_org_id is None:
            inviting.invite(tx, campaign, [(request, supplier)], secret, now)
        about = About(mail.occasion, mail.lead, mail.facts)
        mailing.to_suppliers(tx, campaign, [(request, supplier, about)], now)


def again(tx: Session, found: Sequence[Mail]) -> None:
    """Put mails back into the queue."""
    for mail in found:
        mail.state, mail.next_attempt_at, mail.settled_at = "queued", None, None
    tx.flush()
    mailing.say_queued(tx, [(mail.org_id, mail.campaign_id, mail.id) for mail in found])


def sweep(tx: Session, now: datetime) -> None:
    """Send again what was refused for now, and give up on what was cut off (worker)."""
    outgoing.interrupted(tx, now)
    again(tx, outgoing.due_again(tx, now, delivery.PER_EVENT))
