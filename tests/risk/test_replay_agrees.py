"""Two programs, written apart from one contract, judge the same facts alike."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rensho import replay
from rensho.errors import VerificationError

from services.risk.rules import reading, results, writing
from services.risk.rules.world import UNHEARD, World, WorldLink
from tests.risk.worlds import seen_by, world_of, worlds


@given(worlds(), st.data())
@settings(max_examples=150, deadline=None)
def test_the_replay_agrees_with_the_service_on_random_worlds(
    world: World, data: st.DataObject
) -> None:
    requester = data.draw(
        st.sampled_from(sorted({customer for customer, _ in world.links} or {"a"}))
    )
    document = json.loads(json.dumps(writing.document(seen_by(requester, world))))
    ours = results.results(reading.facts(document))
    assert replay.compare(replay.replay(document), ours) == []


def test_a_difference_is_told_by_its_path() -> None:
    mine = {"total": {"evidenced": "1.000000000"}, "tiers": [1, 2], "only": None}
    theirs = {"total": {"evidenced": "1.000000003"}, "tiers": [1]}
    assert replay.compare(mine, theirs) == [
        "/only: only in the replay",
        "/tiers: 2 against 1 entries",
        "/total/evidenced: '1.000000000' against '1.000000003'",
    ]
    assert replay.compare(theirs, mine)[0] == "/only: only in the snapshot"


@pytest.mark.parametrize(
    ("mine", "theirs", "told"),
    [
        ({"a": [{"x": 1}]}, {"a": [{"x": 2}]}, "/a/0/x: 1 against 2"),
        ({"a": {}}, {"a": 1}, "/a: {} against 1"),
        ({"a": 1}, {"a": {}}, "/a: 1 against {}"),
        ({"a": [1]}, {"a": 1}, "/a: [1] against 1"),
        ({"a": 1}, {"a": [1]}, "/a: 1 against [1]"),
        ({"a": 1}, {"a": True}, "/a: 1 against True"),
    ],
)
def test_whatever_is_of_another_kind_is_a_difference(mine: Any, theirs: Any, told: str) -> None:
    assert replay.compare(mine, theirs) == [told]


def test_numbers_within_the_tolerance_are_the_same() -> None:
    assert replay.compare({"x": "0.100000001"}, {"x": "0.100000002"}) == []


def _facts(**changes: Any) -> dict[str, Any]:
    """One requester with one silent supplier, with parts of the document replaced."""
    sub_tier: Literal["silent"] = "silent"
    link = WorldLink(
        "a>b", "a", "b", "critical", pass_through=False, facts=UNHEARD, sub_tier=sub_tier
    )
    document: dict[str, Any] = json.loads(
        json.dumps(writing.document(seen_by("a", world_of({("a", "b"): link}))))
    )
    return {**document, **changes}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"model": "rm-2"}, "facts.malformed"),
        ({"policy_digest": "0" * 64}, "facts.policy_digest"),
        ({"starter": ["nowhere"]}, "facts.malformed"),
        ({"lists": [{"id": "x", "entries": []}, {"id": "x", "entries": []}]}, "facts.malformed"),
        ({"direct": 7}, "facts.malformed"),
        ({"as_of": "yesterday"}, "facts.malformed"),
    ],
)
def test_facts_that_do_not_hold_together_are_refused(change: dict[str, Any], code: str) -> None:
    with pytest.raises(VerificationError) as refused:
        replay.replay(_facts(**change))
    assert refused.value.code == code


def test_a_silent_firm_is_judged_as_unseen() -> None:
    (silent,) = replay.replay(_facts())["suppliers"]
    assert silent["risk"] == {"claimed": "0.000000000", "evidenced": "0.991598421"}
    assert silent["band"] == "unseen"
