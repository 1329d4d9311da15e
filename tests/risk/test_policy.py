"""The policy file: read exactly, checked, named by its digest."""

from __future__ import annotations

import copy
import hashlib
import json
from typing import Any

import pytest
from rensho import jcs

from services.risk.rules import policy as policies
from services.risk.rules.refusal import PolicyRefused
from tests.risk.worlds import POLICY, POLICY_FILE


def changed(path: str, value: Any) -> dict[str, Any]:
    document = copy.deepcopy(dict(POLICY.document))
    *parents, last = path.split(".")
    place = document
    for parent in parents:
        place = place[parent]
    if value is None:
        del place[last]
    else:
        place[last] = value
    return document


def test_fractions_are_kept_as_nine_place_strings() -> None:
    assert POLICY.document["propagation"]["attenuation"] == "0.650000000"
    assert "float" not in {type(value).__name__ for value in leaves(POLICY.document)}


def leaves(node: Any) -> list[Any]:
    if isinstance(node, dict):
        return [leaf for value in node.values() for leaf in leaves(value)]
    return [leaf for value in node for leaf in leaves(value)] if isinstance(node, list) else [node]


def test_the_digest_is_that_of_the_canonical_json() -> None:
    assert POLICY.digest == hashlib.sha256(jcs.dumps(POLICY.document)).hexdigest()
    carried = json.loads(json.dumps(POLICY.document))
    assert policies.policy(carried).digest == POLICY.digest


def test_every_changed_number_changes_the_digest() -> None:
    other = policies.policy(changed("propagation.attenuation", "0.640000000"))
    assert other.digest != POLICY.digest


def test_scales_run_from_the_least_exposure_to_the_greatest() -> None:
    assert list(POLICY.attributes["safetyFunction"]) == ["none", "monitored", "critical"]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("propagation.attenuation", "0.000000000"),
        ("propagation.attenuation", "1.000000000"),
        ("dependency.minor", "0.000000000"),
        ("dependency.minor", "1.100000000"),
        ("exposure.attributes.personalData.yes", "1.000000000"),
        ("exposure.attributes.personalData.yes", "0.000000000"),
        ("exposure.uses_ai", "0.000000000"),
        ("own.norm", "0.900000000"),
        ("own.floor", "0.000000000"),
        ("weights", [1, 2, 4, 8]),
        ("weights", [0, 2, 4, 8, 16]),
        ("weights", [True, 2, 4, 8, 16]),
        ("weights", ["1.000000000", 2, 4, 8, 16]),
        ("alignment.partial", "1.500000000"),
        ("assurance.L4", "1.500000000"),
        ("exposure.attribute_assurance", "L9"),
        ("freshness.half_life_days", 0),
        ("freshness.superseded_grace_days", -1),
        ("propagation.stop_exponent", 0),
        ("propagation.max_sweeps", 0),
        ("above_first_link.own_step", "0.000000000"),
        ("bands.B", "0.300000000"),
        ("unseen.coverage_needed", "1.500000000"),
        ("model", "rm-2"),
        ("exposure.attributes.other", {"no": "0.000000000"}),
        ("exposure.attributes.userFacing", None),
        ("tiers", None),
        ("own.floor", 0.001),
        ("own.floor", "0.001"),
        ("own.floor", "much"),
        ("own.floor", "NaN"),
        ("dependency.minor", "-0.100000000"),
    ],
)
def test_a_number_out_of_its_range_is_refused(path: str, value: Any) -> None:
    with pytest.raises(PolicyRefused):
        policies.policy(changed(path, value))


@pytest.mark.parametrize("number", ["0.0010000001", "inf", "nan"])
def test_a_file_with_a_number_that_has_no_nine_places_is_refused(number: str) -> None:
    text = POLICY_FILE.read_text(encoding="utf-8").replace("floor = 0.001", f"floor = {number}", 1)
    with pytest.raises(PolicyRefused):
        policies.read(text)


def test_a_file_that_is_not_toml_is_refused() -> None:
    with pytest.raises(PolicyRefused):
        policies.read("model = ")
