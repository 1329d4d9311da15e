"""Exports hold everything, byte for byte; control totals say when something is missing."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal
from typing import Any

import pytest

from services.risk.rules.serving import CSV_COLUMNS, csv_row, unholdable
from services.risk.store import exports
from tests.risk.served import Maker
from tests.risk.site import Site

AWKWARD = 'He said "5 \\ 3",\r\nthen left; 東京 ㈱'


@pytest.fixture
def maker(site: Site, monkeypatch: pytest.MonkeyPatch) -> Maker:
    # Several pages even for a few firms.
    monkeypatch.setattr(exports, "_FIRST_PAGE", 1)
    monkeypatch.setattr(exports, "_PAGE", 2)
    made = Maker(site)
    made.supply("東京精密㈱", vendor_codes=["00123", "00124"], tags=["press"])
    made.supply(AWKWARD, vendor_codes=["-V;7"], tags=["a", "b"])
    made.supply("𠮷野 Größe", vendor_codes=["00125", "00126"])
    made.supply("House", pass_through=True)
    made.supply("=HYPERLINK(1)", vendor_codes=["+81"])
    made.judge()
    return made


def rows(content: bytes, encoding: str) -> list[dict[str, str]]:
    text = content.decode(encoding)
    assert text.replace("\r\n", "").count("\r") == 0
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_line_of_ndjson_is_the_score_of_the_list(maker: Maker) -> None:
    answer = maker.get("/exports/scores.ndjson")
    lines = [json.loads(line) for line in answer.content.decode().splitlines()]
    assert lines == maker.get("/suppliers").json()["items"]
    assert AWKWARD in {line["name"] for line in lines}
    assert answer.headers["content-type"] == "application/x-ndjson"
    total = sum(Decimal(str(line["score"])) for line in lines if line["score"] is not None)
    assert answer.headers["rensho-rows"] == "5"
    assert Decimal(answer.headers["rensho-score-total"]) == total
    assert answer.headers["rensho-snapshot"] == lines[0]["snapshot"]
    assert answer.headers["rensho-as-of"] == lines[0]["as_of"]


def test_a_row_of_csv_is_a_vendor_code_with_its_score(maker: Maker) -> None:
    answer = maker.get("/exports/scores.csv")
    assert answer.content.startswith(b"\xef\xbb\xbfvendor_code,name,")
    assert answer.content.endswith(b"\r\n")
    read = rows(answer.content, "utf-8-sig")
    assert list(read[0]) == list(CSV_COLUMNS)
    by_code = {row["vendor_code"]: row for row in read}
    scores = {one["id"]: one for one in maker.get("/suppliers").json()["items"]}
    assert by_code["00123"]["score"] == by_code["00124"]["score"] == "99.2"
    assert by_code["'-V;7"]["name"] == AWKWARD
    assert by_code["'-V;7"]["tags"] == "a;b"
    assert by_code["'+81"]["name"] == "'=HYPERLINK(1)"
    assert by_code[""]["score"] == by_code[""]["band"] == ""
    for row in read:
        assert row["score"] == str(scores[row["supplier_id"]]["score"] or "")
        assert row["snapshot"] == scores[row["supplier_id"]]["snapshot"]
    assert answer.headers["rensho-rows"] == str(len(read)) == "7"
    total = sum(Decimal(row["score"] or 0) for row in read)
    assert Decimal(answer.headers["rensho-score-total"]) == total


def test_cp932_leaves_out_what_it_cannot_hold_and_says_so(maker: Maker) -> None:
    answer = maker.get("/exports/scores.csv", params={"encoding": "cp932"})
    assert answer.headers["content-type"] == "text/csv; charset=Shift_JIS"
    read = rows(answer.content, "cp932")
    assert {row["vendor_code"] for row in read} == {"00123", "00124", "'-V;7", "", "'+81"}
    assert b"?" not in answer.content
    assert (answer.headers["rensho-rows"], answer.headers["rensho-rows-left-out"]) == ("5", "2")
    totals = maker.get("/exports/totals", params={"encoding": "cp932"}).json()
    assert totals["left_out"] == [
        {
            "id": maker.supplies["𠮷野 Größe"].supplier,
            "vendor_codes": ["00125", "00126"],
            "characters": "𠮷öß",
            "rows": 2,
        }
    ]
    assert (totals["rows"], totals["rows_left_out"]) == (5, 2)
    assert totals["score_total"] == answer.headers["rensho-score-total"]


def test_totals_of_the_other_files_leave_nothing_out(maker: Maker) -> None:
    for file_format, count in (("csv", 7), ("ndjson", 5)):
        totals = maker.get("/exports/totals", params={"format": file_format}).json()
        assert (totals["rows"], totals["firms"], totals["left_out"]) == (count, 5, [])


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"tag": "press"}, 1),
        ({"vendor_code": "-V;7"}, 1),
        ({"band": "unseen"}, 4),
        ({"tier": 2}, 0),
        ({"changed_since": "2027-01-01T00:00:00Z"}, 0),
    ],
)
def test_an_export_takes_the_filters_of_the_list(
    maker: Maker, asked: dict[str, Any], count: int
) -> None:
    answer = maker.get("/exports/scores.ndjson", params=asked)
    assert answer.headers["rensho-rows"] == str(len(answer.content.splitlines())) == str(count)
    assert len(maker.get("/suppliers", params=asked).json()["items"]) == count


def test_before_the_first_snapshot_there_is_nothing_to_export(site: Site) -> None:
    new = Maker(site)
    for path in ("/exports/scores.csv", "/exports/totals"):
        answer = new.get(path)
        assert answer.status_code == 404
        assert answer.json()["type"] == "urn:rensho:problem:snapshots/none-yet"


@pytest.mark.parametrize("cell", ["=1", "+1", "-1", "@a", "\t=1", "\r=1", "\n=1"])
def test_no_cell_of_csv_is_a_formula(cell: str) -> None:
    (read,) = csv.reader(io.StringIO(csv_row([cell, "x"]), newline=""))
    assert read == [f"'{cell}", "x"]


@pytest.mark.parametrize(
    ("text", "missing"), [("東京㈱①", ""), ("ü—é", "ü—é"), ("a𠮷b𠮷", "𠮷"), ("~\\", "")]
)
def test_what_cp932_cannot_hold_is_named(text: str, missing: str) -> None:
    assert unholdable(text) == missing
