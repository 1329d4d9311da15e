"""Whom to believe: this deployment's Trust file, and the Sigstore view of it."""

from __future__ import annotations

from fastapi import APIRouter, Response

from services.attestation.actions.trust import sigstore_view, trust
from services.kit.auth import PUBLIC, needs
from services.kit.web import Now, Tx

router = APIRouter(tags=["trust"])


@router.get("/trust.json", response_class=Response, dependencies=[needs(PUBLIC)])
def get_trust(tx: Tx, now: Now) -> Response:
    """Get the Trust file. Compare it with a copy you got another way before you rely on it."""
    return Response(trust(tx, now).to_bytes(), media_type="application/json")


@router.get("/trusted_root.json", response_class=Response, dependencies=[needs(PUBLIC)])
def get_trusted_root(tx: Tx, now: Now) -> Response:
    """Get the logs and time-stamp authorities of this deployment in Sigstore's form."""
    return Response(sigstore_view(tx, now), media_type="application/json")
