"""The AI components of a signed response → CycloneDX ML-BOM (ECMA-424; JSON, 1.6 and 1.7).

Written here and not by a CycloneDX library, whose model classes lose `modelCard`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, Final, Literal
from uuid import UUID, uuid5

from services.questionnaire.rules.ml_bom import KINDS

SpecVersion = Literal["1.6", "1.7"]

_NAMESPACE: Final = UUID("e5aaa9b2-1251-5cbf-b994-04e5315c64dd")
# CycloneDX knows no AI service as a component: what is used is told by a property.
_TYPES: Final = {kind: cyclonedx for cyclonedx, kind in KINDS.items()}
_OTHER: Final = "application"


def document(
    components: Iterable[Mapping[str, Any]],
    *,
    declaration_id: str,
    supplier: str,
    signed_at: datetime,
    spec_version: SpecVersion = "1.6",
) -> dict[str, Any]:
    """Return the BOM; the same revision gives the same BOM.

    Args:
        components: as the requester reads them (`GET /requests/{request_id}/answers`).
        declaration_id: statement id of the revision's declaration.
        supplier: name of the organization that signed.
        signed_at: when it was on record.
    """
    return {
        "bomFormat": "CycloneDX",
        "specVersion": spec_version,
        "serialNumber": f"urn:uuid:{uuid5(_NAMESPACE, declaration_id)}",
        "version": 1,
        "metadata": {
            "timestamp": signed_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "supplier": {"name": supplier},
            "properties": _properties({"declaration": declaration_id}),
        },
        "components": [_component(each) for each in components],
    }


def _component(one: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {
        "type": _TYPES.get(one["kind"], _OTHER),
        "bom-ref": one["supplier_component_id"],
        "name": one["name"],
        "version": one["version"],
    }
    if one.get("purl"):
        found["purl"] = one["purl"]
    if digests := sorted({each["sha256"] for each in one.get("artifacts") or ()}):
        # CycloneDX has one hash per algorithm and component; further files are properties.
        found["hashes"] = [{"alg": "SHA-256", "content": digests[0]}]
    if found["type"] == "machine-learning-model" and one.get("model_card"):
        found["modelCard"] = _model_card(one["model_card"])
    found["properties"] = [
        *_properties(
            {
                "kind": one["kind"],
                "use": one["use"],
                **{f"role:{name}": said for name, said in sorted(one["roles"].items())},
                **{f"attribute:{name}": said for name, said in sorted(one["attributes"].items())},
                "statement": one["statement_id"],
                "descriptor:sha256": one["descriptor_sha256"],
                "ml-bom:sha256": one.get("ml_bom_sha256"),
                "model-signing:sha256": one.get("model_signing_sha256"),
            }
        ),
        *({"name": "rensho:artifact:sha256", "value": each} for each in digests[1:]),
    ]
    return found


def _model_card(card: Mapping[str, Any]) -> dict[str, Any]:
    parameters: dict[str, Any] = {}
    if card.get("approach"):
        parameters["approach"] = {"type": card["approach"]}
    if card.get("task"):
        parameters["task"] = card["task"]
    if card.get("architecture"):
        parameters["modelArchitecture"] = card["architecture"]
    if card.get("datasets"):
        # Whether a name stood for a component of the same file is not known any more.
        parameters["datasets"] = [{"type": "dataset", "name": each} for each in card["datasets"]]
    found: dict[str, Any] = {}
    if parameters:
        found["modelParameters"] = parameters
    if card.get("limitations"):
        found["considerations"] = {"technicalLimitations": list(card["limitations"])}
    return found


def _properties(said: Mapping[str, str | None]) -> list[dict[str, str]]:
    return [
        {"name": f"rensho:{name}", "value": value}
        for name, value in said.items()
        if value is not None
    ]
