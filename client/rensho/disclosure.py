"""Salted disclosures and the arrays of their digests (RFC 9901 sections 4.2 and 5.2).

A disclosure is base64url(JCS `[salt, name, value]`); its digest is base64url(sha256(ASCII)).
Names are random: an order or an id in a name would tell what the salt hides.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

from rensho import jcs, strict_base64, strict_json
from rensho.errors import VerificationError

SALT_SIZE: Final = 16
NAME_SIZE: Final = 9
PAD_TO: Final = 8
SD_ALG: Final = "sha-256"
_DIGEST_SIZE: Final = 32
_PARTS: Final = 3


class Disclosure(NamedTuple):
    """What a disclosure text opens to."""

    salt: str
    name: str
    value: Any


def fresh_salt() -> str:
    """Return 128 bits nobody can guess, as unpadded base64url."""
    return strict_base64.encode_url(secrets.token_bytes(SALT_SIZE))


def make(value: Any, *, salt: str | None = None, name: str | None = None) -> tuple[str, str]:
    """Hide `value`; return (text, digest). Salt and name are random unless given."""
    hidden = [
        fresh_salt() if salt is None else salt,
        strict_base64.encode_url(secrets.token_bytes(NAME_SIZE)) if name is None else name,
        value,
    ]
    text = strict_base64.encode_url(jcs.dumps(hidden))
    return text, digest(text)


def digest(text: str) -> str:
    """Digest of a disclosure text: 43 characters. Raises `base64.not_canonical` if not ASCII."""
    try:
        return strict_base64.encode_url(hashlib.sha256(text.encode("ascii")).digest())
    except UnicodeEncodeError as why:
        raise VerificationError("base64.not_canonical", "disclosure is not ASCII") from why


def parse(text: str) -> Disclosure:
    """Read a disclosure text.

    Raises `base64.not_canonical`, `json.*`, or `disclosure.unknown` where it is not the JCS of
    `[salt of 16 bytes, name of 9 bytes, value]` (which leaves no room for a reserved name).
    """
    data = strict_base64.decode_url(text)
    parts = strict_json.loads(data)
    if not isinstance(parts, list) or len(parts) != _PARTS or jcs.dumps(parts) != data:
        raise VerificationError("disclosure.unknown", "not a canonical [salt, name, value]")
    salt, name, value = parts
    strict_base64.decode_url(salt, SALT_SIZE)
    strict_base64.decode_url(name, NAME_SIZE)
    return Disclosure(salt, name, value)


def sorted_array(digests: Iterable[str]) -> list[str]:
    """Return the `_sd` array of `digests`, without decoys. Raises `disclosure.duplicate`."""
    found = sorted(digests)
    if len(set(found)) != len(found):
        raise VerificationError("disclosure.duplicate")
    return found


def sd_array(
    digests: Iterable[str], *, decoy: Callable[[int], bytes] = secrets.token_bytes
) -> list[str]:
    """Return the `_sd` array of `digests`, padded so that only a step of eight shows the count.

    `decoy(32)` gives the bytes of one decoy. Raises `disclosure.duplicate`.
    """
    found = list(digests)
    wanted = -(-max(len(found), 1) // PAD_TO) * PAD_TO
    found += [strict_base64.encode_url(decoy(_DIGEST_SIZE)) for _ in range(wanted - len(found))]
    return sorted_array(found)


def open(sd_array: Iterable[str], texts: Iterable[str]) -> Mapping[str, Disclosure]:  # noqa: A001
    """Open `texts` against an `_sd` array; return {digest: disclosure} in the order of `texts`.

    Raises `disclosure.unknown` for a text whose digest is not in the array, and
    `disclosure.duplicate` where a digest occurs twice in the array or a text is given twice.
    """
    known = frozenset(sorted_array(sd_array))
    opened: dict[str, Disclosure] = {}
    for text in texts:
        name = digest(text)
        if name not in known:
            raise VerificationError("disclosure.unknown")
        if name in opened:
            raise VerificationError("disclosure.duplicate")
        opened[name] = parse(text)
    return opened
