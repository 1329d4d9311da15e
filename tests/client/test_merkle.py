from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rensho import merkle

from tests.client.refused import refused

LEAVES = st.lists(st.binary(max_size=4), max_size=70).map(
    lambda entries: [merkle.leaf_hash(entry) for entry in entries]
)


def by_definition(leaves: list[bytes]) -> bytes:
    """MTH of RFC 6962 section 2.1, as it is written there."""
    if len(leaves) < 2:
        return leaves[0] if leaves else hashlib.sha256().digest()
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return merkle.node_hash(by_definition(leaves[:split]), by_definition(leaves[split:]))


def tree(size: int) -> list[bytes]:
    return [merkle.leaf_hash(bytes([index])) for index in range(size)]


def test_leaves_and_nodes_are_told_apart_by_their_first_byte() -> None:
    assert merkle.leaf_hash(b"x") == hashlib.sha256(b"\x00x").digest()
    assert merkle.node_hash(b"l", b"r") == hashlib.sha256(b"\x01lr").digest()


def test_the_empty_tree_has_the_hash_of_nothing_as_root() -> None:
    assert merkle.root([]) == merkle.EMPTY_ROOT == hashlib.sha256(b"").digest()


@given(LEAVES)
def test_the_root_is_the_one_of_the_definition(leaves: list[bytes]) -> None:
    assert merkle.root(leaves) == by_definition(leaves)


@given(LEAVES.filter(len), st.data())
def test_every_leaf_is_proved_and_no_altered_proof_passes(
    leaves: list[bytes], data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, len(leaves)))
    index = data.draw(st.integers(0, size - 1))
    proof = merkle.inclusion_proof(leaves, index, size)
    root = merkle.root(leaves[:size])
    merkle.verify_inclusion(leaves[index], index, size, proof, root)
    other = merkle.leaf_hash(b"not in the tree")
    for leaf, path, head in (
        (other, proof, root),
        (leaves[index], proof, other),
        (leaves[index], [*proof, other], root),
        (leaves[index], [other, *proof[1:]], root) if proof else (other, proof, root),
        (leaves[index], proof[:-1], root) if proof else (other, proof, root),
        (leaves[index], proof, root[:-1]),
        (leaves[index], [root[:-1]], root),
    ):
        with refused("log.inclusion"):
            merkle.verify_inclusion(leaf, index, size, path, head)


@given(LEAVES, st.data())
def test_every_prefix_is_proved_and_no_altered_proof_passes(
    leaves: list[bytes], data: st.DataObject
) -> None:
    size2 = data.draw(st.integers(0, len(leaves)))
    size1 = data.draw(st.integers(0, size2))
    proof = merkle.consistency_proof(leaves, size1, size2)
    root1, root2 = merkle.root(leaves[:size1]), merkle.root(leaves[:size2])
    merkle.verify_consistency(size1, size2, proof, root1, root2)
    other = merkle.leaf_hash(b"not in the tree")
    forged = [([*proof, other], root1, root2), (proof, other, root2)]
    if size1 > 0:
        forged.append((proof, root1, other))
    if proof:
        forged += [(proof[:-1], root1, root2), ([other, *proof[1:]], root1, root2)]
    for path, head1, head2 in forged:
        with refused("log.split_view"):
            merkle.verify_consistency(size1, size2, path, head1, head2)


def test_all_small_trees_are_proved_in_full() -> None:
    leaves = tree(33)
    for size in range(34):
        root = merkle.root(leaves[:size])
        for index in range(size):
            proof = merkle.inclusion_proof(leaves, index, size)
            merkle.verify_inclusion(leaves[index], index, size, proof, root)
        for smaller in range(size + 1):
            proof = merkle.consistency_proof(leaves, smaller, size)
            merkle.verify_consistency(smaller, size, proof, merkle.root(leaves[:smaller]), root)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0), (0, -1), (4, 5)])
def test_a_leaf_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    with refused("log.inclusion"):
        merkle.inclusion_proof(tree(4), index, size)
    if not 0 <= index < size:
        with refused("log.inclusion"):
            merkle.verify_inclusion(bytes(32), index, size, [], bytes(32))


@pytest.mark.parametrize(("size1", "size2"), [(-1, 3), (3, 2), (2, 5)])
def test_sizes_outside_the_tree_have_no_proof(size1: int, size2: int) -> None:
    with refused("log.split_view"):
        merkle.consistency_proof(tree(4), size1, size2)


def test_the_empty_tree_is_the_start_of_every_tree_and_of_nothing_else() -> None:
    root = merkle.root(tree(3))
    merkle.verify_consistency(0, 3, [], merkle.EMPTY_ROOT, root)
    with refused("log.split_view"):
        merkle.verify_consistency(0, 3, [], root, root)
    with refused("log.split_view"):
        merkle.verify_consistency(0, 0, [], merkle.EMPTY_ROOT, root)
    with refused("log.split_view"):
        merkle.verify_consistency(1, 3, [root[:-1]], root, root)
    with refused("log.split_view"):
        merkle.verify_consistency(0, 3, [root], merkle.EMPTY_ROOT, root)


def test_a_missing_consistency_proof_is_refused() -> None:
    leaves = tree(5)
    with refused("log.split_view"):
        merkle.verify_consistency(3, 5, [], merkle.root(leaves[:3]), merkle.root(leaves))


def test_a_smaller_second_tree_is_refused() -> None:
    with refused("log.split_view"):
        merkle.verify_consistency(5, 3, [], bytes(32), bytes(32))


@given(
    st.integers(-2, 2**70),
    st.integers(-2, 2**70),
    st.lists(st.binary(min_size=31, max_size=32), max_size=70),
)
def test_nothing_but_its_codes_leaves_the_verifier(one: int, two: int, proof: list[bytes]) -> None:
    """The root of an empty tree is no root of any proof drawn here."""
    with refused("log.inclusion"):
        merkle.verify_inclusion(bytes(32), one, two, proof, merkle.EMPTY_ROOT)
    with refused("log.split_view"):
        merkle.verify_consistency(one, two, proof, bytes(32), merkle.EMPTY_ROOT)
