"""The receipt on paper: one A4 page, set by typst."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any, Final

import typst

TEMPLATE: Final = Path(__file__).with_name("receipt.typ")
# What Debian, Windows, macOS and the free downloads call a Japanese sans.
_FAMILIES: Final = (
    "Noto Sans CJK JP",
    "Noto Sans JP",
    "BIZ UDPGothic",
    "Yu Gothic",
    "Hiragino Sans",
    "IPAexGothic",
    "IPAPGothic",
    "Source Han Sans JP",
    "TakaoPGothic",
    "VL PGothic",
)


@cache
def japanese_font() -> str | None:
    """Return a Japanese font of this machine; None where there is none, and no paper either."""
    known = set(typst.Fonts(include_embedded_fonts=False).families())
    return next((each for each in _FAMILIES if each in known), None)


def receipt_pdf(said: dict[str, Any], language: str) -> bytes:
    """Return the receipt as PDF.

    Args:
        said: what stands on it, all text: `title`, `rows` (pairs), `statements` (pairs), `notes`.
        language: ja or en.

    Raises:
        LookupError: this machine has no Japanese font: names would come out as boxes.
    """
    font = japanese_font()
    if font is None:
        msg = "no Japanese font"
        raise LookupError(msg)
    inputs = {"said": json.dumps(said, ensure_ascii=False), "font": font, "language": language}
    made = typst.compile(TEMPLATE.read_bytes(), format="pdf", sys_inputs=inputs)
    assert isinstance(made, bytes)
    return made
