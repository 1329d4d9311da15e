"""What counts: the facts one customer gets of one supplier from what was heard of the two."""

from __future__ import annotations

import secrets
from datetime import timedelta
from typing import Any

import pytest

from services.kit import clock
from tests.factories.risk import (
    NOW,
    OrganizationEnrolled,
    StatementRecorded,
    StatementRefused,
    an_id,
    event,
    question,
)
from tests.factories.supply_chains import NO_LIST, Firm, component, listed
from tests.risk.two import Two


def test_a_supplier_that_was_never_heard_of_is_silent(two: Two) -> None:
    direct = two.direct()
    assert (direct["declaration"], direct["list"], direct["due_at"]) == (None, "silent", None)
    assert direct["supplier"] == two.supply.supplier


def test_a_response_alone_counts_for_nothing(two: Two) -> None:
    two.scene.asked(two.supply)
    two.scene.enrolled(two.supply)
    two.scene.submitted(two.supply, sub_tier=NO_LIST)
    direct = two.direct()
    assert (direct["declaration"], direct["submitted"], direct["list"]) == (None, False, "silent")


def test_what_the_log_refused_counts_for_nothing(two: Two) -> None:
    two.scene.asked(two.supply)
    two.scene.enrolled(two.supply)
    refused = two.scene.submitted(two.supply)["declaration_id"]
    two.scene.say(StatementRefused, statement_id=refused, statement_type="declaration")
    assert two.direct()["declaration"] is None


@pytest.mark.parametrize(
    ("statement", "change"),
    [
        ("declaration", {"subject_sha256": secrets.token_hex()}),
        ("declaration", {"answers_sha256": secrets.token_hex()}),
        ("declaration", {"response": {"id": an_id(), "revision": 1}}),
        ("declaration", {"org_id": an_id()}),
        ("declaration", {"audience": [an_id()]}),
        ("declaration", {"statement_type": "ai-governance"}),
        ("component", {"subject_sha256": secrets.token_hex()}),
        ("component", {"answers_sha256": secrets.token_hex()}),
        ("component", {"response": {"id": an_id(), "revision": 1}}),
        ("component", {"org_id": an_id()}),
        ("component", {"audience": [an_id()]}),
        ("component", {"statement_type": "declaration"}),
        ("component", {"statement_id": secrets.token_hex()}),
    ],
)
def test_a_response_counts_only_if_the_log_holds_exactly_it(
    two: Two, statement: str, change: dict[str, Any]
) -> None:
    two.scene.asked(two.supply)
    two.scene.enrolled(two.supply)
    submitted = two.scene.submitted(two.supply, components=[component("chat", {"Q-1": "yes"})])
    of_component, declaration = two.scene.recorded(two.supply, submitted)
    (declaration if statement == "declaration" else of_component).update(change)
    direct = two.direct()
    assert (direct["declaration"], direct["components"], direct["submitted"]) == (None, [], False)


def test_what_was_not_opened_is_withheld_and_keeps_its_value_to_itself(two: Two) -> None:
    one = component("chat", {"Q-1": "yes", "Q-2": "yes"})
    one["answers"][0]["opened"] = False
    two.answered(components=[one])
    answers = two.answers()
    assert (answers["Q-1"]["state"], answers["Q-1"]["value"]) == ("withheld", None)
    assert (answers["Q-2"]["state"], answers["Q-2"]["value"]) == ("answered", "yes")


def test_answers_to_questions_nobody_asked_are_left_out(two: Two) -> None:
    two.answered(components=[component("chat", {"Q-1": "yes", "Q-99": "yes"})])
    assert list(two.answers()) == ["Q-1"]


def test_an_answer_about_the_organization_stands_beside_the_components(two: Two) -> None:
    told = {"question": "Q-2", "state": "answered", "value": "yes", "opened": True}
    two.answered(answers=[told], components=[component("chat", {"Q-1": "yes"})])
    direct = two.direct()
    assert [answer["question"] for answer in direct["organization"]] == ["Q-2"]


def test_components_of_one_name_are_told_apart_by_their_statements(two: Two) -> None:
    twins = [component("chat", {"Q-1": "yes"}), component("chat", {"Q-1": "no"})]
    two.answered(components=[*twins, component("x" * 201, {})])
    named = {one["id"] for one in two.direct()["components"]}
    assert {one["statement_id"] for one in twins} < named
    assert all(len(name) == 64 for name in named)


