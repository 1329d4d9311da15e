"""Makers of the nine statements; challenges and promises come from `rensho.promises`.

Each maker returns the payload bytes for `dsse.sign`, after `statement.parse` has read them back:
what this module makes, the verifier accepts.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

from rensho import salted, statement, strict_base64, times
from rensho.blocks import Block
from rensho.disclosure import fresh_salt
from rensho.documents import Pack, Response
from rensho.dsse import Envelope
from rensho.keys import PublicKey
from rensho.predicates import Role, TypeName
from rensho.promises import ENROL_CHALLENGE, PROMISE, EnrolChallenge, Promise
from rensho.statement import Anchor

__all__ = [
    "ENROL_CHALLENGE",
    "NOT_USED_FOR",
    "PROMISE",
    "Answering",
    "Common",
    "Decision",
    "EnrolChallenge",
    "KeyRecord",
    "Promise",
    "SnapshotDigests",
    "SourceDocument",
    "ai_governance",
    "declaration",
    "grant",
    "key_event",
    "request",
    "review",
    "risk_snapshot",
    "status",
    "withdrawal",
]

Origin = Literal["self", "excel", "relayed", "transcribed"]
Event = Literal["enrol", "rotate", "suspend", "revoke", "confirm"]
Custody = Literal["hsm", "browser", "file", "operator-held"]
RevocationReason = Literal["superseded", "ceased", "key-compromise", "identity-false"]
Outcome = Literal[
    "accepted", "sent_back", "evidence_checked", "independent", "na_accepted", "waived"
]

NOT_USED_FOR: Final = ("cost-reduction", "price-talks", "approaching-sub-suppliers")
"""What a request promises not to use answers for, unless the requester says otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Common:
    """The fields every predicate has.

    `base` is the predicate base, `deployment` the deployment's permanent host name, `key_id` the
    signer's: base64 of sha256 of the DER SPKI.
    attestedAt <= notBefore <= attestedAt + 30 d, span <= 400 d.
    """

    base: str
    deployment: str
    org: str
    role: Role
    key_id: str
    attested_at: datetime
    anchor: Anchor | None
    not_before: datetime
    not_after: datetime
    supersedes: str | None = None
    salt: str = field(default_factory=fresh_salt)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a predicate carries them."""
        at: dict[str, Any] = {"attestedAt": times.write(self.attested_at)}
        if self.anchor is not None:
            at["anchor"] = _anchor(self.anchor)
        found: dict[str, Any] = {
            "deployment": {"origin": self.deployment},
            "signer": {"org": self.org, "role": self.role, "keyId": self.key_id},
            "salt": self.salt,
            "at": at,
            "validity": {
                "notBefore": times.write(self.not_before),
                "notAfter": times.write(self.not_after),
            },
        }
        if self.supersedes is not None:
            found["supersedes"] = self.supersedes
        return found


@dataclass(frozen=True, slots=True)
class SourceDocument:
    """The sheet a relayed or transcribed answer came from: lowercase hex sha256, and how."""

    digest: str
    channel: str
    received_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Answering:
    """What both statements of a supplier's response say of it.

    `questionnaire_sha256` is of the questionnaire document, `locale` what the signer was shown,
    `audience` the block of `blocks.audience` or "public".
    """

    response: Response
    questionnaire_sha256: str
    packs: Sequence[Pack]
    locale: str
    audience: Block | Literal["public"]
    origin: Origin = "self"
    source: SourceDocument | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the fields as a predicate carries them."""
        found: dict[str, Any] = {
            "response": self.response.to_json(),
            "questionnaire": {
                "digest": self.questionnaire_sha256,
                "packs": [pack.to_json() for pack in self.packs],
                "locale": self.locale,
            },
            "audience": self.audience,
            "origin": self.origin,
        }
        if self.source is not None:
            found["sourceDocument"] = {
                "digest": self.source.digest,
                "channel": self.source.channel,
                "receivedAt": times.write(self.source.received_at),
            }
        return found


def ai_governance(
    common: Common,
    answering: Answering,
    *,
    descriptor_sha256: str,
    answers_sha256: str,
    evidence: Collection[str] = (),
) -> bytes:
    """Make the answers for one AI component; `evidence` are digests of commitments."""
    predicate = {
        **common.to_json(),
        **answering.to_json(),
        "answers": {"sha256": answers_sha256},
        "evidence": sorted(evidence),
    }
    return _made(common, "ai-governance", descriptor_sha256, predicate)


def declaration(common: Common, answering: Answering, *, declaration_sha256: str) -> bytes:
    """Make the statement that closes a response; it is signed last."""
    predicate = {**common.to_json(), **answering.to_json()}
    return _made(common, "declaration", declaration_sha256, predicate)


