"""Is the request really signed by who it names? Checked with the client every auditor runs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rensho import disclosure, strict_json
from rensho.errors import VerificationError
from rensho.trust import Trust
from rensho.verify import ANY, Expectations, Material, verify

from services.kit import clock
from services.portal.client import Json, Problem
from services.portal.visit import Visit

# What a lone request statement can show. Context and content are of the answers to come.
_PARTS: Final = ("signature", "log", "time")

# Signed member → what the page shows of it.
_WORDS: Final = {
    "why": "why",
    "purpose": "purpose",
    "viewers": "viewers",
    "notUsedFor": "not_used_for",
    "clauses": "clauses",
}


@dataclass(frozen=True)
class Seal:
    """What was found of a request's signature.

    `state`: good, bad, or unknown where it could not be checked. `signer` is the enrolled name of
    whose key it is.
    """

    state: str
    codes: tuple[str, ...] = ()
    signer: str = ""
    key_id: str = ""
    signed_at: datetime | None = None


async def of_request(visit: Visit, request: Json) -> Seal:
    """Verify the signed request statement behind a request."""
    statement_id = request["statement_id"]
    if statement_id is None:
        return Seal("unknown")
    try:
        archive = await visit.api.call(
            "GET", f"/attestation/v1/statements/{statement_id}.rensho.zip"
        )
        trust = await visit.api.raw("GET", "/attestation/v1/trust.json")
        organization = await visit.api.get(
            f"/identity/v1/organizations/{request['requester_org_id']}"
        )
    except Problem:
        return Seal("unknown")
    return _judged(archive.content, trust.content, request, organization["name"])


def _judged(archive: bytes, trust: bytes, request: Json, name: str) -> Seal:
    try:
        verdict = verify(
            Material(archive),
            Trust.load(trust),
            Expectations(audience=ANY, request=ANY),
            clock.now(),
        )
        if any(verdict.parts[part] != "VALID" for part in _PARTS) or verdict.payload is None:
            return Seal("bad", verdict.codes)
        said = strict_json.loads(verdict.payload)["predicate"]
    except VerificationError as why:
        return Seal("bad", (why.code,))
    if not _says_the_same(said, request):
        return Seal("bad", ("request.differs",))
    return Seal(
        "good",
        signer=name,
        key_id=said["signer"]["keyId"],
        signed_at=datetime.fromisoformat(said["at"]["attestedAt"]),
    )


def _says_the_same(said: Json, request: Json) -> bool:
    """Whether the signed statement is this requester's, about this request, in these words."""
    return bool(
        said["signer"]["org"] == f"urn:rensho:org:{request['requester_org_id']}"
        and disclosure.digest(request["disclosure"]) in said["respondents"]["_sd"]
        and all(said[signed] == request[shown] for signed, shown in _WORDS.items())
    )
