"""One-use codes: eight digits derived from the code's id, so that neither they nor a hash is kept.

Whoever reads the database learns nothing without the `code` secret, and the worker can derive the
same digits again to mail them.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

DIGITS = 8
LIFETIME = timedelta(minutes=10)
MAX_ATTEMPTS = 5
MAX_PER_HOUR = 6
# Somebody is on the telephone: a code that is told needs time to be typed in.
WORTH_TELLING = timedelta(minutes=5)

Verdict = Literal["right", "wrong", "expired", "used", "dead"]


@dataclass(frozen=True)
class CodeState:
    """What is known of one code when somebody tries it."""

    id: UUID
    expires_at: datetime
    attempts: int
    used_at: datetime | None


def derive(secret: bytes, code_id: UUID) -> str:
    """Return the eight digits of a code.

    The modulus favours no digits noticeably: 2^256 is not a multiple of 10^8, the bias is 2^-229.
    """
    mac = hmac.digest(secret, b"rensho one-use code\0" + code_id.bytes, hashlib.sha256)
    return str(int.from_bytes(mac) % 10**DIGITS).zfill(DIGITS)


def typed(text: str) -> str:
    """Return what was typed as plain digits; full-width digits, spaces and hyphens are fine."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if c in "0123456789")


def judge(code: CodeState, given: str, secret: bytes, now: datetime) -> Verdict:
    """Say whether `given` opens what the code guards; only `wrong` counts as an attempt."""
    if code.used_at is not None:
        return "used"
    if now >= code.expires_at:
        return "expired"
    if code.attempts >= MAX_ATTEMPTS:
        return "dead"
    same = hmac.compare_digest(derive(secret, code.id).encode(), typed(given).encode())
    return "right" if same else "wrong"


def alive(code: CodeState, now: datetime, *, left: timedelta = timedelta(0)) -> bool:
    """Whether the code can still be used, for longer than `left`."""
    return code.used_at is None and code.attempts < MAX_ATTEMPTS and code.expires_at - now > left
