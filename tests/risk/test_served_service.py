"""Stored bytes: they are what the model says, follow names at once, and never outlive a refusal."""

from __future__ import annotations

from typing import Any

import psycopg
import pytest
from sqlalchemy import select

from services.kit import clock
from services.kit.db import Actor
from services.risk.actions import serving
from services.risk.api.scores import SupplierExplained
from services.risk.store import Served
from tests.factories.supply_chains import Firm, Scene
from tests.risk.served import Maker
from tests.risk.site import Site

LEI = "5493001KJTIIGC8Y1R12"


@pytest.fixture
def maker(site: Site) -> Maker:
    made = Maker(site)
    made.supply("東京精密㈱", vendor_codes=["00123"], identifiers={"lei": LEI})
    made.supply("Silent", vendor_codes=["V-2", "V-3"], tags=["press"], product_lines=["brakes"])
    return made


def test_the_stored_bytes_are_an_answer_of_the_contract(maker: Maker) -> None:
    maker.judge()
    supply = maker.supplies["東京精密㈱"]
    answer = maker.get(f"/suppliers/{supply.supplier}")
    read = SupplierExplained.model_validate_json(answer.content)
    assert read.name == "東京精密㈱"
    assert read.model_dump(mode="json") == answer.json()
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "path", ["/suppliers/by-vendor-code/00123", f"/suppliers/by-identifier/lei/{LEI}"]
)
def test_a_supplier_is_found_by_what_the_requester_recorded(maker: Maker, path: str) -> None:
    maker.judge()
    assert maker.get(path).json()["id"] == maker.supplies["東京精密㈱"].supplier


def test_a_supplier_is_found_by_what_it_claims_and_the_claim_is_not_told_as_true(
    maker: Maker,
) -> None:
    supply = maker.supplies["Silent"]
    maker.judge()
    scene = Scene()
    scene.enrolled(supply)
    claims = [
        {"scheme": "bpnl", "value": "BPNL00000003CRHK"},
        {"scheme": "lei", "value": LEI},
    ]
    for said in scene.events:
        if said["type"] == "organization.enrolled.v1":
            said["identifiers"] = claims
    maker.site.hear(*scene.events)
    found = maker.get("/suppliers/by-identifier/bpnl/BPNL00000003CRHK").json()
    assert (found["id"], found["identifiers"]) == (supply.supplier, {})
    both = maker.get(f"/suppliers/by-identifier/lei/{LEI}")
    assert both.status_code == 409
    assert len(both.json()["supplier_ids"]) == 2


def test_an_identifier_of_another_requesters_supplier_is_not_there(maker: Maker) -> None:
    maker.judge()
    other = Maker(maker.site)
    other.supply("Other")
    other.judge()
    answer = other.get(f"/suppliers/by-identifier/lei/{LEI}")
    assert (answer.status_code, answer.json()["detail"]) == (404, "no such supplier")
    unknown = other.get("/suppliers/by-identifier/swift/X")
    assert unknown.status_code == 422


def test_a_new_vendor_code_counts_at_once(maker: Maker) -> None:
    maker.judge()
    supply = maker.supplies["Silent"]
    maker.relink(supply, vendor_codes=["V-9"])
    assert maker.get("/suppliers/by-vendor-code/V-9").json()["id"] == supply.supplier
    assert maker.get("/suppliers/by-vendor-code/V-2").status_code == 404


def test_a_refused_snapshot_is_served_no_more(maker: Maker) -> None:
    first, supply = maker.judge(), maker.supplies["Silent"]
    second = maker.judge()
    path = f"/suppliers/{supply.supplier}"
    assert maker.get(path).json()["snapshot"] == second
    maker.refuse(second)
    assert maker.get(path).json()["snapshot"] == first


def test_access_that_was_withdrawn_reads_no_stored_bytes(maker: Maker) -> None:
    headers = maker.revoked()
    for path in ("/suppliers/x", "/suppliers/by-vendor-code/V-2", "/exports/scores.ndjson"):
        answer = maker.site.http.get(path, headers=headers)
        assert (answer.status_code, answer.json()["detail"]) == (401, "this access was withdrawn")


def test_what_an_older_release_judged_is_made_ready_by_the_beat(maker: Maker) -> None:
    maker.judge()
    _forget(maker)
    assert maker.get("/suppliers/by-vendor-code/00123").status_code == 404
    with maker.site.worker.begin(Actor("beat")) as tx:
        serving.catch_up(tx, "https://new.example/risk/v1", clock.now())
    answer = maker.get("/suppliers/by-vendor-code/00123").json()
    assert answer["explanation_url"].startswith("https://new.example/risk/v1/suppliers/")


def _forget(maker: Maker) -> None:
    """As if nothing was ever served: no role at work may delete here."""
    assert maker.site.settings.database_url is not None
    url = maker.site.settings.database_url.get_secret_value()
    with psycopg.connect(url, autocommit=True) as admin:
        for table in ("served", "served_name"):
            admin.execute(f"DELETE FROM risk.{table} WHERE org_id = %s".encode(), [maker.firm.org])


