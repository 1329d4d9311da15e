"""What every statement needs that somebody is about to sign."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Final, cast
from uuid import UUID

from rensho.dsse import statement_id
from rensho.errors import VerificationError
from rensho.predicates import Role
from rensho.salted import sha256
from rensho.sign import Common
from rensho.statement import Anchor
from sqlalchemy.orm import Session

from services.kit.problems import Invalid, Refused
from services.questionnaire.store import organizations

LATEST: Final = timedelta(minutes=5)
OLDEST: Final = timedelta(hours=24)
VALID_FOR: Final = timedelta(days=400)
_DEAD: Final = ("revoke", "suspend")


class WrongSigningTime(Invalid):
    """The claimed signing time would make the statement invalid (profile section 5)."""

    urn = "statements/attested-at"


class DeadKey(Refused):
    """The key was revoked or suspended."""

    urn = "keys/not-usable"


class Unsignable(Invalid):
    """A statement or document cannot hold this; `code` is that of the attestation profile."""

    urn = "statements/unsignable"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


@dataclass(frozen=True)
class Deployment:
    """What names this deployment in statements: predicate base and permanent host name."""

    predicate_base: str
    origin: str


@dataclass(frozen=True)
class Hand:
    """Who is about to sign: key, role, when, and the checkpoint they had seen."""

    key_id: str
    role: str
    attested_at: datetime
    anchor: Anchor


@dataclass(frozen=True)
class ToSign:
    """One statement, ready: sign `payload` as it is."""

    statement_id: str
    type: str
    payload: bytes


def to_sign(kind: str, payload: bytes) -> ToSign:
    """Name a payload by its statement id."""
    return ToSign(statement_id(payload), kind, payload)


def refuse_hand(tx: Session, hand: Hand, now: datetime) -> None:
    """Refuse a time or key that no verifier would accept, before anybody signs in vain.

    Raises:
        WrongSigningTime: not within the last 24 hours, or more than five minutes ahead.
        DeadKey: the key is known to be revoked or suspended.
    """
    if not now - OLDEST <= hand.attested_at <= now + LATEST:
        raise WrongSigningTime("attested_at must lie within the last 24 hours")
    if organizations.key_event(tx, hand.key_id) in _DEAD:
        raise DeadKey("this key was revoked or suspended; enrol another")


def common(deployment: Deployment, org: UUID, hand: Hand, supersedes: str | None = None) -> Common:
    """Return the fields every predicate has; valid from the signing for 400 days."""
    return Common(
        base=deployment.predicate_base,
        deployment=deployment.origin,
        org=f"urn:rensho:org:{org}",
        role=cast("Role", hand.role),
        key_id=hand.key_id,
        attested_at=hand.attested_at,
        anchor=hand.anchor,
        not_before=hand.attested_at,
        not_after=hand.attested_at + VALID_FOR,
        supersedes=supersedes,
    )


@contextmanager
def making() -> Iterator[None]:
    """Turn what the makers refuse into a problem.

    Raises:
        Unsignable: a value does not fit what can be signed.
    """
    try:
        yield
    except VerificationError as why:
        raise Unsignable(why.detail or why.code, code=why.code) from why


def named(kind: str, document: bytes) -> dict[str, str]:
    """Return a document under its file name (profile section 7), base64."""
    return {f"{sha256(document)}.{kind}.json": base64.b64encode(document).decode("ascii")}
