"""What the commands share: exit codes, files, and complaints without a traceback."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Final

from rensho.errors import VerificationError
from rensho.trust import Trust

DONE: Final = 0
REFUSED: Final = 1
USAGE: Final = 2
UNDECIDED: Final = 3
_MAX_FILE: Final = 64 * 1024 * 1024


class Usage(Exception):
    """The command line or a file on it cannot be used; shown without a traceback."""


def load_trust(path: Path, *, production: bool) -> Trust:
    """Read a Trust file. Raises `Usage`."""
    try:
        return Trust.load(read(path), production=production)
    except VerificationError as why:
        raise Usage(f"{path}: {why}") from why


def read(path: Path, most: int = _MAX_FILE) -> bytes:
    """Read a file of at most 64 MiB, or of `most` bytes. Raises `Usage`."""
    try:
        if path.stat().st_size > most:
            raise Usage(f"{path} is larger than {most // 1024**2} MiB")
        return path.read_bytes()
    except OSError as why:
        raise Usage(f"{path}: {why.strerror}") from why


def write_new(path: Path, data: bytes, mode: int) -> None:
    """Write a file that must not exist yet: a key or a signature is never overwritten."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
            file.write(data)
    except OSError as why:
        raise Usage(f"{path}: {why.strerror}") from why


def say(text: str) -> None:
    """Tell a person, on standard error."""
    print(text, file=sys.stderr)