def test_a_newer_revision_takes_the_place_of_the_older(two: Two) -> None:
    first = two.answered()
    again = two.scene.submitted(two.supply, response={**first["response"], "revision": 2})
    later = clock.rfc3339(NOW + timedelta(hours=1))
    two.scene.recorded(two.supply, again, supersedes=first["declaration_id"], received_at=later)
    declaration = two.direct()["declaration"]
    assert declaration["statement"] == again["declaration_id"]
    assert (declaration["superseded_at"], declaration["time"]) == (None, later)


def test_where_the_newer_one_is_not_in_audience_the_older_counts_as_superseded(two: Two) -> None:
    first = two.answered()
    again = two.scene.submitted(two.supply, response={**first["response"], "revision": 2})
    later = clock.rfc3339(NOW + timedelta(hours=1))
    (newer,) = two.scene.recorded(
        two.supply, again, supersedes=first["declaration_id"], received_at=later
    )
    newer["audience"] = []
    declaration = two.direct()["declaration"]
    assert declaration["statement"] == first["declaration_id"]
    assert declaration["superseded_at"] == later


def test_nobody_else_can_supersede_a_firms_statement(two: Two) -> None:
    first = two.answered()
    two.scene.say(StatementRecorded, supersedes=first["declaration_id"], log=two.scene.place())
    assert two.direct()["declaration"]["superseded_at"] is None


def test_what_is_asked_and_until_when_comes_from_the_requests_on_the_link(two: Two) -> None:
    due = NOW + timedelta(days=9)
    two.scene.asked(two.supply, [question("Q-1", starter=True, asked=False), question("Q-5")], due)
    two.scene.asked(two.supply, [question("Q-6")], due - timedelta(days=1), request=an_id())
    facts = two.facts()
    (direct,) = facts["direct"]
    assert (direct["asked"], facts["starter"]) == (["Q-5", "Q-6"], ["Q-1"])
    assert (direct["due_at"], direct["submitted"]) == (clock.rfc3339(due), False)
    assert facts["packs"] == [{"id": "sample", "version": "1.0.0", "sha256": "ab" * 32}]


def test_an_open_request_waits_although_an_older_one_was_answered(two: Two) -> None:
    two.answered()
    assert two.direct()["submitted"]
    two.scene.asked(two.supply, request=an_id(), due_at=NOW + timedelta(days=3))
    direct = two.direct()
    assert (direct["submitted"], direct["due_at"]) == (
        False,
        clock.rfc3339(NOW + timedelta(days=3)),
    )


def test_where_a_customers_questionnaires_differ_its_newest_holds(two: Two) -> None:
    two.scene.asked(two.supply, [question("Q-1", criticality=1)])
    two.scene.asked(two.supply, [question("Q-1", criticality=5, alignment={})], request=an_id())
    (row,) = two.facts()["questions"]
    assert (row["criticality"], row["alignment"]) == (5, None)


@pytest.mark.parametrize(
    ("told", "becomes"),
    [
        ({"declared": None, "totals": None, "entries": []}, "silent"),
        ({"declared": "none", "totals": None, "entries": []}, "silent"),
        ({"declared": "complete", "totals": None, "entries": []}, "silent"),
        (NO_LIST, "none"),
    ],
)
def test_a_list_is_silent_unless_its_totals_are_opened(two: Two, told: Any, becomes: str) -> None:
    two.answered(sub_tier=told)
    assert two.direct()["list"] == becomes


def test_an_entry_signed_before_its_firm_enrolled_leads_to_the_firm_now(two: Two) -> None:
    below = two.scene.supplied(two.supply.firm, Firm("Second"))
    two.answered(sub_tier=listed(below.entry(org_id=None, visibility="masked")))
    assert two.facts()["deeper"][0]["list"] == "silent"
    two.scene.answered(below, sub_tier=NO_LIST)
    assert two.facts()["deeper"][0]["list"] == "none"


