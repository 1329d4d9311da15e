"""The component descriptor: what one AI component is (profile section 2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

from rensho import salted
from rensho.disclosure import fresh_salt
from rensho.shapes import NONCE, SHA256, array, one_of, record, text

Kind = Literal["model", "dataset", "ai-system", "ai-service", "embedded-ai"]
Use = Literal["embedded", "process", "customer-data"]

_YES_NO: Final = one_of("yes", "no")
ATTRIBUTES: Final[Mapping[str, tuple[str, ...]]] = {
    "safetyFunction": ("none", "monitored", "critical"),
    "relianceType": ("assist", "reliance"),
    "agentOrPhysical": ("yes", "no"),
    "personalData": ("yes", "no"),
    "customerData": ("yes", "no"),
    "learnsAfterDelivery": ("yes", "no"),
    "userFacing": ("yes", "no"),
    "thirdPartyBaseModel": ("yes", "no"),
}
"""The attributes of the risk model and what each may say; an absent one is unstated."""

_DESCRIPTOR: Final = record(
    {
        "salt": NONCE,
        "supplierComponentId": text,
        "name": text,
        "version": text,
        "kind": one_of("model", "dataset", "ai-system", "ai-service", "embedded-ai"),
        "use": one_of("embedded", "process", "customer-data"),
        "roles": record({}, {"developer": _YES_NO, "provider": _YES_NO, "user": _YES_NO}),
        "attributes": record({}, {name: one_of(*said) for name, said in ATTRIBUTES.items()}),
    },
    {
        "purl": text,
        "artifacts": array(record({"digest": SHA256, "mediaType": text})),
        "mlBom": SHA256,
        "modelSigning": SHA256,
    },
)


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file of a component: lowercase hex sha256 and media type."""

    digest: str
    media_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ComponentDescriptor:
    """What one AI component is. An absent role is undecided, an absent attribute unstated.

    `ml_bom` and `model_signing` are lowercase hex sha256 of files handed over apart.
    """

    supplier_component_id: str
    name: str
    version: str
    kind: Kind
    use: Use
    roles: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str] = field(default_factory=dict)
    purl: str | None = None
    artifacts: tuple[Artifact, ...] = ()
    ml_bom: str | None = None
    model_signing: str | None = None
    salt: str = field(default_factory=fresh_salt)

    def to_bytes(self) -> bytes:
        """Return the document. Raises `statement.schema`."""
        found: dict[str, Any] = {
            "salt": self.salt,
            "supplierComponentId": self.supplier_component_id,
            "name": self.name,
            "version": self.version,
            "kind": self.kind,
            "use": self.use,
            "roles": dict(self.roles),
            "attributes": dict(self.attributes),
        }
        if self.artifacts:
            found["artifacts"] = [
                {"digest": artifact.digest, "mediaType": artifact.media_type}
                for artifact in self.artifacts
            ]
        optional = {"purl": self.purl, "mlBom": self.ml_bom, "modelSigning": self.model_signing}
        found |= {name: value for name, value in optional.items() if value is not None}
        return salted.write(_DESCRIPTOR, found, "descriptor")

    @classmethod
    def parse(cls, data: bytes) -> Self:
        """Read the document."""
        found = salted.read(_DESCRIPTOR, data, "descriptor")
        return cls(
            supplier_component_id=found["supplierComponentId"],
            name=found["name"],
            version=found["version"],
            kind=found["kind"],
            use=found["use"],
            roles=found["roles"],
            attributes=found["attributes"],
            purl=found.get("purl"),
            artifacts=tuple(
                Artifact(artifact["digest"], artifact["mediaType"])
                for artifact in found.get("artifacts", ())
            ),
            ml_bom=found.get("mlBom"),
            model_signing=found.get("modelSigning"),
            salt=found["salt"],
        )
