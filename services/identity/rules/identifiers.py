"""Numbers a firm gives for itself: claims whose form is checked, never proof of who it is.

法人番号 (National Tax Agency), LEI (ISO 17442), GLN (GS1), D-U-N-S (nine digits) and BPNL
(Catena-X business partner number of a legal entity).
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import ClassVar, Literal

from stdnum import ean, lei
from stdnum.exceptions import ValidationError
from stdnum.jp import cn

Scheme = Literal["corporate-number", "lei", "duns", "gln", "bpnl"]

_GLN_DIGITS = 13
# ー is a vowel sign; keyboards in kana mode give it where a hyphen was meant.
_SEPARATORS = re.compile(r"[\s\-\u2010-\u2015\u2212\u30fc]")
_INVOICE_NUMBER = re.compile(r"T[0-9]{13}")
_DUNS = re.compile(r"[0-9]{9}")
_BPNL = re.compile(r"BPNL[0-9A-Z]{12}")


class MalformedIdentifier(ValueError):
    """A number does not have the form its scheme demands, or its check digit is wrong."""

    urn: ClassVar[str] = "organizations/malformed-identifier"

    def __init__(self, scheme: Scheme, value: str) -> None:
        super().__init__(f"{value!r} is not a well-formed {scheme}")
        self.extensions = {"scheme": scheme, "value": value}


@dataclass(frozen=True)
class Identifier:
    """One number under one scheme, as claimed by its firm, in its compact spelling."""

    scheme: Scheme
    value: str


def claimed(scheme: Scheme, value: str) -> Identifier:
    """Return the claim in compact form; full-width digits and separators are accepted.

    A qualified-invoice number (T and 13 digits) stands for a corporate number and keeps its T:
    those of sole proprietors are not corporate numbers.

    Raises:
        MalformedIdentifier: wrong length, characters or check digit.
    """
    compact = _SEPARATORS.sub("", unicodedata.normalize("NFKC", value)).upper()
    try:
        match scheme:
            case "corporate-number" if _INVOICE_NUMBER.fullmatch(compact):
                return Identifier(scheme, compact)
            case "corporate-number":
                return Identifier(scheme, cn.validate(compact))
            case "lei":
                return Identifier(scheme, lei.validate(compact))
            case "gln" if len(compact) == _GLN_DIGITS:
                return Identifier(scheme, ean.validate(compact))
            case "duns" if _DUNS.fullmatch(compact):
                return Identifier(scheme, compact)
            case "bpnl" if _BPNL.fullmatch(compact):
                return Identifier(scheme, compact)
    except ValidationError as why:
        raise MalformedIdentifier(scheme, value) from why
    raise MalformedIdentifier(scheme, value)
