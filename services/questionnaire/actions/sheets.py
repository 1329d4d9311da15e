"""What was typed in or relayed goes back to whose answers it holds; their word on it is noted."""

from __future__ import annotations

from datetime import datetime
from typing import Literal
from uuid import UUID

from rensho import jcs
from rensho.salted import sha256
from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.outbox import say
from services.kit.problems import Invalid, NotFound, Refused
from services.questionnaire.store import requests, responses, reviewing
from services.questionnaire.store.reviewing import SheetReturn

Outcome = Literal["confirmed", "objected"]
_SECOND_HAND = ("transcribed", "relayed")


class NotSecondHand(Refused):
    """The supplier signed this itself: there is no sheet to return."""

    urn = "sheets/not-second-hand"


class Returned(Refused):
    """The sheet of this revision was returned before."""

    urn = "sheets/returned"


class Decided(Refused):
    """The supplier's word on this sheet is on record."""

    urn = "sheets/decided"


class ReplyMissing(Invalid):
    """Only the supplier itself confirms without paper; else name the reply by its digest."""

    urn = "sheets/reply-missing"


def give_back(
    tx: Session, who: Principal, request_id: UUID, channel: str, now: datetime
) -> SheetReturn:
    """Note that the sheet of the newest revision on record was returned to the supplier.

    Raises:
        NotFound: no request of yours, or nothing on record.
        NotSecondHand, Returned: see there.
    """
    request = requests.asked_by(tx, who.org, request_id)
    newest = responses.newest_recorded(tx, request_id=request_id) if request else None
    if request is None or newest is None:
        raise NotFound("nothing is on record on this request")
    if newest.opened["origin"] not in _SECOND_HAND:
        raise NotSecondHand("the supplier signed this itself")
    if reviewing.sheet(tx, newest.declaration_id) is not None:
        raise Returned("the sheet of this revision was returned before")
    made = SheetReturn(
        declaration_id=newest.declaration_id,
        response_id=newest.response_id,
        request_id=request.id,
        requester_org_id=who.org,
        respondent_org_id=newest.respondent_org_id,
        supplier_org_id=request.respondent_org_id,
        sheet_sha256=sha256(jcs.dumps(newest.opened)),
        channel=channel,
        returned_at=now,
    )
    tx.add(made)
    tx.flush()
    return made


def decide(
    tx: Session,
    who: Principal,
    sheet_id: UUID,
    outcome: Outcome,
    *,
    confirmed_by: str,
    reply_sha256: str | None,
    note: str,
    now: datetime,
) -> SheetReturn:
    """Note the supplier's word on a returned sheet: its own here, or a reply that came on paper.

    Raises:
        NotFound: no such sheet of yours.
        Decided: there is one already.
        ReplyMissing: who asked notes it, and names no reply.
    """
    found = reviewing.sheet_by_id(tx, who.org, sheet_id)
    if found is None:
        raise NotFound("no such sheet")
    if found.outcome is not None:
        raise Decided("the supplier's word is on record", outcome=found.outcome)
    if found.supplier_org_id != who.org and reply_sha256 is None:
        raise ReplyMissing("name the reply by its digest")
    found.outcome, found.decided_at = outcome, now
    found.confirmed_by, found.reply_sha256, found.note = confirmed_by, reply_sha256, note
    tx.flush()
    say(
        tx,
        "sheet.confirmed.v1",
        declaration_id=found.declaration_id,
        request_id=found.request_id,
        requester_org_id=found.requester_org_id,
        respondent_org_id=found.respondent_org_id,
        confirmed=outcome == "confirmed",
    )
    return found
