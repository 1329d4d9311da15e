"""Hand-written checks of what JSON values may look like in signed statements and documents.

A check takes a value and the path to it, and raises `statement.schema` with that path. Fields
nobody knows are passed over, as the profile wants, but a fraction is refused even there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from rensho import times
from rensho.errors import VerificationError

Check = Callable[[Any, str], None]

MAX_TEXT: Final = 2000
_NOTHING: Final[Mapping[str, Check]] = {}


def refuse(path: str, why: str) -> VerificationError:
    """Make the error of a value at `path` that is not as it must be."""
    return VerificationError("statement.schema", f"{path}: {why}")


def text(value: Any, path: str) -> None:
    """1 to 2,000 characters."""
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_TEXT:
        raise refuse(path, f"not a text of 1 to {MAX_TEXT} characters")


def like(pattern: str, what: str) -> Check:
    """Strings that match `pattern` in full."""
    compiled = re.compile(pattern)

    def check(value: Any, path: str) -> None:
        if not isinstance(value, str) or not compiled.fullmatch(value):
            raise refuse(path, f"not {what}")

    return check


def one_of(*choices: str) -> Check:
    """One of some strings."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, str) or value not in choices:
            raise refuse(path, f"not one of {', '.join(choices)}")

    return check


def integer(least: int) -> Check:
    """Integers from `least` up; a boolean is none."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise refuse(path, f"not an integer from {least} up")

    return check


def boolean(value: Any, path: str) -> None:
    """Refuse all but true and false."""
    if not isinstance(value, bool):
        raise refuse(path, "not a boolean")


def either(*checks: Check) -> Check:
    """Whatever passes at least one of `checks`."""

    def check(value: Any, path: str) -> None:
        for attempt in checks:
            try:
                return attempt(value, path)
            except VerificationError:
                continue
        raise refuse(path, "none of the forms it may have")

    return check


def null(value: Any, path: str) -> None:
    """Null."""
    if value is not None:
        raise refuse(path, "not null")


def exactly(expected: str) -> Check:
    """One string."""
    return one_of(expected)


def array(item: Check, *, least: int = 0, unique: bool = False) -> Check:
    """Make the check of lists whose items pass `item`; `unique` lists hold strings that differ."""

    def check(value: Any, path: str) -> None:
        if not isinstance(value, list) or len(value) < least:
            raise refuse(path, f"not a list of at least {least}")
        for index, found in enumerate(value):
            item(found, f"{path}[{index}]")
        if unique and len(set(value)) != len(value):
            raise refuse(path, "an item occurs twice")

    return check


def record(required: Mapping[str, Check], optional: Mapping[str, Check] = _NOTHING) -> Check:
    """Objects with all `required` fields, perhaps the `optional`, and others without fractions."""
    known = {**optional, **required}

    def check(value: Any, path: str) -> None:
        if not isinstance(value, dict):
            raise refuse(path, "not an object")
        for name in required:
            if name not in value:
                raise refuse(f"{path}.{name}", "missing")
        for name, found in value.items():
            known.get(name, plain)(found, f"{path}.{name}")

    return check


def plain(value: Any, path: str) -> None:
    """Anything without a fraction: those are decimal strings in signed documents."""
    if isinstance(value, float):
        raise refuse(path, "a fraction; write a decimal string")
    if isinstance(value, dict):
        for name, found in value.items():
            plain(found, f"{path}.{name}")
    elif isinstance(value, list):
        for index, found in enumerate(value):
            plain(found, f"{path}[{index}]")


def time(value: Any, path: str) -> None:
    """`YYYY-MM-DDTHH:MM:SSZ`."""
    try:
        times.read(value)
    except VerificationError as why:
        raise refuse(path, why.detail) from why


def day(value: Any, path: str) -> None:
    """`YYYY-MM-DD`."""
    try:
        times.read_date(value)
    except VerificationError as why:
        raise refuse(path, why.detail) from why


_UUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"

# The last character of each base64 form is narrowed to those that leave no stray bits.
SHA256: Final = like(r"[0-9a-f]{64}", "a lowercase hex sha256")
SHA256_URL: Final = like(r"[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]", "an unpadded base64url sha256")
KEY_ID: Final = like(r"[A-Za-z0-9+/]{42}[AEIMQUYcgkosw048]=", "a base64 sha256")
NONCE: Final = like(r"[A-Za-z0-9_-]{21}[AQgw]", "16 bytes of unpadded base64url")
BASE64: Final = like(
    r"(?:[A-Za-z0-9+/]{4})*"
    r"(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{2}[AEIMQUYcgkosw048]=|[A-Za-z0-9+/][AQgw]==)",
    "canonical base64",
)
UUID: Final = like(_UUID, "a lowercase uuid")
ORG: Final = like(
    rf"urn:rensho:(?:org:{_UUID}|pseudonym:[A-Za-z0-9_-]{{21}}[AQgw])", "an organization"
)
LINK: Final = like(rf"urn:rensho:link:{_UUID}", "a supply link")
HOST: Final = like(r"[a-z0-9-]{1,63}(?:\.[a-z0-9-]{1,63})*", "a host name")
LOCALE: Final = like(r"[a-z]{2,3}(?:-[A-Za-z0-9]{2,8})*", "a language tag")
DECIMAL: Final = like(r"(?:0|[1-9][0-9]{0,14})\.[0-9]{9}", "a decimal with nine places")
DIGEST: Final = record({"sha256": SHA256})
SD: Final = record({"_sd_alg": exactly("sha-256"), "_sd": array(SHA256_URL, unique=True)})
RESPONSE: Final = record({"id": UUID, "revision": integer(1)})
PACKS: Final = array(record({"id": text, "version": text, "sha256": SHA256}), least=1)


def sorted_digests(digests: Iterable[str], path: str) -> None:
    """Refuse an `_sd` array that is not sorted: its order would tell something."""
    found = list(digests)
    if found != sorted(found):
        raise refuse(path, "not sorted")


def padded_digests(digests: Iterable[str], path: str) -> None:
    """Refuse an `_sd` array that is not sorted or not padded to a multiple of eight."""
    found = list(digests)
    sorted_digests(found, path)
    if not found or len(found) % 8:
        raise refuse(path, "not padded to a multiple of eight")
