"""I-JSON (RFC 7493) as the profile's section 1 narrows it, read from bytes."""

from __future__ import annotations

import json
import math
import re
from typing import Any, Final, NoReturn

from rensho import _fast
from rensho.errors import VerificationError

MAX_DEPTH: Final = 32
MAX_INT: Final = 2**53 - 1
_LONGEST_INT: Final = len(str(-MAX_INT))

# Ends at a missing closing quote too: otherwise an unterminated string would be tried again from
# each of its escaped quotes, which is quadratic.
_STRING: Final = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?', re.DOTALL)
_NOT_BRACKETS: Final = bytes(set(range(256)) - set(b"[]{}"))
_SURROGATE_ESCAPE: Final = re.compile(rb"\\u[dD][89a-fA-F]")


def loads(data: bytes) -> Any:
    """Parse one JSON text.

    Raises VerificationError with `json.not_utf8` (also for an escaped lone surrogate, which no
    UTF-8 can carry), `json.too_deep` (more than 32 nested containers), `json.duplicate_key`,
    `json.bad_number` (NaN, infinities, an integer beyond 2^53-1) or `json.malformed`.
    """
    quick = _fast.read(data)
    if quick is not _fast.NOTHING:
        return quick
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as why:
        raise VerificationError("json.not_utf8", f"byte {why.start}") from why
    _refuse_depth(data)
    try:
        value = json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=_integer,
            parse_float=_fraction,
            parse_constant=_constant,
        )
    except json.JSONDecodeError as why:
        raise VerificationError("json.malformed", f"character {why.pos}") from why
    if _SURROGATE_ESCAPE.search(data):
        _refuse_lone_surrogates(value)
    return value


def _refuse_depth(data: bytes) -> None:
    if data.count(b"[") + data.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for bracket in _STRING.sub(b"", data).translate(None, _NOT_BRACKETS):
        if bracket in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise VerificationError("json.too_deep")
        else:
            depth -= 1


def _refuse_lone_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError as why:
        raise VerificationError("json.not_utf8", "lone surrogate") from why


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise VerificationError("json.duplicate_key")
    return found


def _integer(digits: str) -> int:
    if len(digits) <= _LONGEST_INT and abs(number := int(digits)) <= MAX_INT:
        return number
    raise VerificationError("json.bad_number", "beyond 2^53-1")


def _fraction(digits: str) -> float:
    number = float(digits)
    if math.isinf(number):
        raise VerificationError("json.bad_number", "beyond the range of a double")
    return number


def _constant(name: str) -> NoReturn:
    raise VerificationError("json.bad_number", name)
