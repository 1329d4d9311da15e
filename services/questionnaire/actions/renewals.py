"""What was signed runs out: its next round is opened ahead of that, with the last answers in it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from sqlalchemy.orm import Session

from services.questionnaire.actions import notices
from services.questionnaire.store import responses, reviewing
from services.questionnaire.store.reviewing import Renewal
from services.questionnaire.store.tables import ResponsePreparation

AHEAD: Final = timedelta(days=60)
"""How long before the end the next round is opened: two months of an office's calendar."""
_AT_ONCE: Final = 500


def foresee(tx: Session, prepared: ResponsePreparation, not_after: datetime, now: datetime) -> None:
    """Note when a revision that is in the log runs out; those before it need no renewal now."""
    for before in reviewing.renewals_of(tx, prepared.response_id):
        before.closed_at = now
    tx.add(
        Renewal(
            declaration_id=prepared.declaration_id,
            response_id=prepared.response_id,
            request_id=prepared.request_id,
            requester_org_id=prepared.requester_org_id,
            respondent_org_id=prepared.respondent_org_id,
            not_after=not_after,
        )
    )
    tx.flush()


def open_due(tx: Session, now: datetime) -> None:
    """Open the next round of whatever runs out within two months, and write to its respondents.

    The draft goes on from what was signed; nothing of the old answer changes before the new one is
    in the log. A crash before the commit opens them at the next turn.
    """
    for each in reviewing.renewals_due(tx, now + AHEAD, _AT_ONCE):
        each.opened_at = now
        response = responses.for_update(tx, each.response_id)
        if response.state == "signed":
            response.state = "started"
        notices.due(tx, "renewal", each.request_id, "respondent", each.id)
    tx.flush()
