"""Noting a call, a visit, a letter: what people do when mails do not help."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date, datetime
from typing import Final
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.outbox import say
from services.kit.problems import NotFound
from services.questionnaire.store import chasing, outgoing
from services.questionnaire.store.asking_rows import ContactRecord

_COUNTED: Final = ("cost-talk", "support")


@dataclass(frozen=True)
class Call:
    """What somebody did and what came of it; `again_on`: when to try once more."""

    channel: str
    outcome: str
    spoke_with: str
    note: str
    again_on: date | None


def note(tx: Session, who: Principal, request_id: UUID, call: Call, now: datetime) -> ContactRecord:
    """Note it; handing the request over by a channel of one's own counts as sent.

    A talk about cost and help given are told to whom it counts them; nothing that was said is.

    Raises:
        NotFound: no issued request of yours.
    """
    request = chasing.asked_by_for_update(tx, who.org, request_id)
    if request is None:
        raise NotFound("no such issued request")
    made = ContactRecord(
        id=new_id(),
        org_id=who.org,
        request_id=request.id,
        at=now,
        by=who.subject,
        by_name=who.name,
        **asdict(call),
    )
    tx.add(made)
    tx.flush()
    if call.channel == "handed-over":
        outgoing.mark(tx, request.id, "sent", now)
    if call.outcome in _COUNTED:
        say(
            tx,
            "dialogue.recorded.v1",
            org_id=who.org,
            supplier_id=request.supplier_id,
            request_id=request.id,
            kind=call.outcome,
        )
    tx.info["details"].update(contact_record_id=str(made.id), channel=call.channel)
    return made
