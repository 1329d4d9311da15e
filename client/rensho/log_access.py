"""How a witness shows a log that it is one: a header signed with its cosigning key.

Entry tiles are for enrolled organizations, which have access tokens, and for witnesses, which have
none. A witness signs the log's origin and the time; whoever records the header may read the same
tiles for a few minutes, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Final

from rensho import strict_base64, times
from rensho.epoch import Witness
from rensho.errors import VerificationError
from rensho.keys import PrivateKey, PublicKey

SCHEME: Final = "Rensho-Witness"
LIFETIME: Final = timedelta(minutes=5)
_PARTS: Final = 3


def header(name: str, key: PrivateKey, origin: str, now: datetime) -> str:
    """Return the value of `Authorization` by which witness `name` reads the log `origin`."""
    at = times.write(now.astimezone(UTC).replace(microsecond=0))
    signature = key.sign(_message(name, origin, at))
    return f"{SCHEME} {name} {at} {strict_base64.encode(signature)}"


def check(value: str, witnesses: Iterable[Witness], origin: str, now: datetime) -> Witness:
    """Return the witness that made this header for the log `origin` within `LIFETIME` of now.

    Raises `key.unknown`, `sig.invalid`, `time.claimed_time`, or what malformed parts raise.
    """
    scheme, _, rest = value.partition(" ")
    parts = rest.split(" ")
    if scheme.lower() != SCHEME.lower() or len(parts) != _PARTS:
        raise VerificationError("sig.encoding", "not a witness's header")
    name, at, signature = parts
    found = next((one for one in witnesses if one.name == name), None)
    if found is None:
        raise VerificationError("key.unknown", "no witness of this name")
    PublicKey.from_raw_ed25519(found.key).verify(
        strict_base64.decode(signature), _message(name, origin, at)
    )
    if abs(now - times.read(at)) > LIFETIME:
        raise VerificationError("time.claimed_time", "the header is too old or too new")
    return found


def _message(name: str, origin: str, at: str) -> bytes:
    # The first line keeps it apart from cosignature/v1, which the same key signs.
    return f"rensho-log-read/v1\n{origin}\n{name}\n{at}\n".encode()
