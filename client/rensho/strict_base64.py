"""Base64 that re-encodes to itself: no whitespace, no stray bits, one spelling per value."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Final

from rensho.errors import VerificationError

_URL_ALPHABET_ONLY: Final = frozenset("-_")
_TO_STANDARD: Final = str.maketrans("-_", "+/")


def encode(data: bytes) -> str:
    """Write in the standard alphabet, padded (RFC 4648 section 4)."""
    return base64.b64encode(data).decode("ascii")


def encode_url(data: bytes) -> str:
    """Write in the URL-safe alphabet, unpadded (RFC 4648 section 5)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: object, size: int | None = None) -> bytes:
    """Read what `encode` writes; exactly `size` bytes if given. Raises `base64.not_canonical`."""
    return _read(text, encode, "", size)


def decode_url(text: object, size: int | None = None) -> bytes:
    """Read what `encode_url` writes; exactly `size` bytes if given. Raises as `decode`."""
    padding = "=" * (-len(text) % 4) if isinstance(text, str) else ""
    return _read(text, encode_url, padding, size)


def decode_either(text: object) -> bytes:
    """Read padded base64 in either alphabet, as DSSE asks of consumers. Raises as `decode`."""
    if isinstance(text, str) and not _URL_ALPHABET_ONLY.isdisjoint(text):
        return _read(text, lambda data: base64.urlsafe_b64encode(data).decode("ascii"), "", None)
    return decode(text)


def _read(text: object, spell: Callable[[bytes], str], padding: str, size: int | None) -> bytes:
    if not isinstance(text, str):
        raise VerificationError("base64.not_canonical", "not a string")
    try:
        data = base64.b64decode((text + padding).translate(_TO_STANDARD).encode("ascii"))
    except (UnicodeEncodeError, binascii.Error) as why:
        raise VerificationError("base64.not_canonical") from why
    if spell(data) != text:
        raise VerificationError("base64.not_canonical")
    if size is not None and len(data) != size:
        raise VerificationError("base64.not_canonical", f"{len(data)} bytes instead of {size}")
    return data
