"""Firm names: a key that only ever proposes that two records may be one firm.

Names are stored as received. The key is for comparing and is never shown: NFKC would alter
compatibility kanji, and old forms of kanji are somebody's registered name.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from typing import Final

_OLD: Final = "國澤髙﨑邊邉齋齊斎廣濱澁鐵學會圓櫻龍瀧嶋冨條豐榮壽惠德藏關寶靜眞佛萬與戶吳淸彌"
_NEW: Final = "国沢高崎辺辺斉斉斉広浜渋鉄学会円桜竜滝島富条豊栄寿恵徳蔵関宝静真仏万与戸呉清弥"
_SMALL: Final = "ァィゥェォッャュョヮヵヶ"
_LARGE: Final = "アイウエオツヤユヨワカケ"
_FOLDED: Final = str.maketrans(_OLD + _SMALL, _NEW + _LARGE)

# Each is a form that stands before or after the name, brackets around it or not.
_JAPANESE: Final = (
    *("株式会社", "有限会社", "合同会社", "合資会社", "合名会社", "相互会社"),
    *("一般社団法人", "一般財団法人", "公益社団法人", "公益財団法人", "協同組合"),
)
_ABBREVIATED: Final = "株有同資名"
_FOREIGN: Final = (
    *("co ltd", "company limited", "corporation", "corp", "incorporated", "inc", "limited", "ltd"),
    *("llc", "llp", "plc", "kk", "k k", "gmbh", "ag", "sa", "bv", "pte ltd", "pvt ltd", "sdn bhd"),
    *("股份有限公司", "有限责任公司", "有限公司"),
)

_LEGAL_JAPANESE: Final = re.compile(
    rf"^(?:{'|'.join(_JAPANESE)}|\([{_ABBREVIATED}]\))"
    rf"|(?:{'|'.join(_JAPANESE)}|\([{_ABBREVIATED}]\))$"
)
_LEGAL_FOREIGN: Final = re.compile(
    rf"(?:(?<=\W)|(?<=[^\x00-\x7f]))(?:{'|'.join(sorted(_FOREIGN, key=len, reverse=True))})$"
)


def match_key(name: str) -> str:
    """Return the key under which a firm's name is compared; never empty for a name that is not.

    Width, case, spaces, punctuation, legal form before or after (株式会社, (株), ㈱, Co., Ltd.),
    small kana and common old kanji make no difference.
    """
    text = unicodedata.normalize("NFKC", name).casefold().translate(_FOLDED).strip()
    bare = text
    while (shorter := _without_legal_form(bare)) != bare:
        bare = shorter
    return _letters(bare) or _letters(text) or text


def propose(names: Mapping[str, str]) -> tuple[tuple[str, ...], ...]:
    """Return groups of two or more ids whose names may mean one firm, both sorted.

    A proposal for a person to look at: nothing merges by name. Blank names propose nothing.
    """
    groups: dict[str, list[str]] = {}
    for record, name in sorted(names.items()):
        groups.setdefault(match_key(name), []).append(record)
    return tuple(sorted(tuple(ids) for key, ids in groups.items() if key and len(ids) > 1))


def _without_legal_form(text: str) -> str:
    plain = re.sub(r"[.,、。\s]+", " ", text).strip()
    shorter = _LEGAL_JAPANESE.sub("", plain).strip()
    return _LEGAL_FOREIGN.sub("", shorter).strip() if shorter == plain else shorter


def _letters(text: str) -> str:
    return "".join(char for char in text if char.isalnum() or char == "ー")
