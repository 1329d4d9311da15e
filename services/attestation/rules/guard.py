"""What the guard file says against what the database says, before anything is signed.

The guard remembers the newest tree head this operator signed or was about to sign. It lies
outside the database and its backup, so a restored backup is older than it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from rensho import jcs, strict_json
from rensho.errors import VerificationError

Refusal = Literal[
    "busy",
    "guard.missing",
    "guard.malformed",
    "guard.older_database",
    "guard.forked",
    "log.other_key",
    "log.corrupt",
    "log.not_ended",
    "clock",
    "tsa.settings",
    "witness.settings",
    "witness.ahead",
    "witness.forked",
]


class SequencerRefused(Exception):
    """The sequencer will not sign. `busy` passes by itself; every other code needs a person."""

    def __init__(self, code: Refusal, detail: str) -> None:
        super().__init__(f"{code}: {detail}")
        self.code: Refusal = code
        self.detail = detail


@dataclass(frozen=True)
class Head:
    """A tree head: `root_hash` is 32 bytes."""

    origin: str
    size: int
    root_hash: bytes


def write(head: Head) -> bytes:
    """Return the content of the guard file."""
    return jcs.dumps({"origin": head.origin, "size": head.size, "rootHash": head.root_hash.hex()})


def read(data: bytes) -> Head:
    """Read the guard file. Raises `SequencerRefused` (`guard.malformed`)."""
    try:
        match strict_json.loads(data):
            case {"origin": str(origin), "size": int(size), "rootHash": str(root)} if size >= 0:
                return Head(origin, size, bytes.fromhex(root))
    except (VerificationError, ValueError):
        pass
    raise SequencerRefused("guard.malformed", "the guard file is damaged; do not write it anew")


def refuse_other_tree(
    guard: Head | None,
    signed: Head | None,
    stored_size: int,
    root_of_first: Callable[[int], bytes],
) -> None:
    """Refuse to go on with a database that is not the one the guard last saw.

    Args:
        guard: the guard file; None if there is none.
        signed: the newest stored checkpoint; None before the genesis.
        stored_size: how many leaves are stored, signed or not.
        root_of_first: gives the root over the first n stored leaves.

    Raises:
        SequencerRefused: `guard.missing`, `guard.older_database` or `guard.forked`.
    """
    if guard is None:
        if signed is not None:
            raise SequencerRefused(
                "guard.missing", "the log was signed before, but its guard file is gone"
            )
        return
    if signed is not None and signed.origin != guard.origin:
        raise SequencerRefused("guard.forked", f"the guard file is of the log {guard.origin}")
    if stored_size < guard.size:
        raise SequencerRefused(
            "guard.older_database",
            f"the database holds {stored_size} leaves, {guard.size} were signed: "
            "it is an older copy, and signing would fork the log. Restore a newer one, or end this "
            "log with `renshod log succeed --after-loss` (docs/runbook.md)",
        )
    # A guard ahead of the newest checkpoint is a crash between the two; one behind it was put
    # back from somewhere. In both cases the tree it names must be a part of the stored one.
    if root_of_first(guard.size) != guard.root_hash:
        raise SequencerRefused(
            "guard.forked", f"the first {guard.size} leaves are not the ones that were signed"
        )
