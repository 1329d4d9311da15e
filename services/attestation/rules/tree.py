"""Where the hashes of an RFC 6962 tree are stored, and which of them a root or proof needs.

A node (level, number) is the root of the complete subtree over the leaves
`number * 2**level ... (number + 1) * 2**level - 1`; level 0 are the leaves. Only complete subtrees
are stored, so a stored node never changes.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from rensho.merkle import EMPTY_ROOT, node_hash, parents


class Node(NamedTuple):
    """The place of a stored hash."""

    level: int
    number: int


class Row(NamedTuple):
    """Adjacent nodes of one level, `first` the number of the first."""

    level: int
    first: int
    hashes: list[bytes]


def cover(start: int, end: int) -> tuple[Node, ...]:
    """Return the complete subtrees that make up leaves `start` to `end - 1`, left to right.

    `start` must be a multiple of the largest power of two within the range, as the starts of all
    ranges of an RFC 6962 path are.
    """
    nodes = []
    while start < end:
        level = (end - start).bit_length() - 1
        nodes.append(Node(level, start >> level))
        start += 1 << level
    return tuple(nodes)


def fold(hashes: Sequence[bytes]) -> bytes:
    """Return the root over adjacent complete subtrees, left to right; of none, the empty root."""
    if not hashes:
        return EMPTY_ROOT
    found = hashes[-1]
    for left in reversed(hashes[:-1]):
        found = node_hash(left, found)
    return found


def inclusion(index: int, size: int) -> tuple[tuple[Node, ...], ...]:
    """Return, per hash of the inclusion proof (RFC 6962 section 2.1.1), the nodes it folds."""
    path = []
    start, end = 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            path.append(cover(middle, end))
            end = middle
        else:
            path.append(cover(start, middle))
            start = middle
    return tuple(reversed(path))


def consistency(size1: int, size2: int) -> tuple[tuple[Node, ...], ...]:
    """Return, per hash of the consistency proof (RFC 6962 section 2.1.2), the nodes it folds."""
    if size1 in (0, size2):
        return ()
    path = []
    start, end = 0, size2
    while size1 != end:
        middle = start + _split(end - start)
        if size1 <= middle:
            path.append(cover(middle, end))
            end = middle
        else:
            path.append(cover(start, middle))
            start = middle
    if start:
        path.append(cover(start, end))
    return tuple(reversed(path))


def rows(size: int, peaks: Sequence[bytes], leaf_hashes: Sequence[bytes]) -> Iterator[Row]:
    """Yield what becomes complete when leaves are appended to a tree of `size`, level by level.

    Args:
        peaks: the hashes of `cover(0, size)`.
    """
    edge = dict(zip(cover(0, size), peaks, strict=True))
    level, first, hashes = 0, size, list(leaf_hashes)
    while hashes:
        yield Row(level, first, hashes)
        if first & 1:
            # The left neighbour of the first new one has waited for it as a peak.
            hashes = [edge[Node(level, first - 1)], *hashes]
        level, first, hashes = level + 1, first >> 1, parents(hashes)


def grow(
    size: int, peaks: Sequence[bytes], leaf_hashes: Iterable[bytes]
) -> Iterator[tuple[Node, bytes]]:
    """Yield every node of `rows` with its place."""
    for level, first, hashes in rows(size, peaks, list(leaf_hashes)):
        for number, found in enumerate(hashes, start=first):
            yield Node(level, number), found


def extend(size: int, peaks: Sequence[bytes], leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the root after appending leaves: the second way, a stack without stored nodes.

    The sequencer compares it with what `grow` stored before it signs; one function for both would
    agree with itself.
    """
    widths = [1 << node.level for node in cover(0, size)]
    stack = list(zip(widths, peaks, strict=True))
    for leaf_hash in leaf_hashes:
        stack.append((1, leaf_hash))
        while len(stack) > 1 and stack[-1][0] == stack[-2][0]:
            (width, right), (_, left) = stack.pop(), stack.pop()
            stack.append((2 * width, node_hash(left, right)))
    return fold([found for _, found in stack])


def proof(path: Iterable[Sequence[Node]], stored: Mapping[Node, bytes]) -> list[bytes]:
    """Return the hashes of a proof out of the stored nodes its `path` names."""
    return [fold([stored[node] for node in nodes]) for nodes in path]


def _split(size: int) -> int:
    return 1 << ((size - 1).bit_length() - 1)
