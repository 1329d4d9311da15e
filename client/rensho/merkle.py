"""The RFC 6962 SHA-256 tree: roots, proofs, and their verification.

Hashes are 32 raw bytes; a proof is a list of them, deepest first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from typing import Final

from rensho.errors import VerificationError

HASH_SIZE: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""Root of the tree of size 0."""


def leaf_hash(data: bytes) -> bytes:
    """Hash one entry: sha256(0x00 || data)."""
    return hashlib.sha256(b"\x00" + data).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two children: sha256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def leaf_hashes(entries: Iterable[bytes]) -> list[bytes]:
    """Return `leaf_hash` of each entry; a whole batch costs half of as many calls."""
    return [hashlib.sha256(b"\x00" + data).digest() for data in entries]


def parents(row: Sequence[bytes]) -> list[bytes]:
    """Return `node_hash` of each two neighbours; of an odd row the last one is left alone."""
    pairs = zip(row[::2], row[1::2], strict=False)
    return [hashlib.sha256(b"\x01" + left + right).digest() for left, right in pairs]


def root(leaf_hashes: Iterable[bytes]) -> bytes:
    """Root over hashes of leaves, in one pass and O(log n) memory."""
    peaks: list[bytes] = []
    for count, current in enumerate(leaf_hashes):
        peak = current
        bits = count
        while bits & 1:
            peak = node_hash(peaks.pop(), peak)
            bits >>= 1
        peaks.append(peak)
    if not peaks:
        return EMPTY_ROOT
    found = peaks.pop()
    while peaks:
        found = node_hash(peaks.pop(), found)
    return found


def inclusion_proof(leaf_hashes: Sequence[bytes], index: int, size: int) -> list[bytes]:
    """Path from leaf `index` to the root of the first `size` leaves (RFC 6962 section 2.1.1).

    Raises `log.inclusion` unless 0 <= index < size <= number of leaves.
    """
    if not 0 <= index < size <= len(leaf_hashes):
        raise VerificationError("log.inclusion", "no such leaf")
    proof: list[bytes] = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(root(leaf_hashes[middle:end]))
            end = middle
        else:
            proof.append(root(leaf_hashes[start:middle]))
            start = middle
    return proof[::-1]


def consistency_proof(leaf_hashes: Sequence[bytes], size1: int, size2: int) -> list[bytes]:
    """Prove that the first `size2` leaves extend the first `size1` (RFC 6962 section 2.1.2).

    Empty where `size1` is 0 or equals `size2`. Raises `log.split_view` unless
    0 <= size1 <= size2 <= number of leaves.
    """
    if not 0 <= size1 <= size2 <= len(leaf_hashes):
        raise VerificationError("log.split_view", "no such sizes")
    if size1 in (0, size2):
        return []
    proof: list[bytes] = []
    start, end = 0, size2
    while size1 != end:
        middle = start + _split(end - start)
        if size1 <= middle:
            proof.append(root(leaf_hashes[middle:end]))
            end = middle
        else:
            proof.append(root(leaf_hashes[start:middle]))
            start = middle
    if start:
        proof.append(root(leaf_hashes[start:end]))
    return proof[::-1]


def verify_inclusion(
    leaf_hash: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that the tree of `size` and `root` holds `leaf_hash` at `index` (RFC 9162 2.1.3.2).

    Raises `log.inclusion`.
    """
    if not 0 <= index < size or not _are_hashes([leaf_hash, root, *proof]):
        raise VerificationError("log.inclusion", "index, size or hashes are malformed")
    node, last = index, size - 1
    found = leaf_hash
    for sibling in proof:
        if last == 0:
            raise VerificationError("log.inclusion", "proof is too long")
        if node & 1 or node == last:
            found = node_hash(sibling, found)
            while not node & 1:
                node >>= 1
                last >>= 1
        else:
            found = node_hash(found, sibling)
        node >>= 1
        last >>= 1
    if last != 0 or found != root:
        raise VerificationError("log.inclusion")


def verify_consistency(
    size1: int, size2: int, proof: Sequence[bytes], root1: bytes, root2: bytes
) -> None:
    """Check that tree 2 extends tree 1 (RFC 9162 section 2.1.4.2). Raises `log.split_view`.

    From size 0 the proof is empty and `root1` is `EMPTY_ROOT`.
    """
    if not 0 <= size1 <= size2:
        raise VerificationError("log.split_view", "sizes are malformed")
    if size1 in (0, size2):
        # One size, one root; and every tree grew out of the empty one.
        if proof or root1 != (root2 if size1 == size2 else EMPTY_ROOT):
            raise VerificationError("log.split_view")
        return
    if not _are_hashes([root1, root2, *proof]):
        raise VerificationError("log.split_view", "hashes are malformed")
    # A tree of 2^k leaves is a node of the greater one: its root starts the path unsaid.
    path = list(proof) if size1 & (size1 - 1) else [root1, *proof]
    if not path or _walk(size1, size2, path) != (root1, root2):
        raise VerificationError("log.split_view")


def _walk(size1: int, size2: int, path: Sequence[bytes]) -> tuple[bytes, bytes] | None:
    """Both roots a consistency path leads to; None where it is too long or too short."""
    node, last = size1 - 1, size2 - 1
    while node & 1:
        node >>= 1
        last >>= 1
    found1 = found2 = path[0]
    for sibling in path[1:]:
        if last == 0:
            return None
        if node & 1 or node == last:
            found1 = node_hash(sibling, found1)
            found2 = node_hash(sibling, found2)
            while not node & 1:
                node >>= 1
                last >>= 1
        else:
            found2 = node_hash(found2, sibling)
        node >>= 1
        last >>= 1
    return (found1, found2) if last == 0 else None


def _split(size: int) -> int:
    """Largest power of two below `size`."""
    return 1 << ((size - 1).bit_length() - 1)


def _are_hashes(candidates: Sequence[bytes]) -> bool:
    return all(len(candidate) == HASH_SIZE for candidate in candidates)
