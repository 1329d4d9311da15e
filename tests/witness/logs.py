"""A log in memory that signs whatever it is told to: also two histories under one key."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rensho import checkpoint, merkle, strict_base64
from rensho.keys import PrivateKey


@dataclass
class SomeLog:
    """Leaves under a key; `forked` gives another history with the same key and beginning."""

    origin: str = "log.rensho.example"
    key: PrivateKey = field(default_factory=lambda: PrivateKey.generate("ed25519"))
    hashes: list[bytes] = field(default_factory=list)

    def grow(self, count: int, mark: str = "leaf") -> SomeLog:
        size = len(self.hashes)
        self.hashes += [merkle.leaf_hash(f"{mark} {size + n}".encode()) for n in range(count)]
        return self

    def forked(self, at: int) -> SomeLog:
        return SomeLog(self.origin, self.key, self.hashes[:at])

    def root(self, size: int | None = None) -> bytes:
        return merkle.root(self.hashes[:size])

    def note(self, size: int | None = None) -> bytes:
        size = len(self.hashes) if size is None else size
        return checkpoint.sign(self.origin, size, self.root(size), self.key)

    def proof(self, old: int, size: int | None = None) -> list[bytes]:
        size = len(self.hashes) if size is None else size
        return merkle.consistency_proof(self.hashes, old, size)

    def request(self, old: int, size: int | None = None) -> bytes:
        return request(old, self.proof(old, size), self.note(size))


def request(old: int, proof: Sequence[bytes], note: bytes) -> bytes:
    """The body of an add-checkpoint request."""
    lines = [f"old {old}", *map(strict_base64.encode, proof), "", ""]
    return "\n".join(lines).encode() + note
