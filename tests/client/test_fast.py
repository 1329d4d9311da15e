"""The extra `fast` changes how long an answer takes, and never which answer it is."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rensho import _fast, bundle, jcs, strict_json
from rensho.errors import VerificationError

from tests.client.responses import answered
from tests.client.test_strict_json import JSON_VALUES

Answer = tuple[str, Any]


@contextmanager
def _without_msgspec() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "msgspec", None)
        patch.delitem(sys.modules, "rensho._fast_msgspec", raising=False)
        patch.delattr("rensho._fast_msgspec", raising=False)
        _fast._codec.cache_clear()
        try:
            yield
        finally:
            _fast._codec.cache_clear()


def _answer(work: Callable[[], Any]) -> Answer:
    try:
        return "value", work()
    except VerificationError as why:
        return why.code, None


def _same(work: Callable[[], Any]) -> Answer:
    """The answer with the extra, after seeing that it is the one without."""
    with _without_msgspec():
        assert _fast._codec() is None
        slow = _answer(work)
    assert _fast._codec() is not None
    quick = _answer(work)
    # 1, 1.0 and True are equal in Python and three things in JSON.
    assert repr(quick) == repr(slow)
    return quick


@given(JSON_VALUES)
def test_every_value_is_read_and_written_as_without_it(value: object) -> None:
    data = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    assert _same(lambda: strict_json.loads(data))[0] == "value"
    code, canonical = _same(lambda: jcs.dumps(value))
    assert code == "value"
    _same(lambda: strict_json.loads(canonical))


WORDS = ("true", "null", "NaN", '"a"', '"b":', "9007199254740992", "\\u0061", "\\ud83d")
SIGNS = (*'{}[]:,"0123456789.eE+-\\ \n', "é", "\x00", "\x7f", "\U0001f600")
JSON_TEXT = st.lists(st.sampled_from(WORDS + SIGNS), max_size=24).map(
    lambda parts: "".join(parts).encode()
)


@given(JSON_TEXT | st.binary(max_size=40))
@example(b'{"a":1,"a":1}')
@example(b'{"a":{"b":1,"b":1}}')
@example(b'{"a":1,"\\u0061":1}')
@example(b'{"b":1,"a":1}')
@example(b"9007199254740992")
@example(b"-9007199254740992")
@example(b"18446744073709551616")
@example(b"1.0")
@example(b"-0")
@example(b"1e2")
@example(b"1e999")
@example(b'"\\ud800"')
@example(b'"\\u00e9"')
@example(b'"\xed\xa0\x80"')
@example(b'"\xff"')
@example(b"[1] ")
@example(b"\xef\xbb\xbf[1]")
@example(b"[" * 9 + b"]" * 9)
@example(b"[" * 33 + b"]" * 33)
@example(b"[" * 5000)
def test_every_text_gets_the_same_answer(data: bytes) -> None:
    _same(lambda: strict_json.loads(data))


class _Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [
        (1, 2),
        {1: 2},
        {"a": (1,)},
        {None: 1},
        b"bytes",
        {1, 2},
        2**53,
        -(2**53),
        1.0,
        float("nan"),
        float("inf"),
        "\ud800",
        {"\ud800": 1},
        {"é": 1, "z": 2},
        {"\ud7ff": 1, "\ue000": 2, "\uffff": 3, "\U00010000": 4},
        {"\u3042": "\uff08"},
        {"\U0001f600": 1, "\uffff": 2},
        _Text("text"),
        pytest.param(object(), id="object"),
        [[[[[[[[[[1]]]]]]]]]],
    ],
    ids=repr,
)
def test_what_json_has_not_or_spells_otherwise_is_written_as_without_it(value: object) -> None:
    _same(lambda: jcs.dumps(value))


def _bundle() -> bytes:
    done = answered()
    return done.world.files[f"{done.ids[-1]}.sigstore.json"]


BUNDLE = _bundle()
WITH_TOKENS = bundle.with_tokens(BUNDLE, [b"one token", b"another"])


def _unlogged() -> bytes:
    value = json.loads(BUNDLE)
    del value["verificationMaterial"]["tlogEntries"]
    return jcs.dumps(value)


GOOD = (BUNDLE, WITH_TOKENS, _unlogged())


@pytest.mark.parametrize("data", GOOD)
def test_a_bundle_is_parsed_to_the_same(data: bytes) -> None:
    assert _fast.read_bundle(data) is not _fast.NOTHING
    assert _same(lambda: bundle.parse(data))[0] == "value"
    pretty = json.dumps(json.loads(data), indent=1).encode()
    assert _same(lambda: bundle.parse(pretty)) == _same(lambda: bundle.parse(data))


def test_a_payload_type_of_another_kind_is_judged_as_without_it() -> None:
    assert _same(lambda: bundle.parse(BUNDLE, "text/plain"))[0] == "dsse.payload_type"


@given(st.sampled_from(GOOD), st.data())
def test_no_flipped_byte_makes_a_difference(good: bytes, data: st.DataObject) -> None:
    altered = bytearray(good)
    altered[data.draw(st.integers(0, len(good) - 1))] ^= data.draw(st.integers(1, 255))
    _same(lambda: bundle.parse(bytes(altered)))


def _places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield path
    items = value.items() if isinstance(value, dict) else enumerate(value)
    if isinstance(value, dict | list):
        for key, inner in items:
            yield from _places(inner, (*path, key))


PLACES = tuple(_places(json.loads(WITH_TOKENS)))[1:]
OTHERS: tuple[Any, ...] = (
    *(None, True, 0, 1.5, "", "x", "0", "00", "-1", "99999999999999999", [], {}, [[]]),
    base64.b64encode(bytes(31)).decode(),
    base64.b64encode(bytes(32)).decode(),
    "YR==",
    "YQ",
    "_-8=",
)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_no_swapped_doubled_or_missing_field_makes_a_difference(place: tuple[Any, ...]) -> None:
    for change in (*OTHERS, "missing", "unknown", "twice", "many"):
        value = json.loads(WITH_TOKENS)
        holder = value
        for part in place[:-1]:
            holder = holder[part]
        _bend(holder, place[-1], change)
        altered = jcs.dumps(value)
        _same(lambda altered=altered: bundle.parse(altered))  # type: ignore[misc]


def _bend(holder: Any, key: Any, change: object) -> None:
    match change:
        case "missing":
            del holder[key]
        case "unknown" if isinstance(holder, dict):
            holder["zz"] = 1
        case "twice" if isinstance(holder, list):
            holder.append(holder[key])
        case "many" if isinstance(holder, list):
            holder.extend([holder[key]] * 70)
        case "many" if isinstance(holder[key], str):
            holder[key] += "\n" * 40
        case _:
            holder[key] = change
