"""RFC 8785 canonical JSON: the only form in which this package writes."""

from __future__ import annotations

from typing import Any

import rfc8785

from rensho import _fast
from rensho.errors import VerificationError


def dumps(value: Any) -> bytes:
    """Serialise canonically, as UTF-8.

    Raises VerificationError with `json.bad_number` (NaN, infinities, an integer beyond 2^53-1),
    `json.not_utf8` (lone surrogate), `json.too_deep` (deeper than Python can follow) or
    `json.malformed` (something JSON does not have).
    """
    quick = _fast.write(value)
    if quick is not _fast.NOTHING:
        return bytes(quick)
    try:
        return rfc8785.dumps(value)
    except (rfc8785.IntegerDomainError, rfc8785.FloatDomainError) as why:
        raise VerificationError("json.bad_number", str(why)) from why
    except rfc8785.CanonicalizationError as why:
        if isinstance(why.__cause__, UnicodeEncodeError):
            raise VerificationError("json.not_utf8", "lone surrogate") from why
        raise VerificationError("json.malformed", str(why)) from why
    except UnicodeEncodeError as why:
        raise VerificationError("json.not_utf8", "lone surrogate in a name") from why
    except RecursionError as why:
        raise VerificationError("json.too_deep") from why
