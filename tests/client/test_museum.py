"""Every exhibit of the museum of bad evidence, judged; and the museum against its rules."""

from __future__ import annotations

import json
import zlib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from rensho.errors import CODES, INDETERMINATE
from rensho.verdict import STEPS

from tests.client.museum import VECTORS, exhibits, judged

FILES = sorted(VECTORS.glob("*/*.json"))
SHARES = 12  # the museum is made anew in so many tests, which may run beside each other


@cache
def vector(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(path.read_bytes())
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_each_vector_is_judged_as_it_says(path: Path) -> None:
    told = vector(path)
    assert told["name"] == path.stem
    assert judged(told) == told["expected"]


def test_good_ones_are_valid_and_bad_ones_never_are() -> None:
    for path in FILES:
        expected = vector(path)["expected"]
        if path.parent.name == "good":
            assert expected["status"] in {"VALID", "DONE"}, path
            assert expected["codes"] == []
        else:
            wrong = {code for code in expected["codes"] if code not in INDETERMINATE}
            assert expected["codes"], path
            assert expected["status"] in {"INVALID", "REFUSED"} if wrong else {"INDETERMINATE"}


def test_every_code_has_its_vector() -> None:
    shown = {code for path in FILES for code in vector(path)["expected"]["codes"]}
    assert set(CODES) - shown == set()


def test_every_step_has_its_vector_and_its_good_twin() -> None:
    steps = {step for part in STEPS.values() for step in part}
    bad = {vector(path)["step"] for path in FILES if path.parent.name == "bad"}
    assert steps - bad == set()
    parts = {
        part
        for path in FILES
        if path.parent.name == "good"
        for part, status in vector(path)["expected"].get("parts", {}).items()
        if status == "VALID"
    }
    assert parts == set(STEPS)


def test_there_are_enough_of_them_and_they_are_small() -> None:
    assert sum(path.parent.name == "bad" for path in FILES) >= 120
    assert sum(path.stat().st_size for path in FILES) <= 8_000_000


def test_twins_exist() -> None:
    good = {path.stem for path in FILES if path.parent.name == "good"}
    assert {vector(path)["twin"] for path in FILES if "twin" in vector(path)} <= good


def test_the_museum_holds_exactly_what_its_script_makes() -> None:
    made = {f"{one.folder}/{name}" for name, one in exhibits().items()}
    assert {f"{path.parent.name}/{path.stem}" for path in FILES} == made


@pytest.mark.parametrize("share", range(SHARES))
def test_what_the_script_makes_is_what_is_checked_in(share: int) -> None:
    for name, one in exhibits().items():
        if zlib.crc32(name.encode()) % SHARES == share:
            assert one.file() == (VECTORS / one.folder / f"{name}.json").read_bytes(), name
