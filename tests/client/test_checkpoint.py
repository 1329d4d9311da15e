from __future__ import annotations

import base64
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rensho import checkpoint, merkle
from rensho.checkpoint import NoteKey
from rensho.errors import Code, VerificationError
from rensho.keys import PrivateKey

from tests.client.refused import refused

ORIGIN = "log.example"
LOG, TIME, WITNESS = (PrivateKey.generate("ed25519") for _ in range(3))
LOG_KEY = NoteKey(ORIGIN, LOG.public.raw_ed25519)
TIME_KEY = NoteKey(ORIGIN, TIME.public.raw_ed25519, "cosignature")
WITNESS_KEY = NoteKey("witness.example/w", WITNESS.public.raw_ed25519, "cosignature")
ALL = (LOG_KEY, TIME_KEY, WITNESS_KEY)
ROOT = merkle.root([merkle.leaf_hash(b"x")])
NOW = datetime(2026, 11, 24, 1, 2, 3, tzinfo=UTC)
NOTE = checkpoint.sign(ORIGIN, 1, ROOT, LOG)


def with_line(line: str, note: bytes = NOTE) -> bytes:
    return note + line.encode() + b"\n"


def signature_line(signer: NoteKey, signature: bytes) -> str:
    blob = base64.b64encode(signer.key_hash + signature).decode()
    return f"\u2014 {signer.name} {blob}"


def test_a_signed_tree_head_opens() -> None:
    found = checkpoint.open(NOTE, [LOG_KEY])
    assert (found.origin, found.size, found.root_hash) == (ORIGIN, 1, ROOT)
    assert found.body == NOTE.split(b"\n\n")[0] + b"\n"
    assert found.cosigned_at == {}


def test_the_empty_tree_has_a_head_too() -> None:
    note = checkpoint.sign(ORIGIN, 0, merkle.EMPTY_ROOT, LOG)
    assert checkpoint.open(note, [LOG_KEY]).size == 0


def test_a_key_in_c2sp_text_form_opens_it_as_well() -> None:
    assert checkpoint.open(NOTE, [LOG_KEY.vkey]).size == 1
    assert NoteKey.from_vkey(TIME_KEY.vkey) == TIME_KEY


def test_the_published_example_of_a_note_key_is_read() -> None:
    text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    found = NoteKey.from_vkey(text)
    assert (found.name, found.kind, found.vkey) == ("PeterNeumann", "log", text)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("no key", "key.algorithm_not_allowed"),
        ("a+00000000+AQ==", "key.algorithm_not_allowed"),
        pytest.param(
            LOG_KEY.vkey.replace(LOG_KEY.key_hash.hex(), "00000000"),
            "key.algorithm_not_allowed",
            id="another hash",
        ),
        (
            "a+00000000+" + base64.b64encode(b"\x09" + bytes(32)).decode(),
            "key.algorithm_not_allowed",
        ),
        ("a+00000000+!", "base64.not_canonical"),
    ],
)
def test_a_malformed_note_key_is_refused(text: str, code: Code) -> None:
    with refused(code):
        NoteKey.from_vkey(text)


def test_cosignatures_tell_when_each_known_key_saw_the_head() -> None:
    later = NOW.replace(hour=5)
    note = checkpoint.add_cosignature(NOTE, ORIGIN, TIME, NOW)
    note = checkpoint.add_cosignature(note, WITNESS_KEY.name, WITNESS, later)
    assert checkpoint.open(note, ALL).cosigned_at == {TIME_KEY: NOW, WITNESS_KEY: later}
    assert checkpoint.open(note, [LOG_KEY, TIME_KEY]).cosigned_at == {TIME_KEY: NOW}
    assert checkpoint.open(note, ALL).body == checkpoint.open(NOTE, ALL).body


def test_one_name_may_sign_as_log_and_as_time_key_with_one_key() -> None:
    both = (LOG_KEY, NoteKey(ORIGIN, LOG_KEY.public, "cosignature"))
    note = checkpoint.add_cosignature(NOTE, ORIGIN, LOG, NOW)
    assert checkpoint.open(note, both).cosigned_at == {both[1]: NOW}


def test_lines_of_unknown_keys_are_passed_over() -> None:
    note = with_line(signature_line(WITNESS_KEY, b"some other scheme"))
    assert checkpoint.open(note, [LOG_KEY]).size == 1


def test_a_known_key_that_fails_rejects_the_note() -> None:
    forged = (
        signature_line(TIME_KEY, bytes(72)),
        signature_line(TIME_KEY, bytes(5)),
        signature_line(WITNESS_KEY, bytes(8) + WITNESS.sign(NOTE.split(b"\n\n")[0] + b"\n")),
    )
    for line in forged:
        with refused("checkpoint.signature"):
            checkpoint.open(with_line(line), ALL)


def test_a_cosignature_of_another_head_or_time_rejects_the_note() -> None:
    other = checkpoint.add_cosignature(
        checkpoint.sign(ORIGIN, 2, ROOT, LOG), ORIGIN, TIME, NOW
    ).splitlines()[-1]
    with refused("checkpoint.signature"):
        checkpoint.open(NOTE + other + b"\n", ALL)


def test_a_cosignature_beyond_the_end_of_time_is_malformed() -> None:
    line = signature_line(TIME_KEY, b"\xff" * 8 + bytes(64))
    with refused("checkpoint.malformed"):
        checkpoint.open(with_line(line), ALL)


