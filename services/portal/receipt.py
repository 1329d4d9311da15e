"""The receipt of a signed response, read from its archive by the verifier every auditor runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rensho import archive, bundle, strict_json
from rensho.errors import VerificationError
from rensho.trust import Trust
from rensho.verify import Expectations, ExpectedRequest, Material, verify

Json = dict[str, Any]

PARTS: Final = ("signature", "log", "time", "context", "status", "content")


@dataclass(frozen=True)
class Statement:
    """One signed statement and its place in the log."""

    id: str
    type: str
    log_index: int | None


@dataclass(frozen=True)
class Receipt:
    """What the archive proves; `parts` and `codes` as the verifier says them."""

    status: str
    parts: Mapping[str, str]
    codes: tuple[str, ...]
    revision: int
    signed_at: datetime
    role: str
    key_id: str
    declaration_id: str
    statements: tuple[Statement, ...]


def read(content: bytes, trust: bytes, request: Json, now: datetime) -> Receipt:
    """Read and verify the archive of a response for the request it answers.

    Raises:
        VerificationError: it is no archive with a verified declaration.
    """
    expected = Expectations(
        audience=f"urn:rensho:org:{request['requester_org_id']}",
        request=ExpectedRequest(str(request["id"]), str(request["nonce"])),
    )
    verdict = verify(Material(content), Trust.load(trust), expected, now)
    if verdict.payload is None:
        raise VerificationError("content.missing", ", ".join(verdict.codes))
    said = strict_json.loads(verdict.payload)["predicate"]
    listed = sorted(_statements(content), key=lambda each: (each.log_index or 0, each.id))
    own = [each for each in listed if each.type in ("ai-governance", "declaration")]
    return Receipt(
        status=verdict.status,
        parts=verdict.parts,
        codes=tuple(verdict.codes),
        revision=int(said["response"]["revision"]),
        signed_at=datetime.fromisoformat(said["at"]["attestedAt"]),
        role=str(said["signer"]["role"]),
        key_id=str(said["signer"]["keyId"]),
        declaration_id=next(each.id for each in reversed(own) if each.type == "declaration"),
        statements=tuple(own),
    )


def _statements(content: bytes) -> list[Statement]:
    found = []
    for name, data in archive.read(content).items():
        if not name.endswith(".sigstore.json"):
            continue
        one = bundle.parse(data)
        kind = strict_json.loads(one.envelope.payload)["predicateType"].split("/")[-2]
        index = one.entry.index if one.entry else None
        found.append(Statement(one.statement_id, kind, index))
    return found
