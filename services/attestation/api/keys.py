"""Signing keys: enrol one by proof of possession, look at them, confirm a supplier's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Literal, Self, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Base64Bytes, Field, model_validator
from rensho import strict_base64
from rensho.sign import ENROL_CHALLENGE

from services.attestation.actions.keys import Evidence, Offered, challenge, confirm, enrol
from services.attestation.api.key_shown import (
    EvidenceModel,
    KeyOut,
    KeysOut,
    PublicKeysOut,
    own_key,
    public_keys,
)
from services.attestation.rules import key_life
from services.attestation.store import keys
from services.kit.auth import Who, needs
from services.kit.problems import Invalid, NotFound
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Tx

router = APIRouter(tags=["keys"])

_T = TypeVar("_T")
_KEY_ID = re.compile(r"[A-Za-z0-9+/]{43}=")
EnrollableRole = Literal[
    "responsible-officer",
    "ai-governance-lead",
    "delegate",
    "transcriber",
    "requester",
    "assessor",
]


class ChallengeIn(Model):
    """A public key (base64 of its DER SubjectPublicKeyInfo) and what it shall sign for.

    To `rotate`, the key of id `replaces` signs too and may object for 24 hours. To `recover` from
    the loss of it, log in with a new one-use code first; the lost key ends at once.
    """

    spki: Base64Bytes
    roles: Annotated[list[EnrollableRole], Field(min_length=1)]
    custody: Literal["hsm", "browser", "file", "operator-held"]
    purpose: Literal["enrol", "rotate", "recover"] = "enrol"
    replaces: str | None = None

    @model_validator(mode="after")
    def _replaces_what_it_should(self) -> Self:
        if (self.replaces is None) != (self.purpose == "enrol"):
            msg = "a key replaces another to rotate or recover, and only then"
            raise ValueError(msg)
        return self


class ChallengeOut(Model):
    """What the key must sign, as a DSSE envelope of `payload_type` over `payload` (base64).

    `handover_payload` is for the key that a rotation replaces, in the same payload type.
    """

    challenge_id: UUID
    payload: str
    payload_type: str
    handover_payload: str | None
    expires_at: datetime


class SignatureIn(Model):
    """One signature of an envelope."""

    sig: str
    keyid: str = ""


class EnvelopeIn(Model):
    """A DSSE envelope."""

    payload: str
    payloadType: str  # noqa: N815 (DSSE's own name)
    signatures: list[SignatureIn]


class KeyIn(Model):
    """The signed challenge; for a rotation also the old key's signature over `handover_payload`."""

    challenge_id: UUID
    envelope: EnvelopeIn
    handover: EnvelopeIn | None = None


class ConfirmationIn(Model):
    """The supply link on which you compared the fingerprint with your supplier, and how."""

    link_id: UUID
    evidence: EvidenceModel | None = None


class ConfirmationOut(Model):
    """A confirmation that the sequencer will log as a key event."""

    id: UUID
    key_id: str
    link_id: UUID


def standard_key_id(key_id: str) -> str:
    """Read a key id in a path: base64 in either alphabet, with or without its padding."""
    standard = key_id.replace("-", "+").replace("_", "/").rstrip("=") + "="
    if not _KEY_ID.fullmatch(standard):
        msg = "no such key"
        raise NotFound(msg)
    return standard


KeyId = Annotated[str, Depends(standard_key_id)]


def _url_safe(key_id: str) -> str:
    return key_id.replace("+", "-").replace("/", "_").rstrip("=")


@router.post("/keys/challenges", status_code=201, dependencies=[needs("keys.write")])
def create_key_challenge(body: ChallengeIn, tx: Tx, who: Who, now: Now) -> ChallengeOut:
    """Ask for the challenge that a key must sign to be enrolled; it lives ten minutes."""
    replaces = None if body.replaces is None else standard_key_id(body.replaces)
    offered = Offered(body.spki, body.roles, body.custody, body.purpose, replaces)
    made = challenge(tx, who, offered, now)
    tx.info["details"]["key_id"] = made.key_id
    return ChallengeOut(
        challenge_id=made.id,
        payload=strict_base64.encode(made.payload),
        payload_type=ENROL_CHALLENGE,
        handover_payload=strict_base64.encode(key_life.handover(made.payload, replaces))
        if body.purpose == "rotate" and replaces is not None
        else None,
        expires_at=made.expires_at,
    )


@router.post("/keys", status_code=202, response_model=KeyOut, dependencies=[needs("keys.write")])
def create_key(body: KeyIn, tx: Tx, who: Who, now: Now, once: OnceOnly) -> Response:
    """Hand in the signed challenge; the key is enrolled once its key event is in the log."""

    def work() -> KeyOut:
        handover = body.handover.model_dump() if body.handover else None
        queued = enrol(tx, who, body.challenge_id, body.envelope.model_dump(), handover, now)
        tx.info["details"]["key_id"] = queued.key_id
        return own_key(tx, who.org, queued, now)

    answer = once(work, status=202)
    key_id = json.loads(bytes(answer.body))["key_id"]
    answer.headers["Location"] = f"/attestation/v1/keys/{_url_safe(key_id)}"
    return answer


@router.get("/keys", dependencies=[needs("keys.read")])
def list_keys(tx: Tx, who: Who, now: Now, cursor: Cursor = None, limit: Limit = 100) -> KeysOut:
    """List your organization's keys, newest first."""
    rows = keys.keys_of(tx, who.org, position(cursor, UUID), limit + 1)
    return KeysOut(
        items=[own_key(tx, who.org, row, now) for row in rows[:limit]],
        next_cursor=str(rows[limit - 1].id) if len(rows) > limit else None,
    )


@router.post(
    "/keys/{key_id:path}/confirmations",
    status_code=202,
    response_model=ConfirmationOut,
    dependencies=[needs("keys.confirm")],
)
def confirm_key(
    key_id: KeyId, body: ConfirmationIn, tx: Tx, who: Who, now: Now, once: OnceOnly
) -> Response:
    """Say that you compared this fingerprint with your supplier, by a call for instance."""

    def work() -> ConfirmationOut:
        seen = body.evidence
        evidence = Evidence(seen.kind, seen.number, seen.seen_on) if seen else None
        given = confirm(tx, who, key_id, body.link_id, evidence, now)
        tx.info["details"]["key_id"] = key_id
        return ConfirmationOut(id=given.id, key_id=key_id, link_id=given.link_id)

    return once(work, status=202)


@router.get("/keys/{key_id:path}", dependencies=[needs("keys.read")])
def get_key(key_id: KeyId, tx: Tx, who: Who, now: Now) -> KeyOut:
    """Look at one of your organization's keys."""
    found = keys.enrolments_of(tx, who.org, key_id)
    if not found:
        msg = "no such key"
        raise NotFound(msg)
    return own_key(tx, who.org, found[0], now)


@router.get("/organizations/{org_id}/keys", dependencies=[needs("keys.read")])
def list_keys_of_organization(
    org_id: UUID, tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100
) -> PublicKeysOut:
    """List the logged keys of an organization, to compare fingerprints."""
    after = position(cursor, int)
    shown, following = public_keys(tx, org_id, who.org, -1 if after is None else after, limit)
    return PublicKeysOut(items=shown, next_cursor=None if following is None else str(following))


def position(cursor: str | None, read: Callable[[str], _T]) -> _T | None:
    """Return where a list goes on. Raises `Invalid` for a cursor that is none of ours."""
    if cursor is None:
        return None
    try:
        return read(cursor)
    except ValueError as why:
        msg = "this cursor is none of ours"
        raise Invalid(msg) from why