def test_one_key_signs_a_note_once() -> None:
    note = checkpoint.add_cosignature(NOTE, ORIGIN, TIME, NOW)
    with refused("checkpoint.malformed"):
        checkpoint.open(checkpoint.add_cosignature(note, ORIGIN, TIME, NOW), ALL)


def test_a_note_of_another_log_is_refused() -> None:
    for keys in ([], [TIME_KEY], [NoteKey("e2.log.example", LOG_KEY.public)]):
        with refused("checkpoint.origin"):
            checkpoint.open(NOTE, keys)


def test_a_note_its_log_did_not_sign_is_refused() -> None:
    other = PrivateKey.generate("ed25519")
    with refused("checkpoint.signature"):
        checkpoint.open(NOTE, [NoteKey(ORIGIN, other.public.raw_ed25519)])
    log_line = NOTE.split(b"\n\n")[1]
    only_time = checkpoint.add_cosignature(NOTE, ORIGIN, TIME, NOW).replace(log_line, b"")
    with refused("checkpoint.signature"):
        checkpoint.open(only_time, ALL)


def body(text: str) -> bytes:
    """A note with this body, signed as it stands."""
    line = signature_line(LOG_KEY, LOG.sign(text.encode()))
    return text.encode() + b"\n" + line.encode() + b"\n"


B64 = base64.b64encode(ROOT).decode()


def test_extension_lines_are_signed_and_passed_over() -> None:
    found = checkpoint.open(body(f"{ORIGIN}\n1\n{B64}\nextension\n"), [LOG_KEY])
    assert found.size == 1
    assert b"extension" in found.body


@pytest.mark.parametrize(
    ("note", "code"),
    [
        (b"", "checkpoint.malformed"),
        (b"\xff\n\n\n", "checkpoint.malformed"),
        (NOTE[:-1], "checkpoint.malformed"),
        (NOTE.replace(b"\n\n", b"\n"), "checkpoint.malformed"),
        (NOTE.replace(b"\n1\n", b"\r\n1\n"), "checkpoint.malformed"),
        (body(f"{ORIGIN}\n1\n"), "checkpoint.malformed"),
        (body(f"{ORIGIN}\n01\n{B64}\n"), "checkpoint.malformed"),
        (body(f"{ORIGIN}\n+1\n{B64}\n"), "checkpoint.malformed"),
        (body(f"{ORIGIN}\n\u0661\n{B64}\n"), "checkpoint.malformed"),
        (body(f"{ORIGIN}\n9007199254740992\n{B64}\n"), "checkpoint.malformed"),
        (body(f"a b\n1\n{B64}\n"), "checkpoint.malformed"),
        (body(f"\n1\n{B64}\n"), "checkpoint.malformed"),
        (body(f"{ORIGIN}\n1\n{B64[:-1]}\n"), "base64.not_canonical"),
        (body(f"{ORIGIN}\n1\nAAAA\n"), "base64.not_canonical"),
        (body(f"{ORIGIN}\n1\n{B64}\n\nx\n"), "checkpoint.malformed"),
        (with_line("no signature line"), "checkpoint.malformed"),
        (with_line("\u2014 name"), "checkpoint.malformed"),
        (with_line("\u2014 na+me AAAAAAAA"), "checkpoint.malformed"),
        (with_line("\u2014 name AAAA"), "checkpoint.malformed"),
        (with_line("\u2014 name AAAAAAA"), "base64.not_canonical"),
        (with_line("\u2014 name AAAAAAAA\n" * 40), "input.too_many_items"),
    ],
)
def test_a_malformed_note_is_refused_with_its_code(note: bytes, code: Code) -> None:
    with refused(code):
        checkpoint.open(note, ALL)


@pytest.mark.parametrize(
    ("origin", "size", "root"),
    [("a b", 1, ROOT), ("", 1, ROOT), (ORIGIN, 0, ROOT), (ORIGIN, -1, ROOT), (ORIGIN, 2**53, ROOT)],
)
def test_a_head_no_note_can_carry_is_not_signed(origin: str, size: int, root: bytes) -> None:
    with refused("checkpoint.malformed"):
        checkpoint.sign(origin, size, root, LOG)


def test_a_short_root_and_a_log_key_of_another_kind_are_not_signed() -> None:
    with refused("base64.not_canonical"):
        checkpoint.sign(ORIGIN, 1, b"short", LOG)
    with refused("key.algorithm_not_allowed"):
        checkpoint.sign(ORIGIN, 1, ROOT, PrivateKey.generate())


def test_a_cosigner_needs_a_name_and_room() -> None:
    with refused("checkpoint.malformed"):
        checkpoint.add_cosignature(NOTE, "two words", TIME, NOW)
    note = NOTE
    with refused("input.too_many_items"):
        for number in range(checkpoint.MAX_LINES):
            note = checkpoint.add_cosignature(note, f"w{number}", TIME, NOW)
    assert len(note.splitlines()) == checkpoint.MAX_LINES
    assert checkpoint.open(note, ALL).size == 1


@given(st.integers(0, len(NOTE) - 1), st.integers(1, 255))
def test_no_flipped_byte_opens_to_another_head(position: int, flip: int) -> None:
    altered = bytearray(NOTE)
    altered[position] ^= flip
    try:
        found = checkpoint.open(bytes(altered), [LOG_KEY])
    except VerificationError:
        return
    assert found == checkpoint.open(NOTE, [LOG_KEY])
