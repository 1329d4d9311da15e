"""What was signed before: offered to be granted on a request, read by whom it was granted to."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from fastapi import APIRouter

from services.kit.auth import Who, needs
from services.kit.web import Model, Now, Tx
from services.questionnaire.actions import reuse as actions

router = APIRouter(tags=["portal"])


class OfferOut(Model):
    """A component statement of yours that answers `questions` of this request.

    Grant it: `POST /attestation/v1/grants/prepare` with `statement_id`, this request and these
    questions, sign, and submit.
    """

    response_id: UUID
    request_id: UUID
    statement_id: str
    component: str
    name: str
    signed_at: datetime
    questions: list[str]


class OffersOut(Model):
    """You have answered `answered_before` of `asked` questions before.

    `granted` are answered by grants in force; `left` is what remains to be asked.
    """

    asked: int
    answered_before: int
    granted: list[str]
    left: list[str]
    items: list[OfferOut]


class GrantOut(Model):
    """What a grant opens of one component; it reads while `ended_at` and `not_after` are ahead."""

    grant_id: str
    statement_id: str
    request_id: UUID
    respondent_org_id: UUID
    component: str
    questions: list[str]
    opened: dict[str, Any]
    onward: str
    granted_at: datetime
    not_after: datetime
    ended_at: datetime | None


class GrantsOut(Model):
    """The grants on one request, oldest first; one that ended shows that it was, and no answers."""

    items: list[GrantOut]


@router.get("/requests/{request_id}/reuse", dependencies=[needs("responses.read")])
def read_reuse(tx: Tx, who: Who, now: Now, request_id: UUID) -> OffersOut:
    """Read how much of a request your signed answers to others cover, and what would be left."""
    found = actions.offers(tx, who, request_id, now)
    return OffersOut(
        asked=len(found.asked),
        answered_before=len(found.covered),
        granted=list(found.granted),
        left=list(found.left),
        items=[OfferOut.model_validate(each) for each in found.items],
    )


@router.get("/requests/{request_id}/grants", dependencies=[needs("responses.read")])
def list_request_grants(tx: Tx, who: Who, now: Now, request_id: UUID) -> GrantsOut:
    """List the grants on a request at whose either end you are."""
    found = [GrantOut.model_validate(each) for each in actions.of_request(tx, who, request_id)]
    return GrantsOut(items=[each if _reads(each, now) else _closed(each) for each in found])


def _reads(grant: GrantOut, now: datetime) -> bool:
    return grant.not_after > now and (grant.ended_at is None or grant.ended_at > now)


def _closed(grant: GrantOut) -> GrantOut:
    return grant.model_copy(update={"opened": {}})
