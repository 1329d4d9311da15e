"""Requests that end without an answer, each with a reason, and campaigns that end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.outbox import say_many
from services.kit.problems import Invalid, NotFound, Refused
from services.questionnaire.actions import mailing
from services.questionnaire.actions.mailing import About
from services.questionnaire.rules import campaigns as rules
from services.questionnaire.rules import endings, progress
from services.questionnaire.rules.delivery import hundreds
from services.questionnaire.rules.endings import Declined, Unanswered
from services.questionnaire.store import campaigns, chasing, outgoing, requests, suppliers
from services.questionnaire.store.asking_rows import NonResponse
from services.questionnaire.store.tables import Campaign, Request

Effect = Literal["declined", "closed", "cancelled", "reopened"]


class Answered(Refused):
    """It was signed: a signed answer stays, and is corrected or taken back, never declined."""

    urn = "requests/answered"


class NotEnded(Refused):
    """This request is open; there is nothing to open again."""

    urn = "requests/not-ended"


class CampaignOver(Refused):
    """The campaign was closed or called off; open it again first."""

    urn = "campaigns/over"


class WordsMissing(Invalid):
    """This reason says nothing without a note."""

    urn = "requests/note-missing"


class CannotNow(Refused):
    """The campaign is in another state; `state` says which, `may` what can be done in it."""

    urn = "campaigns/not-now"


def decline(
    tx: Session, who: Principal, request_id: UUID, reason: Declined, note: str, now: datetime
) -> Request:
    """The respondent says why it cannot answer; chasing stops, and the requester is told.

    It may still answer: the next save opens the request again.

    Raises:
        NotFound, Shut: no request you are to answer, or it is closed.
        Answered: you signed an answer.
        WordsMissing: the reason needs a note.
    """
    _refuse_wordless(reason, note)
    request = requests.answered_by(tx, who.org, request_id)
    if request is None:
        raise NotFound("no such request")
    if request.state in progress.ANSWERED:
        raise Answered("you signed an answer to this request; correct it or take it back")
    _end(tx, who, request, "declined", reason, note, now)
    _say_ended(tx, [request], "declined", reason)
    return request


def tell_of_decline(tx: Session, request_id: UUID, now: datetime) -> None:
    """Write to the requester that a supplier declined (worker: its mails are its own)."""
    request = tx.get_one(Request, request_id)
    said = chasing.newest_reason(tx, request_id)
    if request.state != "declined" or said is None:
        return
    # The reason's own id: who declines twice is told of twice, a replayed event is not.
    if outgoing.told_of(tx, request.campaign_id, "declined", said.id):
        return
    campaign = tx.get_one(Campaign, request.campaign_id)
    supplier = suppliers.of_link(tx, request.link_id)
    assert supplier is not None, "a request stands on a link, and a link on a record"
    words = endings.REASONS[said.reason]
    facts = {
        "reason": words.ja if mailing.reads_japanese(tx, campaign) else words.en,
        "note": said.note or "-",
        "supplier_name": supplier.name,
        "reason_id": str(said.id),
    }
    mailing.to_requester(tx, campaign, campaign.contact, About("declined", None, facts), now)


def give_up(
    tx: Session, who: Principal, request_id: UUID, reason: Unanswered, note: str, now: datetime
) -> Request:
    """The requester closes one request without an answer, with a reason.

    Raises:
        NotFound: no issued request of yours.
        Answered: it was answered.
        WordsMissing: the reason needs a note.
    """
    _refuse_wordless(reason, note)
    request = _asked(tx, who.org, request_id)
    if request.state in progress.ANSWERED:
        raise Answered("this request was answered")
    _end(tx, who, request, "closed", reason, note, now)
    _say_ended(tx, [request], "closed", reason)
    return request


def reopen(tx: Session, who: Principal, request_id: UUID, now: datetime) -> Request:
    """Open one ended request again, as far as it had come; at either end of it.

    The respondent takes back its own declining; the requester opens what it closed.

    Raises:
        NotFound: no such request of yours.
        NotEnded, CampaignOver: it is open, or its campaign is over.
    """
    request = requests.at_an_end(tx, who.org, request_id)
    if request is None:
        raise NotFound("no such request")
    mine = request.requester_org_id == who.org
    if request.state not in (("declined", *progress.SHUT) if mine else ("declined",)):
        raise NotEnded("this request is open")
    campaign = tx.get_one(Campaign, request.campaign_id)
    if campaign.state != "issued":
        raise CampaignOver("the campaign is over", state=campaign.state)
    _reopen(tx, who, [request], now)
    return request


def take_back(tx: Session, who: Principal, request: Request, now: datetime) -> None:
    """Whoever declined answers after all: the request is open again, as if it had said so."""
    _reopen(tx, who, [request], now)


def close(tx: Session, who: Principal, campaign_id: UUID, note: str, now: datetime) -> Campaign:
    """Stop taking answers: what is unanswered is closed for want of a reply, signed answers stay.

    Raises:
        NotFound, CannotNow: no such campaign of yours, or it is not running.
    """
    campaign = stepped(tx, who.org, campaign_id, "close")
    _end_all(tx, who, campaign, "closed", "no-reply", note, now)
    return campaign


def cancel(tx: Session, who: Principal, campaign_id: UUID, note: str, now: datetime) -> Campaign:
    """Call a campaign off: a draft is discarded, issued requests are withdrawn and all are told.

    Raises:
        NotFound, CannotNow: no such campaign of yours, or it is over.
    """
    campaign = stepped(tx, who.org, campaign_id, "cancel")
    campaign.version += 1
    _end_all(tx, who, campaign, "cancelled", "other", note, now)
    return campaign


def reopen_all(tx: Session, who: Principal, campaign_id: UUID, now: datetime) -> Campaign:
    """Take answers again that a closed campaign no longer took.

    Raises:
        NotFound, CannotNow: no such campaign of yours, or it is not closed.
    """
    campaign = stepped(tx, who.org, campaign_id, "reopen")
    asked = chasing.open_of(tx, who.org, campaign.id, None)
    _reopen(tx, who, [each for each in asked if each.state == "closed"], now)
    return campaign


def stepped(tx: Session, org: UUID, campaign_id: UUID, deed: rules.Deed) -> Campaign:
    """Return a campaign of `org`, locked and moved on by a deed.

    Raises:
        NotFound: no such campaign.
        CannotNow: not in this state.
    """
    campaign = campaigns.own_for_update(tx, org, campaign_id)
    if campaign is None:
        raise NotFound("no such campaign")
    after = rules.after(deed, campaign.state)  # type: ignore[arg-type]
    if after is None:
        allowed = rules.may(campaign.state)  # type: ignore[arg-type]
        raise CannotNow(f"this campaign is {campaign.state}", state=campaign.state, may=allowed)
    campaign.state = after
    return campaign


def _end_all(
    tx: Session,
    who: Principal,
    campaign: Campaign,
    effect: Literal["closed", "cancelled"],
    reason: str,
    note: str,
    now: datetime,
) -> None:
    asked = chasing.open_of(tx, who.org, campaign.id, None)
    ended = [each for each in asked if each.state not in (*progress.SHUT, *progress.ANSWERED)]
    for request in ended:
        _end(tx, who, request, effect, reason, note, now)
    told = [each for each in ended if each.issued_at is not None]
    tx.info["details"]["ended"] = len(ended)
    if not told:
        return
    known = suppliers.letterheads(tx, who.org, {each.supplier_id for each in told})
    about = About("ended", effect, {"reason": note})
    mailing.to_suppliers(
        tx, campaign, [(each, known[each.supplier_id], about) for each in told], now
    )
    _say_ended(tx, told, effect, reason)


def _end(
    tx: Session,
    who: Principal,
    request: Request,
    effect: Literal["declined", "closed", "cancelled"],
    reason: str,
    note: str,
    now: datetime,
) -> None:
    request.state = effect
    tx.add(_reasoned(who, request, effect, reason, note, now))


def _reopen(tx: Session, who: Principal, ended: Sequence[Request], now: datetime) -> None:
    marks = outgoing.marks(tx, [each.id for each in ended])
    for request in ended:
        request.state = progress.reopened(marks[request.id])
        tx.add(_reasoned(who, request, "reopened", "other", "", now))
    if ended:
        _say_ended(tx, ended, "reopened", "other")


def _reasoned(
    who: Principal, request: Request, effect: Effect, reason: str, note: str, now: datetime
) -> NonResponse:
    return NonResponse(
        id=new_id(),
        requester_org_id=request.requester_org_id,
        request_id=request.id,
        by_org_id=who.org,
        effect=effect,
        reason=reason,
        note=note,
        at=now,
        by=who.subject,
    )


def _say_ended(tx: Session, ended: Sequence[Request], effect: Effect, reason: str) -> None:
    named = {"org_id": ended[0].requester_org_id, "campaign_id": ended[0].campaign_id}
    told = [_told(each, effect, reason) for each in ended]
    say_many(tx, "request.ended.v1", ({**named, "requests": some} for some in hundreds(told)))


def _told(request: Request, effect: Effect, reason: str) -> dict[str, object]:
    return {
        "request_id": request.id,
        "link_id": request.link_id,
        "effect": effect,
        "reason": reason,
    }


def _asked(tx: Session, org: UUID, request_id: UUID) -> Request:
    found = chasing.asked_by_for_update(tx, org, request_id)
    if found is None:
        raise NotFound("no such issued request")
    return found


def _refuse_wordless(reason: str, note: str) -> None:
    if reason in endings.NEEDS_WORDS and not note.strip():
        raise WordsMissing("say in a few words why")
