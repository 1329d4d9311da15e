"""An ML-BOM is read in a process of its own, with two seconds and 256 MiB to do it in."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Any, Final

from rensho.errors import VerificationError
from rensho.salted import sha256

from services.questionnaire.actions import limited
from services.questionnaire.actions.evidence import Upload
from services.questionnaire.rules.ml_bom import ComponentDraft, MlBom, ModelCard
from services.questionnaire.rules.refusals import Problem, Refusal, Text

MEDIA_TYPE: Final = "application/vnd.cyclonedx+json"
_CHILD: Final = "services.questionnaire.actions.bom_child"


@dataclass(frozen=True)
class ReadBom:
    """An ML-BOM that was read, and its bytes."""

    bom: MlBom
    content: bytes

    def upload(self) -> Upload:
        """Return the file as evidence keeps it."""
        return Upload(io.BytesIO(self.content), sha256(self.content), len(self.content), MEDIA_TYPE)


def read(content: bytes) -> ReadBom:
    """Read a CycloneDX ML-BOM (JSON, 1.5 to 1.7), held against the published schema.

    Raises:
        Refusal: `ml-bom/not-json` (XML and protobuf are not read), `ml-bom/malformed`.
        VerificationError: `json.…`, not JSON everybody reads alike.
        TooCostly, Unavailable: see `limited.ask`.
    """
    if content.lstrip(b" \t\r\n")[:1] not in (b"{", b"["):
        reason = Text(
            "CycloneDXのJSON形式で送信してください(XML・protobufは扱えません)",
            "send the JSON form of CycloneDX; XML and protobuf are not read",
        )
        raise Refusal(Problem("ml-bom/not-json", "", reason))
    answer = limited.ask(_CHILD, content)
    if "code" in answer:
        raise VerificationError(answer["code"], answer["detail"])
    return ReadBom(_bom(answer["bom"]), content)


def _bom(told: dict[str, Any]) -> MlBom:
    components = tuple(_component(each) for each in told["components"])
    return MlBom(told["spec_version"], told["serial_number"], components)


def _component(told: dict[str, Any]) -> ComponentDraft:
    card = told["model_card"]
    return ComponentDraft(**{**told, "model_card": _card(card) if card else None})


def _card(told: dict[str, Any]) -> ModelCard:
    lists = {name: tuple(told[name]) for name in ("datasets", "limitations")}
    return ModelCard(**{**told, **lists})
