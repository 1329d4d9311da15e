"""Handing in many submissions at once."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Field
from sqlalchemy.orm import Session

from services.attestation.actions.bulk import record_many
from services.attestation.actions.submissions import Handed
from services.attestation.api.submissions import SubmissionIn, handed_in, read_body
from services.attestation.store import statements
from services.attestation.store.statements import Submission
from services.kit import problems
from services.kit.auth import Who, needs
from services.kit.problems import Refused
from services.kit.web import Model, Now, OnceOnly, Tx

MAX_SUBMISSIONS = 500
router = APIRouter(tags=["submissions", "portal"])


class BulkIn(Model):
    """Up to 500 submissions in 8 MiB. Each is recorded whole or refused, whatever the others are.

    None of them may speak about another one of the call: what is referred to must be logged.
    """

    submissions: Annotated[list[SubmissionIn], Field(min_length=1, max_length=MAX_SUBMISSIONS)]


class BulkItem(Model):
    """What became of one submission: its id and statement ids, or the problem document."""

    id: UUID | None
    statement_ids: list[str]
    problem: dict[str, Any] | None


class BulkOut(Model):
    """The answers, in the order of the submissions; poll `/submissions/{id}` for each promise."""

    results: list[BulkItem]


async def _all_handed(request: Request) -> list[Handed]:
    body = read_body(BulkIn, await request.body())
    return [handed_in(one) for one in body.submissions]


@router.post(
    "/submissions/bulk",
    status_code=202,
    response_model=BulkOut,
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": BulkIn.model_json_schema()}},
        }
    },
    dependencies=[needs("submissions.write")],
)
def create_submissions(
    handed: Annotated[list[Handed], Depends(_all_handed)],
    tx: Tx,
    who: Who,
    now: Now,
    once: OnceOnly,
) -> Response:
    """Hand in many submissions; every check of each runs before the answer."""

    def work() -> BulkOut:
        out = _out(tx, record_many(tx, who, handed, now))
        tx.info["details"]["submissions"] = [str(one.id) for one in out.results if one.id]
        return out

    return once(work, status=202)


def _out(tx: Session, found: list[Submission | Refused]) -> BulkOut:
    signed = statements.statements_of_each(
        tx, [one.id for one in found if isinstance(one, Submission)]
    )
    return BulkOut(
        results=[
            BulkItem(
                id=one.id,
                statement_ids=[said.statement_id for said in signed[one.id]],
                problem=None,
            )
            if isinstance(one, Submission)
            else BulkItem(id=None, statement_ids=[], problem=_problem(one))
            for one in found
        ]
    )


def _problem(why: Refused) -> dict[str, Any]:
    return problems.document(why.status, why.urn, why.detail, **why.extensions)
