"""Numbers that name a firm or a place, each with its own check; equal numbers mean one firm."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Final

from services.questionnaire.rules.refusals import Text


class NotAnIdentifier(ValueError):
    """A value that its scheme does not know; `reason` is safe to show."""

    def __init__(self, reason: Text) -> None:
        super().__init__(reason.en)
        self.reason = reason


def read(scheme: str, text: str) -> str:
    """Return an identifier in its narrow form, without the blanks and hyphens people set into it.

    Raises:
        NotAnIdentifier: no such scheme, or its length, letters or check digits are wrong.
    """
    if scheme not in SCHEMES:
        raise NotAnIdentifier(Text(f"不明な識別子です: {scheme}", f"unknown scheme: {scheme}"))
    value = re.sub(r"[\s\-‐−]", "", unicodedata.normalize("NFKC", text)).upper()
    holds, reason = _CHECKS[scheme]
    if not holds(value):
        raise NotAnIdentifier(reason)
    return value


def check_digit(twelve: str) -> str:
    """Return the check digit that stands before the twelve digits of a corporate number.

    9 less the remainder by 9 of the sum of the digits weighted 1, 2, 1, 2, … from the right
    (ordinance on corporate numbers, Article 2).
    """
    total = sum(int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(twelve)))
    return str(9 - total % 9)


def _corporate_number(value: str) -> bool:
    return re.fullmatch(r"[0-9]{13}", value) is not None and check_digit(value[1:]) == value[0]


def _invoice_number(value: str) -> bool:
    return value.startswith("T") and _corporate_number(value[1:])


def _lei(value: str) -> bool:
    """ISO 17442: 18 letters or digits and two check digits, modulo 97 as in ISO 7064."""
    if not re.fullmatch(r"[0-9A-Z]{18}[0-9]{2}", value):
        return False
    return int("".join(str(int(char, 36)) for char in value)) % 97 == 1


def _duns(value: str) -> bool:
    """Nine digits; they have carried no check digit since 2006."""
    return re.fullmatch(r"[0-9]{9}", value) is not None


def _gln(value: str) -> bool:
    """GS1: thirteen digits, the last of them modulo 10 with weights 1 and 3."""
    if not re.fullmatch(r"[0-9]{13}", value):
        return False
    return sum(int(digit) * (1 + 2 * (place % 2)) for place, digit in enumerate(value)) % 10 == 0


def _bpnl(value: str) -> bool:
    return re.fullmatch(r"BPNL[0-9A-Z]{12}", value) is not None


_CHECKS: Final[Mapping[str, tuple[Callable[[str], bool], Text]]] = {
    "corporate-number": (
        _corporate_number,
        Text(
            "法人番号(13桁)として正しくありません",
            "is no valid corporate number of 13 digits",
        ),
    ),
    "invoice-number": (
        _invoice_number,
        Text("登録番号(T+13桁)として正しくありません", "is not T and 13 valid digits"),
    ),
    "lei": (_lei, Text("LEI(20桁)として正しくありません", "is no valid LEI of 20 characters")),
    "duns": (_duns, Text("D-U-N-S番号(9桁)として正しくありません", "is no D-U-N-S of 9 digits")),
    "gln": (_gln, Text("GLN(13桁)として正しくありません", "is no valid GLN of 13 digits")),
    "bpnl": (_bpnl, Text("BPNL番号として正しくありません", "is no BPNL number")),
}

SCHEMES: Final = tuple(_CHECKS)


def keys(identifiers: Mapping[str, str]) -> frozenset[str]:
    """Return what to compare: an invoice number of a corporation is T and its corporate number."""
    return frozenset(
        f"corporate-number:{value.removeprefix('T')}"
        if scheme in ("corporate-number", "invoice-number")
        else f"{scheme}:{value}"
        for scheme, value in identifiers.items()
    )


def spellings(key: str) -> list[dict[str, str]]:
    """Return the entries of `identifiers` that a key of `keys` may stand for."""
    scheme, _, value = key.partition(":")
    if scheme == "corporate-number":
        return [{scheme: value}, {"invoice-number": f"T{value}"}]
    return [{scheme: value}]
