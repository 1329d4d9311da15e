"""What the log's word does to what was handed out for signing here: it counts, or it does not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.orm import Session

from services.kit.outbox import say
from services.questionnaire.actions import notices, renewals, standing
from services.questionnaire.rules.reviewing import Verdict
from services.questionnaire.store import requests, responses
from services.questionnaire.store.tables import ResponsePreparation, Review


def record_response(tx: Session, declaration_id: str, now: datetime, not_after: datetime) -> bool:
    """Count a revision whose declaration is in the log: its request is signed until `not_after`.

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
        request.state = "started" if _is_retracted(prepared) else "signed"
    renewals.foresee(tx, prepared, not_after, now)
    return True


def withdraw(tx: Session, statement_id: str, effect: str) -> bool:
    """Note that a firm took a statement of its response back, for both ends to see.

    Where it retracted the newest declaration, its request is open again: nothing answers it.

    Returns:
        False where the statement is none of ours.
    """
    prepared = responses.preparation_of(tx, statement_id)
    if prepared is None:
        return False
    # A retraction is graver than having been superseded, in whatever order they are told.
    prepared.statements = [
        {**one, "withdrawn": "retracted" if one.get("withdrawn") == "retracted" else effect}
        if one["statement_id"] == statement_id
        else one
        for one in prepared.statements
    ]
    response = responses.for_update(tx, prepared.response_id)
    if _is_retracted(prepared) and response.signed_revision == prepared.revision:
        response.state = "started"
        for request in requests.by_id(tx, [prepared.request_id]):
            request.state = "started"
    return True


def _is_retracted(prepared: ResponsePreparation) -> bool:
    return any(
        one["statement_id"] == prepared.declaration_id and one.get("withdrawn") == "retracted"
        for one in prepared.statements
    )


def refuse_response(tx: Session, statement_id: str, codes: Sequence[str], now: datetime) -> bool:
    """Note that a revision was refused after all: the draft is open again, nothing of it counts.

    The request stands where the revision before it was: sent back, accepted, or in review.
    """
    prepared = responses.preparation_of(tx, statement_id)
    if prepared is None or prepared.recorded_at is not None:
        return False
    prepared.refused = list(codes)
    response = responses.for_update(tx, prepared.response_id)
    newest = responses.newest(tx, response.id)
    if newest is prepared and response.state == "prepared":
        response.state = "started"
        found = standing.verdict(tx, response.id, now) if response.signed_revision else None
        for request in requests.by_id(tx, [prepared.request_id]):
            request.state = _state(found) if found else "started"
    return True


def record_review(tx: Session, review_statement_id: str, now: datetime) -> bool:
    """Count a review that is in the log: risk is told, and the request stands as decided."""
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
    _move_on(tx, review, now)
    return True


def _move_on(tx: Session, review: Review, now: datetime) -> None:
    """Tell the supplier what is to be corrected, or that all is accepted; once each time."""
    prepared = responses.preparation_of(tx, review.statement_id)
    assert prepared is not None, "a review is of a statement that was prepared here"
    found = standing.verdict(tx, prepared.response_id, now)
    back = any(each["outcome"] == "sent_back" for each in review.decisions)
    for request in requests.by_id(tx, [prepared.request_id]):
        if found == "returned" and back:
            notices.due(tx, "returned", request.id, "respondent")
        if found == "accepted" and request.state != "accepted":
            notices.due(tx, "accepted", request.id, "respondent")
        if request.state in ("signed", "returned", "accepted"):
            request.state = _state(found)


def _state(found: Verdict) -> str:
    return "signed" if found == "in_review" else found
