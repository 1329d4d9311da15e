"""What is signed besides statements: the challenge of a key, the operator's promise."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Self

from rensho import salted, times
from rensho.disclosure import fresh_salt
from rensho.shapes import HOST, KEY_ID, NONCE, ORG, SHA256, record, text, time

ENROL_CHALLENGE: Final = "application/vnd.rensho.enrol-challenge.v1+json"
KEY_VETO: Final = "application/vnd.rensho.key-veto.v1+json"
"""What the old key signs against its replacement (section 3): a challenge under another type."""
PROMISE: Final = "application/vnd.rensho.promise.v1+json"

_CHALLENGE: Final = record(
    {"origin": HOST, "org": ORG, "keyId": KEY_ID, "purpose": text, "nonce": NONCE, "expiry": time}
)
_PROMISE: Final = record(
    {"origin": HOST, "statementId": SHA256, "receivedAt": time, "includeBy": time}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class EnrolChallenge:
    """What a key signs to prove that its holder is there and meant this (profile section 3)."""

    origin: str
    org: str
    key_id: str
    purpose: str
    expiry: datetime
    nonce: str = field(default_factory=fresh_salt)

    def to_bytes(self) -> bytes:
        """Return the payload of an `ENROL_CHALLENGE` envelope. Raises `statement.schema`."""
        found = {
            "origin": self.origin,
            "org": self.org,
            "keyId": self.key_id,
            "purpose": self.purpose,
            "nonce": self.nonce,
            "expiry": times.write(self.expiry),
        }
        return salted.write(_CHALLENGE, found, "challenge")

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Read the payload of an opened envelope."""
        found = salted.read(_CHALLENGE, payload, "challenge")
        return cls(
            origin=found["origin"],
            org=found["org"],
            key_id=found["keyId"],
            purpose=found["purpose"],
            expiry=times.read(found["expiry"]),
            nonce=found["nonce"],
        )


@dataclass(frozen=True, slots=True)
class Promise:
    """The operator's word that a statement will be in the log by then (profile section 4)."""

    origin: str
    statement_id: str
    received_at: datetime
    include_by: datetime

    def to_bytes(self) -> bytes:
        """Return the payload of a `PROMISE` envelope. Raises `statement.schema`."""
        found = {
            "origin": self.origin,
            "statementId": self.statement_id,
            "receivedAt": times.write(self.received_at),
            "includeBy": times.write(self.include_by),
        }
        return salted.write(_PROMISE, found, "promise")

    @classmethod
    def parse(cls, payload: bytes) -> Self:
        """Read the payload of an opened envelope."""
        found = salted.read(_PROMISE, payload, "promise")
        return cls(
            found["origin"],
            found["statementId"],
            times.read(found["receivedAt"]),
            times.read(found["includeBy"]),
        )
