"""DSSE 1.0.2 envelopes with exactly one signature (profile sections 1 and 8, steps 4 to 6)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final, Protocol

from rensho import strict_base64
from rensho.errors import VerificationError
from rensho.keys import PublicKey

INTOTO: Final = "application/vnd.in-toto+json"


class Signer(Protocol):
    """Whatever holds a private key: a `PrivateKey`, an HSM, a key service."""

    @property
    def public(self) -> PublicKey:
        """The key that verifies what this signer signs."""

    def sign(self, message: bytes) -> bytes:
        """Return the signature over `message`."""


def pae(payload_type: str, payload: bytes) -> bytes:
    """Pre-authentication encoding: the bytes that are really signed (DSSE protocol.md)."""
    kind = payload_type.encode("utf-8")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def statement_id(payload: bytes, payload_type: str = INTOTO) -> str:
    """Lowercase hex sha256 of the PAE: what a statement is called everywhere.

    Never a hash of an envelope or signature: ECDSA signatures can be altered and stay valid.
    """
    return hashlib.sha256(pae(payload_type, payload)).hexdigest()


@dataclass(frozen=True, slots=True)
class Envelope:
    """One payload and one signature; `keyid` is an unauthenticated hint and may be empty."""

    payload_type: str
    payload: bytes
    signature: bytes
    keyid: str = ""

    @property
    def pae(self) -> bytes:
        """The signed bytes."""
        return pae(self.payload_type, self.payload)

    def open(self, key: PublicKey) -> bytes:
        """Return the payload, now known to come from the holder of `key`.

        Raises `key.hint_mismatch` where `keyid` names another key, `sig.*` from the key.
        """
        if self.keyid not in ("", key.key_id):
            raise VerificationError("key.hint_mismatch", "keyid names another key")
        key.verify(self.signature, self.pae)
        return self.payload

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object of the envelope, as a Sigstore bundle embeds it."""
        entry = {"sig": strict_base64.encode(self.signature)}
        if self.keyid:
            entry["keyid"] = self.keyid
        return {
            "payload": strict_base64.encode(self.payload),
            "payloadType": self.payload_type,
            "signatures": [entry],
        }

    @classmethod
    def from_json(cls, value: object, payload_type: str = INTOTO) -> Envelope:
        """Read a JSON object that `strict_json.loads` returned; nothing is verified yet.

        Raises `json.malformed`, `base64.not_canonical`, `dsse.signature_count` or, where the
        envelope is not of `payload_type`, `dsse.payload_type`.
        """
        if not isinstance(value, dict):
            raise VerificationError("json.malformed", "envelope is not an object")
        payload = strict_base64.decode_either(value.get("payload"))
        signatures = value.get("signatures")
        if not isinstance(signatures, list) or len(signatures) != 1:
            raise VerificationError("dsse.signature_count")
        entry = signatures[0]
        if not isinstance(entry, dict):
            raise VerificationError("json.malformed", "signature is not an object")
        signature = strict_base64.decode_either(entry.get("sig"))
        keyid = entry.get("keyid", "")
        if not isinstance(keyid, str):
            raise VerificationError("json.malformed", "keyid is not a string")
        if value.get("payloadType") != payload_type:
            raise VerificationError("dsse.payload_type")
        return cls(payload_type, payload, signature, keyid)


def sign(key: Signer, payload: bytes, payload_type: str = INTOTO) -> Envelope:
    """Sign `payload` and name the key as hint."""
    return Envelope(payload_type, payload, key.sign(pae(payload_type, payload)), key.public.key_id)
