"""What the predicate of each statement type must hold (profile section 2).

`contracts/predicates/<type>/v1.md` says what the fields mean; its JSON Schema says the same shapes
again, and a test keeps the two equal. The rules below the shapes tie fields to each other, which a
schema cannot say.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final, Literal, get_args

from rensho import strict_base64, times
from rensho.errors import VerificationError
from rensho.shapes import (
    BASE64,
    DECIMAL,
    DIGEST,
    HOST,
    KEY_ID,
    LOCALE,
    NONCE,
    ORG,
    PACKS,
    RESPONSE,
    SD,
    SHA256,
    SHA256_URL,
    UUID,
    Check,
    array,
    either,
    exactly,
    integer,
    null,
    one_of,
    padded_digests,
    record,
    refuse,
    sorted_digests,
    text,
    time,
)

TypeName = Literal[
    "ai-governance",
    "declaration",
    "request",
    "grant",
    "withdrawal",
    "review",
    "key-event",
    "status",
    "risk-snapshot",
]
TYPES: Final[tuple[TypeName, ...]] = get_args(TypeName)

SUBJECT_NAMES: Final[Mapping[TypeName, str]] = {
    "ai-governance": "component",
    "declaration": "declaration",
    "request": "questionnaire",
    "grant": "statement",
    "withdrawal": "statement",
    "review": "statement",
    "key-event": "key",
    "status": "status",
    "risk-snapshot": "facts",
}

Role = Literal[
    "responsible-officer",
    "ai-governance-lead",
    "delegate",
    "transcriber",
    "requester",
    "assessor",
    "operator",
    "service",
]
ROLES: Final[tuple[Role, ...]] = get_args(Role)

LATEST_START: Final = timedelta(days=30)
LONGEST_SPAN: Final = timedelta(days=400)

_AUDIENCE: Final = either(exactly("public"), SD)
_ANCHOR: Final = record({"origin": HOST, "size": integer(0), "rootHash": SHA256})

_COMMON: Final[Mapping[str, Check]] = {
    "deployment": record({"origin": HOST}),
    "signer": record({"org": ORG, "role": one_of(*ROLES), "keyId": KEY_ID}),
    "salt": NONCE,
    "at": record({"attestedAt": time}, {"anchor": _ANCHOR}),
    "validity": record({"notBefore": time, "notAfter": time}),
}
_ANSWERING: Final[Mapping[str, Check]] = {
    **_COMMON,
    "response": RESPONSE,
    "questionnaire": record({"digest": SHA256, "packs": PACKS, "locale": LOCALE}),
    "origin": one_of("self", "excel", "relayed", "transcribed"),
    "audience": _AUDIENCE,
}
_ANSWERING_OPTIONAL: Final[Mapping[str, Check]] = {
    "supersedes": SHA256,
    "sourceDocument": record({"digest": SHA256, "channel": text, "receivedAt": time}),
}
_OPTIONAL: Final[Mapping[str, Check]] = {"supersedes": SHA256}

_DECISION: Final = record(
    {
        "question": text,
        "outcome": one_of(
            "accepted", "sent_back", "evidence_checked", "independent", "na_accepted", "waived"
        ),
    },
    {
        "value": text,
        "until": time,
        "reason": text,
        "evidence": array(SHA256_URL, unique=True),
    },
)
_PROOF: Final = record(
    {
        "payload": BASE64,
        "payloadType": exactly("application/vnd.rensho.enrol-challenge.v1+json"),
        "signatures": array(record({"sig": BASE64}, {"keyid": either(KEY_ID, exactly(""))})),
    }
)
_BOUNDS: Final = record({"claimed": DECIMAL, "evidenced": DECIMAL})

SHAPES: Final[Mapping[TypeName, Check]] = {
    "ai-governance": record(
        {**_ANSWERING, "answers": DIGEST, "evidence": array(SHA256_URL, unique=True)},
        _ANSWERING_OPTIONAL,
    ),
    "declaration": record(_ANSWERING, _ANSWERING_OPTIONAL),
    "request": record(
        {
            **_COMMON,
            "campaign": UUID,
            "why": text,
            "clauses": array(text, unique=True),
            "viewers": array(text, least=1, unique=True),
            "purpose": text,
            "notUsedFor": array(text, unique=True),
            "ndaBasis": one_of("basic-contract", "own-nda", "none"),
            "dueAt": time,
            "respondents": SD,
        },
        _OPTIONAL,
    ),
    "grant": record(
        {**_COMMON, "audience": SD, "answers": array(SHA256_URL, unique=True)}, _OPTIONAL
    ),
    "withdrawal": record(
        {**_COMMON, "effect": one_of("retracted", "superseded"), "reason": text}, _OPTIONAL
    ),
    "review": record({**_COMMON, "decisions": array(_DECISION, least=1)}, _OPTIONAL),
    "key-event": record(
        {
            **_COMMON,
            "event": one_of("enrol", "rotate", "suspend", "revoke", "confirm"),
            "org": ORG,
            "key": record({"spki": BASE64, "algorithm": one_of("ecdsa-p256", "ed25519", "rsa")}),
            "roles": array(one_of(*ROLES), least=1, unique=True),
            "prev": either(null, SHA256),
            "custody": one_of("hsm", "browser", "file", "operator-held"),
            "vouchedBy": SD,
        },
        {
            **_OPTIONAL,
            "proof": _PROOF,
            "reason": one_of("superseded", "ceased", "key-compromise", "identity-false"),
            "invalidSince": time,
        },
    ),
    "status": record({**_COMMON, "asOf": _ANCHOR}, _OPTIONAL),
    "risk-snapshot": record(
        {
            **_COMMON,
            "requester": ORG,
            "asOf": time,
            "model": text,
            "policy": DIGEST,
            "packs": array(record({"id": text, "version": text, "sha256": SHA256})),
            "results": DIGEST,
            "log": record({"origin": HOST, "size": integer(0)}),
            "totals": _BOUNDS,
            "tiers": array(record({"tier": integer(1), "index": _BOUNDS})),
        },
        _OPTIONAL,
    ),
}
"""The shape of each predicate, as its JSON Schema says it too."""


def check(name: TypeName, subject_sha256: str, predicate: Any) -> None:
    """Refuse a predicate that is not as its type wants it.

    Raises `statement.schema`, or `statement.subject` where a key-event's subject is not the digest
    of the key it carries.
    """
    SHAPES[name](predicate, "predicate")
    _check_validity(predicate)
    rule = _RULES.get(name)
    if rule is not None:
        rule(predicate, subject_sha256)


def _check_validity(predicate: Mapping[str, Any]) -> None:
    attested = times.read(predicate["at"]["attestedAt"])
    start = times.read(predicate["validity"]["notBefore"])
    end = times.read(predicate["validity"]["notAfter"])
    if not timedelta() <= start - attested <= LATEST_START:
        raise refuse("predicate.validity.notBefore", "not within 30 days after attestedAt")
    if not timedelta() <= end - start <= LONGEST_SPAN:
        raise refuse("predicate.validity", "not a span of up to 400 days")


def _check_audience(predicate: Mapping[str, Any], _subject: str) -> None:
    if predicate["audience"] != "public":
        padded_digests(predicate["audience"]["_sd"], "predicate.audience")


def _check_respondents(predicate: Mapping[str, Any], _subject: str) -> None:
    sorted_digests(predicate["respondents"]["_sd"], "predicate.respondents")


def _check_decisions(predicate: Mapping[str, Any], _subject: str) -> None:
    decisions = predicate["decisions"]
    if len({decision["question"] for decision in decisions}) != len(decisions):
        raise refuse("predicate.decisions", "a question is decided twice")
    for decision in decisions:
        if (decision["outcome"] == "waived") != ("until" in decision):
            raise refuse("predicate.decisions", "a waiver, and only a waiver, has an end")
        if decision["outcome"] == "sent_back" and "reason" not in decision:
            raise refuse("predicate.decisions", "sent back without a reason")


def _check_key_event(predicate: Mapping[str, Any], subject_sha256: str) -> None:
    padded_digests(predicate["vouchedBy"]["_sd"], "predicate.vouchedBy")
    event = predicate["event"]
    if event in ("enrol", "rotate") and "proof" not in predicate:
        raise refuse("predicate.proof", "missing")
    if event == "revoke" and "reason" not in predicate:
        raise refuse("predicate.reason", "missing")
    if (predicate.get("reason") == "key-compromise") != ("invalidSince" in predicate):
        raise refuse("predicate.invalidSince", "belongs to key-compromise and to nothing else")
    spki = strict_base64.decode(predicate["key"]["spki"])
    if hashlib.sha256(spki).hexdigest() != subject_sha256:
        raise VerificationError("statement.subject", "not the digest of the key")


_RULES: Final[Mapping[TypeName, Callable[[Mapping[str, Any], str], None]]] = {
    "ai-governance": _check_audience,
    "declaration": _check_audience,
    "grant": _check_audience,
    "request": _check_respondents,
    "review": _check_decisions,
    "key-event": _check_key_event,
}
