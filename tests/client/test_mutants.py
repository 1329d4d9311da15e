"""What mutation testing showed the other tests to overlook: `docs/mutants.md`."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime
from typing import Any

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from rensho import checkpoint, merkle
from rensho.checkpoint import NoteKey
from rensho.keys import PrivateKey, PublicKey

from tests.client.refused import refused

TREE = merkle.leaf_hashes(bytes([number]) for number in range(40))
LOG = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
WITNESS = ed25519.Ed25519PrivateKey.from_private_bytes(bytes(range(1, 33)))
BODY = f"log.example\n1\n{base64.b64encode(bytes(32)).decode()}\n"
TYPE = b"\x01"
LAST_SECOND = 253402300799


def _line(name: str, kind: bytes, key: ed25519.Ed25519PrivateKey, blob: bytes) -> str:
    """A signature line, written from the C2SP text and not by our code."""
    raw = key.public_key().public_bytes_raw()
    key_hash = hashlib.sha256(name.encode() + b"\n" + kind + raw).digest()[:4]
    return f"\N{EM DASH} {name} {base64.b64encode(key_hash + blob).decode()}\n"


def _cosigned(seconds: int, body: str = BODY) -> str:
    signed = WITNESS.sign(f"cosignature/v1\ntime {seconds}\n{body}".encode())
    return _line("w.example", b"\x04", WITNESS, seconds.to_bytes(8, "big") + signed)


LOG_LINE = _line("log.example", b"\x01", LOG, LOG.sign(BODY.encode()))
KEYS = (
    NoteKey("log.example", LOG.public_key().public_bytes_raw()),
    NoteKey("w.example", WITNESS.public_key().public_bytes_raw(), "cosignature"),
)


@pytest.mark.parametrize("size", range(1, len(TREE) + 1))
def test_every_proof_of_every_small_tree_holds(size: int) -> None:
    root = merkle.root(TREE[:size])
    for index in range(size):
        proof = merkle.inclusion_proof(TREE, index, size)
        merkle.verify_inclusion(TREE[index], index, size, proof, root)
    for smaller in range(size + 1):
        proof = merkle.consistency_proof(TREE, smaller, size)
        merkle.verify_consistency(smaller, size, proof, merkle.root(TREE[:smaller]), root)


def test_many_leaves_are_hashed_as_single_ones() -> None:
    entries = [b"", b"a", b"\x00" * 70]
    assert merkle.leaf_hashes(entries) == [merkle.leaf_hash(one) for one in entries]
    assert merkle.parents(TREE[:5]) == [
        merkle.node_hash(TREE[0], TREE[1]),
        merkle.node_hash(TREE[2], TREE[3]),
    ]


@pytest.mark.parametrize(("index", "size"), [(0, 0), (-1, 1), (1, 1)])
def test_a_place_outside_the_tree_is_refused_even_where_the_hashes_agree(
    index: int, size: int
) -> None:
    with refused("log.inclusion"):
        merkle.verify_inclusion(TREE[0], index, size, [], TREE[0])


@pytest.mark.parametrize("short", [b"", b"x", bytes(31), bytes(33)])
def test_what_is_no_hash_is_refused_even_where_it_agrees(short: bytes) -> None:
    with refused("log.inclusion"):
        merkle.verify_inclusion(short, 0, 1, [], short)
    long = merkle.node_hash(TREE[0], short)
    with refused("log.inclusion"):
        merkle.verify_inclusion(TREE[0], 0, 2, [short], long)
    with refused("log.split_view"):
        merkle.verify_consistency(1, 2, [short], TREE[0], long)


@pytest.mark.parametrize(("smaller", "size"), [(-1, -1), (-1, 0), (2, 1)])
def test_sizes_that_are_none_are_refused_even_where_the_roots_agree(
    smaller: int, size: int
) -> None:
    with refused("log.split_view"):
        merkle.verify_consistency(smaller, size, [], TREE[0], TREE[0])


@pytest.mark.parametrize("seconds", [0, 1_700_000_000, LAST_SECOND])
def test_a_note_written_from_the_standard_opens(seconds: int) -> None:
    found = checkpoint.open(f"{BODY}\n{LOG_LINE}{_cosigned(seconds)}".encode(), KEYS)
    assert (found.origin, found.size, found.root_hash) == ("log.example", 1, bytes(32))
    assert found.cosigned_at == {KEYS[1]: datetime.fromtimestamp(seconds, UTC)}


def test_the_first_second_no_calendar_has_is_malformed() -> None:
    with refused("checkpoint.malformed"):
        checkpoint.open(f"{BODY}\n{LOG_LINE}{_cosigned(LAST_SECOND + 1)}".encode(), KEYS)


def test_a_note_the_log_did_not_sign_like_this_is_refused() -> None:
    other = BODY.replace("\n1\n", "\n2\n")
    with refused("checkpoint.signature"):
        checkpoint.open(f"{other}\n{LOG_LINE}".encode(), KEYS)


@pytest.mark.parametrize(("size", "code"), [(2**53 - 1, None), (2**53, "checkpoint.malformed")])
def test_a_tree_is_as_large_as_a_json_number(size: int, code: Any) -> None:
    body = BODY.replace("\n1\n", f"\n{size}\n")
    note = f"{body}\n{_line('log.example', TYPE, LOG, LOG.sign(body.encode()))}".encode()
    if code is None:
        assert checkpoint.open(note, KEYS).size == size
    else:
        with refused(code):
            checkpoint.open(note, KEYS)


@pytest.mark.parametrize(("lines", "code"), [(27, None), (28, "input.too_many_items")])
def test_a_note_has_thirty_two_lines(lines: int, code: Any) -> None:
    note = f"{BODY}\n{LOG_LINE}" + _line("x.example", TYPE, WITNESS, bytes(64)) * lines
    assert note.count("\n") == 5 + lines
    if code is None:
        assert checkpoint.open(note.encode(), KEYS).size == 1
    else:
        with refused(code):
            checkpoint.open(note.encode(), KEYS)


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ed25519"])
def test_no_key_is_printed_by_accident(algorithm: Any) -> None:
    key = PrivateKey.generate(algorithm)
    assert repr(key) == "PrivateKey()"
    assert "object" not in repr(key.public)


@pytest.mark.parametrize("algorithm", ["ecdsa-p256", "ed25519"])
def test_keys_read_from_the_same_bytes_are_one_in_a_set(algorithm: Any) -> None:
    key = PrivateKey.generate(algorithm).public
    assert {key, PublicKey.from_der(key.spki)} == {key}


def test_a_note_key_of_another_length_is_none_though_its_hash_agrees() -> None:
    short = NoteKey("x.example", bytes(31))
    with refused("key.algorithm_not_allowed"):
        NoteKey.from_vkey(short.vkey)


def test_a_line_of_an_unknown_key_before_that_of_the_log_is_passed_over() -> None:
    unknown = _line("x.example", TYPE, WITNESS, bytes(64))
    assert checkpoint.open(f"{BODY}\n{unknown}{LOG_LINE}".encode(), KEYS).size == 1


@pytest.mark.parametrize("blob", [b"", b"\x00"])
def test_a_line_that_holds_no_signature_is_malformed_whoever_it_is_of(blob: bytes) -> None:
    line = _line("x.example", TYPE, WITNESS, blob)
    note = f"{BODY}\n{LOG_LINE}{line}".encode()
    if blob:
        assert checkpoint.open(note, KEYS).size == 1
    else:
        with refused("checkpoint.malformed"):
            checkpoint.open(note, KEYS)


@pytest.mark.parametrize("control", ["\x00", "\x07", "\t", "\x0b", "\r", "\x1f"])
def test_a_signed_note_with_a_control_character_is_none(control: str) -> None:
    body = f"{BODY}said{control}\n"
    note = f"{body}\n{_line('log.example', TYPE, LOG, LOG.sign(body.encode()))}"
    with refused("checkpoint.malformed"):
        checkpoint.open(note.encode(), KEYS)


def test_a_cosignature_of_another_second_is_refused() -> None:
    signed = base64.b64decode(_cosigned(5).split(" ")[2])
    moved = signed[:11] + b"\x06" + signed[12:]
    line = f"\N{EM DASH} w.example {base64.b64encode(moved).decode()}\n"
    with refused("checkpoint.signature"):
        checkpoint.open(f"{BODY}\n{LOG_LINE}{line}".encode(), KEYS)


def _rsa(bits: int) -> PublicKey:
    """A public key of exactly so many bits; nobody has the private one."""
    key = rsa.RSAPublicNumbers(65537, (1 << (bits - 1)) | 1).public_key()
    return PublicKey.from_pem(
        key.public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
        )
    )


@pytest.mark.parametrize("bits", [2048, 8192])
def test_the_smallest_and_the_largest_rsa_key_may_be_enrolled(bits: int) -> None:
    _rsa(bits).enrol_check()


@pytest.mark.parametrize("bits", [2047, 8193])
def test_one_bit_less_or_more_may_not(bits: int) -> None:
    with refused("key.algorithm_not_allowed"):
        _rsa(bits).enrol_check()


def test_a_key_too_long_to_be_remembered_is_read_all_the_same() -> None:
    long = _rsa(16384)
    assert PublicKey.from_der(long.spki) == long
    with refused("key.algorithm_not_allowed"):
        long.enrol_check()
