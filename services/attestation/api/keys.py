"""Signing keys: enrol one by proof of possession, look at them, confirm a supplier's."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar
from uuid import UUID

from fastapi import APIRouter, Depends, Response
from pydantic import Base64Bytes, Field
from rensho import strict_base64
from rensho.sign import ENROL_CHALLENGE
from sqlalchemy.orm import Session

from services.attestation.actions.keys import Offered, challenge, confirm, enrol
from services.attestation.store import keys, log
from services.kit.auth import Who, needs
from services.kit.problems import Invalid, NotFound
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx

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
    """A public key (base64 of its DER SubjectPublicKeyInfo) and what it shall sign for."""

    spki: Base64Bytes
    roles: Annotated[list[EnrollableRole], Field(min_length=1)]
    custody: Literal["hsm", "browser", "file", "operator-held"]


class ChallengeOut(Model):
    """What the key must sign, as a DSSE envelope of `payload_type` over `payload` (base64)."""

    challenge_id: UUID
    payload: str
    payload_type: str
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
    """The signed challenge."""

    challenge_id: UUID
    envelope: EnvelopeIn


class KeyOut(Model):
    """A key of your organization: its id is its fingerprint, to be compared by telephone.

    `event` is the newest logged key event; `statement_id` and `valid_until` are its enrolment's.
    """

    key_id: str
    state: Literal["queued", "enrolled"]
    roles: list[str]
    custody: str
    statement_id: str | None
    event: str | None
    valid_until: datetime | None


class KeysOut(Page):
    """A page of keys, newest first."""

    items: list[KeyOut]


class PublicKeyOut(Model):
    """A logged key of an organization (key events are public)."""

    key_id: str
    spki: str
    roles: list[str]
    event: str
    statement_id: str


class PublicKeysOut(Page):
    """A page of the logged keys of an organization, in the order of the log."""

    items: list[PublicKeyOut]


class ConfirmationIn(Model):
    """The supply link on which you compared the fingerprint with your supplier."""

    link_id: UUID


class ConfirmationOut(Model):
    """A confirmation that the sequencer will log as a key event."""

    id: UUID
    key_id: str
    link_id: UUID


def _key_id(key_id: str) -> str:
    """Read a key id in a path: base64 in either alphabet, with or without its padding."""
    standard = key_id.replace("-", "+").replace("_", "/").rstrip("=") + "="
    if not _KEY_ID.fullmatch(standard):
        msg = "no such key"
        raise NotFound(msg)
    return standard


KeyId = Annotated[str, Depends(_key_id)]


def _url_safe(key_id: str) -> str:
    return key_id.replace("+", "-").replace("/", "_").rstrip("=")


@router.post("/keys/challenges", status_code=201, dependencies=[needs("keys.write")])
def create_key_challenge(body: ChallengeIn, tx: Tx, who: Who, now: Now) -> ChallengeOut:
    """Ask for the challenge that a key must sign to be enrolled; it lives ten minutes."""
    made = challenge(tx, who, Offered(body.spki, body.roles, body.custody), now)
    tx.info["details"]["key_id"] = made.key_id
    return ChallengeOut(
        challenge_id=made.id,
        payload=strict_base64.encode(made.payload),
        payload_type=ENROL_CHALLENGE,
        expires_at=made.expires_at,
    )


@router.post("/keys", status_code=202, response_model=KeyOut, dependencies=[needs("keys.write")])
def create_key(body: KeyIn, tx: Tx, who: Who, now: Now, once: OnceOnly) -> Response:
    """Hand in the signed challenge; the key is enrolled once its key event is in the log."""

    def work() -> KeyOut:
        queued = enrol(tx, who, body.challenge_id, body.envelope.model_dump(), now)
        tx.info["details"]["key_id"] = queued.key_id
        return _key(tx, who.org, queued)

    answer = once(work, status=202)
    key_id = json.loads(bytes(answer.body))["key_id"]
    answer.headers["Location"] = f"/attestation/v1/keys/{_url_safe(key_id)}"
    return answer


@router.get("/keys", dependencies=[needs("keys.read")])
def list_keys(tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100) -> KeysOut:
    """List your organization's keys, newest first."""
    rows = keys.keys_of(tx, who.org, _position(cursor, UUID), limit + 1)
    return KeysOut(
        items=[_key(tx, who.org, row) for row in rows[:limit]],
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
        given = confirm(tx, who, key_id, body.link_id, now)
        tx.info["details"]["key_id"] = key_id
        return ConfirmationOut(id=given.id, key_id=key_id, link_id=given.link_id)

    return once(work, status=202)


@router.get("/keys/{key_id:path}", dependencies=[needs("keys.read")])
def get_key(key_id: KeyId, tx: Tx, who: Who) -> KeyOut:
    """Look at one of your organization's keys."""
    found = keys.enrolments_of(tx, who.org, key_id)
    if not found:
        msg = "no such key"
        raise NotFound(msg)
    return _key(tx, who.org, found[0])


@router.get("/organizations/{org_id}/keys", dependencies=[needs("keys.read")])
def list_keys_of_organization(
    org_id: UUID, tx: Tx, cursor: Cursor = None, limit: Limit = 100
) -> PublicKeysOut:
    """List the logged keys of an organization, to compare fingerprints."""
    after = _position(cursor, int)
    rows = keys.public_keys(tx, org_id, -1 if after is None else after, limit + 1)
    return PublicKeysOut(
        items=[
            PublicKeyOut(
                key_id=event.key_id,
                spki=strict_base64.encode(spki),
                roles=event.roles,
                event=event.event,
                statement_id=event.statement_id,
            )
            for event, spki, _ in rows[:limit]
        ],
        next_cursor=str(rows[limit - 1][2]) if len(rows) > limit else None,
    )


def _position(cursor: str | None, read: Callable[[str], _T]) -> _T | None:
    """Return where a list goes on. Raises `Invalid` for a cursor that is none of ours."""
    if cursor is None:
        return None
    try:
        return read(cursor)
    except ValueError as why:
        msg = "this cursor is none of ours"
        raise Invalid(msg) from why


def _key(tx: Session, org_id: UUID, row: keys.Enrolment) -> KeyOut:
    events = [found for found in keys.logged_events(tx, org_id) if found[0].key_id == row.key_id]
    enrolments = [found for found in events if found[0].event == "enrol"]
    published = log.newest_checkpoint(tx)
    covered = [f for f in enrolments if published is not None and f[2] < published.size]
    signed = covered[-1][1] if covered else None
    details: dict[str, Any] = {"key_id": row.key_id, "roles": row.roles, "custody": row.custody}
    return KeyOut(
        **details,
        state="enrolled" if signed else "queued",
        statement_id=signed.statement_id if signed else None,
        event=events[-1][0].event if events else None,
        valid_until=signed.not_after if signed else None,
    )
