"""Reading and writing of salted documents, whatever they hold."""

from __future__ import annotations

import hashlib
from typing import Any

from rensho import jcs, strict_json
from rensho.errors import VerificationError
from rensho.shapes import Check


def sha256(document: bytes) -> str:
    """Digest of a document's bytes as carried: lowercase hex."""
    return hashlib.sha256(document).hexdigest()


def write(check: Check, value: dict[str, Any], what: str) -> bytes:
    """Return `value` as canonical bytes once `check` holds."""
    check(value, what)
    return jcs.dumps(value)


def read(check: Check, data: bytes, what: str) -> dict[str, Any]:
    """Read canonical bytes for which `check` holds.

    Raises `json.*`, `statement.schema`, or `statement.not_canonical` where the bytes are not
    their own JCS.
    """
    value: dict[str, Any] = strict_json.loads(data)
    check(value, what)
    if jcs.dumps(value) != data:
        raise VerificationError("statement.not_canonical", what)
    return value
