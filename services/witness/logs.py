"""Which logs a witness watches: named one by one, or out of a Trust file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, zip_longest
from pathlib import Path

from rensho import strict_base64
from rensho.checkpoint import NoteKey
from rensho.errors import VerificationError
from rensho.trust import Trust

_MAX_FILE = 1024 * 1024


class Unnamed(ValueError):
    """The logs to watch are not told, or told in two ways; the text says which."""


def read(origins: Sequence[str], keys: Sequence[str], files: Sequence[Path]) -> dict[str, bytes]:
    """Return origin → raw Ed25519 key of every log named.

    Args:
        origins: each with its key (base64 of 32 bytes) at the same place in `keys`.
        files: Trust files; every epoch in them is a log. A log's next epoch is another log, with
            another key: a witness follows it when it is told so, never by itself.

    Raises:
        Unnamed: no log, an origin without key, an unreadable key or file, or two keys of one log.
    """
    if len(origins) != len(keys):
        raise Unnamed("give one --log-key for each --origin, in their order")
    found: dict[str, bytes] = {}
    try:
        pairs = ((o, strict_base64.decode(k, 32)) for o, k in zip_longest(origins, keys))
        for origin, key in chain(pairs, *map(_of_trust, files)):
            NoteKey.from_vkey(NoteKey(origin, key).vkey)
            if found.setdefault(origin, key) != key:
                raise Unnamed(f"two keys are given for {origin}")
    except VerificationError as why:
        raise Unnamed(f"no origin and key of a log: {why}") from why
    except OSError as why:
        raise Unnamed(f"{why.filename}: {why.strerror}") from why
    if not found:
        raise Unnamed("name a log: --origin HOST --log-key BASE64, or --trust FILE")
    return found


def _of_trust(file: Path) -> Iterator[tuple[str, bytes]]:
    with file.open("rb") as opened:
        trust = Trust.load(opened.read(_MAX_FILE + 1))
    for deployment in trust.deployments:
        for epoch in deployment.epochs:
            yield epoch.origin, epoch.key
