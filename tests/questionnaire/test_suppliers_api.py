"""Supplier records over HTTP."""

from __future__ import annotations

from tests.factories import questionnaire as made
from tests.questionnaire.world import World, somebody


def test_a_supplier_is_kept_with_its_codes_and_link_and_risk_is_told_no_contact(
    world: World,
) -> None:
    requester = world.firm()
    body = made.SupplierBody(vendor_codes=[{"code": "0000099", "system": "SAP"}])
    found = requester.post("/suppliers", body)

    assert found["vendor_codes"][0]["code"] == "0000099"
    assert found["link"]["dependency"] == "major"
    assert requester.get(f"/suppliers/{found['id']}") == found
    (event,) = world.said("supplier.linked.v1", link_id=found["link"]["id"])
    assert event["vendor_codes"] == ["0000099"]
    assert "mailbox" not in event


def test_suppliers_are_found_by_vendor_code_with_leading_zeros(world: World) -> None:
    requester = world.firm()
    wanted = requester.supplier(vendor_codes=[{"code": "007"}])
    requester.supplier(vendor_codes=[{"code": "7"}])

    found = requester.get("/suppliers?vendor_code=007")["items"]
    assert [each["id"] for each in found] == [wanted["id"]]


def test_a_padded_code_is_found_with_and_without_its_zeros_in_its_own_system(world: World) -> None:
    requester = world.firm()
    padded = requester.supplier(vendor_codes=[{"code": "0000004711", "system": "SAP"}])
    other = requester.supplier(vendor_codes=[{"code": "04711", "system": "奉行"}])

    def found(code: str) -> list[str]:
        return [s["id"] for s in requester.get(f"/suppliers?vendor_code={code}")["items"]]

    assert found("4711") == [padded["id"]]
    assert found("04711") == [padded["id"], other["id"]]
    rules = {"items": [{"system": "奉行", "width": 6}]}
    assert requester.call("PUT", "/vendor-code-padding", 200, json=rules) == rules
    assert found("4711") == [other["id"]]
    requester.call("PUT", "/vendor-code-padding", 200, json={"items": []})
    assert requester.get("/vendor-code-padding")["items"] == [{"system": "SAP", "width": 10}]


def test_one_code_in_one_system_and_unit_is_one_suppliers_at_a_time(world: World) -> None:
    requester = world.firm()
    until = {"code": "0000000815", "system": "SAP", "valid_to": "2026-03-31"}
    requester.supplier(vendor_codes=[until])
    again = made.SupplierBody(vendor_codes=[{**until, "code": "815", "valid_to": None}])
    problem = requester.post("/suppliers", again, 409)
    assert problem["type"] == "urn:rensho:problem:suppliers/vendor-code-in-use"
    assert problem["vendor_codes"] == ["815"]

    elsewhere = {"code": "815", "system": "SAP", "company_code": "2000", "plant": "大阪"}
    requester.supplier(vendor_codes=[elsewhere])
    later = requester.supplier(
        vendor_codes=[{**until, "valid_from": "2026-04-01", "valid_to": None, "site": "新工場"}]
    )
    (row,) = requester.get("/vendor-codes?code=815&on=2026-05-01&limit=1")["items"]
    assert row["company_code"] == "2000"
    on = requester.get("/vendor-codes?code=815&on=2026-05-01")["items"]
    assert [(each["supplier_id"], each["site"]) for each in on][-1] == (later["id"], "新工場")
    assert len(requester.get("/vendor-codes?code=815")["items"]) == 3


def test_suppliers_are_found_by_number_and_by_any_part_of_a_name(world: World) -> None:
    requester = world.firm()
    wanted = requester.supplier(
        name="㈱髙﨑ｾｲｷ", identifiers={"invoice-number": "T7000-0120-50002"}
    )
    requester.supplier()
    assert wanted["identifiers"] == {"invoice-number": "T7000012050002"}
    for query in ("identifier=corporate-number:7000012050002", "name=高崎セイキ"):
        assert [s["id"] for s in requester.get(f"/suppliers?{query}")["items"]] == [wanted["id"]]


def test_a_number_with_a_wrong_check_digit_is_refused(world: World) -> None:
    body = made.SupplierBody(identifiers={"lei": "529900T8BM49AURSDO56"})
    world.firm().post("/suppliers", body, 422)


def test_a_link_says_what_is_bought_and_risk_hears_of_it_when_it_changes(world: World) -> None:
    requester = world.firm()
    supplier = requester.supplier(product_lines=["制御盤"])
    link = supplier["link"]
    assert world.said("link.classified.v1", link_id=link["id"]) == []
    bought = {"safetyFunction": ["monitored", "critical"]}
    for _ in range(2):
        changed = requester.call(
            "PATCH",
            f"/suppliers/{supplier['id']}",
            200,
            json={"classification": bought, "visibility": "named"},
        )
    assert changed["link"]["classification"] == bought
    assert changed["link"]["visibility"] == "named"
    (said,) = world.said("link.classified.v1", link_id=link["id"])
    assert said["classification"] == bought
    assert world.said("supplier.linked.v1", link_id=link["id"])[0]["product_lines"] == ["制御盤"]
    newest, _ = requester.get(f"/suppliers/{supplier['id']}/history")["items"]
    assert newest["detail"] == {
        "classification": {"from": {}, "to": bought},
        "visibility": {"from": "masked", "to": "named"},
    }


