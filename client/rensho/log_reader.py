"""Reads a log over HTTP: checkpoints, C2SP tlog-tiles, proofs. Nothing it returns is verified."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from http.client import HTTPException
from typing import Any, Final
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

from rensho import strict_json
from rensho.errors import VerificationError
from rensho.merkle import HASH_SIZE

WIDTH: Final = 256
_TIMEOUT: Final = 30.0
_MAX_NOTE: Final = 64 * 1024
_MAX_PROOF: Final = 256 * 1024
_MAX_ENTRIES: Final = WIDTH * (2 + 65_535)
_NOT_FOUND: Final = 404

Authorize = Callable[[str], str | None]
"""Gives the `Authorization` header for the log of one origin; None to read without."""


class Unreachable(Exception):
    """The log did not answer, or not with what was asked for."""


class _NoRedirects(HTTPRedirectHandler):
    """A redirect would carry the token to whoever it names."""

    def redirect_request(self, *_: Any) -> None:
        """Follow nowhere."""


class LogReader:
    """One deployment's logs at `url`, the address that `/log/checkpoint` is below."""

    def __init__(self, url: str, authorize: Authorize = lambda _: None) -> None:
        """Raises `ValueError` unless `url` is http or https."""
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            msg = f"{url} is no http or https address"
            raise ValueError(msg)
        self._url = url.rstrip("/")
        self._authorize = authorize
        self._open = build_opener(_NoRedirects).open

    def checkpoint(self, origin: str | None = None) -> bytes:
        """Return the newest note, of the log in use or of one that ended. Raises `Unreachable`."""
        return self._get(f"{self._log(origin)}/checkpoint", _MAX_NOTE)

    def proof(self, statement_id: str) -> Any:
        """Return what the log says of a statement's place; None if it knows none."""
        path = f"/log/proof/{quote(statement_id, safe='')}"
        try:
            return strict_json.loads(self._get(path, _MAX_PROOF, missing=b"null"))
        except VerificationError as why:
            raise Unreachable(f"{path}: {why}") from why

    def hashes(self, origin: str, start: int, end: int) -> Iterator[bytes]:
        """Yield the leaf hashes `start` to `end - 1` in a tree of size `end` or more."""
        for number, first, width in _tiles(start, end):
            path = f"{self._log(origin)}/tile/0/{_path(number, width)}"
            data = self._get(path, WIDTH * HASH_SIZE)
            if len(data) != width * HASH_SIZE:
                raise Unreachable(f"{path}: not {width} hashes")
            for at in range(first, width):
                yield data[at * HASH_SIZE : (at + 1) * HASH_SIZE]

    def entries(self, origin: str, start: int, end: int) -> Iterator[bytes]:
        """Yield the leaves themselves, like `hashes`; needs to be authorized."""
        authorization = self._authorize(origin)
        for number, first, width in _tiles(start, end):
            path = f"{self._log(origin)}/tile/entries/{_path(number, width)}"
            leaves = _split(self._get(path, _MAX_ENTRIES, authorization))
            if leaves is None or len(leaves) != width:
                raise Unreachable(f"{path}: not {width} entries")
            yield from leaves[first:]

    def _log(self, origin: str | None) -> str:
        return "/log" if origin is None else f"/log/{quote(origin, safe='')}"

    def _get(
        self, path: str, limit: int, authorization: str | None = None, missing: bytes | None = None
    ) -> bytes:
        headers = {"Authorization": authorization} if authorization else {}
        request = Request(self._url + path, headers=headers)  # noqa: S310 (checked in __init__)
        try:
            with self._open(request, timeout=_TIMEOUT) as answer:
                data: bytes = answer.read(limit + 1)
        except HTTPError as why:
            with why:
                if why.code == _NOT_FOUND and missing is not None:
                    return missing
                raise Unreachable(f"{path}: HTTP {why.code}") from why
        except (OSError, HTTPException, ValueError) as why:
            raise Unreachable(f"{path}: {why!r}") from why
        if len(data) > limit:
            raise Unreachable(f"{path}: more than {limit} bytes")
        return data


def _tiles(start: int, end: int) -> Iterator[tuple[int, int, int]]:
    """Yield (number, first wanted place in it, width) of the tiles over `start` to `end - 1`."""
    for number in range(start // WIDTH, -(-end // WIDTH)):
        yield number, max(0, start - number * WIDTH), min(WIDTH, end - number * WIDTH)


def _path(number: int, width: int) -> str:
    """Return the C2SP path of a tile: 1234067 is `x001/x234/067`."""
    digits = f"{number % 1000:03}"
    while number := number // 1000:
        digits = f"x{number % 1000:03}/{digits}"
    return digits if width == WIDTH else f"{digits}.p/{width}"


def _split(data: bytes) -> list[bytes] | None:
    """Split an entry bundle: each leaf behind its length as a big-endian uint16."""
    found = []
    at = 0
    while at < len(data):
        if at + 2 > len(data):
            return None
        (length,) = struct.unpack_from(">H", data, at)
        at += 2 + length
        if at > len(data):
            return None
        found.append(data[at - length : at])
    return found
