"""Supplier records and files over HTTP."""

from __future__ import annotations

from tests.factories import questionnaire as made
from tests.questionnaire.world import World, somebody

CSV = """取引先コード,会社名,国,メールアドレス,取引区分
0000012345,架空鋳造株式会社,JP,a@supplier.example,大
0000012346,,JP,b@supplier.example,中
0000012347,サンプル樹脂㈱,ZZ,c@supplier.example,中
0000012348,Sample Parts Ltd.,TH,d@supplier.example,最重要
"""


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


def test_a_file_lists_bad_rows_by_line_and_keeps_the_good_ones(world: World) -> None:
    requester = world.firm()
    tried = requester.call("POST", "/imports", 201, content=CSV.encode("cp932"))
    assert (tried["total"], tried["accepted"], tried["encoding"]) == (4, 2, "cp932")
    assert [(each["line"], each["column"]) for each in tried["rejected"]] == [
        (3, "name"),
        (4, "country"),
    ]
    assert tried["rejected"][0]["reason"]["ja"]
    assert requester.get("/suppliers")["items"] == []

    taken = requester.post(f"/imports/{tried['id']}/confirm")
    listed = requester.get("/suppliers")["items"]
    assert [each["id"] for each in listed] == taken["supplier_ids"]
    assert [each["name"] for each in listed] == ["架空鋳造株式会社", "Sample Parts Ltd."]
    assert listed[0]["vendor_codes"][0]["code"] == "0000012345"
    assert len(world.said("supplier.linked.v1", org_id=requester.id)) == 2


def test_an_import_is_confirmed_once(world: World) -> None:
    requester = world.firm()
    tried = requester.call("POST", "/imports", 201, content=CSV.encode())
    requester.post(f"/imports/{tried['id']}/confirm")
    problem = requester.post(f"/imports/{tried['id']}/confirm", status=409)
    assert problem["type"] == "urn:rensho:problem:imports/already-confirmed"
    assert len(requester.get("/suppliers")["items"]) == 2
    assert requester.get(f"/imports/{tried['id']}")["confirmed_at"]


def test_codes_in_use_are_rejected_by_line_and_at_a_late_confirmation(world: World) -> None:
    requester = world.firm()
    first, second = (
        requester.call("POST", "/imports", 201, content=CSV.encode()) for _ in range(2)
    )
    requester.post(f"/imports/{first['id']}/confirm")
    problem = requester.post(f"/imports/{second['id']}/confirm", status=409)
    assert problem["type"] == "urn:rensho:problem:imports/vendor-code-in-use"
    third = requester.call("POST", "/imports", 201, content=CSV.encode())
    assert third["accepted"] == 0
    assert "suppliers/code-in-use" in {each["urn"] for each in third["rejected"]}


def test_a_file_without_a_needed_column_is_refused_as_a_whole(world: World) -> None:
    requester = world.firm()
    problem = requester.call("POST", "/imports", 422, content="会社名\n架空\n".encode())
    assert problem["type"] == "urn:rensho:problem:suppliers/missing-column"
    assert problem["problems"][0]["reason"]["ja"]


def test_a_body_of_20_megabytes_is_refused(world: World) -> None:
    requester = world.firm()
    problem = requester.call("POST", "/imports", 413, content=b"x" * 20 * 1024 * 1024)
    assert problem["type"] == "urn:rensho:problem:request/too-large"


def test_another_organizations_import_looks_like_none(world: World) -> None:
    tried = world.firm().call("POST", "/imports", 201, content=CSV.encode())
    other = world.firm()
    other.get(f"/imports/{tried['id']}", 404)
    other.post(f"/imports/{tried['id']}/confirm", status=404)


def test_every_write_leaves_an_audit_row_of_its_own_organization(world: World) -> None:
    requester, other = world.firm(), world.firm()
    supplier = requester.supplier()
    (row,) = requester.get("/audit")["items"]
    assert row["operation"] == "add_supplier"
    assert row["details"] == {"supplier_id": supplier["id"]}
    assert other.get("/audit")["items"] == []
