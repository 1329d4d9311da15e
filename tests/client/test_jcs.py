from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from rensho import jcs, strict_json
from rensho.errors import Code

from tests.client.refused import refused
from tests.client.test_strict_json import JSON_VALUES

FOREIGN = Path(__file__).parents[3] / "shared" / "data" / "jcs"


@pytest.mark.skipif(not FOREIGN.is_dir(), reason="shared/data/jcs is not beside this repository")
@pytest.mark.parametrize("name", ["arrays", "french", "structures", "unicode", "values", "weird"])
def test_the_vectors_of_the_rfcs_author_come_out_byte_for_byte(name: str) -> None:
    given_bytes = (FOREIGN / "input" / f"{name}.json").read_bytes()
    wanted = (FOREIGN / "output" / f"{name}.json").read_bytes()
    assert jcs.dumps(strict_json.loads(given_bytes)) == wanted


@given(JSON_VALUES)
def test_canonical_bytes_read_back_are_the_same_bytes(value: object) -> None:
    once = jcs.dumps(value)
    # RFC 8785 writes whole doubles below 1e21 as integers; beyond 2^53 I-JSON does not read those.
    assume(not re.search(rb"(?<![0-9.eE+])[0-9]{16,21}(?![0-9.eE])", once))
    assert jcs.dumps(strict_json.loads(once)) == once


def _nested(depth: int) -> object:
    value: object = 0
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (2**53, "json.bad_number"),
        (-(2**53), "json.bad_number"),
        (float("nan"), "json.bad_number"),
        ([float("-inf")], "json.bad_number"),
        ("\ud800", "json.not_utf8"),
        ({"\ud800": 1}, "json.not_utf8"),
        ({1: 2}, "json.malformed"),
        ({"a": b"bytes"}, "json.malformed"),
        (_nested(5000), "json.too_deep"),
    ],
)
def test_what_has_no_canonical_form_is_refused_with_its_code(value: object, code: Code) -> None:
    with refused(code):
        jcs.dumps(value)
