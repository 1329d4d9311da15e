"""CycloneDX ML-BOM (ECMA-424; JSON, 1.5 to 1.7) → drafts of AI components.

What is read is checked; what nobody here reads is left alone. A draft is a proposal: the
respondent states roles and attributes.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from services.questionnaire.rules.nodes import Node

VERSIONS: Final = ("1.5", "1.6", "1.7")
KINDS: Final[Mapping[str, str]] = {
    "machine-learning-model": "model",
    "data": "dataset",
    "application": "ai-system",
}
"""CycloneDX component type → kind of a component descriptor; other types are passed over."""

_OTHER_TYPES: Final = (
    *("framework", "library", "container", "platform", "operating-system", "device"),
    *("device-driver", "firmware", "file", "cryptographic-asset"),
)
_HASH_LENGTHS: Final = {
    "MD5": 32,
    "SHA-1": 40,
    "SHA-256": 64,
    "SHA-384": 96,
    "SHA-512": 128,
    "SHA3-256": 64,
    "SHA3-384": 96,
    "SHA3-512": 128,
    "BLAKE2b-256": 64,
    "BLAKE2b-384": 96,
    "BLAKE2b-512": 128,
    "BLAKE3": 64,
    "Streebog-256": 64,
    "Streebog-512": 128,
}
_DEEPEST: Final = 16
_MOST: Final = 1000
_TIME: Final = r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})"
_SERIAL: Final = r"urn:uuid:[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"


@dataclass(frozen=True, slots=True)
class ModelCard:
    """What a model card says in single words; a long card stays in the file."""

    approach: str | None
    task: str | None
    architecture: str | None
    datasets: tuple[str, ...]
    limitations: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ComponentDraft:
    """One AI component as the file tells it; `kind` is model, dataset or ai-system.

    `hashes` are algorithm → lowercase hex. `version` is None where the file has none.
    """

    bom_ref: str | None
    kind: str
    name: str
    version: str | None
    supplier: str | None
    purl: str | None
    hashes: Mapping[str, str]
    model_card: ModelCard | None


@dataclass(frozen=True, slots=True)
class MlBom:
    """A file that was read; `components` in its own order, nested ones after their parent."""

    spec_version: str
    serial_number: str | None
    components: tuple[ComponentDraft, ...]


def read(document: object) -> MlBom:
    """Read a parsed ML-BOM.

    Raises `Refusal` (`ml-bom/malformed`, with the place): not CycloneDX, another version, a
    time stamp that is none, a component without type or name, a wrong digest, a `bom-ref` twice,
    more than 1,000 components or nested more than 16 deep.
    """
    node = Node(document, "", "ml-bom/malformed")
    if node.member("bomFormat").value != "CycloneDX":
        node.member("bomFormat").refuse("CycloneDXのファイルではありません", "is not CycloneDX")
    version = node.member("specVersion").one_of(VERSIONS)
    serial = node.optional_text("serialNumber", _SERIAL)
    if revision := node.optional("version"):
        revision.integer(1, 2**53 - 1)
    found: list[Node] = []
    if metadata := node.optional("metadata"):
        if timestamp := metadata.optional("timestamp"):
            _refuse_strange_time(timestamp)
        if subject := metadata.optional("component"):
            found.extend(_with_nested(subject, 1))
    for each in _list(node, "components"):
        found.extend(_with_nested(each, 1))
    if len(found) > _MOST:
        node.refuse(f"コンポーネントは{_MOST}件までです", f"more than {_MOST} components")
    _refuse_repeated_refs(found)
    drafts = (_draft(each) for each in found)
    return MlBom(version, serial, tuple(draft for draft in drafts if draft is not None))


def _with_nested(node: Node, depth: int) -> Iterator[Node]:
    if depth > _DEEPEST:
        node.refuse(f"入れ子は{_DEEPEST}段までです", f"nested deeper than {_DEEPEST}")
    yield node
    for each in _list(node, "components"):
        yield from _with_nested(each, depth + 1)


def _refuse_repeated_refs(components: list[Node]) -> None:
    seen: set[str] = set()
    for each in components:
        if ref := each.optional_text("bom-ref"):
            if ref in seen:
                each.member("bom-ref").refuse("bom-refが重複しています", "the same bom-ref twice")
            seen.add(ref)


def _refuse_strange_time(node: Node) -> None:
    text = node.text(_TIME).upper()
    try:
        datetime.fromisoformat(text)
    except ValueError:
        node.refuse("存在しない日時です", "no such time")


def _draft(node: Node) -> ComponentDraft | None:
    kind = node.member("type").one_of((*KINDS, *_OTHER_TYPES))
    name = node.member("name").text()
    if kind not in KINDS:
        return None
    supplier = node.optional("supplier")
    card = node.optional("modelCard")
    return ComponentDraft(
        bom_ref=node.optional_text("bom-ref"),
        kind=KINDS[kind],
        name=name,
        version=node.optional_text("version"),
        supplier=(supplier.optional_text("name") if supplier else None)
        or node.optional_text("publisher"),
        purl=node.optional_text("purl", r"pkg:[A-Za-z][A-Za-z0-9.+-]*/\S+"),
        hashes=dict(_hash(each) for each in _list(node, "hashes")),
        model_card=_model_card(card) if card else None,
    )


def _hash(node: Node) -> tuple[str, str]:
    algorithm = node.member("alg").one_of(_HASH_LENGTHS)
    length = _HASH_LENGTHS[algorithm]
    return algorithm, node.member("content").text(rf"[0-9a-fA-F]{{{length}}}").lower()


def _model_card(node: Node) -> ModelCard:
    node.mapping()
    parameters = node.optional("modelParameters") or Node({}, node.where, node.urn)
    considerations = node.optional("considerations") or Node({}, node.where, node.urn)
    approach = parameters.optional("approach")
    return ModelCard(
        approach=approach.optional_text("type") if approach else None,
        task=parameters.optional_text("task"),
        architecture=parameters.optional_text("architectureFamily")
        or parameters.optional_text("modelArchitecture"),
        datasets=tuple(
            name
            for each in _list(parameters, "datasets")
            if (name := each.optional_text("name") or each.optional_text("ref"))
        ),
        limitations=tuple(each.text() for each in _list(considerations, "technicalLimitations")),
    )


def _list(node: Node, name: str) -> list[Node]:
    found = node.optional(name)
    return found.elements() if found else []
