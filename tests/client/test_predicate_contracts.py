"""The hand-written checks and the published JSON Schemas say the same shapes."""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from rensho import statement
from rensho.errors import VerificationError
from rensho.predicates import SHAPES, SUBJECT_NAMES, TYPES, TypeName
from rensho.statement import DEMO_BASE

from tests.client import made

CONTRACTS = Path(__file__).parents[2] / "contracts" / "predicates"
DOCUMENTS: dict[TypeName, dict[str, Any]] = {
    name: json.loads((CONTRACTS / name / "v1.json").read_text("utf-8")) for name in TYPES
}
SCHEMAS = {name: Draft202012Validator(document) for name, document in DOCUMENTS.items()}
PREDICATES: dict[TypeName, dict[str, Any]] = {
    name: json.loads(payload)["predicate"] for name, payload in made.PAYLOADS.items()
}
# Values each field is set to in turn. Dates of the calendar's gaps are left out: a schema's
# pattern knows no calendar, the hand-written check does.
STRANGE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1,
    2**53 - 1,
    0.5,
    "",
    "x",
    "public",
    "x" * 2000,
    "x" * 2001,
    "\u00e9",
    "0" * 64,
    "0" * 63,
    "A" * 64,
    "A" * 43,
    "A" * 42 + "B",
    "A" * 22,
    "A" * 21 + "B",
    "A" * 43 + "=",
    "AAAA",
    "AA==",
    "AB==",
    "2026-01-01T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-01-01",
    "2026-01-01T24:00:00Z",
    "0.048000000",
    "00.048000000",
    "-0.000000000",
    "0.04",
    "1.000000000",
    made.REQUEST_ID,
    made.REQUEST_ID.replace("0", "A"),
    made.SUPPLIER,
    made.LINK,
    "urn:rensho:pseudonym:" + "A" * 22,
    "urn:rensho:pseudonym:" + "A" * 20,
    "host.example",
    "Host.example",
    "host.example.",
    "ja",
    "zh-Hans",
    "JA",
    "operator",
    "waived",
    "none",
    "enrol",
    "ceased",
    [],
    [0.5],
    ["x"],
    ["x", "x"],
    ["requester"],
    ["A" * 43],
    ["A" * 43, "A" * 43],
    {},
    {"x": 1},
    {"sha256": "0" * 64},
    {"sha256": "0" * 64, "more": {"deep": [0.5]}},
    {"_sd_alg": "sha-256", "_sd": []},
    {"_sd_alg": "sha-256", "_sd": ["A" * 43], "more": 1},
    {"_sd_alg": "sha-512", "_sd": []},
)


def paths(value: Any, path: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    if path:
        yield path
    if isinstance(value, dict):
        for name, found in value.items():
            yield from paths(found, (*path, name))
        yield (*path, "unknown")
    elif isinstance(value, list):
        for index, found in enumerate(value):
            yield from paths(found, (*path, index))


def with_value(value: Any, path: tuple[str | int, ...], new: Any) -> Any:
    """A copy that shares all but the way to the changed field."""
    changed = copy.copy(value)
    changed[path[0]] = new if len(path) == 1 else with_value(value[path[0]], path[1:], new)
    return changed


def without(value: Any, path: tuple[str | int, ...]) -> Any:
    changed = copy.deepcopy(value)
    found = changed
    for step in path[:-1]:
        found = found[step]
    if isinstance(found, dict):
        found.pop(path[-1], None)
    else:
        del found[int(path[-1])]
    return changed


def passes_by_hand(name: TypeName, predicate: Any) -> bool:
    try:
        SHAPES[name](predicate, "predicate")
    except VerificationError as why:
        if why.code == "statement.schema":
            return False
        raise
    return True


def agree(name: TypeName, predicate: Any) -> bool:
    by_hand = passes_by_hand(name, predicate)
    assert by_hand == SCHEMAS[name].is_valid(predicate), predicate
    return by_hand


@pytest.mark.parametrize("name", TYPES)
def test_the_schema_is_a_schema_and_names_its_type(name: TypeName) -> None:
    Draft202012Validator.check_schema(DOCUMENTS[name])
    assert DOCUMENTS[name]["$id"] == f"urn:rensho:predicate:{name}:v1"


@pytest.mark.parametrize("name", TYPES)
def test_both_accept_what_the_makers_make(name: TypeName) -> None:
    assert agree(name, PREDICATES[name])


COMMON = ("deployment", "signer", "salt", "at", "validity", "supersedes")


def test_every_schema_says_the_same_of_the_common_fields() -> None:
    for field in COMMON:
        (said,) = {json.dumps(DOCUMENTS[name]["properties"][field]) for name in TYPES}
        assert said
    definitions: dict[str, str] = {}
    for document in DOCUMENTS.values():
        for what, said in document["$defs"].items():
            assert definitions.setdefault(what, json.dumps(said)) == json.dumps(said)


@pytest.mark.parametrize("name", TYPES)
def test_both_judge_every_strange_value_in_every_field_alike(name: TypeName) -> None:
    """The common fields once, with the type that has hardly another: it is the slow part."""
    verdicts = [
        agree(name, with_value(PREDICATES[name], path, strange))
        for path in paths(PREDICATES[name])
        if name == "withdrawal" or path[0] not in COMMON
        for strange in STRANGE
    ]
    assert True in verdicts
    assert False in verdicts


@pytest.mark.parametrize("name", TYPES)
def test_both_judge_every_missing_field_alike(name: TypeName) -> None:
    verdicts = [agree(name, without(PREDICATES[name], path)) for path in paths(PREDICATES[name])]
    assert False in verdicts
    for optional in ("supersedes", "sourceDocument", "proof", "reason", "invalidSince"):
        for strange in STRANGE:
            agree(name, PREDICATES[name] | {optional: strange})


@settings(max_examples=50)
@given(st.sampled_from(TYPES), st.data())
def test_both_judge_several_changes_at_once_alike(name: TypeName, data: st.DataObject) -> None:
    predicate = PREDICATES[name]
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(list(paths(predicate))))
        predicate = with_value(predicate, path, data.draw(st.sampled_from(STRANGE)))
    agree(name, predicate)


@pytest.mark.parametrize("name", TYPES)
def test_the_page_tells_all_it_must_and_its_example_is_accepted(name: TypeName) -> None:
    page = (CONTRACTS / name / "v1.md").read_text("utf-8")
    for heading in ("Purpose", "Model", "Parsing rules", "Fields", "Example"):
        assert f"\n## {heading}\n" in page
    (example,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    value = json.loads(example)
    assert value["predicateType"] == f"{DEMO_BASE}/{name}/v1"
    payload = statement.build(
        DEMO_BASE, name, value["subject"][0]["digest"]["sha256"], value["predicate"]
    )
    assert json.loads(payload) == value
    assert statement.parse(payload, (DEMO_BASE,)).name == name
    assert value["subject"][0]["name"] == SUBJECT_NAMES[name]
    assert agree(name, value["predicate"])


@pytest.mark.parametrize("name", TYPES)
def test_the_page_names_every_field_of_the_schema(name: TypeName) -> None:
    page = (CONTRACTS / name / "v1.md").read_text("utf-8")
    common = (CONTRACTS.parent / "README.md").read_text("utf-8")
    for field in DOCUMENTS[name]["properties"]:
        assert f"`{field}`" in page or f"`{field}`" in common