def test_a_range_off_its_scale_or_backwards_is_refused(world: World) -> None:
    requester = world.firm()
    for wrong in (
        {"safetyFunction": ["critical", "none"]},
        {"safetyFunction": ["none", "huge"]},
        {"safetyFunction": ["none"]},
        {"safetyFunction": ["none", "none", "none"]},
        {"colour": ["no", "yes"]},
    ):
        problem = requester.post("/suppliers", made.SupplierBody(classification=wrong), 422)
        assert problem["type"] == "urn:rensho:problem:suppliers/classification"
        assert problem["problems"][0]["reason"]["ja"]


def test_a_site_that_a_contact_is_at_cannot_be_left_out(world: World) -> None:
    requester = world.firm()
    supplier = requester.supplier(sites=["本社", "第二工場"], vendor_codes=[])
    path = f"/suppliers/{supplier['id']}"
    second = requester.get(f"{path}/sites")["items"][1]
    requester.post(f"{path}/contacts", made.ContactBody(site_id=second["id"]))
    changed = requester.call("PATCH", path, 200, json={"sites": ["第二工場", "第三工場"]})
    assert changed["sites"] == ["第二工場", "第三工場"]
    assert requester.get(f"{path}/sites")["items"][0]["id"] == second["id"]
    problem = requester.call("PATCH", path, 409, json={"sites": []})
    assert problem["type"] == "urn:rensho:problem:suppliers/site-in-use"
    assert problem["sites"] == ["第二工場"]


def test_changing_a_link_tells_risk_again_and_keeps_what_was_left_out(world: World) -> None:
    requester = world.firm()
    supplier = requester.supplier()
    changes = {"dependency": "minor", "vendor_codes": [{"code": "X-1"}], "ended": True}
    changed = requester.call("PATCH", f"/suppliers/{supplier['id']}", 200, json=changes)

    assert changed["name"] == supplier["name"]
    assert [each["code"] for each in changed["vendor_codes"]] == ["X-1"]
    last = world.said("supplier.linked.v1", link_id=supplier["link"]["id"])[-1]
    assert (last["dependency"], last["ended"], last["vendor_codes"]) == ("minor", True, ["X-1"])


def test_a_field_that_must_be_there_cannot_be_set_to_null(world: World) -> None:
    requester = world.firm()
    supplier = requester.supplier()
    problem = requester.call("PATCH", f"/suppliers/{supplier['id']}", 422, json={"name": None})
    assert problem["type"] == "urn:rensho:problem:request/invalid"


def test_an_unknown_country_is_refused(world: World) -> None:
    world.firm().post("/suppliers", made.SupplierBody(country="XX"), 422)


def test_another_organizations_supplier_looks_like_none(world: World) -> None:
    supplier = world.firm().supplier()
    other = world.firm()
    problem = other.get(f"/suppliers/{supplier['id']}", 404)
    assert problem["type"] == "urn:rensho:problem:request/not-found"
    assert other.get(f"/suppliers/{somebody()}", 404)["detail"] == problem["detail"]
    other.call("PATCH", f"/suppliers/{supplier['id']}", 404, json={"name": "盗用"})
    assert other.get("/suppliers")["items"] == []


def test_pages_of_suppliers_meet_without_gap_or_overlap(world: World) -> None:
    requester = world.firm()
    ids = [requester.supplier()["id"] for _ in range(5)]
    first = requester.get("/suppliers?limit=3")
    second = requester.get(f"/suppliers?limit=3&cursor={first['next_cursor']}")
    assert [each["id"] for each in first["items"] + second["items"]] == ids
    assert second["next_cursor"] is None


def test_a_foreign_cursor_is_refused(world: World) -> None:
    world.firm().get("/suppliers?cursor=nonsense", 422)


def test_a_token_without_the_permission_is_refused(world: World) -> None:
    firm = world.as_firm(somebody(), scopes={"suppliers.read"})
    problem = firm.post("/suppliers", made.SupplierBody(), 403)
    assert problem["type"] == "urn:rensho:problem:request/forbidden"


def test_the_same_idempotency_key_makes_one_supplier(world: World) -> None:
    requester = world.firm()
    body, key = made.SupplierBody(), {"Idempotency-Key": "add-1"}
    first = requester.post("/suppliers", body, headers=key)
    assert requester.post("/suppliers", body, headers=key) == first
    requester.post("/suppliers", made.SupplierBody(), 422, headers=key)
    assert len(requester.get("/suppliers")["items"]) == 1


def test_every_write_leaves_an_audit_row_of_its_own_organization(world: World) -> None:
    requester, other = world.firm(), world.firm()
    supplier = requester.supplier()
    (row,) = requester.get("/audit")["items"]
    assert row["operation"] == "add_supplier"
    assert row["details"] == {"supplier_id": supplier["id"]}
    assert other.get("/audit")["items"] == []
