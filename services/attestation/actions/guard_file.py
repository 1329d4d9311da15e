"""The guard file on disk: outside the database and its backup, and on the disk before we sign."""

from __future__ import annotations

import os
from pathlib import Path

from services.attestation.rules import guard
from services.attestation.rules.guard import Head


def read(path: Path) -> Head | None:
    """Return what the guard file says; None if there is none.

    Raises:
        SequencerRefused: the file is damaged.
    """
    try:
        return guard.read(path.read_bytes())
    except FileNotFoundError:
        return None


def write(path: Path, head: Head) -> None:
    """Make the guard file say `head`, so that it does even if the power fails right after.

    A crash before the rename leaves the old guard: it names a part of the same tree. After it, the
    new one, ahead of the newest checkpoint: the next run finds these leaves stored and signs them.

    Raises:
        OSError: the disk did not take it; nothing may be signed.
    """
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    beside = path.with_name(path.name + ".new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(guard.write(head))
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
