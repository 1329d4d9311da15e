"""What covers an answer: the role and key it was signed with, and that nobody took it back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from services.kit import clock
from tests.factories.risk import (
    NOW,
    an_id,
    key_id,
)
from tests.factories.supply_chains import NO_LIST, Firm, component
from tests.risk.two import Two


@pytest.mark.parametrize(
    ("role", "confirmed", "origin", "assurance"),
    [
        ("responsible-officer", True, "self", "L2"),
        ("responsible-officer", True, "excel", "L2"),
        ("responsible-officer", False, "self", "L1"),
        ("ai-governance-lead", True, "self", "L1"),
        ("responsible-officer", True, "relayed", "proxy"),
        ("transcriber", True, "transcribed", "proxy"),
    ],
)
def test_assurance_follows_role_key_and_origin(
    two: Two, role: str, confirmed: bool, origin: str, assurance: str
) -> None:
    two.scene.asked(two.supply)
    two.scene.enrolled(two.supply, confirmed=confirmed)
    submitted = two.scene.submitted(
        two.supply, origin=origin, components=[component("chat", {"Q-1": "yes"})]
    )
    two.scene.recorded(two.supply, submitted, signer_role=role)
    direct = two.direct()
    said = [direct["declaration"], *direct["components"], *direct["components"][0]["answers"]]
    assert {one["assurance"] for one in said} == {assurance}
    assert all(one["covered"] for one in said)


@pytest.mark.parametrize(
    ("changes", "covered"),
    [
        ([], False),
        ([("enrol", None)], False),
        ([("enrol", "mailbox")], True),
        ([("enrol", None), ("confirm", "confirmed")], True),
        ([("rotate", "mailbox")], True),
        ([("enrol", "mailbox"), ("revoke", None)], False),
        ([("enrol", "mailbox"), ("suspend", None)], False),
        ([("enrol", "mailbox"), ("revoke", None), ("confirm", "confirmed")], False),
        ([("enrol", "mailbox"), ("revoke", None), ("enrol", "mailbox")], True),
        ([("enrol", "mailbox"), ("revoke", None), ("enrol", None)], False),
    ],
)
def test_a_key_covers_only_while_it_counts_on_this_link(
    two: Two, changes: list[tuple[str, str | None]], covered: bool
) -> None:
    two.scene.asked(two.supply)
    two.scene.enrolled(two.supply, key=False)
    for change, assurance in changes:
        two.scene.key(two.supply, change, assurance)
    two.scene.recorded(two.supply, two.scene.submitted(two.supply))
    assert two.direct()["declaration"]["covered"] is covered


@pytest.mark.parametrize(
    ("ending", "covered"),
    [
        ({"change": "suspend"}, True),
        ({"change": "revoke", "reason": "superseded"}, True),
        ({"change": "revoke", "reason": "ceased"}, True),
        ({"change": "revoke"}, True),
        ({"change": "revoke", "reason": "identity-false"}, False),
        (
            {
                "change": "revoke",
                "reason": "key-compromise",
                "invalid_since": clock.rfc3339(NOW - timedelta(days=1)),
            },
            False,
        ),
        (
            {
                "change": "revoke",
                "reason": "key-compromise",
                "invalid_since": clock.rfc3339(NOW + timedelta(hours=5)),
            },
            True,
        ),
    ],
)
def test_the_end_of_a_key_takes_from_what_was_logged_before_only_what_a_thief_could_sign(
    two: Two, ending: dict[str, Any], covered: bool
) -> None:
    two.answered()
    two.scene.key(two.supply, ending.pop("change"), **ending)
    direct = two.direct()
    assert direct["declaration"]["covered"] is covered
    assert all(one["covered"] is covered for one in direct["components"])


def test_a_rotated_key_has_what_the_old_one_handed_on(two: Two) -> None:
    two.scene.asked(two.supply)
    two.scene.enrolled(two.supply, key=False)
    two.scene.key(two.supply, "rotate", "confirmed")
    two.scene.recorded(two.supply, two.scene.submitted(two.supply))
    assert two.direct()["declaration"]["assurance"] == "L2"


def test_a_retracted_declaration_answers_nothing_at_once(two: Two) -> None:
    first = two.answered(sub_tier=NO_LIST)
    assert (two.direct()["declaration"]["covered"], two.direct()["list"]) == (True, "none")
    two.scene.withdrawn(two.supply, first["declaration_id"])
    direct = two.direct()
    assert (direct["declaration"]["covered"], direct["list"]) == (False, "silent")


def test_a_retracted_component_is_no_longer_covered_and_the_others_are(two: Two) -> None:
    components = [component("chat", {"Q-1": "yes"}), component("vision", {"Q-1": "yes"})]
    two.answered(components=components)
    two.scene.withdrawn(two.supply, components[0]["statement_id"])
    covered = {one["id"]: one["covered"] for one in two.direct()["components"]}
    assert covered == {"chat": False, "vision": True}


def test_a_superseded_declaration_counts_from_then_on_as_one(two: Two) -> None:
    first = two.answered()
    later = clock.rfc3339(NOW + timedelta(hours=2))
    two.scene.withdrawn(two.supply, first["declaration_id"], effect="superseded", received_at=later)
    declaration = two.direct()["declaration"]
    assert (declaration["covered"], declaration["superseded_at"]) == (True, later)


def test_nobody_else_takes_a_firms_statement_back(two: Two) -> None:
    first = two.answered()
    two.scene.withdrawn(two.supply, first["declaration_id"], org_id=an_id())
    assert two.direct()["declaration"]["covered"]


def test_a_key_another_customer_confirmed_is_pending_here(two: Two) -> None:
    other = two.scene.supplied(Firm("Other"), two.supply.firm)
    two.scene.asked(two.supply)
    two.scene.enrolled(two.supply, key=False)
    two.scene.enrolled(other)
    two.scene.recorded(two.supply, two.scene.submitted(two.supply))
    assert not two.direct()["declaration"]["covered"]


def test_another_key_of_the_same_firm_covers_nothing(two: Two) -> None:
    two.scene.asked(two.supply)
    two.scene.enrolled(two.supply)
    two.scene.recorded(two.supply, two.scene.submitted(two.supply), key_id=key_id())
    assert not two.direct()["declaration"]["covered"]


def test_an_expired_statement_no_longer_covers(two: Two) -> None:
    two.scene.asked(two.supply)
    two.scene.enrolled(two.supply)
    end = clock.rfc3339(NOW + timedelta(hours=23))
    two.scene.recorded(two.supply, two.scene.submitted(two.supply), not_after=end)
    assert not two.direct()["declaration"]["covered"]
