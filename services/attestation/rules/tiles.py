"""Paths and widths of C2SP tlog-tiles: height 8, `x`-encoded numbers, partial tiles `.p/<W>`."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

from services.attestation.rules.tree import Node

HEIGHT: Final = 8
WIDTH: Final = 1 << HEIGHT
_MAX_LEVEL: Final = 5
_MAX_ENTRY: Final = (1 << 16) - 1
_PATH: Final = re.compile(r"((?:x[0-9]{3}/)*)([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")


class NoSuchTile(ValueError):
    """The path is malformed, or the tile lies beyond the published tree."""

    urn = "log/no-such-tile"


@dataclass(frozen=True)
class Tile:
    """One tile: `level` counts in tiles (or is `entries`), `width` hashes from `first` on."""

    level: int | Literal["entries"]
    number: int
    width: int

    @property
    def first(self) -> int:
        """Index of its first hash or entry on its level."""
        return self.number * WIDTH

    @property
    def nodes(self) -> tuple[Node, ...]:
        """The stored hashes it is made of."""
        level = 0 if self.level == "entries" else self.level * HEIGHT
        return tuple(Node(level, self.first + offset) for offset in range(self.width))


def parse(level: str, path: str, size: int) -> Tile:
    """Read the path behind `tile/` of a tile in a tree of `size`.

    Raises:
        NoSuchTile: the path is no tile's, or the tree does not fill it.
    """
    found = _PATH.fullmatch(path)
    if found is None:
        msg = "a tile path is like x001/234 or 001.p/7"
        raise NoSuchTile(msg)
    if found[1].startswith("x000/"):
        msg = "a tile number has no leading zeros beyond three digits"
        raise NoSuchTile(msg)
    number = int(found[1].replace("x", "").replace("/", "") + found[2])
    tile = Tile(_level(level), number, int(found[3] or WIDTH))
    height = 0 if tile.level == "entries" else tile.level * HEIGHT
    if tile.width > WIDTH - bool(found[3]) or tile.first + tile.width > size >> height:
        msg = "the tree does not fill this tile"
        raise NoSuchTile(msg)
    return tile


def path(number: int, width: int = WIDTH) -> str:
    """Return the path of a tile: 1234067 is `x001/x234/067`."""
    digits = f"{number % 1000:03}"
    while number := number // 1000:
        digits = f"x{number % 1000:03}/{digits}"
    return digits if width == WIDTH else f"{digits}.p/{width}"


def entries(leaves: Iterable[bytes]) -> bytes:
    """Return an entry bundle: each leaf behind its length as a big-endian uint16."""
    body = bytearray()
    for leaf in leaves:
        if len(leaf) > _MAX_ENTRY:
            msg = "a leaf is at most 65,535 bytes"
            raise ValueError(msg)
        body += struct.pack(">H", len(leaf)) + leaf
    return bytes(body)


def _level(text: str) -> int | Literal["entries"]:
    if text == "entries":
        return "entries"
    if not re.fullmatch(r"[0-9]|[1-5][0-9]|6[0-3]", text):
        msg = "a level is 0 to 63, or entries"
        raise NoSuchTile(msg)
    return min(int(text), _MAX_LEVEL + 1)
