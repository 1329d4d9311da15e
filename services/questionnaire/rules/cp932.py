"""What the code page of Japanese offices cannot hold: ü, é, —, 𠮷 and whatever came later."""

from __future__ import annotations

from collections.abc import Iterable


def unholdable(text: str) -> str:
    """Return the characters of `text` that CP932 has no place for, each once, in their order."""
    return "".join(dict.fromkeys(char for char in text if not _fits(char)))


def row_unholdable(cells: Iterable[str]) -> str:
    """Return the same for a whole row."""
    return unholdable("".join(cells))


def _fits(char: str) -> bool:
    try:
        return char.encode("cp932").decode("cp932") == char
    except UnicodeEncodeError:
        return False
