"""OpenSSF Model Signing: a Sigstore bundle over a manifest of a model's files, recognised.

Recognised is not verified: who signed is for whoever holds the signer's root or key to find out.
What is read here is the shape and the manifest (model_signing v1.0 specification: an in-toto
Statement v1 whose predicate lists `resources` by name, algorithm and digest).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from rensho import strict_json
from rensho.bundle import MAX_BUNDLE
from rensho.dsse import Envelope
from rensho.errors import VerificationError
from rensho.keys import PublicKey

from services.questionnaire.rules.nodes import Node
from services.questionnaire.rules.refusals import Problem, Refusal, Text

PREDICATE: Final = "https://model_signing/signature/v1.0"
STATEMENT: Final = "https://in-toto.io/Statement/v1"
BUNDLE: Final = r"application/vnd\.dev\.sigstore\.bundle(\.v0\.3)?\+json(;version=0\.[123])?"
_MALFORMED: Final = "model-signing/malformed"
_MOST_RESOURCES: Final = 10_000
_HEX: Final = r"[0-9a-f]{32,128}"


@dataclass(frozen=True, slots=True)
class Resource:
    """One file of the model: its name inside, and its digest in lowercase hex."""

    name: str
    algorithm: str
    digest: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What the bundle's payload lists. `model` and `digest` (sha256 over the digests of all
    files) are of its one subject.
    """

    model: str | None
    digest: str
    resources: tuple[Resource, ...]


@dataclass(frozen=True, slots=True)
class ModelSigning:
    """A recognised bundle; its signature was not checked."""

    manifest: Manifest
    envelope: Envelope

    def check(self, key: PublicKey) -> None:
        """Check the signature under a key somebody gave.

        Raises `Refusal`: `model-signing/signature`.
        """
        try:
            key.verify(self.envelope.signature, self.envelope.pae)
        except VerificationError as why:
            reason = Text(
                "この公開鍵では署名を確認できません",
                f"the signature fails under this key ({why.code})",
            )
            raise Refusal(Problem("model-signing/signature", "/public_key", reason)) from why


def recognize(data: bytes) -> ModelSigning:
    """Read a bundle.

    Raises `Refusal`: `model-signing/malformed` (no Sigstore bundle with one DSSE envelope, or no
    manifest), `model-signing/other-predicate` (a bundle of something else).
    """
    if len(data) > MAX_BUNDLE:
        _refuse("1 MiBを超えています", "a bundle is at most 1 MiB")
    bundle = Node(_loads(data), "", _MALFORMED)
    bundle.member("mediaType").text(BUNDLE)
    bundle.member("verificationMaterial").mapping()
    try:
        envelope = Envelope.from_json(bundle.member("dsseEnvelope").mapping())
    except VerificationError as why:
        _refuse("DSSEの形式が正しくありません", f"not one DSSE envelope ({why.code})")
    return ModelSigning(_manifest(_loads(envelope.payload)), envelope)


def key_from(pem: str) -> PublicKey:
    """Read a public key in PEM. Raises `Refusal`: `model-signing/key`."""
    try:
        return PublicKey.from_pem(pem.encode())
    except VerificationError as why:
        reason = Text("公開鍵を読み取れません", f"this key cannot be read ({why.code})")
        raise Refusal(Problem("model-signing/key", "/public_key", reason)) from why


def _manifest(value: Any) -> Manifest:
    node = Node(value, "/payload", _MALFORMED)
    node.member("_type").one_of((STATEMENT,))
    if node.member("predicateType").text() != PREDICATE:
        reason = Text("モデル署名ではありません", f"the predicate is not {PREDICATE}")
        raise Refusal(Problem("model-signing/other-predicate", "/payload/predicateType", reason))
    subjects = node.member("subject").elements(1)
    if len(subjects) > 1:
        node.member("subject").refuse("対象は1件です", "exactly one subject")
    resources = node.member("predicate").member("resources").elements(1)
    if len(resources) > _MOST_RESOURCES:
        node.refuse(f"ファイルは{_MOST_RESOURCES}件までです", f"more than {_MOST_RESOURCES} files")
    return Manifest(
        model=subjects[0].optional_text("name"),
        digest=subjects[0].member("digest").member("sha256").text(r"[0-9a-f]{64}"),
        resources=tuple(_resource(each) for each in resources),
    )


def _resource(node: Node) -> Resource:
    return Resource(
        node.member("name").text(),
        node.member("algorithm").text(r"[a-z0-9-]{1,40}"),
        node.member("digest").text(_HEX),
    )


def _loads(data: bytes) -> Mapping[str, object]:
    try:
        found = strict_json.loads(data)
    except VerificationError as why:
        _refuse("JSONとして読み取れません", f"not strict JSON ({why.code})")
    return Node(found, "", _MALFORMED).mapping()


def _refuse(ja: str, en: str) -> NoReturn:
    raise Refusal(Problem(_MALFORMED, "", Text(ja, en)))
