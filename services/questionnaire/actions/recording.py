"""What the log's word does to what was handed out for signing here: it counts, or it does not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from services.kit.outbox import say
from services.questionnaire.store import requests, responses


def record_response(tx: Session, declaration_id: str, now: datetime) -> bool:
    """Count a revision whose declaration is in the log: its request is signed.

    Returns:
        False where the declaration is none of ours or was recorded before.
    """
    prepared = responses.preparation_for_update(tx, declaration_id)
    if prepared is None or prepared.recorded_at is not None:
        return False
    prepared.recorded_at = now
    prepared.refused = None
    response = responses.for_update(tx, prepared.response_id)
    response.signed_revision = max(response.signed_revision, prepared.revision)
    # A draft that was saved after the hand-out is the beginning of the next revision.
    if response.version == prepared.draft_version:
        response.state = "signed"
    for request in requests.by_id(tx, [prepared.request_id]):
        request.state = "signed"
    return True


def refuse_response(tx: Session, statement_id: str, codes: Sequence[str]) -> bool:
    """Note that a revision was refused after all: the draft is open again, nothing of it counts."""
    prepared = responses.preparation_of(tx, statement_id)
    if prepared is None or prepared.recorded_at is not None:
        return False
    prepared.refused = list(codes)
    response = responses.for_update(tx, prepared.response_id)
    newest = responses.newest(tx, response.id)
    if newest is prepared and response.state == "prepared":
        response.state = "started"
        for request in requests.by_id(tx, [prepared.request_id]):
            request.state = "signed" if response.signed_revision else "started"
    return True


def record_review(tx: Session, review_statement_id: str, now: datetime) -> bool:
    """Count a review that is in the log, and tell risk what was decided."""
    review = responses.review_for_update(tx, review_statement_id)
    if review is None or review.recorded_at is not None:
        return False
    review.recorded_at = now
    say(
        tx,
        "review.decided.v1",
        review_statement_id=review_statement_id,
        statement_id=review.statement_id,
        requester_org_id=review.requester_org_id,
        respondent_org_id=review.respondent_org_id,
        decisions=[
            {name: each[name] for name in ("question", "outcome", "value", "until")}
            for each in review.decisions
        ],
    )
    return True
