"""Handing in what was signed, and asking what became of it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Request, Response
from pydantic import Base64Bytes, BaseModel, Field, ValidationError
from rensho import jcs, strict_base64, strict_json
from rensho.errors import VerificationError
from sqlalchemy.orm import Session

from services.attestation.actions.refusals import SubmissionRefused
from services.attestation.actions.submissions import Handed, record
from services.attestation.store import log, statements
from services.attestation.store.statements import Refusal, Submission
from services.kit.auth import Who, needs
from services.kit.problems import Invalid, NotFound
from services.kit.web import Model, Now, OnceOnly, Tx

MAX_SUBMISSION_BYTES = 8 * 1024 * 1024
_M = TypeVar("_M", bound=BaseModel)
router = APIRouter(tags=["submissions", "portal"])


class SubmissionIn(Model):
    """A whole response, or one request, review, grant or withdrawal: all is recorded or nothing.

    `bundles` are Sigstore bundles v0.3 without a log entry; `documents` are by file name
    (`<sha256>.<kind>.json`, base64); `disclosures` by statement id and kind, all that the readers
    of the statement may open. A name that occurs twice anywhere is refused.
    """

    kind: Literal["response", "request", "review", "grant", "withdrawal"]
    bundles: Annotated[list[dict[str, Any]], Field(min_length=1, max_length=1_000)]
    documents: Annotated[dict[str, Base64Bytes], Field(default_factory=dict)]
    disclosures: Annotated[dict[str, dict[str, list[str]]], Field(default_factory=dict)]


class StatementOut(Model):
    """One statement of a submission; `promise` is base64 of the operator's envelope."""

    statement_id: str
    type: str
    promise: str | None
    log_index: int | None


class SubmissionOut(Model):
    """How far a submission is; `codes` say why it was refused after all."""

    id: UUID
    kind: str
    state: Literal["queued", "promised", "logged", "refused"]
    received_at: datetime
    statements: list[StatementOut]
    codes: list[str]


def read_body(model: type[_M], data: bytes) -> _M:
    """Read a body strictly: two readers of one body must not see two things.

    Raises:
        SubmissionRefused: with the code of what is wrong with the JSON.
        Invalid: it does not fit the model.
    """
    try:
        value = strict_json.loads(data)
    except VerificationError as why:
        raise SubmissionRefused([why.code], why.detail or why.code) from why
    try:
        return model.model_validate(value)
    except ValidationError as why:
        errors = [
            {"where": ".".join(str(part) for part in e["loc"]), "what": e["msg"]}
            for e in why.errors()
        ]
        msg = "the request does not fit the contract"
        raise Invalid(msg, errors=errors) from why


def handed_in(body: SubmissionIn) -> Handed:
    """Return what the actions take."""
    return Handed(
        kind=body.kind,
        bundles=tuple(jcs.dumps(one) for one in body.bundles),
        documents=body.documents,
        disclosures=body.disclosures,
    )


async def _handed(request: Request) -> Handed:
    return handed_in(read_body(SubmissionIn, await request.body()))


_BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": SubmissionIn.model_json_schema()}},
    }
}


@router.post(
    "/submissions",
    status_code=202,
    response_model=SubmissionOut,
    openapi_extra=_BODY,
    dependencies=[needs("submissions.write")],
)
def create_submission(
    handed: Annotated[Handed, Depends(_handed)], tx: Tx, who: Who, now: Now, once: OnceOnly
) -> Response:
    """Hand in signed statements; every check runs before the answer."""

    def work() -> SubmissionOut:
        made = record(tx, who, handed, now)
        out = _submission(tx, made)
        tx.info["details"]["statements"] = [one.statement_id for one in out.statements]
        return out

    answer = once(work, status=202)
    made_id = json.loads(bytes(answer.body))["id"]
    answer.headers["Location"] = f"/attestation/v1/submissions/{made_id}"
    return answer


@router.get("/submissions/{submission_id}", dependencies=[needs("submissions.read")])
def get_submission(submission_id: UUID, tx: Tx, who: Who) -> SubmissionOut:
    """Ask what became of one of your organization's submissions."""
    found = tx.get(Submission, submission_id)
    if found is None or found.owner_org_id != who.org:
        msg = "no such submission"
        raise NotFound(msg)
    return _submission(tx, found)


def _submission(tx: Session, found: Submission) -> SubmissionOut:
    signed = statements.statements_of(tx, found.id)
    ids = [one.statement_id for one in signed]
    promises, logged = statements.promises_of(tx, ids), statements.bundles_of(tx, ids)
    places = log.places(tx, logged)
    refusal = tx.get(Refusal, found.id)
    out = [
        StatementOut(
            statement_id=one.statement_id,
            type=one.type,
            promise=strict_base64.encode(promises[one.statement_id].envelope)
            if one.statement_id in promises
            else None,
            log_index=places[one.statement_id][1] if one.statement_id in places else None,
        )
        for one in signed
    ]
    return SubmissionOut(
        id=found.id,
        kind=found.kind,
        state="refused" if refusal else _state(out),
        received_at=found.received_at,
        statements=out,
        codes=refusal.codes if refusal else [],
    )


def _state(listed: Sequence[StatementOut]) -> Literal["queued", "promised", "logged"]:
    if all(one.log_index is not None for one in listed):
        return "logged"
    return "promised" if all(one.promise is not None for one in listed) else "queued"
