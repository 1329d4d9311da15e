from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rensho import disclosure, jcs, strict_base64
from rensho.errors import Code, VerificationError

from tests.client.refused import refused
from tests.client.test_strict_json import JSON_VALUES

SALT = strict_base64.encode_url(bytes(16))
NAME = strict_base64.encode_url(bytes(9))


def text_of(value: Any) -> str:
    return strict_base64.encode_url(jcs.dumps(value))


def test_the_digest_is_the_one_of_rfc_9901() -> None:
    """Section 4.2.3 and 4.2.1, whose disclosure is not canonical JSON."""
    text = "WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0"
    assert disclosure.digest(text) == "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"


@given(JSON_VALUES.filter(lambda value: not isinstance(value, float)))
def test_what_was_hidden_comes_out_again(value: Any) -> None:
    text, digest = disclosure.make([str(value)])
    assert disclosure.digest(text) == digest
    assert disclosure.parse(text).value == [str(value)]


def test_the_same_value_is_hidden_differently_each_time() -> None:
    first, second = disclosure.make("x")[0], disclosure.make("x")[0]
    assert first != second
    assert disclosure.parse(first).name != disclosure.parse(second).name


def test_salt_and_name_may_be_given() -> None:
    text, _ = disclosure.make("x", salt=SALT, name=NAME)
    assert disclosure.parse(text) == (SALT, NAME, "x")
    assert disclosure.make("x", salt=SALT, name=NAME)[0] == text


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (text_of([SALT, NAME]), "disclosure.unknown"),
        (text_of({"salt": SALT}), "disclosure.unknown"),
        (text_of([SALT, NAME, 1, 2]), "disclosure.unknown"),
        (strict_base64.encode_url(json.dumps([SALT, NAME, 1]).encode()), "disclosure.unknown"),
        (text_of([SALT[:-1], NAME, 1]), "base64.not_canonical"),
        (text_of([NAME, NAME, 1]), "base64.not_canonical"),
        (text_of([SALT, "_sd", 1]), "base64.not_canonical"),
        (text_of([SALT, "...", 1]), "base64.not_canonical"),
        (text_of([SALT, 7, 1]), "base64.not_canonical"),
        (text_of([None, NAME, 1]), "base64.not_canonical"),
        (base64.b64encode(b"[1,2,3]..").decode() + "=", "base64.not_canonical"),
        (strict_base64.encode_url(b"[1,2"), "json.malformed"),
        (strict_base64.encode_url(b'["a","b",{"c":1,"c":2}]'), "json.duplicate_key"),
    ],
)
def test_a_malformed_disclosure_is_refused_with_its_code(text: str, code: Code) -> None:
    with refused(code):
        disclosure.parse(text)


def test_a_disclosure_is_ascii() -> None:
    with refused("base64.not_canonical"):
        disclosure.digest("\u00e9")


@given(st.integers(0, 40))
def test_an_array_shows_its_length_only_to_the_next_eight(count: int) -> None:
    digests = [disclosure.make(number)[1] for number in range(count)]
    array = disclosure.sd_array(digests)
    assert len(array) == max(8, -(-count // 8) * 8)
    assert array == sorted(array)
    assert set(digests) <= set(array)
    assert all(len(entry) == 43 for entry in array)


def test_decoys_can_be_told_beforehand() -> None:
    counter = iter(range(8))
    array = disclosure.sd_array([], decoy=lambda size: bytes([next(counter)]) * size)
    assert array == sorted(strict_base64.encode_url(bytes([n]) * 32) for n in range(8))


def test_an_array_opens_to_what_was_put_in() -> None:
    made = [disclosure.make({"n": number}) for number in range(3)]
    array = disclosure.sd_array(digest for _, digest in made)
    opened = disclosure.open(array, [text for text, _ in reversed(made)])
    assert [found.value["n"] for found in opened.values()] == [2, 1, 0]
    assert list(opened) == [digest for _, digest in reversed(made)]


def test_a_disclosure_that_is_not_of_the_array_is_refused() -> None:
    text, _ = disclosure.make("x")
    with refused("disclosure.unknown"):
        disclosure.open(disclosure.sd_array([]), [text])


def test_nothing_is_disclosed_or_listed_twice() -> None:
    text, digest = disclosure.make("x")
    with refused("disclosure.duplicate"):
        disclosure.open([digest], [text, text])
    with refused("disclosure.duplicate"):
        disclosure.open([digest, digest], [text])
    with refused("disclosure.duplicate"):
        disclosure.sd_array([digest, digest])


@given(st.text(max_size=60))
def test_no_text_brings_out_another_exception(text: str) -> None:
    with pytest.raises(VerificationError):
        disclosure.parse(text)
