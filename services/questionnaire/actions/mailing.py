"""Mails about a campaign: queued with what they are about, written when they go, and their fate.

A mail is a row before it is a mail, so nothing is sent that nobody can look up. It is claimed in a
transaction of its own before the server is asked and settled in another: a crash in between leaves
it `sending`, which a person resolves, and never sends it twice.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.db import new_id
from services.kit.mail import Mail as Letter
from services.kit.outbox import say_many
from services.questionnaire.rules import delivery, letters
from services.questionnaire.rules.progress import SETTLED, SHUT
from services.questionnaire.store import (
    campaigns,
    contacts,
    mails,
    organizations,
    outgoing,
    suppliers,
)
from services.questionnaire.store.asking_rows import Mail
from services.questionnaire.store.contacts import Address, Recipients
from services.questionnaire.store.suppliers import Letterhead
from services.questionnaire.store.tables import Campaign, Request

LinkOf = Callable[[Session, Mail], str]
"""Where the reader of a mail goes on."""

REMINDS = ("reminder",)
"""Occasions that lose their sense once the request is settled."""


@dataclass(frozen=True)
class About:
    """What a mail to a supplier is about: the template, its first sentence, its further places."""

    occasion: str
    lead: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


def to_suppliers(
    tx: Session,
    campaign: Campaign,
    asked: Sequence[tuple[Request, Letterhead, About]],
    now: datetime,
    *,
    avoid: Mapping[UUID, Collection[str]] | None = None,
) -> int:
    """Queue a mail to everybody who is written to about these requests; return how many.

    Args:
        avoid: per request the mailboxes that bounced: nobody writes into the void twice.
    """
    reached = contacts.recipients(tx, [supplier for _, supplier, _ in asked])
    rows: list[dict[str, Any]] = []
    for request, supplier, about in asked:
        shut = (avoid or {}).get(request.id, ())
        rows += _addressed(request, reached[supplier.id], about, shut)
    return _queue(tx, campaign, rows, now)


def to_requester(
    tx: Session, campaign: Campaign, whom: Mapping[str, str], about: About, now: datetime
) -> int:
    """Queue a mail to somebody of the requester; return how many (0 where no mailbox is known)."""
    if not whom.get("mailbox"):
        return 0
    row = {
        "request_id": None,
        "shown_to": whom["mailbox"],
        "copies": [],
        "language": "ja" if reads_japanese(tx, campaign) else "en",
        "kind": "to",
        "mailbox": whom["mailbox"],
        "name": whom["name"],
        **_about(about),
    }
    return _queue(tx, campaign, [row], now)


def reads_japanese(tx: Session, campaign: Campaign) -> bool:
    """Whether the requester is written to in Japanese: firms elsewhere read English."""
    return organizations.country_of(tx, campaign.org_id) in ("JP", None)


def drafted(
    tx: Session, campaign: Campaign, request: Request, about: About, now: datetime
) -> list[Mail]:
    """Return the mails about one request as they would be queued, and queue nothing."""
    firm = suppliers.letterheads(tx, campaign.org_id, [request.supplier_id])[request.supplier_id]
    told = contacts.recipients(tx, [firm])[firm.id]
    rows = _addressed(request, told, about, ())
    return [Mail(**_whole(campaign, row, now)) for row in rows]


def take(tx: Session, mail_id: UUID, link_of: LinkOf, now: datetime) -> Letter | None:
    """Claim a queued mail and write it; None where there is nothing (more) to send.

    A reminder that was overtaken by the answer is dropped: chasing stops with the answer.
    """
    mail = outgoing.for_sending(tx, mail_id)
    if mail is None:
        return None
    if _overtaken(tx, mail):
        mail.state, mail.settled_at = "dropped", now
        return None
    mail.state, mail.attempts = "sending", mail.attempts + 1
    mail.next_attempt_at = now + delivery.INTERRUPTED
    letter = write(tx, mail, link_of)
    campaign = tx.get_one(Campaign, mail.campaign_id)
    return Letter(
        to=mail.mailbox,
        subject=letter.subject,
        body=letter.body,
        language=letter.language,
        shown_to=mail.shown_to,
        cc=tuple(each["mailbox"] for each in mail.copies),
        reply_to=campaign.contact["mailbox"] if mail.request_id else "",
        reference=str(mail.id),
    )


def settle(
    tx: Session, mail_id: UUID, outcome: delivery.State, error: str | None, now: datetime
) -> None:
    """Note what became of a claimed mail."""
    mail = outgoing.one(tx, mail_id)
    assert mail is not None, "mails are never deleted"
    mail.state, mail.error, mail.next_attempt_at = outcome, error, None
    match outcome:
        case "sent" | "kept":
            mail.sent_at = now
            if mail.request_id is not None:
                outgoing.mark(tx, mail.request_id, "sent", now)
                campaigns.mailed(tx, mail.request_id, now)
        case "failed":
            mail.next_attempt_at = delivery.next_attempt(mail.attempts, now)
        case _:
            mark_fate(tx, mail, now)


def write(tx: Session, mail: Mail, link_of: LinkOf) -> letters.Letter:
    """Write the letter of a mail from its campaign as it stands."""
    campaign = tx.get_one(Campaign, mail.campaign_id)
    link = link_of(tx, mail)
    facts = {name: _fact(name, value) for name, value in mail.facts.items()}
    if mail.request_id is None:
        language = mail.language
        occasion = _to_ourselves(campaign, mail, link, facts)
    else:
        language = letters.language(mail.language)
        request = tx.get_one(Request, mail.request_id)
        supplier = suppliers.letterheads(tx, mail.org_id, [request.supplier_id])[
            request.supplier_id
        ]
        told = contacts.recipients(tx, [supplier])[supplier.id]
        occasion = asked_of(campaign, request, supplier, _primary(told.to, mail), link, facts)
    names = [letters.copied(**each, japanese=language == "ja") for each in mail.copies]
    template = mails.template(language, mail.occasion)
    return letters.write(template, letters.with_copies(occasion, mail.lead, names))


def asked_of(
    campaign: Campaign,
    request: Request,
    supplier: Letterhead,
    to: Address | None,
    link: str,
    facts: Mapping[str, str | date],
) -> letters.Occasion:
    """Return what a letter to a supplier about one request is about."""
    return letters.Occasion(
        requester_name=campaign.requester_name,
        contact=campaign.contact["name"],
        supplier_name=supplier.name,
        contact_name=to.name if to else supplier.contact_name,
        department=to.department if to else "",
        position=to.title if to else "",
        title=campaign.title,
        why=campaign.terms["why"],
        purpose=campaign.terms["purpose"],
        viewers=campaign.terms["viewers"],
        not_used_for=campaign.terms["not_used_for"],
        due_on=letters.day_of(request.answer_by),
        link=link,
        facts=facts,
    )


def _to_ourselves(
    campaign: Campaign, mail: Mail, link: str, facts: Mapping[str, str | date]
) -> letters.Occasion:
    return letters.Occasion(
        requester_name=campaign.requester_name,
        contact=campaign.contact["name"],
        supplier_name=campaign.requester_name,
        contact_name=mail.name,
        title=campaign.title,
        why="",
        purpose="",
        viewers=(),
        not_used_for=(),
        due_on=campaign.due_on,
        link=link,
        facts=facts,
    )


def _primary(to: Sequence[Address], mail: Mail) -> Address | None:
    """Return whom the letter addresses: whom it was shown to be for, as the contact is now."""
    return next((each for each in to if each.mailbox == mail.shown_to), None)


def _overtaken(tx: Session, mail: Mail) -> bool:
    if mail.request_id is None:
        return False
    state = tx.get_one(Request, mail.request_id).state
    if mail.occasion in REMINDS:
        return state in SETTLED
    return mail.occasion != "ended" and state in SHUT


def mark_fate(tx: Session, mail: Mail, now: datetime) -> None:
    """Note on mail and request that a mail arrived or bounced."""
    mail.settled_at = now
    if mail.request_id is not None and mail.state in ("delivered", "bounced"):
        outgoing.mark(tx, mail.request_id, mail.state, now)


def _addressed(
    request: Request, told: Recipients, about: About, shut: Collection[str]
) -> list[dict[str, Any]]:
    """Return a mail for each who is written to: the first respondent's language, all see all."""
    if not told.to:
        return []
    to, *others = told.to
    base = {
        "request_id": request.id,
        "shown_to": to.mailbox,
        "copies": [_copy(each) for each in (*others, *told.cc)],
        "language": to.language,
        **_about(about),
    }
    addressed = [("to", each) for each in told.to] + [("cc", each) for each in told.cc]
    return [
        {**base, "kind": kind, "mailbox": each.mailbox, "name": each.name}
        for kind, each in addressed
        if each.mailbox not in shut
    ]


