"""Suppliers over time: merged records, new names, successions, and what history shows of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine

from services.kit import clock
from tests.factories import questionnaire as made
from tests.questionnaire.world import Firm, World, somebody


def merge(firm: Firm, kept: Any, merged: Any, status: int = 201) -> Any:
    body = {"kept_id": kept["id"], "merged_id": merged["id"]}
    return firm.post("/supplier-merges", body, status)


def undo(firm: Firm, made_: Any, status: int = 200) -> Any:
    return firm.post(f"/supplier-merges/{made_['id']}/undo", status=status)


def two(firm: Firm) -> tuple[Any, Any]:
    """Two records of one firm."""
    one = firm.supplier(
        name="架空精機", sites=["本社"], tags=["鋳造"], vendor_codes=[{"code": "A-1"}]
    )
    other = firm.supplier(
        name="㈱架空精機",
        sites=["福岡"],
        tags=["電装"],
        vendor_codes=[{"code": "B-1", "site": "福岡"}],
        identifiers={"gln": "4569951110016"},
    )
    return one, other


def test_what_a_merged_record_had_moves_to_the_one_that_is_kept(world: World) -> None:
    requester = world.firm()
    kept, merged = two(requester)
    person = requester.post(f"/suppliers/{merged['id']}/contacts", made.ContactBody())
    merge(requester, kept, merged)

    (after,) = requester.get("/suppliers")["items"]
    assert after["id"] == kept["id"]
    assert after["sites"] == ["本社", "福岡"]
    assert [(code["code"], code["site"]) for code in after["vendor_codes"]] == [
        ("A-1", None),
        ("B-1", "福岡"),
    ]
    assert after["tags"] == ["鋳造", "電装"]
    assert after["identifiers"] == {"gln": "4569951110016"}
    (there,) = requester.get(f"/suppliers/{kept['id']}/contacts")["items"]
    assert there["id"] == person["id"]
    gone = requester.get(f"/suppliers/{merged['id']}")
    assert (gone["merged_into"], gone["link"]["ended"]) == (kept["id"], True)
    (said,) = world.said("supplier.merged.v1", org_id=requester.id)
    assert (said["kept_link_id"], said["merged_link_id"]) == (
        kept["link"]["id"],
        merged["link"]["id"],
    )
    newest = world.said("supplier.linked.v1", link_id=kept["link"]["id"])[-1]
    assert newest["vendor_codes"] == ["A-1", "B-1"]


def test_a_merged_record_is_not_changed_merged_or_asked_again(world: World) -> None:
    requester = world.firm()
    kept, merged = two(requester)
    third = requester.supplier()
    merge(requester, kept, merged)
    path = f"/suppliers/{merged['id']}"
    for problem in (
        requester.call("PATCH", path, 409, json={"name": "x"}),
        requester.post(f"{path}/contacts", made.ContactBody(), 409),
        merge(requester, third, merged, 409),
    ):
        assert problem["type"] == "urn:rensho:problem:suppliers/merged"
        assert problem["merged_into"] == kept["id"]
    problem = requester.post("/campaigns", campaign_of(requester, merged), 422)
    assert problem["type"] == "urn:rensho:problem:campaigns/suppliers"


def campaign_of(firm: Firm, *suppliers: Any) -> dict[str, Any]:
    body: dict[str, Any] = made.CampaignBody(questionnaire_id=firm.questionnaire()["id"])
    del body["all"]
    return {**body, "supplier_ids": [each["id"] for each in suppliers]}


def test_undoing_a_merge_leaves_both_records_as_they_were(world: World) -> None:
    requester = world.firm()
    kept, merged = two(requester)
    person = requester.post(f"/suppliers/{merged['id']}/contacts", made.ContactBody())
    undone = undo(requester, merge(requester, kept, merged))
    assert undone["undone_at"]
    for before in (kept, merged):
        assert requester.get(f"/suppliers/{before['id']}") == before
    (there,) = requester.get(f"/suppliers/{merged['id']}/contacts")["items"]
    assert there["id"] == person["id"]
    first, second = world.said("supplier.merged.v1", org_id=requester.id)
    assert (first["undone"], second["undone"]) == (False, True)
    assert [row["kind"] for row in requester.get(f"/suppliers/{kept['id']}/history")["items"]] == [
        "merge-undone",
        "merged",
        "added",
    ]


def test_undoing_keeps_what_somebody_changed_since(world: World) -> None:
    requester = world.firm()
    kept, merged = two(requester)
    done = merge(requester, kept, merged)
    changed = {"tags": ["新"], "identifiers": {}}
    requester.call("PATCH", f"/suppliers/{kept['id']}", 200, json=changed)
    undo(requester, done)
    after = requester.get(f"/suppliers/{kept['id']}")
    assert (after["tags"], after["identifiers"]) == (["新"], {})


def test_a_merge_is_undone_once_and_within_a_day(world: World) -> None:
    requester = world.firm()
    done = merge(requester, *two(requester))
    later = clock.now() + timedelta(days=1, minutes=1)
    with time_machine.travel(later, tick=False):
        headers = world.mint(org=requester.id, audience="questionnaire", scopes={"suppliers.write"})
        path = f"/supplier-merges/{done['id']}/undo"
        problem = world.client.post(path, headers=headers).json()
    assert problem["type"] == "urn:rensho:problem:suppliers/undo-too-late"
    undo(requester, done)
    assert undo(requester, done, 409)["type"] == "urn:rensho:problem:suppliers/undo-too-late"


def test_a_merge_stands_once_requests_were_issued_by_it(world: World) -> None:
    requester = world.firm()
    done = merge(requester, *two(requester))
    requester.issued()
    assert undo(requester, done, 409)["detail"] == "requests were issued since"


def test_a_merge_stands_once_an_organization_enrolled_by_it(world: World) -> None:
    requester = world.firm()
    kept, merged = two(requester)
    done = merge(requester, kept, merged)
    world.firm(link_id=kept["link"]["id"])
    assert undo(requester, done, 409)["detail"] == "an organization enrolled since"


def test_a_later_merge_is_undone_before_an_earlier_one(world: World) -> None:
    requester = world.firm()
    first, second = two(requester)
    third = requester.supplier()
    early, late = merge(requester, second, first), merge(requester, third, second)
    assert requester.get(f"/suppliers/{first['id']}")["merged_into"] == third["id"]
    assert undo(requester, early, 409)["type"] == "urn:rensho:problem:suppliers/undo-too-late"
    undo(requester, late)
    assert requester.get(f"/suppliers/{first['id']}")["merged_into"] == second["id"]
    undo(requester, early)
    assert len(requester.get("/suppliers")["items"]) == 3


def test_requests_of_a_merged_record_go_on_where_they_were_sent(world: World) -> None:
    requester = world.firm()
    kept, merged = two(requester)
    campaign = requester.issued()
    merge(requester, kept, merged)
    respondent = world.firm(link_id=merged["link"]["id"])
    # One firm stands behind both records now, and answers both requests.
    assert len(respondent.get("/requests?side=respondent")["items"]) == 2
    after = requester.get(f"/suppliers/{kept['id']}")
    assert after["link"]["supplier_org_id"] == str(respondent.id)
    assert len(requester.asked(campaign)) == 2


def test_records_of_two_enrolled_organizations_are_two_firms(world: World) -> None:
    requester = world.firm()
    one, other = two(requester)
    world.firm(link_id=one["link"]["id"])
    problem = merge(requester, other, one, 409)
    assert problem["type"] == "urn:rensho:problem:suppliers/keep-the-enrolled"
    world.firm(link_id=other["link"]["id"])
    problem = merge(requester, one, other, 409)
    assert problem["type"] == "urn:rensho:problem:suppliers/two-organizations"


def test_a_record_is_neither_merged_with_nor_succeeded_by_itself(world: World) -> None:
    requester = world.firm()
    one, _ = two(requester)
    itself = succession(one, one)
    for problem in (merge(requester, one, one, 422), requester.post("/successions", itself, 422)):
        assert problem["type"] == "urn:rensho:problem:suppliers/same-record"


def succession(before: Any, after: Any, **fields: Any) -> dict[str, Any]:
    return {
        "kind": "merger",
        "predecessor_id": before["id"],
        "successor_id": after["id"],
        "effective_on": "2026-04-01",
        **fields,
    }


def test_a_succession_keeps_both_records_and_shows_at_both_ends(world: World) -> None:
    requester = world.firm()
    before, after = requester.supplier(), requester.supplier()
    done = requester.post("/successions", succession(before, after, ends_predecessor=True))
    for end, kind in ((before, "succeeded"), (after, "succeeds")):
        listed = requester.get(f"/successions?supplier_id={end['id']}")["items"]
        assert listed == [done]
        newest = requester.get(f"/suppliers/{end['id']}/history")["items"][0]
        assert (newest["kind"], newest["effective_on"]) == (kind, "2026-04-01")
    assert requester.get(f"/suppliers/{before['id']}")["link"]["ended"]
    assert not requester.get(f"/suppliers/{after['id']}")["link"]["ended"]
    (said,) = world.said("supplier.succeeded.v1", org_id=requester.id)
    assert said["predecessor"]["supplier_id"] == before["id"]
    assert said["successor"]["org_id"] is None
    problem = requester.post("/successions", succession(before, after), 409)
    assert problem["type"] == "urn:rensho:problem:suppliers/succession-recorded"


def test_a_split_leaves_the_link_to_the_predecessor_alive(world: World) -> None:
    requester = world.firm()
    before, after, further = (requester.supplier() for _ in range(3))
    for successor in (after, further):
        requester.post("/successions", succession(before, successor, kind="split"))
    assert not requester.get(f"/suppliers/{before['id']}")["link"]["ended"]
    assert len(requester.get("/successions")["items"]) == 2
    assert len(world.said("supplier.succeeded.v1", org_id=requester.id)) == 2


@pytest.mark.parametrize("days", [2, 400])
def test_what_lies_ahead_is_not_recorded_as_having_happened(world: World, days: int) -> None:
    requester = world.firm()
    one, other = two(requester)
    ahead = (clock.now() + timedelta(days=days)).date().isoformat()
    for problem in (
        requester.post("/successions", succession(one, other, effective_on=ahead), 422),
        requester.post(
            f"/suppliers/{one['id']}/rename", {"name": "新称", "effective_on": ahead}, 422
        ),
    ):
        assert problem["type"] == "urn:rensho:problem:suppliers/in-the-future"


def test_a_new_name_keeps_the_old_one_with_its_day_and_risk_is_told(world: World) -> None:
    requester = world.firm()
    supplier = requester.supplier(name="旧称工業")
    path = f"/suppliers/{supplier['id']}"
    new = {"name": "新称テクノ", "effective_on": "2026-04-01"}
    renamed = requester.post(f"{path}/rename", new, 200)
    assert renamed["name"] == "新称テクノ"
    assert renamed["former_names"] == [{"name": "旧称工業", "until": "2026-04-01"}]
    newest = requester.get(f"{path}/history")["items"][0]
    assert (newest["kind"], newest["detail"]) == (
        "renamed",
        {"name": {"from": "旧称工業", "to": "新称テクノ"}},
    )
    assert world.said("supplier.linked.v1", link_id=supplier["link"]["id"])[-1]["name"] == (
        "新称テクノ"
    )
    problem = requester.post(f"{path}/rename", new, 409)
    assert problem["type"] == "urn:rensho:problem:suppliers/same-name"


def test_history_tells_who_changed_what_and_pages_of_it_meet(world: World) -> None:
    requester = world.firm()
    supplier = requester.supplier(dependency="minor")
    path = f"/suppliers/{supplier['id']}"
    for dependency in ("major", "major", "critical"):
        requester.call("PATCH", path, 200, json={"dependency": dependency})
    first = requester.get(f"{path}/history?limit=2")
    second = requester.get(f"{path}/history?limit=2&cursor={first['next_cursor']}")
    # Saying the same again changes nothing and leaves no mark.
    assert [row["detail"] for row in first["items"]] == [
        {"dependency": {"from": "major", "to": "critical"}},
        {"dependency": {"from": "minor", "to": "major"}},
    ]
    assert [row["kind"] for row in second["items"]] == ["added"]
    assert all(row["by"] for row in first["items"])
    assert second["next_cursor"] is None


def test_history_of_a_kept_record_includes_the_merged_ones(world: World) -> None:
    requester = world.firm()
    kept, merged = two(requester)
    merge(requester, kept, merged)
    rows = requester.get(f"/suppliers/{kept['id']}/history")["items"]
    assert {row["supplier_id"] for row in rows} == {kept["id"], merged["id"]}


def test_pages_of_merges_and_successions_meet(world: World) -> None:
    requester = world.firm()
    kept = requester.supplier()
    others = [requester.supplier() for _ in range(3)]
    for other in others:
        requester.post("/successions", succession(other, kept))
    for other in others:
        merge(requester, kept, other)
    for path in ("/supplier-merges", "/successions"):
        first = requester.get(f"{path}?limit=2")
        second = requester.get(f"{path}?limit=2&cursor={first['next_cursor']}")
        whole = requester.get(path)["items"]
        assert first["items"] + second["items"] == whole
        assert len(whole) == 3
        assert second["next_cursor"] is None


def test_another_organizations_merges_successions_and_history_look_like_none(
    world: World,
) -> None:
    requester, other = world.firm(), world.firm()
    kept, merged = two(requester)
    theirs = other.supplier()
    other.get(f"/suppliers/{kept['id']}/history", 404)
    rename = {"name": "盗用", "effective_on": "2026-04-01"}
    other.post(f"/suppliers/{kept['id']}/rename", rename, 404)
    merge(other, theirs, merged, 404)
    other.post("/successions", succession(theirs, merged), 404)
    done = merge(requester, kept, merged)
    undo(other, done, 404)
    undo(other, {"id": somebody()}, 404)
    assert other.get("/supplier-merges")["items"] == []
    assert other.get("/successions")["items"] == []
