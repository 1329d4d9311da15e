"""Appending a million leaves beside as many bare hashes, and beside pymerkle."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from pymerkle import InmemoryTree  # type: ignore[import-untyped]
from rensho import merkle

from services.attestation.rules import tree
from tests.bench.measuring import Line, Rounds, cpu

_LEAVES = 1_000_000
_BATCH = 256
# pymerkle gets slower with every leaf: a smaller tree is in its favour.
_FOREIGN_LEAVES = 20_000
_ROUNDS = 5
_LEAF = bytes(range(65))


def _bare() -> None:
    for _ in range(2 * _LEAVES):
        hashlib.sha256(_LEAF).digest()


def _append(entries: Sequence[bytes], size: int, peaks: Sequence[bytes]) -> list[bytes]:
    """Append a batch as the sequencer does; return the peaks of the tree that came out."""
    new = tree.rows(size, peaks, merkle.leaf_hashes(entries))
    edge = dict(zip(tree.cover(0, size), peaks, strict=True))
    for level, first, hashes in new:
        last = first + len(hashes) - 1
        edge[tree.Node(level, last)] = hashes[-1]
        edge[tree.Node(level, first)] = hashes[0]
    return [edge[node] for node in tree.cover(0, size + len(entries))]


def _bulk(entries: Sequence[bytes]) -> bytes:
    return tree.fold(_append(entries, 0, []))


def _batches(entries: Sequence[bytes]) -> bytes:
    peaks: list[bytes] = []
    root = merkle.EMPTY_ROOT
    for start in range(0, len(entries), _BATCH):
        peaks = _append(entries[start : start + _BATCH], start, peaks)
        root = tree.fold(peaks)
    return root


def _foreign(entries: Sequence[bytes]) -> bytes:
    other = InmemoryTree(algorithm="sha256")
    for entry in entries:
        other.append_entry(entry)
    root: bytes = other.get_root()
    return root


def lines() -> list[Line]:
    """Measure, after making sure that all of them build the same tree."""
    entries = [number.to_bytes(32, "big") for number in range(_LEAVES)]
    few = entries[:_FOREIGN_LEAVES]
    wanted = merkle.root(merkle.leaf_hashes(few))
    assert _bulk(few) == _batches(few) == _foreign(few) == wanted
    rounds = Rounds(
        {
            "bare": _bare,
            "bulk": lambda: _bulk(entries),
            "batches": lambda: _batches(entries),
            "foreign": lambda: _foreign(few),
        },
        _ROUNDS,
        cpu,
    )
    scale = _LEAVES / _FOREIGN_LEAVES
    ways = (("bulk", "at once", 0.65, 5.0), ("batches", f"by {_BATCH}", None, None))
    return [
        line
        for name, how, to_bare, to_foreign in ways
        for line in (
            Line(
                f"Merkle append of {_LEAVES:,} leaves {how}, and root",
                f"bare loop of {2 * _LEAVES:,} sha256",
                rounds.rate(name, _LEAVES),
                rounds.rate("bare", _LEAVES),
                rounds.ratio(name, "bare"),
                to_bare,
            ),
            Line(
                f"Merkle append of {_LEAVES:,} leaves {how}, and root",
                f"pymerkle InmemoryTree, {_FOREIGN_LEAVES:,} leaves",
                rounds.rate(name, _LEAVES),
                rounds.rate("foreign", _FOREIGN_LEAVES),
                rounds.ratio(name, "foreign", scale),
                to_foreign,
            ),
        )
    ]
