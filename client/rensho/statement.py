"""in-toto Statement v1 with one subject and one of nine predicates (profile sections 1 and 2)."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Final, cast

from rensho import jcs, predicates, strict_json, times
from rensho.dsse import INTOTO, pae
from rensho.errors import VerificationError
from rensho.predicates import SUBJECT_NAMES, TYPES, Role, TypeName
from rensho.shapes import DIGEST

__all__ = [
    "AI_GOVERNANCE",
    "DECLARATION",
    "DEMO_BASE",
    "GRANT",
    "KEY_EVENT",
    "REQUEST",
    "REVIEW",
    "RISK_SNAPSHOT",
    "STATEMENT_V1",
    "STATUS",
    "WITHDRAWAL",
    "Anchor",
    "Statement",
    "TypeName",
    "build",
    "parse",
    "predicate_type",
]

STATEMENT_V1: Final = "https://in-toto.io/Statement/v1"
DEMO_BASE: Final = "https://rensho.example/attestation"
"""The predicate base until a deployer puts a domain it owns; production refuses `.example`."""

AI_GOVERNANCE: Final = "ai-governance"
DECLARATION: Final = "declaration"
REQUEST: Final = "request"
GRANT: Final = "grant"
WITHDRAWAL: Final = "withdrawal"
REVIEW: Final = "review"
KEY_EVENT: Final = "key-event"
STATUS: Final = "status"
RISK_SNAPSHOT: Final = "risk-snapshot"


@dataclass(frozen=True)
class Anchor:
    """A checkpoint the signer had seen: `root_hash` is 32 raw bytes."""

    origin: str
    size: int
    root_hash: bytes


@dataclass(frozen=True)
class Statement:
    """A checked statement; `payload` are the very bytes that were signed."""

    payload: bytes = field(repr=False)
    base: str
    name: TypeName
    subject_sha256: str
    predicate: Mapping[str, Any] = field(repr=False)

    @cached_property
    def id(self) -> str:
        """Lowercase hex sha256 of the PAE."""
        return hashlib.sha256(pae(INTOTO, self.payload)).hexdigest()

    @property
    def predicate_type(self) -> str:
        """The full URI."""
        return predicate_type(self.base, self.name)

    @property
    def deployment(self) -> str:
        """The deployment's permanent host name."""
        return cast("str", self.predicate["deployment"]["origin"])

    @property
    def signer_org(self) -> str:
        """`urn:rensho:org:<uuid>` or `urn:rensho:pseudonym:<random>`, as claimed."""
        return cast("str", self.predicate["signer"]["org"])

    @property
    def signer_role(self) -> Role:
        """The role the signer claims to act in."""
        return cast("Role", self.predicate["signer"]["role"])

    @property
    def signer_key_id(self) -> str:
        """Base64 sha256 of the SPKI the signer claims to use."""
        return cast("str", self.predicate["signer"]["keyId"])

    @property
    def attested_at(self) -> datetime:
        """When the signer says it signed."""
        return times.read(self.predicate["at"]["attestedAt"])

    @property
    def anchor(self) -> Anchor | None:
        """The checkpoint that bounds the time from below; None where none is given."""
        found = self.predicate["at"].get("anchor")
        if found is None:
            return None
        return Anchor(found["origin"], found["size"], bytes.fromhex(found["rootHash"]))

    @property
    def not_before(self) -> datetime:
        """Start of the validity."""
        return times.read(self.predicate["validity"]["notBefore"])

    @property
    def not_after(self) -> datetime:
        """End of the validity, inclusive."""
        return times.read(self.predicate["validity"]["notAfter"])

    @property
    def supersedes(self) -> str | None:
        """Id of the statement this one takes the place of."""
        return self.predicate.get("supersedes")

    @property
    def response(self) -> tuple[str, int] | None:
        """Response id and revision; None for types that answer nothing."""
        found = self.predicate.get("response")
        if self.name not in (AI_GOVERNANCE, DECLARATION) or found is None:
            return None
        return found["id"], found["revision"]


def predicate_type(base: str, name: TypeName) -> str:
    """Return `<base>/<name>/v1`."""
    return f"{base}/{name}/v1"


def build(base: str, name: TypeName, subject_sha256: str, predicate: Mapping[str, Any]) -> bytes:
    """Lay out a statement as canonical bytes, ready to sign. Nothing is checked: see `parse`."""
    return jcs.dumps(
        {
            "_type": STATEMENT_V1,
            "subject": [{"name": SUBJECT_NAMES[name], "digest": {"sha256": subject_sha256}}],
            "predicateType": predicate_type(base, name),
            "predicate": predicate,
        }
    )


def parse(payload: bytes, bases: Collection[str]) -> Statement:
    """Read the payload of an envelope whose signature already holds.

    `bases` are the predicate bases the reader trusts. Raises `json.*`, `statement.type`,
    `statement.subject`, `statement.predicate_type`, `statement.schema` or
    `statement.not_canonical`. Whether the deployment is the one a key belongs to is for the
    caller, which knows the key.
    """
    value = strict_json.loads(payload)
    if not isinstance(value, dict) or value.get("_type") != STATEMENT_V1:
        raise VerificationError("statement.type")
    base, name = _read_type(value.get("predicateType"), bases)
    sha256 = _read_subject(value.get("subject"), SUBJECT_NAMES[name])
    predicate: Any = value.get("predicate")
    predicates.check(name, sha256, predicate)
    if jcs.dumps(value) != payload:
        raise VerificationError("statement.not_canonical")
    return Statement(payload, base, name, sha256, predicate)


def _read_type(uri: object, bases: Collection[str]) -> tuple[str, TypeName]:
    for base in bases:
        for name in TYPES:
            if uri == predicate_type(base, name):
                return base, name
    raise VerificationError("statement.predicate_type")


def _read_subject(subjects: object, name: str) -> str:
    if not isinstance(subjects, list) or len(subjects) != 1 or not isinstance(subjects[0], dict):
        raise VerificationError("statement.subject", "not exactly one")
    subject = subjects[0]
    digest = subject.get("digest")
    if subject.get("name") != name or not isinstance(digest, dict) or set(digest) != {"sha256"}:
        raise VerificationError("statement.subject", "name or digests")
    try:
        DIGEST(digest, "subject.digest")
    except VerificationError as why:
        raise VerificationError("statement.subject", "not a lowercase hex sha256") from why
    return cast("str", digest["sha256"])