def test_a_list_is_filtered_by_tag_product_line_and_change(maker: Maker, at: Any) -> None:
    maker.judge()
    silent = maker.supplies["Silent"].supplier

    def ids(**params: Any) -> set[str]:
        answer = maker.get("/suppliers", params=params)
        assert answer.status_code == 200, answer.text
        return {one["id"] for one in answer.json()["items"]}

    assert ids(tag="press") == ids(product_line="brakes") == {silent}
    assert ids(tag="press", product_line="doors") == set()
    later = "2026-11-21T04:00:00Z"
    assert ids(changed_since=later) == set()
    at(clock.now().replace(hour=5))
    maker.relink(maker.supplies["Silent"], name="Silent Ltd", vendor_codes=["V-2"])
    assert ids(changed_since=later) == {silent}


def test_a_list_holds_the_fields_that_were_asked_for(maker: Maker) -> None:
    maker.judge()
    answer = maker.get("/suppliers", params={"fields": "name,score", "limit": 1})
    (only,) = answer.json()["items"]
    assert only.keys() == {"id", "name", "score"}
    assert "fields=name%2Cscore" in answer.headers["link"]
    refused = maker.get("/suppliers", params={"fields": "name,price"})
    assert refused.status_code == 422
    assert refused.json()["detail"] == "no such fields: price"


def test_changes_are_told_once_in_order_and_end_with_the_place_to_go_on_from(
    maker: Maker,
) -> None:
    maker.judge()
    first = maker.get("/changes", params={"limit": 1}).json()
    assert first["more"]
    rest = maker.get("/changes", params={"since": first["next_since"]}).json()
    told = [one["id"] for one in first["items"] + rest["items"]]
    assert sorted(told) == sorted(one.supplier for one in maker.supplies.values())
    assert not rest["more"]
    maker.judge()
    nothing = maker.get("/changes", params={"since": rest["next_since"]}).json()
    assert nothing == {"items": [], "next_since": rest["next_since"], "more": False}


def test_a_supplier_that_left_leaves_a_tombstone(maker: Maker) -> None:
    maker.judge()
    place = maker.get("/changes").json()["next_since"]
    gone = maker.supplies["Silent"]
    maker.relink(gone, vendor_codes=["V-2"], ended=True)
    maker.judge()
    since = maker.get("/changes", params={"since": place}).json()
    (left,) = [one for one in since["items"] if one["left"]]
    assert left == {"id": gone.supplier, "left": True, "score": None}
    assert maker.get(f"/suppliers/{gone.supplier}").status_code == 404
    assert maker.get("/suppliers/by-vendor-code/V-2").status_code == 404
    maker.relink(gone, vendor_codes=["V-2"])
    maker.judge()
    back = maker.get("/changes", params={"since": since["next_since"]}).json()
    assert [one["left"] for one in back["items"] if one["id"] == gone.supplier] == [False]


@pytest.mark.parametrize(
    ("since", "status"),
    [
        ("WyI5OTk5Il0", 410),
        ("WyItMSJd", 422),
        ("WyI5OTk5OTk5OTk5OTk5OTk5OTk5OTkiXQ", 422),
        ("x", 422),
    ],
)
def test_a_place_that_cannot_be_is_refused(maker: Maker, since: str, status: int) -> None:
    assert maker.get("/changes", params={"since": since}).status_code == status


def test_a_band_that_moved_is_said_once_with_both_bands(maker: Maker) -> None:
    supply = maker.supplies["東京精密㈱"]
    maker.judge()
    maker.answered(supply)
    snapshot = maker.judge()
    (said,) = maker.site.said("score.changed.v1", org_id=maker.firm.org)
    (change,) = said["changes"]
    now = maker.get(f"/suppliers/{supply.supplier}").json()
    assert change == {
        "supplier_id": supply.supplier,
        "vendor_codes": ["00123"],
        "band_before": "unseen",
        "band": now["band"],
        "score_before": 99.2,
        "score": now["score"],
    }
    assert said["snapshot_id"] == snapshot
    maker.judge()
    assert len(maker.site.said("score.changed.v1", org_id=maker.firm.org)) == 1


def test_nobody_else_sees_what_a_requester_is_served(maker: Maker) -> None:
    maker.judge()
    stranger = Firm("Stranger")
    supplier = maker.supplies["Silent"].supplier
    mine = maker.site.get(stranger, f"/suppliers/{supplier}")
    random = maker.site.get(stranger, "/suppliers/0190a0a0-0000-7000-8000-000000000000")
    assert mine.status_code == random.status_code == 404
    strip = {"request_id"}
    assert {k: v for k, v in mine.json().items() if k not in strip} == {
        k: v for k, v in random.json().items() if k not in strip
    }
    with maker.site.app.state.db.begin(Actor("test", org=None)) as tx:
        assert list(tx.scalars(select(Served.id))) == []
