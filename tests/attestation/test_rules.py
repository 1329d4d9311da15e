"""Tree places, tiles, guard and batch order, without a database."""

from __future__ import annotations

from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rensho import merkle
from rensho.predicates import TypeName

from services.attestation.rules import guard, tiles, tree
from services.attestation.rules.batch import Queued, in_log_order
from services.attestation.rules.guard import Head, SequencerRefused, refuse_other_tree

LEAVES = [merkle.leaf_hash(bytes([n])) for n in range(200)]


@given(st.integers(0, 200), st.integers(0, 200))
def test_stored_nodes_give_the_roots_and_proofs_of_the_client(one: int, other: int) -> None:
    small, large = sorted((one, other))
    before = dict(tree.grow(0, [], LEAVES[:small]))
    peaks = [before[node] for node in tree.cover(0, small)]
    stored = before | dict(tree.grow(small, peaks, LEAVES[small:large]))
    assert tree.fold([stored[n] for n in tree.cover(0, large)]) == merkle.root(LEAVES[:large])
    assert tree.extend(small, peaks, LEAVES[small:large]) == merkle.root(LEAVES[:large])
    proof = tree.proof(tree.consistency(small, large), stored)
    assert proof == merkle.consistency_proof(LEAVES, small, large)
    for index in {0, small, large - 1} & set(range(large)):
        proof = tree.proof(tree.inclusion(index, large), stored)
        assert proof == merkle.inclusion_proof(LEAVES, index, large)


@pytest.mark.parametrize(
    ("number", "width", "path"),
    [
        (0, 256, "000"),
        (5, 7, "005.p/7"),
        (1234067, 256, "x001/x234/067"),
        (1000, 1, "x001/000.p/1"),
    ],
)
def test_tile_paths_are_those_of_the_specification(number: int, width: int, path: str) -> None:
    assert tiles.path(number, width) == path
    assert tiles.parse("0", path, (number + 1) * 256) == tiles.Tile(0, number, width)


@pytest.mark.parametrize(
    ("level", "path"),
    [
        ("0", "00"),
        ("0", "1"),
        ("0", "000.p/0"),
        ("0", "000.p/256"),
        ("0", "x000/001"),
        ("0", "001/002"),
        ("0", "002"),
        ("0", "001.p/45"),
        ("1", "000"),
        ("1", "000.p/2"),
        ("64", "000.p/1"),
        ("00", "000"),
        ("-1", "000"),
        ("0", "000/"),
    ],
)
def test_a_tile_beyond_the_tree_or_misspelt_is_not_there(level: str, path: str) -> None:
    with pytest.raises(tiles.NoSuchTile):
        tiles.parse(level, path, 300)


def test_a_tree_of_300_leaves_has_these_tiles() -> None:
    assert tiles.parse("0", "000", 300).width == 256
    assert tiles.parse("0", "001.p/44", 300).nodes[-1] == (0, 299)
    assert tiles.parse("1", "000.p/1", 300).nodes == ((8, 0),)
    assert tiles.parse("entries", "001.p/1", 300).first == 256


def test_an_entry_bundle_holds_each_leaf_behind_its_length() -> None:
    assert tiles.entries([b"ab", b""]) == b"\x00\x02ab\x00\x00"
    with pytest.raises(ValueError, match="65,535"):
        tiles.entries([b"x" * 65536])


def _root(size: int) -> bytes:
    return merkle.root(LEAVES[:size])


HERE = Head("log.rensho.example", 7, _root(7))


@pytest.mark.parametrize(
    ("remembered", "signed", "stored"),
    [
        (None, None, 0),
        (HERE, HERE, 7),
        (HERE, HERE, 9),
        (HERE, Head(HERE.origin, 5, _root(5)), 7),
        (Head(HERE.origin, 5, _root(5)), HERE, 7),
        (Head(HERE.origin, 0, merkle.EMPTY_ROOT), None, 0),
    ],
)
def test_the_guard_lets_its_own_tree_pass(
    remembered: Head | None, signed: Head | None, stored: int
) -> None:
    refuse_other_tree(remembered, signed, stored, _root)


@pytest.mark.parametrize(
    ("remembered", "signed", "stored", "code"),
    [
        (None, HERE, 7, "guard.missing"),
        (HERE, Head(HERE.origin, 5, _root(5)), 5, "guard.older_database"),
        (HERE, None, 0, "guard.older_database"),
        (Head(HERE.origin, 7, _root(6)), HERE, 7, "guard.forked"),
        (Head("other.example", 7, _root(7)), HERE, 7, "guard.forked"),
    ],
)
def test_the_guard_refuses_another_tree(
    remembered: Head | None, signed: Head | None, stored: int, code: str
) -> None:
    with pytest.raises(SequencerRefused) as why:
        refuse_other_tree(remembered, signed, stored, _root)
    assert why.value.code == code


def test_a_guard_file_reads_back_and_a_damaged_one_is_refused() -> None:
    data = guard.write(HERE)
    assert guard.read(data) == HERE
    for damaged in (b"", data[:-2], data.replace(b'"size":7', b'"size":-7'), b"[]"):
        with pytest.raises(SequencerRefused, match=r"guard\.malformed"):
            guard.read(damaged)


def _queued(submission: int, kind: TypeName, place: int) -> Queued:
    return Queued(f"{submission}-{kind}-{place}", UUID(int=submission), kind, place)


@given(st.randoms(use_true_random=False), st.permutations(range(7)))
def test_key_events_come_first_and_a_declaration_last(random: object, order: list[int]) -> None:
    listed = [
        _queued(1, "declaration", 0),
        _queued(1, "ai-governance", 1),
        _queued(1, "ai-governance", 2),
        _queued(2, "request", 0),
        _queued(3, "declaration", 0),
        _queued(8, "key-event", 5),
        _queued(9, "key-event", 4),
    ]
    found = in_log_order((listed[n] for n in order), random.shuffle)  # type: ignore[attr-defined]
    assert [one.place for one in found[:2]] == [4, 5]
    mine = [one for one in found if one.submission_id == UUID(int=1)]
    assert [one.place for one in mine] == [1, 2, 0]
    starts = [found.index(one) for one in mine]
    assert starts == list(range(starts[0], starts[0] + 3))
    assert sorted(found, key=repr) == sorted(listed, key=repr)
