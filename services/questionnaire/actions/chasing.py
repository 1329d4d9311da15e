"""Chasing: the ladder is climbed by the clock, in office hours, until the answer or a person.

Run every hour, for each recipient at most once a day: what was taken is a row, so a second run, or
two at once, or one after a pause find nothing to do twice.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import groupby
from typing import Any, Final, Literal, cast
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.problems import NotFound, Refused
from services.questionnaire.actions import mailing
from services.questionnaire.actions.mailing import About
from services.questionnaire.rules import letters
from services.questionnaire.rules.calendars import WorkingDays, in_office_hours
from services.questionnaire.rules.progress import OPEN
from services.questionnaire.rules.reminders import MAILED, Rung, Waiting, rung_on
from services.questionnaire.store import (
    calendars,
    campaigns,
    chasing,
    contacts,
    organizations,
    outgoing,
    suppliers,
)
from services.questionnaire.store.suppliers import Letterhead
from services.questionnaire.store.tables import Campaign, Request

_SOME: Final = 500
_ONCE: Final = ("unopened", "halfway")
"""Rungs that are not climbed again when the due date is moved."""

Nudged = Literal["queued", "settled", "bounced", "mailed-today", "closed-today", "nobody"]


class NotNudged(Refused):
    """Writing now would be one mail too many, or go into the void; `reason` says which."""

    urn = "requests/not-nudged"


@dataclass(frozen=True)
class Chased:
    """One request with everything the ladder looks at."""

    request: Request
    supplier: Letterhead
    days: WorkingDays
    bounced: frozenset[str]
    waiting: Waiting
    today: date


@dataclass
class _Taken:
    """What one campaign's turn leads to."""

    mails: list[tuple[Request, Letterhead, About]] = field(default_factory=list)
    call: list[Chased] = field(default_factory=list)
    escalate: list[Chased] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)


def climb(tx: Session, now: datetime) -> int:
    """Take every rung that is due now, of all campaigns; return how many (worker).

    A crash before the commit takes none of them; the next hour does.
    """
    count = 0
    for some in _waiting(tx):
        for _, group in groupby(some, key=lambda pair: pair[1].id):
            pairs = list(group)
            count += _turn(tx, pairs[0][1], [request for request, _ in pairs], now)
    return count


def nudge(
    tx: Session,
    who: Principal,
    campaign_id: UUID,
    request_ids: Collection[UUID] | None,
    now: datetime,
    *,
    even_if_closed: bool,
) -> dict[UUID, Nudged]:
    """Write to the suppliers of these requests now; return per request whether and why not.

    Raises:
        NotFound: no such issued campaign of yours.
    """
    campaign = campaigns.own(tx, who.org, campaign_id)
    if campaign is None or campaign.issued_at is None:
        raise NotFound("no such issued campaign")
    asked = chasing.open_of(tx, who.org, campaign_id, request_ids)
    known = suppliers.letterheads(tx, who.org, {each.supplier_id for each in asked})
    sent = outgoing.sent(tx, [each.id for each in asked])
    reached = contacts.recipients(tx, list({each.id: each for each in known.values()}.values()))
    days = _ours(tx, campaign, now)
    fates: dict[UUID, Nudged] = {}
    mails, bounced = [], {}
    for request in asked:
        supplier = known[request.supplier_id]
        stands = sent.get(request.id, outgoing.Sent())
        fate = _fate(request, reached[supplier.id], stands, now)
        if fate == "queued" and not even_if_closed and _closed(days, supplier, now):
            fate = "closed-today"
        fates[request.id] = fate
        if fate == "queued":
            mails.append((request, supplier, About("reminder", "nudge")))
            bounced[request.id] = stands.bounced
    mailing.to_suppliers(tx, campaign, mails, now, avoid=bounced)
    tx.info["details"]["nudged"] = len(mails)
    return fates


def _waiting(tx: Session) -> Iterator[Sequence[tuple[Request, Campaign]]]:
    after: tuple[UUID, UUID] | None = None
    while some := chasing.waiting(tx, after, _SOME):
        last = some[-1][0]
        after = (last.campaign_id, last.id)
        yield some


def _turn(tx: Session, campaign: Campaign, asked: Sequence[Request], now: datetime) -> int:
    ours = _ours(tx, campaign, now)
    done = _Taken()
    bounced: dict[UUID, frozenset[str]] = {}
    for chased in _looked_at(tx, campaign, asked, now):
        rung = rung_on(chased.waiting, chased.today, ours, chased.days)
        if rung is None:
            continue
        bounced[chased.request.id] = chased.bounced
        _take(done, campaign, chased, rung, now)
    chasing.take(tx, done.rows)
    mailing.to_suppliers(tx, campaign, done.mails, now, avoid=bounced)
    _ask_a_person(tx, campaign, done.call, "call", campaign.contact, now)
    owner = campaign.owner or campaign.contact
    _ask_a_person(tx, campaign, done.escalate, "escalate", owner, now)
    return len(done.rows)


