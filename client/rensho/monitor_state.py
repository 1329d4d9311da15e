"""What a monitor remembers of each log between two looks, as one JSON file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, Final

from rensho import jcs, strict_json, times
from rensho.errors import VerificationError
from rensho.merkle import EMPTY_ROOT, node_hash

MAX_STATE: Final = 64 * 1024 * 1024
_VERSION: Final = 1


@dataclass(slots=True)
class Tail:
    """One log as far as it was read.

    `peaks` are the roots of the complete subtrees of its first `size` leaves, `note` the signed
    head of them. `mine` is leaf index and key id of each statement under a watched key. `ahead` are
    roots, by size, that must come out on the way; `greatest` is the greatest size ever signed.
    """

    size: int = 0
    peaks: list[bytes] = field(default_factory=list)
    note: str = ""
    mine: dict[str, tuple[int, str]] = field(default_factory=dict)
    ahead: dict[int, bytes] = field(default_factory=dict)
    greatest: int = 0

    @property
    def root(self) -> bytes:
        """The root over what was read."""
        if not self.peaks:
            return EMPTY_ROOT
        found = self.peaks[-1]
        for left in reversed(self.peaks[:-1]):
            found = node_hash(left, found)
        return found

    def growing(self) -> Tail:
        """Return a copy to add leaves to."""
        return replace(self, peaks=list(self.peaks), mine=dict(self.mine), ahead=dict(self.ahead))

    def add(self, leaf_hash: bytes) -> bool:
        """Append a leaf; return whether the tree is the one any head of this size must be of."""
        count = self.size
        while count & 1:
            leaf_hash = node_hash(self.peaks.pop(), leaf_hash)
            count >>= 1
        self.peaks.append(leaf_hash)
        self.size += 1
        return self.size not in self.ahead or self.ahead.pop(self.size) == self.root

    def passes(self, size: int, root_hash: bytes) -> bool:
        """Whether a head fits what is known: equal at this size, or not contradicted ahead."""
        known = self.root if size == self.size else self.ahead.get(size, root_hash)
        return known == root_hash

    def must_pass(self, size: int, root_hash: bytes) -> Tail:
        """Return it with one more root that must come out; one behind or right here is known."""
        if size <= self.size:
            return self
        return replace(self, ahead={**self.ahead, size: root_hash})

    def signed(self, size: int, root_hash: bytes) -> Tail:
        """Return it with one more signed head: its root must come out, its size not shrink."""
        return replace(self.must_pass(size, root_hash), greatest=max(self.greatest, size))

    def done(self, note: str) -> Tail:
        """Return it with the signed head that all of it led to."""
        return replace(self, note=note, greatest=max(self.greatest, self.size))

    def again(self) -> Tail:
        """Return it as if nothing was read yet, with its head one that must come out."""
        begun = Tail(note=self.note, ahead=self.ahead, greatest=self.greatest)
        return begun.must_pass(self.size, self.root)


@dataclass(frozen=True, slots=True)
class State:
    """Everything remembered: logs by origin, the keys all entries were searched for, promises
    that were kept, and the time on the newest head (UTC).
    """

    logs: Mapping[str, Tail] = field(default_factory=dict)
    keys: frozenset[str] = frozenset()
    kept: frozenset[str] = frozenset()
    seen_at: datetime | None = None

    def prepared(self, keys: frozenset[str]) -> State:
        """Return it fit for a search for `keys`: a new one means to read all entries again.

        What is read from here on is searched for no others, so only these are remembered.
        """
        if keys <= self.keys:
            return replace(self, keys=keys)
        logs = {origin: tail.again() for origin, tail in self.logs.items()}
        return replace(self, logs=logs, keys=keys)

    def to_bytes(self) -> bytes:
        """Return the file."""
        return jcs.dumps(
            {
                "version": _VERSION,
                "logs": {origin: _tail_json(tail) for origin, tail in self.logs.items()},
                "keys": sorted(self.keys),
                "kept": sorted(self.kept),
                "seenAt": times.write(self.seen_at) if self.seen_at else None,
            }
        )

    @classmethod
    def load(cls, data: bytes) -> State:
        """Read the file. Raises `json.malformed` for one this version did not write."""
        try:
            value = strict_json.loads(data)
            if value["version"] != _VERSION:
                raise VerificationError("json.malformed", "a monitor's file of another version")
            seen_at = value["seenAt"]
            return cls(
                logs={origin: _tail(one) for origin, one in value["logs"].items()},
                keys=frozenset(value["keys"]),
                kept=frozenset(value["kept"]),
                seen_at=times.read(seen_at) if seen_at else None,
            )
        except (LookupError, TypeError, ValueError, AttributeError) as why:
            raise VerificationError("json.malformed", "not the memory of a monitor") from why


def _tail_json(tail: Tail) -> dict[str, Any]:
    return {
        "size": tail.size,
        "peaks": [peak.hex() for peak in tail.peaks],
        "note": tail.note,
        "mine": {name: list(place) for name, place in tail.mine.items()},
        "ahead": {str(size): root.hex() for size, root in tail.ahead.items()},
        "greatest": tail.greatest,
    }


def _tail(value: Any) -> Tail:
    found = Tail(
        size=int(value["size"]),
        peaks=[bytes.fromhex(peak) for peak in value["peaks"]],
        note=str(value["note"]),
        mine={str(name): (int(at), str(key)) for name, (at, key) in value["mine"].items()},
        ahead={int(size): bytes.fromhex(root) for size, root in value["ahead"].items()},
        greatest=int(value["greatest"]),
    )
    if len(found.peaks) != found.size.bit_count():
        msg = "these are not the peaks of this many leaves"
        raise ValueError(msg)
    return found
