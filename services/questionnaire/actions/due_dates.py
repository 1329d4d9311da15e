"""More time to answer: a logged change that the respondent is told of. Time is never taken away."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit import clock
from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.outbox import say_many
from services.kit.problems import Invalid, NotFound
from services.questionnaire.actions import mailing
from services.questionnaire.actions.mailing import About
from services.questionnaire.actions.signing import VALID_FOR
from services.questionnaire.rules import letters
from services.questionnaire.rules.delivery import hundreds
from services.questionnaire.rules.progress import OPEN
from services.questionnaire.store import campaigns, chasing, suppliers
from services.questionnaire.store.asking_rows import DueChange
from services.questionnaire.store.tables import Campaign, Request


class NotLater(Invalid):
    """A due date is only moved back: nobody's time is cut short."""

    urn = "requests/due-not-later"


class NothingOpen(Invalid):
    """None of these requests waits for an answer."""

    urn = "requests/nothing-open"


def extend(
    tx: Session,
    who: Principal,
    campaign_id: UUID,
    request_ids: Collection[UUID] | None,
    due_on: date,
    reason: str,
    now: datetime,
) -> list[Request]:
    """Give these open requests of a campaign, or all, until the end of another day.

    Raises:
        NotFound: no such issued campaign of yours.
        NothingOpen: none of them waits for an answer.
        NotLater: the day is not after every due date there is, or too far ahead.
    """
    campaign = campaigns.own(tx, who.org, campaign_id)
    if campaign is None or campaign.issued_at is None:
        raise NotFound("no such issued campaign")
    asked = chasing.open_of(tx, who.org, campaign_id, request_ids)
    open_ = [each for each in asked if each.state in (*OPEN, "declined")]
    if not open_:
        raise NothingOpen("none of these requests waits for an answer")
    due_at = letters.end_of(due_on)
    if not max(now, *(each.answer_by for each in open_)) < due_at <= now + VALID_FOR:
        raise NotLater("the new day must be after the present one, by 400 days at most")
    _extend(tx, who, campaign, open_, due_at, reason, now)
    tx.info["details"].update(extended=len(open_), due_on=due_on.isoformat())
    return open_


def _extend(
    tx: Session,
    who: Principal,
    campaign: Campaign,
    open_: list[Request],
    due_at: datetime,
    reason: str,
    now: datetime,
) -> None:
    known = suppliers.letterheads(tx, who.org, {each.supplier_id for each in open_})
    mails = []
    for request in open_:
        old = letters.day_of(request.answer_by).isoformat()
        tx.add(_change(who, request, due_at, reason, now))
        request.extended_to = due_at
        about = About("due-changed", None, {"old_due": old, "reason": reason})
        mails.append((request, known[request.supplier_id], about))
    tx.flush()
    mailing.to_suppliers(tx, campaign, mails, now)
    named = {"org_id": who.org, "campaign_id": campaign.id}
    given = [{**_named(each), "due_at": clock.rfc3339(due_at)} for each in open_]
    say_many(tx, "request.extended.v1", ({**named, "requests": some} for some in hundreds(given)))


def _named(request: Request) -> dict[str, UUID]:
    return {"request_id": request.id, "link_id": request.link_id}


def _change(
    who: Principal, request: Request, due_at: datetime, reason: str, now: datetime
) -> DueChange:
    return DueChange(
        id=new_id(),
        requester_org_id=who.org,
        request_id=request.id,
        from_at=request.answer_by,
        to_at=due_at,
        reason=reason,
        at=now,
        by=who.subject,
    )