def _take(done: _Taken, campaign: Campaign, chased: Chased, rung: Rung, now: datetime) -> None:
    done.rows.append(
        {
            "request_id": chased.request.id,
            "rung": rung,
            "due_on": chased.waiting.due_on,
            "org_id": campaign.org_id,
            "taken_at": now,
        }
    )
    if rung in MAILED:
        done.mails.append((chased.request, chased.supplier, About("reminder", rung)))
    elif rung == "call":
        done.call.append(chased)
    else:
        done.escalate.append(chased)


def _looked_at(
    tx: Session, campaign: Campaign, asked: Sequence[Request], now: datetime
) -> Iterator[Chased]:
    ids = [each.id for each in asked]
    known = suppliers.letterheads(tx, campaign.org_id, {each.supplier_id for each in asked})
    firms = list({each.id: each for each in known.values()}.values())
    reached = contacts.recipients(tx, firms)
    orgs = {
        each.respondent_org_id: known[each.supplier_id].country
        for each in asked
        if each.respondent_org_id is not None
    }
    kept = calendars.working_days(tx, orgs, now.date())
    taken, sent, marks = chasing.taken(tx, ids), outgoing.sent(tx, ids), outgoing.marks(tx, ids)
    for request in asked:
        supplier = known[request.supplier_id]
        to = reached[supplier.id].to
        zone = calendars.named_zone(to[0].time_zone if to else None, supplier.country)
        local = now.astimezone(zone)
        if not in_office_hours(local):
            continue
        days = kept.get(request.respondent_org_id) if request.respondent_org_id else None
        bounced = sent.get(request.id, outgoing.Sent()).bounced
        due_on = letters.day_of(request.answer_by)
        assert request.issued_at is not None, "an open request was issued"
        waiting = Waiting(
            issued_on=request.issued_at.astimezone(zone).date(),
            due_on=due_on,
            opened=request.state != "issued" or "opened" in marks[request.id],
            settled=False,
            reachable=any(each.mailbox not in bounced for each in to),
            done=_done(taken.get(request.id, ()), due_on),
        )
        yield Chased(
            request,
            supplier,
            days or calendars.by_country(supplier.country, now.date()),
            bounced,
            waiting,
            local.date(),
        )


def _done(taken: Collection[tuple[str, date]], due_on: date) -> tuple[Rung, ...]:
    done = (rung for rung, towards in taken if towards == due_on or rung in _ONCE)
    return tuple(cast("Iterator[Rung]", done))


def _ask_a_person(
    tx: Session,
    campaign: Campaign,
    chased: Sequence[Chased],
    lead: Literal["call", "escalate"],
    whom: Mapping[str, str],
    now: datetime,
) -> None:
    if not chased:
        return
    japanese = mailing.reads_japanese(tx, campaign)
    items = "\n".join(_item(each, japanese=japanese) for each in chased)
    facts = {"items": items, "count": str(len(chased))}
    mailing.to_requester(tx, campaign, whom, About("call-list", lead, facts), now)


def _item(chased: Chased, *, japanese: bool) -> str:
    due = letters.due(chased.waiting.due_on)
    if japanese:
        why = "" if chased.waiting.reachable else "/メール不着"
        return f"・{chased.supplier.name}(期限 {due.ja}{why})"
    why = "" if chased.waiting.reachable else ", mail does not arrive"
    return f"- {chased.supplier.name} (by {due.en}{why})"


def _ours(tx: Session, campaign: Campaign, now: datetime) -> WorkingDays:
    country = organizations.country_of(tx, campaign.org_id) or "JP"
    found = calendars.working_days(tx, {campaign.org_id: country}, now.date())
    return found[campaign.org_id]


def _fate(
    request: Request, reached: contacts.Recipients, sent: outgoing.Sent, now: datetime
) -> Nudged:
    if request.state not in OPEN:
        return "settled"
    if not reached.to:
        return "nobody"
    if all(each.mailbox in sent.bounced for each in reached.to):
        return "bounced"
    if sent.last_at is not None and letters.day_of(sent.last_at) == letters.day_of(now):
        return "mailed-today"
    return "queued"


def _closed(ours: WorkingDays, supplier: Letterhead, now: datetime) -> bool:
    today = now.astimezone(calendars.zone(supplier.country)).date()
    theirs = calendars.by_country(supplier.country, now.date())
    return not (ours.works(letters.day_of(now)) and theirs.works(today))
