"""The guard file against the log it guards."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from services.attestation.actions import guard_file
from services.attestation.actions.damage.tree import Logs
from services.attestation.rules.guard import Head, SequencerRefused
from services.kit.damage import Damage

Remembered = Head | Damage


def remembered(path: Path) -> Remembered:
    """Return what the guard file says, or what is wrong with the file itself."""
    try:
        head = guard_file.read(path)
    except SequencerRefused as why:
        return _damage(path, why.detail)
    return head or _damage(path, "missing: the sequencer will refuse to sign")


def guarded(
    path: Path, before: Remembered, after: Remembered, last: Head, logs: Logs
) -> Iterator[Damage]:
    """Look at the guard file.

    The log may grow meanwhile, so the file is read twice: what it named before the database was
    looked at must be there, and what it names afterwards is at least the newest head.

    Args:
        path: where it is.
        before: what it said before.
        after: what it said afterwards.
        last: the newest stored head.
        logs: as derived from the leaves.
    """
    if isinstance(before, Damage) or isinstance(after, Damage):
        yield from {one for one in (before, after) if isinstance(one, Damage)}
        return
    order = {log.known.origin: number for number, log in logs.items()}
    if before.origin not in order or after.origin not in order:
        yield _damage(path, f"it is of the log {before.origin}")
        return
    log = logs[order[before.origin]]
    if before.size > len(log.hashes):
        what = f"it names {before.size} leaves, {len(log.hashes)} are stored: an older database"
        yield _damage(path, what)
    elif before.root_hash != log.root(before.size):
        yield _damage(path, "it names another tree")
    elif (order[after.origin], after.size) < (order[last.origin], last.size):
        yield _damage(path, "it is behind the newest checkpoint: put back from an older copy")


def _damage(path: Path, what: str) -> Damage:
    return Damage("guard file", str(path), what)
