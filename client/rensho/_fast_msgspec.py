"""JSON by msgspec, which alone would be too lenient: it keeps the last of two equal names.

It reads only what is canonical. What it read is written again and must give the very same bytes,
so a doubled name, a second spelling of a text or of base64, a stray bit or blank goes the slow
way. Numbers are whole and within I-JSON by type; unknown fields of a bundle are the slow way's.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, TypeVar

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

_T = TypeVar("_T")
_MAX_INT: Final = 2**53 - 1
# Statements are about seven containers deep. The type doubles with each level; strict_json's limit
# of 32 is far beyond it.
_DEPTH: Final = 8
_FROM_U_E000: Final = re.compile(rb"[\xee-\xff]")
_REFUSALS: Final = (msgspec.MsgspecError, UnicodeError, TypeError, ValueError, RecursionError)


def _json_type() -> Any:
    scalar: Any = None | bool | Annotated[int, Meta(ge=-_MAX_INT, le=_MAX_INT)] | str
    kind = scalar
    for _ in range(_DEPTH):
        kind = scalar | list[kind] | dict[str, kind]  # type: ignore[valid-type]
    return kind


_DECODER: Final = msgspec.json.Decoder(_json_type())
_ENCODER: Final = msgspec.json.Encoder(order="sorted")

Hash = Annotated[bytes, Meta(min_length=32, max_length=32)]


class _Form(Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """Fields stand in the order of their JSON names, as JCS writes them."""


class Note(_Form):
    envelope: str


class Proof(_Form):
    checkpoint: Note
    hashes: Annotated[list[Hash], Meta(max_length=63)]
    log_index: str
    root_hash: Hash
    tree_size: str


class Kind(_Form):
    kind: Literal["hashedrekord"]
    version: Literal["0.0.2"]


class LogId(_Form):
    key_id: Hash


class Entry(_Form):
    canonicalized_body: bytes
    inclusion_proof: Proof
    kind_version: Kind
    log_id: LogId
    log_index: str


class Token(_Form):
    signed_timestamp: bytes


class Tokens(_Form):
    rfc3161_timestamps: Annotated[list[Token], Meta(max_length=8)]


class Hint(_Form):
    hint: Hash


class Material(_Form):
    public_key: Hint
    timestamp_verification_data: Tokens | UnsetType = UNSET
    tlog_entries: Annotated[list[Entry], Meta(max_length=1)] | UnsetType = UNSET


class Signature(_Form, kw_only=True):
    keyid: str | UnsetType = UNSET
    sig: bytes


class Envelope(_Form):
    payload: Annotated[bytes, Meta(max_length=512 * 1024)]
    payload_type: str
    signatures: Annotated[list[Signature], Meta(min_length=1, max_length=1)]


class File(_Form):
    """A bundle of a bare key, as `rensho.bundle.make` lays it out."""

    dsse_envelope: Envelope
    media_type: Literal["application/vnd.dev.sigstore.bundle.v0.3+json"]
    verification_material: Material


_FILE: Final = msgspec.json.Decoder(File)


def read(data: bytes, nothing: object) -> Any:
    """See `_fast.read`."""
    return _round_trip(_DECODER, data, nothing)


def read_bundle(data: bytes, nothing: object) -> Any:
    """See `_fast.read_bundle`."""
    return _round_trip(_FILE, data, nothing)


def write(value: Any, nothing: object) -> Any:
    """See `_fast.write`.

    msgspec sorts names as UTF-8 and RFC 8785 as UTF-16: one order below U+E000. Reading back to an
    equal value shows that nothing in it was of a type JSON does not have.
    """
    try:
        data = _ENCODER.encode(value)
        is_sorted = data.isascii() or not _FROM_U_E000.search(data)
        return data if is_sorted and _DECODER.decode(data) == value else nothing
    except _REFUSALS:
        return nothing


def _round_trip(decoder: msgspec.json.Decoder[_T], data: bytes, nothing: object) -> _T | object:
    try:
        value = decoder.decode(data)
        return value if _ENCODER.encode(value) == data else nothing
    except _REFUSALS:
        return nothing
