from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rensho import strict_json
from rensho.errors import CODES, INDETERMINATE, Code, VerificationError

from tests.client.refused import refused

JSON_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


def test_every_indeterminate_code_is_a_code_and_no_code_occurs_twice() -> None:
    assert set(CODES) >= INDETERMINATE
    assert len(set(CODES)) == len(CODES)


def test_an_error_shows_its_code_and_its_detail() -> None:
    assert str(VerificationError("sig.invalid")) == "sig.invalid"
    assert str(VerificationError("sig.invalid", "why")) == "sig.invalid: why"
    assert VerificationError("sig.invalid", "why").detail == "why"


@given(JSON_VALUES)
def test_what_json_can_say_is_read_as_the_standard_library_reads_it(value: object) -> None:
    assert strict_json.loads(json.dumps(value, ensure_ascii=False).encode()) == value


@pytest.mark.parametrize("scalar", [b"1", b'"x"', b"null", b" true ", b"-0", b"1e5", b"0.5"])
def test_a_scalar_is_a_json_text(scalar: bytes) -> None:
    assert strict_json.loads(scalar) == json.loads(scalar)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b'{"a":1,"a":1}', "json.duplicate_key"),
        (b'[{"x":{"a":1,"\\u0061":2}}]', "json.duplicate_key"),
        (b"NaN", "json.bad_number"),
        (b"[Infinity]", "json.bad_number"),
        (b"[-Infinity]", "json.bad_number"),
        (b"9007199254740992", "json.bad_number"),
        (b"-9007199254740992", "json.bad_number"),
        (b"1" * 5000, "json.bad_number"),
        (b"1e400", "json.bad_number"),
        (b"-1e400", "json.bad_number"),
        (b'"\xff"', "json.not_utf8"),
        (b'"\xed\xa0\x80"', "json.not_utf8"),
        (b'"\xc0\xaf"', "json.not_utf8"),
        (b'"\\ud800"', "json.not_utf8"),
        (b'{"\\uDFFF":1}', "json.not_utf8"),
        (b"", "json.malformed"),
        (b"{", "json.malformed"),
        (b"[1,]", "json.malformed"),
        (b"{} {}", "json.malformed"),
        (b"\xef\xbb\xbf{}", "json.malformed"),
        (b"'a'", "json.malformed"),
        (b"01", "json.malformed"),
        (b'"\x01"', "json.malformed"),
        (b"[" * 33 + b"]" * 33, "json.too_deep"),
        (b'{"a":' * 33 + b"1" + b"}" * 33, "json.too_deep"),
        (b"[" * 100_000, "json.too_deep"),
    ],
)
def test_what_i_json_forbids_is_refused_with_its_code(data: bytes, code: Code) -> None:
    with refused(code):
        strict_json.loads(data)


def test_the_greatest_integers_are_read() -> None:
    assert strict_json.loads(b"9007199254740991") == 2**53 - 1
    assert strict_json.loads(b"-9007199254740991") == -(2**53) + 1


def test_thirty_two_levels_are_not_too_deep() -> None:
    assert strict_json.loads(b"[" * 32 + b"]" * 32) is not None


def test_brackets_in_strings_and_side_by_side_are_no_depth() -> None:
    side_by_side = b"[" + b",".join([b"[]"] * 100) + b"]"
    in_strings = json.dumps(["[" * 100, "\\", '"[[[' * 30, "]"]).encode()
    assert len(strict_json.loads(side_by_side)) == 100
    assert strict_json.loads(in_strings)[2] == '"[[[' * 30


def test_an_escaped_pair_of_surrogates_is_one_character() -> None:
    assert strict_json.loads(b'"\\ud83d\\ude00"') == "\U0001f600"


def test_an_unterminated_string_of_escapes_is_refused_at_once() -> None:
    started = time.monotonic()
    with refused("json.malformed"):
        strict_json.loads(b"[[]" * 20 + b'"' + b'\\"' * 500_000 + b"[" * 40)
    assert time.monotonic() - started < 2


@given(st.binary(max_size=200))
def test_no_bytes_bring_out_another_exception(data: bytes) -> None:
    try:
        value = strict_json.loads(data)
    except VerificationError:
        return
    assert value == json.loads(data)
