"""The life of a key as its events tell it: what state it is in, and what may come next.

A key is introduced by `enrol` or `rotate`. A suspension ends when its holder proves the key anew;
a revocation is final and its reason can only become graver (profile section 3).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

from rensho.promises import EnrolChallenge
from rensho.sign import Event, RevocationReason

Purpose = Literal["enrol", "rotate", "recover"]
State = Literal["unknown", "enrolled", "suspended", "revoked"]

KEY_VETO: Final = "application/vnd.rensho.key-veto.v1+json"
"""Payload type of the old key's objection to its rotation; the payload has a challenge's form."""

CHALLENGE_LIFETIME: Final = timedelta(minutes=10)
VETO_TIME: Final = timedelta(hours=24)
PROOF_HOLDS: Final = 2 * VETO_TIME
"""How long the proof of a rotation holds: T of its event must lie before the challenge's end."""

FRESH_LOG_IN: Final = timedelta(minutes=10)
"""How new the one-use code behind a session must be to take the place of a lost key."""

_GRAVITY: Final = {"superseded": 1, "ceased": 1, "key-compromise": 2, "identity-false": 3}


class Happened(Protocol):
    """One key event, stated or about to be."""

    @property
    def event(self) -> str:
        """Which of the five."""

    @property
    def reason(self) -> str | None:
        """Of a revocation."""


@dataclass(frozen=True)
class Standing:
    """Where a key stands; `reason` is that of its gravest revocation."""

    state: State = "unknown"
    reason: str | None = None


@dataclass(frozen=True)
class Next:
    """An event that somebody would like to happen."""

    event: Event
    reason: RevocationReason | None = None


def standing(happened: Iterable[Happened]) -> Standing:
    """Return where a key stands after its events, in log order."""
    now = Standing()
    for one in happened:
        match one.event:
            case "enrol" | "rotate":
                now = Standing("enrolled")
            case "suspend":
                now = Standing("suspended")
            case "revoke":
                now = Standing("revoked", one.reason)
    return now


def may(now: Standing, wish: Next) -> bool:
    """Whether an event may follow."""
    match wish.event:
        case "enrol":
            return now.state != "revoked"
        case "rotate":
            return now.state == "unknown"
        case "confirm":
            return now.state in ("enrolled", "suspended")
        case "suspend":
            return now.state == "enrolled"
        case "revoke":
            graver = _GRAVITY[str(wish.reason)] > _GRAVITY.get(str(now.reason), 0)
            return now.state != "unknown" and graver


def may_hand_over(now: Standing, purpose: Purpose) -> bool:
    """Whether another key may take this one's place: what is suspended can only be lost."""
    return now.state == "enrolled" or (now.state == "suspended" and purpose == "recover")


def purpose_text(purpose: Purpose, replaces: str | None) -> str:
    """Say what a new key is for, in the words its holder signs."""
    match purpose:
        case "rotate":
            return f"rotate: take the place of key {replaces}"
        case "recover":
            return f"recover: take the place of the lost key {replaces}"
        case _:
            return "enrol a signing key"


def handover(challenge: bytes, old_key_id: str) -> bytes:
    """Return what the old key signs to hand over to the key of a rotation's challenge."""
    asked = EnrolChallenge.parse(challenge)
    return _to_old(asked, old_key_id, f"hand over to key {asked.key_id}", asked.expiry)


def veto(challenge: bytes, old_key_id: str, due_at: datetime) -> bytes:
    """Return what the old key signs to stop the rotation that was proved over `challenge`."""
    asked = EnrolChallenge.parse(challenge)
    return _to_old(asked, old_key_id, f"veto the rotation to key {asked.key_id}", due_at)


def _to_old(asked: EnrolChallenge, old_key_id: str, purpose: str, expiry: datetime) -> bytes:
    # The nonce of the challenge binds this to one rotation and no other between the two keys.
    return EnrolChallenge(
        origin=asked.origin,
        org=asked.org,
        key_id=old_key_id,
        purpose=purpose,
        expiry=expiry,
        nonce=asked.nonce,
    ).to_bytes()
