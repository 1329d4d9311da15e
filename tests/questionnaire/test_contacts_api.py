"""Sites and contacts of suppliers over HTTP, and whom mail goes to."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from services.kit.db import Actor
from services.questionnaire.store import contacts, suppliers
from services.questionnaire.store.contacts import Recipients
from tests.factories import questionnaire as made
from tests.questionnaire.world import Firm, World, somebody


def contact(firm: Firm, supplier: Any, **fields: Any) -> Any:
    return firm.post(f"/suppliers/{supplier['id']}/contacts", made.ContactBody(**fields))


def recipients(world: World, firm: Firm, supplier: Any) -> Recipients:
    with world.worker.begin(Actor("test")) as tx:
        record = suppliers.one(tx, firm.id, UUID(supplier["id"]))
        assert record is not None
        return contacts.recipients(tx, [record])[record.id]


def test_a_contact_is_kept_as_received_with_its_roles_site_language_and_zone(
    world: World,
) -> None:
    requester = world.firm()
    supplier = requester.supplier()
    path = f"/suppliers/{supplier['id']}"
    site = requester.post(f"{path}/sites", {"name": "Rayong", "country": "TH"})
    body = made.ContactBody(
        name=" 髙﨑　花子",
        title="課長",
        roles=["respondent", "it", "respondent"],
        site_id=site["id"],
        language="th",
        time_zone="Asia/Bangkok",
        telephone="+66 38-000000",
    )
    found = requester.post(f"{path}/contacts", body)
    assert found["name"] == " 髙﨑　花子"
    assert found["roles"] == ["respondent", "it"]
    assert {**body, "roles": found["roles"]}.items() <= found.items()
    assert requester.get(f"{path}/contacts")["items"] == [found]
    assert requester.get(f"{path}/contacts?role=signer")["items"] == []
    assert requester.get(f"{path}/contacts?role=it&site_id={site['id']}")["items"] == [found]


@pytest.mark.parametrize(
    "wrong",
    [
        {"roles": []},
        {"roles": ["boss"]},
        {"time_zone": "Asia/Nowhere"},
        {"time_zone": "../etc/passwd"},
        {"mailbox": "nobody"},
        {"telephone": "call me"},
        {"language": "Japanese"},
        {"age": 30},
    ],
)
def test_a_contact_that_says_nothing_usable_is_refused(world: World, wrong: Any) -> None:
    requester = world.firm()
    path = f"/suppliers/{requester.supplier()['id']}/contacts"
    problem = requester.post(path, made.ContactBody(**wrong), 422)
    assert problem["type"] == "urn:rensho:problem:request/invalid"


def test_a_contact_is_changed_cleared_and_removed_and_history_keeps_no_name(
    world: World,
) -> None:
    requester = world.firm()
    supplier = requester.supplier()
    found = contact(requester, supplier, name="去る 人")
    path = f"/suppliers/{supplier['id']}/contacts/{found['id']}"
    changes = {"kana": None, "roles": ["signer"]}
    changed = requester.call("PATCH", path, 200, json=changes)
    assert (changed["kana"], changed["roles"], changed["name"]) == (None, ["signer"], "去る 人")
    for nothing in ({"name": None}, {"roles": None}):
        requester.call("PATCH", path, 422, json=nothing)

    assert world.client.delete(path, headers=requester.headers).status_code == 204
    requester.call("PATCH", path, 404, json=changes)
    history = requester.get(f"/suppliers/{supplier['id']}/history")["items"]
    assert [row["kind"] for row in history] == [
        "contact-removed",
        "contact-changed",
        "contact-added",
        "added",
    ]
    assert "去る" not in str(history)


def test_a_contact_cannot_be_at_another_suppliers_site(world: World) -> None:
    requester = world.firm()
    mine, other = requester.supplier(), requester.supplier()
    (site,) = requester.get(f"/suppliers/{other['id']}/sites")["items"]
    path = f"/suppliers/{mine['id']}/contacts"
    problem = requester.post(path, made.ContactBody(site_id=site["id"]), 422)
    assert problem["type"] == "urn:rensho:problem:contacts/site"


def test_a_site_is_renamed_and_goes_once_nobody_is_there(world: World) -> None:
    requester = world.firm()
    supplier = requester.supplier(sites=["旧工場"])
    (site,) = requester.get(f"/suppliers/{supplier['id']}/sites")["items"]
    path = f"/suppliers/{supplier['id']}/sites/{site['id']}"
    assert requester.call("PATCH", path, 200, json={"name": "新工場"})["name"] == "新工場"
    requester.call("PATCH", path, 422, json={"name": None})
    requester.call("PATCH", path, 422, json={"country": "XX"})
    manned = contact(requester, supplier, site_id=site["id"])
    problem = requester.call("DELETE", path, 409)
    assert problem["type"] == "urn:rensho:problem:suppliers/site-in-use"
    at = f"/suppliers/{supplier['id']}/contacts/{manned['id']}"
    assert world.client.delete(at, headers=requester.headers).status_code == 204
    assert world.client.delete(path, headers=requester.headers).status_code == 204
    assert requester.get(f"/suppliers/{supplier['id']}")["sites"] == []
    requester.call("DELETE", path, 404)


def test_pages_of_sites_and_contacts_meet(world: World) -> None:
    requester = world.firm()
    supplier = requester.supplier(sites=["一", "二", "三"])
    ids = [contact(requester, supplier)["id"] for _ in range(3)]
    for path, known in (("sites", None), ("contacts", ids)):
        whole = f"/suppliers/{supplier['id']}/{path}"
        first = requester.get(f"{whole}?limit=2")
        second = requester.get(f"{whole}?limit=2&cursor={first['next_cursor']}")
        found = [each["id"] for each in first["items"] + second["items"]]
        assert second["next_cursor"] is None
        assert found == (known or [each["id"] for each in requester.get(whole)["items"]])


def test_another_organizations_sites_and_contacts_look_like_none(world: World) -> None:
    requester, other = world.firm(), world.firm()
    supplier = requester.supplier()
    found = contact(requester, supplier)
    (site,) = requester.get(f"/suppliers/{supplier['id']}/sites")["items"]
    path = f"/suppliers/{supplier['id']}"
    for inner in ("sites", "contacts"):
        other.get(f"{path}/{inner}", 404)
    other.post(f"{path}/contacts", made.ContactBody(), 404)
    other.post(f"{path}/sites", {"name": "x"}, 404)
    for thing in (f"sites/{site['id']}", f"contacts/{found['id']}"):
        other.call("PATCH", f"{path}/{thing}", 404, json={"name": "x"})
        other.call("DELETE", f"{path}/{thing}", 404)
    requester.call("DELETE", f"{path}/contacts/{somebody()}", 404)


def test_respondents_are_written_to_and_sales_in_copy_but_nobody_twice(world: World) -> None:
    requester = world.firm()
    supplier = requester.supplier(mailbox="own@supplier.example", contact_name="窓口")
    (own,) = recipients(world, requester, supplier).to
    assert (own.mailbox, own.name, own.language) == ("own@supplier.example", "窓口", "ja")

    contact(
        requester, supplier, mailbox="q@supplier.example", language="en", time_zone="Asia/Tokyo"
    )
    contact(requester, supplier, mailbox="Q@supplier.example", roles=["sales"])
    contact(requester, supplier, mailbox="s@supplier.example", roles=["sales", "quality"])
    contact(requester, supplier, mailbox=None, roles=["respondent"])
    found = recipients(world, requester, supplier)
    assert [(each.mailbox, each.language) for each in found.to] == [("q@supplier.example", "en")]
    assert [(each.mailbox, each.language) for each in found.cc] == [("s@supplier.example", "ja")]
    assert found.to[0].time_zone == "Asia/Tokyo"


def test_a_supplier_without_any_mailbox_has_no_recipient(world: World) -> None:
    requester = world.firm()
    csv = "取引先コード,会社名,国\n1,架空,JP".encode()
    dry_run = requester.call("POST", "/imports", 201, content=csv)
    (only,) = requester.post(f"/imports/{dry_run['id']}/confirm")["supplier_ids"]
    assert recipients(world, requester, {"id": only}) == Recipients((), ())