def _copy(address: Address) -> dict[str, str]:
    return {
        "mailbox": address.mailbox,
        "name": address.name,
        "department": address.department,
        "position": address.title,
    }


def _about(about: About) -> dict[str, Any]:
    return {"occasion": about.occasion, "lead": about.lead, "facts": dict(about.facts)}


def _fact(name: str, value: str) -> str | date:
    return date.fromisoformat(value) if name.endswith("_due") else value


def _queue(tx: Session, campaign: Campaign, rows: Sequence[dict[str, Any]], now: datetime) -> int:
    whole = [_whole(campaign, row, now) for row in rows]
    outgoing.add(tx, whole)
    say_queued(tx, [(campaign.org_id, campaign.id, row["id"]) for row in whole])
    return len(whole)


def _whole(campaign: Campaign, row: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    return {
        "id": new_id(),
        "org_id": campaign.org_id,
        "campaign_id": campaign.id,
        "state": "queued",
        "queued_at": now,
        **row,
    }


def say_queued(tx: Session, mails_: Sequence[tuple[UUID, UUID, UUID]]) -> None:
    """Tell the worker, a hundred mails to a task."""
    by_campaign: dict[tuple[UUID, UUID], list[UUID]] = {}
    for org, campaign, mail_id in mails_:
        by_campaign.setdefault((org, campaign), []).append(mail_id)
    say_many(
        tx,
        "mail.queued.v1",
        (
            {"org_id": org, "campaign_id": campaign, "mail_ids": some}
            for (org, campaign), ids in by_campaign.items()
            for some in delivery.hundreds(ids)
        ),
    )
