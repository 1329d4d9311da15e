"""Sigstore bundle v0.3: the portable form of one signed statement (profile sections 4, 7 and 8).

Field layout: sigstore/protobuf-specs `sigstore_bundle.proto`, `sigstore_rekor.proto` and
`rekor/v2/hashedrekord.proto`, in proto3 JSON (64-bit integers are strings).
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from cryptography import x509

from rensho import _fast, jcs, strict_base64, strict_json
from rensho.dsse import INTOTO, Envelope
from rensho.errors import VerificationError
from rensho.keys import PublicKey

MEDIA_TYPE: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
MAX_BUNDLE: Final = 1024 * 1024
MAX_PAYLOAD: Final = 512 * 1024
MAX_TOKENS: Final = 8
MAX_PROOF_HASHES: Final = 63
MAX_NOTE_LINES: Final = 32
_KIND: Final = {"kind": "hashedrekord", "version": "0.0.2"}
_NUMBER: Final = re.compile(r"0|[1-9][0-9]{0,15}")


@dataclass(frozen=True, slots=True)
class LogEntry:
    """Where a statement stands in the log: the proof, and the checkpoint it leads to.

    `index` and `tree_size` count leaves, `hashes` is the RFC 6962 inclusion proof, `checkpoint`
    the signed note, `log_id` the 32 bytes of `checkpoint.NoteKey.full_hash`, `body` the leaf data.
    """

    index: int
    log_id: bytes
    body: bytes
    tree_size: int
    root_hash: bytes
    hashes: tuple[bytes, ...]
    checkpoint: bytes


@dataclass(frozen=True, slots=True)
class Bundle:
    """A parsed bundle; nothing in it is verified yet.

    Exactly one of `hint` (key id of a bare key) and `certificate` (DER) is set. `entry` is None
    for a statement that is signed and not yet logged.
    """

    envelope: Envelope
    hint: str | None
    certificate: bytes | None
    entry: LogEntry | None
    tokens: tuple[bytes, ...] = ()

    @property
    def statement_id(self) -> str:
        """Lowercase hex sha256 of the PAE of the received bytes."""
        return hashlib.sha256(self.envelope.pae).hexdigest()


def leaf(envelope: Envelope, public_key: PublicKey) -> bytes:
    """Return the leaf data of a statement: canonical hashedrekord 0.0.2 over its PAE.

    Always the bare key, never a certificate, so that no name gets into the log (section 4).
    """
    return jcs.dumps(
        {
            "apiVersion": _KIND["version"],
            "kind": _KIND["kind"],
            "spec": {
                "hashedRekordV002": {
                    "data": {
                        "algorithm": "SHA2_256",
                        "digest": strict_base64.encode(hashlib.sha256(envelope.pae).digest()),
                    },
                    "signature": {
                        "content": strict_base64.encode(envelope.signature),
                        "verifier": {
                            "keyDetails": public_key.key_details,
                            "publicKey": {"rawBytes": strict_base64.encode(public_key.spki)},
                        },
                    },
                }
            },
        }
    )


def make(envelope: Envelope, public_key: PublicKey, log_entry: LogEntry | None = None) -> bytes:
    """Return the bundle file; without `log_entry` the one that is submitted for logging."""
    material: dict[str, Any] = {"publicKey": {"hint": public_key.key_id}}
    if log_entry is not None:
        material["tlogEntries"] = [_entry_json(log_entry)]
    return jcs.dumps(
        {
            "mediaType": MEDIA_TYPE,
            "verificationMaterial": material,
            "dsseEnvelope": envelope.to_json(),
        }
    )


def with_tokens(data: bytes, tokens: Iterable[bytes]) -> bytes:
    """Return a bundle file with these time-stamps (`timestamps.token_of`) beside its own.

    Sorted, each once; without any, `data` itself. Nothing else changes, so a file `make` wrote
    stays the one way to write it. Raises `input.too_many_items` for more than 8, and `json.*`.
    """
    value = _object(strict_json.loads(data), "bundle")
    material = dict(_object(value.get("verificationMaterial"), "verificationMaterial"))
    held = sorted({*_tokens(material), *tokens})
    if not held:
        return data
    material["timestampVerificationData"] = {
        "rfc3161Timestamps": [{"signedTimestamp": strict_base64.encode(one)} for one in held]
    }
    _tokens(material)
    return jcs.dumps({**value, "verificationMaterial": material})


def _entry_json(entry: LogEntry) -> dict[str, Any]:
    return {
        "logIndex": str(entry.index),
        "logId": {"keyId": strict_base64.encode(entry.log_id)},
        "kindVersion": _KIND,
        "inclusionProof": {
            "logIndex": str(entry.index),
            "rootHash": strict_base64.encode(entry.root_hash),
            "treeSize": str(entry.tree_size),
            "hashes": [strict_base64.encode(one) for one in entry.hashes],
            "checkpoint": {"envelope": entry.checkpoint.decode()},
        },
        "canonicalizedBody": strict_base64.encode(entry.body),
    }


def parse(data: bytes, payload_type: str = INTOTO) -> Bundle:
    """Read a bundle, logged or not. Steps 1 to 4 of section 8; nothing is verified.

    Raises `VerificationError`: `input.too_large`, `input.too_many_items`, `json.*`,
    `base64.not_canonical`, `bundle.media_type`, `bundle.key_material`, `dsse.signature_count`,
    `dsse.payload_type`.
    """
    if len(data) > MAX_BUNDLE:
        raise VerificationError("input.too_large", "a bundle is at most 1 MiB")
    quick = _fast.read_bundle(data)
    if quick is not _fast.NOTHING and quick.dsse_envelope.payload_type == payload_type:
        return _of_canonical(quick)
    value = _object(strict_json.loads(data), "bundle")
    if value.get("mediaType") != MEDIA_TYPE:
        raise VerificationError("bundle.media_type", f"expected {MEDIA_TYPE}")
    material = _object(value.get("verificationMaterial"), "verificationMaterial")
    hint, certificate = _key_material(material)
    envelope = Envelope.from_json(value.get("dsseEnvelope"), payload_type)
    if len(envelope.payload) > MAX_PAYLOAD:
        raise VerificationError("input.too_large", "a payload is at most 512 KiB")
    return Bundle(envelope, hint, certificate, _entry(material), _tokens(material))


def _of_canonical(file: Any) -> Bundle:
    """Take over a `_fast_msgspec.File`: form, base64, lengths and counts were checked by type."""
    said, material = file.dsse_envelope, file.verification_material
    signature, tokens = said.signatures[0], material.timestamp_verification_data
    return Bundle(
        Envelope(said.payload_type, said.payload, signature.sig, signature.keyid or ""),
        strict_base64.encode(material.public_key.hint),
        None,
        _entry_of_canonical(material.tlog_entries[0]) if material.tlog_entries else None,
        tuple(one.signed_timestamp for one in tokens.rfc3161_timestamps) if tokens else (),
    )


def _entry_of_canonical(entry: Any) -> LogEntry:
    proof = entry.inclusion_proof
    return LogEntry(
        index=_index(entry.log_index, proof.log_index),
        log_id=entry.log_id.key_id,
        body=entry.canonicalized_body,
        tree_size=_number(proof.tree_size),
        root_hash=proof.root_hash,
        hashes=tuple(proof.hashes),
        checkpoint=_note(proof.checkpoint.envelope),
    )


def _key_material(material: Mapping[str, Any]) -> tuple[str | None, bytes | None]:
    """Return (hint, None) or (None, certificate).

    A raw key in the certificate field once outranked the key a user had asked for
    (GHSA-fx35-mq7g-6g98), so each form is checked to be what its field says.
    """
    named = {"publicKey", "certificate", "x509CertificateChain"} & material.keys()
    if named == {"publicKey"}:
        public = _object(material["publicKey"], "publicKey")
        hint = public.get("hint")
        if public.keys() != {"hint"} or not isinstance(hint, str):
            raise VerificationError("bundle.key_material", "a public key is given by hint alone")
        strict_base64.decode(hint, 32)
        return hint, None
    if named == {"certificate"}:
        der = strict_base64.decode(_object(material["certificate"], "certificate").get("rawBytes"))
        try:
            x509.load_der_x509_certificate(der)
        except (ValueError, x509.InvalidVersion) as why:
            raise VerificationError("bundle.key_material", "not an X.509 certificate") from why
        return None, der
    raise VerificationError("bundle.key_material", "exactly one of publicKey and certificate")


def _entry(material: Mapping[str, Any]) -> LogEntry | None:
    entries = material.get("tlogEntries", [])
    if not isinstance(entries, list):
        raise VerificationError("json.malformed", "tlogEntries is not a list")
    if not entries:
        return None
    if len(entries) > 1:
        raise VerificationError("input.too_many_items", "a bundle has exactly one tlogEntry")
    entry = _object(entries[0], "tlogEntry")
    if entry.get("kindVersion") != _KIND:
        raise VerificationError("bundle.media_type", "the log entry is not a hashedrekord 0.0.2")
    if {"inclusionPromise", "integratedTime"} & entry.keys():
        raise VerificationError("json.malformed", "inclusionPromise and integratedTime are unused")
    proof = _object(entry.get("inclusionProof"), "inclusionProof")
    hashes = proof.get("hashes", [])
    if not isinstance(hashes, list):
        raise VerificationError("json.malformed", "hashes is not a list")
    if len(hashes) > MAX_PROOF_HASHES:
        raise VerificationError("input.too_many_items", "a proof has at most 63 hashes")
    return LogEntry(
        index=_index(entry.get("logIndex"), proof.get("logIndex")),
        log_id=strict_base64.decode(_object(entry.get("logId"), "logId").get("keyId"), 32),
        body=strict_base64.decode(entry.get("canonicalizedBody")),
        tree_size=_number(proof.get("treeSize")),
        root_hash=strict_base64.decode(proof.get("rootHash"), 32),
        hashes=tuple(strict_base64.decode(one, 32) for one in hashes),
        checkpoint=_note(_object(proof.get("checkpoint"), "checkpoint").get("envelope")),
    )


def _index(said: object, proved: object) -> int:
    index = _number(said)
    if _number(proved) != index:
        raise VerificationError("log.inclusion", "the entry tells two indexes")
    return index


def _note(text: object) -> bytes:
    if not isinstance(text, str):
        raise VerificationError("json.malformed", "checkpoint.envelope is not a string")
    if text.count("\n") > MAX_NOTE_LINES:
        raise VerificationError("input.too_many_items", "a note has at most 32 lines")
    return text.encode()


def _tokens(material: Mapping[str, Any]) -> tuple[bytes, ...]:
    data = _object(material.get("timestampVerificationData", {}), "timestampVerificationData")
    tokens = data.get("rfc3161Timestamps", [])
    if not isinstance(tokens, list):
        raise VerificationError("json.malformed", "rfc3161Timestamps is not a list")
    if len(tokens) > MAX_TOKENS:
        raise VerificationError("input.too_many_items", "a bundle has at most 8 time-stamps")
    return tuple(
        strict_base64.decode(_object(token, "time-stamp").get("signedTimestamp"))
        for token in tokens
    )


def _number(text: object) -> int:
    if not isinstance(text, str) or not _NUMBER.fullmatch(text):
        raise VerificationError("json.bad_number", "an int64 is a decimal string")
    return int(text)


def _object(value: object, name: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise VerificationError("json.malformed", f"{name} is not an object")
    return value
