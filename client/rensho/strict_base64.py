"""Base64 that re-encodes to itself: no whitespace, no stray bits, one spelling per value."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Final

from rensho.errors import VerificationError

_TO_STANDARD: Final = str.maketrans("-_", "+/")
_TO_URL: Final = bytes.maketrans(b"+/", b"-_")


def encode(data: bytes) -> str:
    """Write in the standard alphabet, padded (RFC 4648 section 4)."""
    return binascii.b2a_base64(data, newline=False).decode("ascii")


def encode_url(data: bytes) -> str:
    """Write in the URL-safe alphabet, unpadded (RFC 4648 section 5)."""
    standard = binascii.b2a_base64(data, newline=False)
    return standard.translate(_TO_URL, b"=").decode("ascii")


def decode(text: object, size: int | None = None) -> bytes:
    """Read what `encode` writes; exactly `size` bytes if given. Raises `base64.not_canonical`."""
    return _read(text, text, encode, size)


def decode_url(text: object, size: int | None = None) -> bytes:
    """Read what `encode_url` writes; exactly `size` bytes if given. Raises as `decode`."""
    standard = None
    if isinstance(text, str):
        standard = text.translate(_TO_STANDARD) + "=" * (-len(text) % 4)
    return _read(text, standard, encode_url, size)


def decode_either(text: object) -> bytes:
    """Read padded base64 in either alphabet, as DSSE asks of consumers. Raises as `decode`."""
    if isinstance(text, str) and ("-" in text or "_" in text):
        return _read(text, text.translate(_TO_STANDARD), _encode_url_padded, None)
    return decode(text)


def _encode_url_padded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode("ascii")


def _read(text: object, standard: object, spell: Callable[[bytes], str], size: int | None) -> bytes:
    """Decode `standard` (the text in the standard alphabet) and hold it against the text."""
    if not isinstance(standard, str):
        raise VerificationError("base64.not_canonical", "not a string")
    try:
        data = binascii.a2b_base64(standard)
    except ValueError as why:
        raise VerificationError("base64.not_canonical") from why
    if spell(data) != text:
        raise VerificationError("base64.not_canonical")
    if size is not None and len(data) != size:
        raise VerificationError("base64.not_canonical", f"{len(data)} bytes instead of {size}")
    return data