def test_the_linked_event_and_the_enrolled_event_name_the_same_firm(two: Two) -> None:
    two.scene.asked(two.supply)
    two.scene.enrolled(two.supply)
    # Only the re-said link tells the organization, as where the enrolment was heard by others.
    two.scene.events = [e for e in two.scene.events if e["type"] != "organization.enrolled.v1"]
    two.scene.link(two.supply, supplier_org_id=two.supply.firm.org)
    two.scene.recorded(two.supply, two.scene.submitted(two.supply))
    assert two.direct()["declaration"]["covered"]


def test_the_newest_statement_of_a_link_holds_in_whatever_order_it_comes(two: Two) -> None:
    older = two.scene.link(two.supply, dependency="minor", name="Old")
    newer = two.scene.link(two.supply, dependency="critical", name="New", pass_through=True)
    two.scene.events = [newer, older]
    direct = two.direct()
    assert (direct["dependency"], direct["pass_through"]) == ("critical", True)
    (item,) = two.site.get(two.supply.customer, "/suppliers").json()["items"]
    assert item["name"] == "New"


def test_an_ended_link_is_no_longer_in_the_view(two: Two) -> None:
    two.answered()
    two.scene.link(two.supply, ended=True)
    assert two.facts()["direct"] == []


def test_two_records_of_one_firm_are_two_links_with_the_same_facts(two: Two) -> None:
    again = two.scene.supplied(two.supply.customer, two.supply.firm)
    two.answered()
    two.scene.enrolled(again)
    one, other = two.facts()["direct"]
    assert {one["supplier"], other["supplier"]} == {two.supply.supplier, again.supplier}
    assert one["declaration"] == other["declaration"] is not None


def test_pseudonyms_differ_by_viewer_and_stay_for_one(two: Two) -> None:
    below = two.scene.supplied(two.supply.firm, Firm("Second"))
    told = listed(below.entry(visibility="masked"))
    two.answered(sub_tier=told)
    other = two.scene.supplied(Firm("Other"), two.supply.firm)
    two.scene.answered(other, sub_tier=told)
    mine = {one["supplier"] for one in two.facts()["deeper"]}
    again = {one["supplier"] for one in two.facts()["deeper"]}
    theirs = {one["supplier"] for one in two.site.judge(other.customer)[0]["deeper"]}
    assert mine == again
    assert mine.isdisjoint(theirs)
    for name in mine | theirs:
        assert name.startswith("p_")
        assert len(name) == 18
        assert below.firm.org not in name


@pytest.mark.parametrize(("visibility", "recognized"), [("named", True), ("masked", False)])
def test_an_own_supplier_met_again_is_recognized_unless_it_is_masked(
    two: Two, visibility: str, recognized: bool
) -> None:
    mine = two.scene.supplied(two.supply.customer, Firm("Second"))
    below = two.scene.supplied(two.supply.firm, mine.firm)
    two.scene.enrolled(mine)
    two.scene.enrolled(below)
    two.answered(sub_tier=listed(below.entry(visibility=visibility)))
    (deeper,) = two.facts()["deeper"]
    assert (deeper["supplier"] == mine.supplier) is recognized


def test_firms_that_supply_each_other_settle(two: Two) -> None:
    back = two.scene.supplied(two.supply.firm, two.supply.customer)
    two.answered(sub_tier=listed(back.entry()))
    two.scene.answered(back, sub_tier=listed(two.supply.entry()))
    facts = two.facts()
    assert len(facts["direct"]) == 1
    assert len(facts["deeper"]) == 2


def test_names_tags_and_vendor_codes_never_enter_facts_or_results(two: Two) -> None:
    two.scene.link(two.supply, name="Zzz Secret", vendor_codes=["ZZ-77"], tags=["zz-line"])
    two.answered()
    two.facts()
    (snapshot,) = two.site.get(two.supply.customer, "/snapshots").json()["items"]
    for name in ("facts", "results"):
        text = two.site.get(two.supply.customer, f"/snapshots/{snapshot['id']}/{name}").text
        assert not any(word in text for word in ("Zzz", "ZZ-77", "zz-line"))


def test_an_enrolment_without_a_link_tells_risk_nothing(two: Two) -> None:
    two.scene.events.append(event(OrganizationEnrolled))
    assert two.direct()["declaration"] is None
