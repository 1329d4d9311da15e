"""All suppliers as a file, and what a code page cannot hold."""

from __future__ import annotations

from tests.questionnaire.world import World

NUMBER = "7000012050002"


def test_an_export_is_read_again_as_unchanged(world: World) -> None:
    requester = world.firm()
    requester.supplier(
        name="=㈱架空精機",
        identifiers={"corporate-number": NUMBER, "gln": "4569951110016"},
        vendor_codes=[
            {"code": "0001", "system": "SAP", "plant": "東京", "valid_from": "2026-04-01"},
            {"code": "0002", "site": "福岡"},
        ],
        product_lines=["制御盤"],
    )
    answer = world.client.get("/supplier-export", headers=requester.headers)
    assert answer.content.startswith(b"\xef\xbb\xbf")
    assert (answer.headers["Rensho-Rows"], answer.headers["Rensho-Rows-Left-Out"]) == ("2", "0")
    assert "'=㈱架空精機" in answer.text
    found = requester.call("POST", "/imports", 201, content=answer.content)
    assert found["ignored"] == []
    assert [row["outcome"] for row in found["rows"]] == ["unchanged", "unchanged"]


def test_what_cp932_cannot_hold_is_left_out_listed_and_counted(world: World) -> None:
    requester = world.firm()
    requester.supplier(name="髙﨑㈱", vendor_codes=[{"code": "1"}])
    lost = requester.supplier(name="Müller — 𠮷田", vendor_codes=[{"code": "2"}])
    answer = world.client.get("/supplier-export?encoding=cp932", headers=requester.headers)
    text = answer.content.decode("cp932")
    assert "髙﨑㈱" in text
    assert "?" not in text
    assert (answer.headers["Rensho-Rows"], answer.headers["Rensho-Rows-Left-Out"]) == ("1", "1")
    assert requester.get("/supplier-export/report") == {
        "encoding": "cp932",
        "rows": 1,
        "left_out": [{"supplier_id": lost["id"], "vendor_code": "2", "characters": "ü—𠮷"}],
    }
    assert requester.get("/supplier-export/report?encoding=utf-8")["rows"] == 2


def test_an_export_holds_nobody_elses_suppliers(world: World) -> None:
    world.firm().supplier()
    assert world.firm().get("/supplier-export/report")["rows"] == 0
