"""Files that tell of AI components: an ML-BOM read in or written out, a model's signature bound."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse
from pydantic import StringConstraints
from rensho.salted import sha256

from services.kit.auth import Who, needs
from services.kit.web import Model, Now, Tx
from services.questionnaire.actions import responses as actions
from services.questionnaire.api.edge import Bom, Line, base64_of
from services.questionnaire.api.evidence import newest_signed, saved_only
from services.questionnaire.api.responses import ResponseOut, response_out
from services.questionnaire.api.upload import Kept
from services.questionnaire.rules import ml_bom_export, model_signing
from services.questionnaire.rules.ml_bom_export import SpecVersion
from services.questionnaire.store import organizations

router = APIRouter(tags=["portal"])

CYCLONEDX = "application/vnd.cyclonedx+json"


class ComponentsAddedOut(Model):
    """The response after reading an ML-BOM; `added` are the new components' ids."""

    response: ResponseOut
    added: list[str]


class SigningIn(Model):
    """A model-signing bundle (base64) for one component; `public_key` in PEM if you have it."""

    supplier_component_id: Line
    bundle: Annotated[str, StringConstraints(min_length=1, max_length=1_500_000)]
    public_key: Annotated[str, StringConstraints(max_length=10_000)] | None = None


class ResourceOut(Model):
    """One file of the manifest."""

    name: str
    algorithm: str
    digest: str


class SigningAddedOut(Model):
    """The response, and what the bundle says; `signature` tells how far it was checked."""

    response: ResponseOut
    sha256: str
    signature: Literal["not-verified", "verified-under-given-key"]
    model: str | None
    manifest_sha256: str
    resources: list[ResourceOut]


@router.post(
    "/responses/{response_id}/components/ml-bom",
    dependencies=[needs("responses.write")],
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {CYCLONEDX: {"schema": {"type": "object"}}},
        }
    },
)
def add_ml_bom(
    bom: Bom, tx: Tx, who: Who, now: Now, response_id: UUID, objects: Kept, http: Response
) -> ComponentsAddedOut:
    """Add the AI components of a CycloneDX ML-BOM (JSON, 1.5 to 1.7) to the draft; it is kept."""
    found, added = actions.add_ml_bom(tx, who, objects, response_id, bom, now)
    return ComponentsAddedOut(response=response_out(tx, found, http), added=added)


@router.post(
    "/responses/{response_id}/components/model-signing",
    dependencies=[needs("responses.write")],
)
def add_model_signing(
    tx: Tx, who: Who, now: Now, response_id: UUID, body: SigningIn, objects: Kept, http: Response
) -> SigningAddedOut:
    """Bind an OpenSSF model-signing bundle to a component of the draft; it is kept.

    It is recognised, and not verified: we hold no root of its signer. Give the signer's key to
    have the signature checked under that key.
    """
    content = base64_of(body.bundle)
    recognized = model_signing.recognize(content)
    if body.public_key is not None:
        recognized.check(model_signing.key_from(body.public_key))
    component = body.supplier_component_id
    found = actions.add_model_signing(tx, who, objects, response_id, component, content, now)
    manifest = recognized.manifest
    return SigningAddedOut(
        response=response_out(tx, found, http),
        sha256=sha256(content),
        signature="not-verified" if body.public_key is None else "verified-under-given-key",
        model=manifest.model,
        manifest_sha256=manifest.digest,
        resources=[ResourceOut.model_validate(each) for each in manifest.resources],
    )


@router.get(
    "/requests/{request_id}/ml-bom",
    dependencies=[needs("responses.read")],
    response_class=JSONResponse,
    responses={
        200: {
            "description": "A CycloneDX ML-BOM.",
            "content": {CYCLONEDX: {"schema": {"type": "object"}}},
        }
    },
)
def export_ml_bom(tx: Tx, who: Who, request_id: UUID, version: SpecVersion = "1.6") -> Response:
    """Get the AI components of the newest signed answers as a CycloneDX ML-BOM, at either end."""
    recorded = newest_signed(tx, who.org, request_id)
    assert recorded.recorded_at is not None
    supplier = organizations.name_of(tx, recorded.respondent_org_id) or "-"
    bom: dict[str, Any] = ml_bom_export.document(
        recorded.opened["components"],
        declaration_id=recorded.declaration_id,
        supplier=supplier,
        signed_at=recorded.recorded_at,
        spec_version=version,
    )
    name = f"{recorded.response_id}-r{recorded.revision}.cdx.json"
    return JSONResponse(bom, headers=saved_only(f"{CYCLONEDX}; version={version}", name))
