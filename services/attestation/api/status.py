"""The operator's status list, for everybody and the same for everybody."""

from __future__ import annotations

from datetime import datetime

from fastapi import APIRouter, Response
from rensho import strict_json
from sqlalchemy.orm import Session

from services.attestation.actions import archives
from services.attestation.api.statements import archive_answer
from services.attestation.store import statements
from services.attestation.store.statements import Statement
from services.kit.auth import PUBLIC, needs
from services.kit.problems import NotFound
from services.kit.web import Model, Tx

router = APIRouter(tags=["status"])

_FOR_EVER = {"Cache-Control": "public, max-age=31536000, immutable"}


class StatusOut(Model):
    """The newest logged status list: its statement, the digest of its document, and of when."""

    statement_id: str
    sha256: str
    origin: str
    size: int
    attested_at: datetime


@router.get("/status", dependencies=[needs(PUBLIC)])
def get_status(tx: Tx) -> StatusOut:
    """Get which status list is the newest, and up to where it read the log."""
    found = _newest(tx)
    as_of = strict_json.loads(found.payload)["predicate"]["asOf"]
    return StatusOut(
        statement_id=found.statement_id,
        sha256=found.subject_sha256,
        origin=as_of["origin"],
        size=as_of["size"],
        attested_at=found.attested_at,
    )


@router.get("/status.rensho.zip", response_class=Response, dependencies=[needs(PUBLIC)])
def get_status_archive(tx: Tx) -> Response:
    """Get the newest status list with statement, promise and proofs, verifiable offline."""
    found = _newest(tx).statement_id
    return archive_answer(archives.of_statement(tx, found), "status")


@router.get("/status/{sha256}", response_class=Response, dependencies=[needs(PUBLIC)])
def get_status_document(sha256: str, tx: Tx) -> Response:
    """Get a status document by its digest, as it was signed for."""
    found = statements.status_document(tx, sha256)
    if found is None:
        msg = "no such status list"
        raise NotFound(msg)
    return Response(found, media_type="application/json", headers=_FOR_EVER)


def _newest(tx: Session) -> Statement:
    found = statements.newest_status(tx)
    if found is None:
        msg = "no status list was made yet"
        raise NotFound(msg)
    return found
