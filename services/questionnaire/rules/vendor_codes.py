"""Vendor codes: text whose leading zeros count, except where a system pads its numbers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Final

PADDED: Final[Mapping[str, int]] = {"SAP": 10}
"""What systems do unless a requester says otherwise: SAP fills numeric codes to ten digits."""

WIDEST: Final = 40


def padded(code: str, width: int | None) -> str:
    """Return the code as a system that pads to `width` keeps it; letters are never padded."""
    if width is None or not (code.isascii() and code.isdigit()):
        return code
    return (code.lstrip("0") or "0").zfill(width)


def spellings(code: str, width: int) -> list[str]:
    """Return every way to write a code that is one to a system padding to `width`."""
    if not (code.isascii() and code.isdigit()):
        return [code]
    bare = code.lstrip("0") or "0"
    return sorted({code, *(bare.zfill(digits) for digits in range(len(bare), width + 1))})


def overlap(one: tuple[date | None, date | None], other: tuple[date | None, date | None]) -> bool:
    """Whether two periods (first and last day, None for open) share a day."""
    (starts, ends), (begins, stops) = one, other
    return (ends is None or begins is None or begins <= ends) and (
        stops is None or starts is None or starts <= stops
    )
