"""What was recorded, for those who may read it: bundles, promises, archives."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Response
from rensho.bundle import with_tokens
from sqlalchemy.orm import Session

from services.attestation.actions import archives
from services.attestation.store import statements, time_stamps
from services.kit.auth import needs
from services.kit.problems import NotFound
from services.kit.web import Tx

router = APIRouter(tags=["statements", "portal"])

BUNDLE = "application/vnd.dev.sigstore.bundle.v0.3+json"
_READ = [needs("statements.read")]


def _bundle(tx: Session, statement_id: str, kind: str | None = None) -> Response:
    found = statements.statements_by_id(tx, [statement_id])
    logged = statements.bundles_of(tx, found)
    if not logged or kind not in (None, found[statement_id].type):
        msg = "no such statement"
        raise NotFound(msg)
    tokens = time_stamps.tokens_of(tx, logged).get(statement_id, ())
    return Response(with_tokens(logged[statement_id].content, tokens), media_type=BUNDLE)


def archive_answer(content: bytes, name: str) -> Response:
    """Return an archive as a file to keep."""
    headers = {"Content-Disposition": f'attachment; filename="{name}.rensho.zip"'}
    return Response(content, media_type="application/zip", headers=headers)


@router.get("/statements/{statement_id}/bundle", response_class=Response, dependencies=_READ)
def get_bundle(statement_id: str, tx: Tx) -> Response:
    """Get the bundle of a logged statement: envelope, inclusion proof, checkpoint."""
    return _bundle(tx, statement_id)


@router.get("/statements/{statement_id}/promise", response_class=Response, dependencies=_READ)
def get_promise(statement_id: str, tx: Tx) -> Response:
    """Get the operator's promise to log a statement, a DSSE envelope."""
    found = statements.promises_of(tx, [statement_id])
    if not found:
        msg = "no such statement"
        raise NotFound(msg)
    return Response(found[statement_id].envelope, media_type="application/json")


@router.get("/statements/{statement_id}.rensho.zip", response_class=Response, dependencies=_READ)
def get_statement_archive(statement_id: str, tx: Tx) -> Response:
    """Get one statement with its signer's key events, promises and proofs."""
    return archive_answer(archives.of_statement(tx, statement_id), statement_id)


@router.get("/responses/{response_id}.rensho.zip", response_class=Response, dependencies=_READ)
def get_response_archive(response_id: UUID, tx: Tx) -> Response:
    """Get the newest logged revision of a response, verifiable offline.

    Its owner gets all of it; a reader its own audience entry and what was opened to it.
    """
    return archive_answer(archives.of_response(tx, response_id), str(response_id))


@router.get("/requests/{statement_id}/bundle", response_class=Response, dependencies=_READ)
def get_request_bundle(statement_id: str, tx: Tx) -> Response:
    """Get the bundle of a request you made or were asked."""
    return _bundle(tx, statement_id, "request")


@router.get("/snapshots/{statement_id}/bundle", response_class=Response, dependencies=_READ)
def get_snapshot_bundle(statement_id: str, tx: Tx) -> Response:
    """Get the bundle of a risk snapshot made for you."""
    return _bundle(tx, statement_id, "risk-snapshot")
