"""Saved choices of suppliers over HTTP."""

from __future__ import annotations

from typing import Any

import pytest

from tests.questionnaire.world import Firm, World, somebody


def segment(firm: Firm, name: str = "鋳造", status: int = 201, **filter_: Any) -> Any:
    return firm.post("/segments", {"name": name, "filter": filter_}, status)


def members(firm: Firm, **filter_: Any) -> list[str]:
    found = segment(firm, name=str(somebody()), **filter_)
    chosen = firm.get(f"/segments/{found['id']}/members")
    assert chosen["count"] == len(chosen["supplier_ids"])
    listed = firm.get(f"/suppliers?segment_id={found['id']}")["items"]
    alive = [each["id"] for each in listed if not each["link"]["ended"]]
    assert alive == chosen["supplier_ids"]
    return list(chosen["supplier_ids"])


def test_a_segment_chooses_by_every_field_it_states(world: World) -> None:
    requester = world.firm()
    cast = requester.supplier(tags=["鋳造", "重要"], product_lines=["制御盤"], dependency="major")
    weld = requester.supplier(tags=["溶接"], country="TH", language="th", dependency="minor")
    maker = requester.supplier(tags=["鋳造"], pass_through=True, dependency="minor")
    world.firm(link_id=weld["link"]["id"])
    ended = requester.supplier(tags=["鋳造"])
    requester.call("PATCH", f"/suppliers/{ended['id']}", 200, json={"ended": True})
    one, two, three = cast["id"], weld["id"], maker["id"]

    assert members(requester) == [one, two, three]
    assert members(requester, tags_any=["鋳造", "溶接"]) == [one, two, three]
    assert members(requester, tags_all=["鋳造", "重要"]) == [one]
    assert members(requester, tags_any=["鋳造"], tags_none=["重要"]) == [three]
    assert members(requester, countries=["TH", "VN"]) == [two]
    assert members(requester, languages=["ja"]) == [one, three]
    assert members(requester, dependencies=["minor"], languages=["ja"]) == [three]
    assert members(requester, product_lines=["制御盤", "配電盤"]) == [one]
    assert members(requester, pass_through=True) == [three]
    assert members(requester, pass_through=False) == [one, two]
    assert members(requester, enrolled=True) == [two]
    assert members(requester, enrolled=False) == [one, three]


def test_a_segment_is_looked_up_anew_whenever_it_is_used(world: World) -> None:
    requester = world.firm()
    found = segment(requester, tags_any=["鋳造"])
    assert requester.get(f"/segments/{found['id']}/members")["supplier_ids"] == []
    supplier = requester.supplier(tags=["鋳造"])
    assert requester.get(f"/segments/{found['id']}/members")["supplier_ids"] == [supplier["id"]]


def test_suppliers_are_listed_by_tags_without_a_segment(world: World) -> None:
    requester = world.firm()
    both = requester.supplier(tags=["鋳造", "重要"])
    requester.supplier(tags=["鋳造"])
    found = requester.get("/suppliers?tag=鋳造&tag=重要")["items"]
    assert [each["id"] for each in found] == [both["id"]]


def test_a_segment_is_replaced_and_forgotten(world: World) -> None:
    requester = world.firm()
    found = segment(requester, tags_any=["鋳造"])
    path = f"/segments/{found['id']}"
    body = {"name": "溶接", "filter": {"tags_any": ["溶接"], "enrolled": False}}
    replaced = requester.call("PUT", path, 200, json=body)
    assert (replaced["name"], replaced["filter"]) == (body["name"], body["filter"])
    assert requester.get("/segments")["items"] == [replaced]
    assert world.client.delete(path, headers=requester.headers).status_code == 204
    assert requester.get("/segments")["items"] == []
    requester.call("PUT", path, 404, json=body)
    requester.get(f"{path}/members", 404)
    requester.get(f"/suppliers?segment_id={found['id']}", 404)


def test_two_segments_cannot_have_one_name(world: World) -> None:
    requester = world.firm()
    first, second = segment(requester), segment(requester, name="溶接")
    problem = segment(requester, status=409)
    assert problem["type"] == "urn:rensho:problem:segments/name-taken"
    body = {"name": first["name"], "filter": {}}
    requester.call("PUT", f"/segments/{second['id']}", 409, json=body)
    requester.call("PUT", f"/segments/{first['id']}", 200, json=body)
    segment(world.firm())


@pytest.mark.parametrize(
    "wrong",
    [{"colour": ["red"]}, {"countries": ["XX"]}, {"dependencies": ["huge"]}, {"tags_any": [""]}],
)
def test_a_filter_nobody_can_fit_is_refused(world: World, wrong: Any) -> None:
    problem = segment(world.firm(), status=422, **wrong)
    assert problem["type"] == "urn:rensho:problem:request/invalid"


def test_another_organizations_segment_looks_like_none(world: World) -> None:
    requester, other = world.firm(), world.firm()
    found = segment(requester)
    path = f"/segments/{found['id']}"
    other.get(f"{path}/members", 404)
    other.call("PUT", path, 404, json={"name": "x", "filter": {}})
    other.call("DELETE", path, 404)
    other.get(f"/suppliers?segment_id={found['id']}", 404)
    assert other.get("/segments")["items"] == []


def test_pages_of_segments_meet(world: World) -> None:
    requester = world.firm()
    ids = [segment(requester, name=f"segment {n}")["id"] for n in range(3)]
    first = requester.get("/segments?limit=2")
    second = requester.get(f"/segments?limit=2&cursor={first['next_cursor']}")
    assert [each["id"] for each in first["items"] + second["items"]] == ids
