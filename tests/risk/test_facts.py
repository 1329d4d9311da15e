"""Facts documents that do not hold together are refused, with the place."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from jsonschema import Draft202012Validator

from services.risk.rules import reading, writing
from services.risk.rules.facts import LogPosition
from services.risk.rules.refusal import FactsRefused, PolicyRefused, RuleError
from services.risk.rules.world import World
from tests.risk.chains import answered, entry, link, listed, world
from tests.risk.worlds import seen_by, worlds

SCHEMA = Draft202012Validator(
    json.loads(
        (Path(__file__).parents[2] / "contracts" / "facts" / "v1.json").read_text(encoding="utf-8")
    )
)


def document() -> dict[str, Any]:
    small = world(
        link("me", "a", sub_tier=listed(entry("b"), minor=1), facts=answered()), link("a", "b")
    )
    return writing.document(seen_by("me", small))


def broken(change: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    found = copy.deepcopy(document())
    change(found)
    return found


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(worlds())
def test_every_view_is_of_the_contract(seen: World) -> None:
    SCHEMA.validate(writing.document(seen_by("firm-0", seen)))


def test_the_log_position_is_kept() -> None:
    found = broken(lambda d: d.update(log={"origin": "log.example", "size": 7}))
    assert reading.facts(found).log == LogPosition("log.example", 7)
    assert writing.document(reading.facts(found)) == found


def direct(found: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = found["direct"][0]
    return row


BREAKS: dict[str, Callable[[dict[str, Any]], object]] = {
    "another contract": lambda d: d.update(contract="rensho/facts/v2"),
    "another model": lambda d: d.update(model="rm-2"),
    "a policy that is not its digest's": lambda d: d.update(policy_digest="0" * 64),
    "a key that is missing": lambda d: d.pop("starter"),
    "a time that is no time": lambda d: d.update(as_of="yesterday"),
    "an id used twice": lambda d: d["direct"].append(d["direct"][0]),
    "a question answered twice": lambda d: direct(d)["components"][0]["answers"].append(
        direct(d)["components"][0]["answers"][0]
    ),
    "a starter question outside the table": lambda d: d["starter"].append("Q-99"),
    "a criticality outside 1..5": lambda d: d["questions"][0].update(criticality=6),
    "a question asked outside the table": lambda d: direct(d)["asked"].append("Q-99"),
    "an answer outside the table": lambda d: direct(d)["components"][0]["answers"][0].update(
        question="Q-99"
    ),
    "an assurance that does not exist": lambda d: direct(d)["components"][0].update(assurance="L9"),
    "a dependency that does not exist": lambda d: direct(d).update(dependency="vital"),
    "a classification off the scale": lambda d: direct(d).update(
        classification={"userFacing": ["no", "perhaps"]}
    ),
    "a classification upside down": lambda d: direct(d).update(
        classification={"userFacing": ["yes", "no"]}
    ),
    "an attribute that does not exist": lambda d: direct(d).update(
        classification={"colour": ["no", "yes"]}
    ),
    "a list that is not there": lambda d: direct(d).update(list="s_nowhere"),
    "an own link closed by a word instead of a declaration": lambda d: direct(d).update(
        list="closed"
    ),
    "a class of totals that does not exist": lambda d: d["lists"][0]["totals"].update(vital=1),
    "a total below nought": lambda d: d["lists"][0]["totals"].update(minor=-1),
    "an entry whose link is not there": lambda d: d["lists"][0]["entries"][0].update(link="l_"),
    "an attribute condition off the table": lambda d: d["questions"][2].update(
        condition={"attribute": "colour", "in": ["red"]}
    ),
}


@pytest.mark.parametrize("change", BREAKS.values(), ids=BREAKS)
def test_facts_that_do_not_hold_together_are_refused(
    change: Callable[[dict[str, Any]], object],
) -> None:
    with pytest.raises(FactsRefused):
        reading.facts(broken(change))


def test_a_policy_that_is_refused_is_refused_as_such() -> None:
    with pytest.raises(PolicyRefused):
        reading.facts(broken(lambda d: d["policy"].update(weights=[1])))


def test_every_refusal_has_a_stable_name() -> None:
    names = [kind.urn for kind in RuleError.__subclasses__()]
    assert len(set(names)) == len(names)
    assert RuleError.urn not in names


@pytest.mark.parametrize("nothing", [[], None, "facts", {"contract": "rensho/facts/v1"}])
def test_anything_else_is_refused(nothing: Any) -> None:
    with pytest.raises(FactsRefused):
        reading.facts(nothing)