def request(  # noqa: PLR0913 - one signed field each, all by name
    common: Common,
    *,
    questionnaire_sha256: str,
    campaign: str,
    why: str,
    clauses: Sequence[str],
    viewers: Sequence[str],
    purpose: str,
    nda_basis: Literal["basic-contract", "own-nda", "none"],
    due_at: datetime,
    respondents: Block,
    not_used_for: Sequence[str] = NOT_USED_FOR,
) -> bytes:
    """Make the statement that asks; one for a whole campaign (its uuid is `campaign`)."""
    predicate = {
        **common.to_json(),
        "campaign": campaign,
        "why": why,
        "clauses": list(clauses),
        "viewers": list(viewers),
        "purpose": purpose,
        "notUsedFor": list(not_used_for),
        "ndaBasis": nda_basis,
        "dueAt": times.write(due_at),
        "respondents": respondents,
    }
    return _made(common, "request", questionnaire_sha256, predicate)


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What a reviewer decided on one question.

    A waiver has an end; sent back has a reason; `value` is the option the reviewer saw, where the
    answer itself was withheld; `evidence` are digests of the commitments looked at.
    """

    question: str
    outcome: Outcome
    value: str | None = None
    until: datetime | None = None
    reason: str | None = None
    evidence: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Return it as a review carries it."""
        found: dict[str, Any] = {"question": self.question, "outcome": self.outcome}
        if self.until is not None:
            found["until"] = times.write(self.until)
        optional = {"value": self.value, "reason": self.reason}
        found |= {name: value for name, value in optional.items() if value is not None}
        if self.evidence:
            found["evidence"] = sorted(self.evidence)
        return found


def review(common: Common, *, statement_id: str, decisions: Sequence[Decision]) -> bytes:
    """Make a review of the statement `statement_id`."""
    predicate = {
        **common.to_json(),
        "decisions": [decision.to_json() for decision in decisions],
    }
    return _made(common, "review", statement_id, predicate)


def grant(
    common: Common, *, statement_id: str, audience: Block, answers: Collection[str] = ()
) -> bytes:
    """Open the component statement `statement_id` to one further reader.

    `audience` is the block of `blocks.audience` with that reader's one entry; `answers` are the
    digests, out of the target's answers document, of the answers it may see.
    """
    predicate = {**common.to_json(), "audience": audience, "answers": sorted(answers)}
    return _made(common, "grant", statement_id, predicate)


def withdrawal(
    common: Common,
    *,
    statement_id: str,
    effect: Literal["retracted", "superseded"],
    reason: str,
) -> bytes:
    """Take the own statement `statement_id` back."""
    predicate = {**common.to_json(), "effect": effect, "reason": reason}
    return _made(common, "withdrawal", statement_id, predicate)


def status(common: Common, *, status_sha256: str, as_of: Anchor) -> bytes:
    """Publish the status document of this digest, made from the tree `as_of`."""
    predicate = {**common.to_json(), "asOf": _anchor(as_of)}
    return _made(common, "status", status_sha256, predicate)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """The key a key-event is about, whose it is, and how it is kept."""

    org: str
    key: PublicKey
    roles: Sequence[Role]
    custody: Custody


def key_event(
    common: Common,
    *,
    event: Event,
    record: KeyRecord,
    vouched_by: Block,
    prev: str | None,
    proof: Envelope | None = None,
    reason: RevocationReason | None = None,
    invalid_since: datetime | None = None,
) -> bytes:
    """Make the operator's statement on a key.

    `prev` is the id of the organization's key-event before, None for its first; `proof` is the
    challenge signed by the key itself (enrol, rotate). A revocation has a reason, and a compromise
    the time since when. The validity of an enrol event is the key's period.
    """
    predicate: dict[str, Any] = {
        **common.to_json(),
        "event": event,
        "org": record.org,
        "key": {
            "spki": strict_base64.encode(record.key.spki),
            "algorithm": record.key.algorithm,
        },
        "roles": list(record.roles),
        "custody": record.custody,
        "prev": prev,
        "vouchedBy": vouched_by,
    }
    if proof is not None:
        predicate["proof"] = proof.to_json()
    if reason is not None:
        predicate["reason"] = reason
    if invalid_since is not None:
        predicate["invalidSince"] = times.write(invalid_since)
    return _made(common, "key-event", salted.sha256(record.key.spki), predicate)


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotDigests:
    """What a snapshot was computed from and gave: lowercase hex sha256 each."""

    facts: str
    policy: str
    results: str
    packs: Sequence[Pack]


def risk_snapshot(
    common: Common,
    *,
    requester: str,
    as_of: datetime,
    model: str,
    digests: SnapshotDigests,
    log: tuple[str, int],
    totals: Mapping[str, Any],
    tiers: Sequence[Mapping[str, Any]],
) -> bytes:
    """Make the statement that freezes a judgement.

    `log` is (origin, size) up to which statements were counted. `totals` holds `claimed` and
    `evidenced`; each of `tiers` holds `tier` and `index` with the same two, and whatever else the
    model reports. Fractions are decimal strings with nine places.
    """
    predicate = {
        **common.to_json(),
        "requester": requester,
        "asOf": times.write(as_of),
        "model": model,
        "policy": {"sha256": digests.policy},
        "packs": [pack.to_json() for pack in digests.packs],
        "results": {"sha256": digests.results},
        "log": {"origin": log[0], "size": log[1]},
        "totals": dict(totals),
        "tiers": [dict(tier) for tier in tiers],
    }
    return _made(common, "risk-snapshot", digests.facts, predicate)


def _anchor(anchor: Anchor) -> dict[str, Any]:
    return {"origin": anchor.origin, "size": anchor.size, "rootHash": anchor.root_hash.hex()}


def _made(common: Common, name: TypeName, subject: str, predicate: Mapping[str, Any]) -> bytes:
    payload = statement.build(common.base, name, subject, predicate)
    statement.parse(payload, (common.base,))
    return payload
