"""Supplier files over HTTP: dry run, decisions, confirmation."""

from __future__ import annotations

import io
from typing import Any

import openpyxl
import pytest

from tests.questionnaire.world import Firm, World, somebody

CSV = """取引先コード,会社名,国,メールアドレス,取引区分
0000012345,架空鋳造株式会社,JP,a@supplier.example,大
0000012346,,JP,b@supplier.example,中
0000012347,サンプル樹脂㈱,ZZ,c@supplier.example,中
0000012348,Sample Parts Ltd.,TH,d@supplier.example,最重要
"""


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


HEADINGS = "取引先コード,会社名,国,法人番号,担当者,メール,拠点,タグ,取引区分"
NUMBER = "7000012050002"
OTHER_NUMBER = "5000023888522"


def tried(firm: Firm, *rows: str, headings: str = HEADINGS, query: str = "", **more: Any) -> Any:
    content = "\r\n".join((headings, *rows)).encode("utf-8-sig")
    return firm.call("POST", f"/imports{query}", more.pop("status", 201), content=content, **more)


def confirmed(firm: Firm, dry_run: Any, *decisions: Any, status: int = 201) -> Any:
    body = {"decisions": list(decisions)} if decisions else None
    return firm.post(f"/imports/{dry_run['id']}/confirm", body, status)


def book(*rows: list[Any], **formats: str) -> bytes:
    made = openpyxl.Workbook()
    sheet = made.active
    assert sheet is not None
    for row in rows:
        sheet.append(row)
    for cell, pattern in formats.items():
        sheet[cell].number_format = pattern
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def test_a_workbook_is_read_like_a_text_file(world: World) -> None:
    requester = world.firm()
    content = book(
        [None],
        ["取引先コード", "会社名", "国", "タグ", None],
        ["0000012345", "架空鋳造株式会社", "JP", "鋳造;重要", None],
        [None, None, None, None, None],
        [12346, "サンプル樹脂㈱", "ZZ"],
    )
    found = requester.call("POST", "/imports", 201, content=content)
    assert (found["encoding"], found["total"], found["accepted"]) == ("xlsx", 2, 1)
    assert [(each["line"], each["column"]) for each in found["rejected"]] == [(5, "country")]
    confirmed(requester, found)
    (supplier,) = requester.get("/suppliers")["items"]
    assert supplier["vendor_codes"][0]["code"] == "0000012345"
    assert supplier["tags"] == ["鋳造", "重要"]


@pytest.mark.parametrize(
    ("content", "urn"),
    [
        (book(["取引先コード", "会社名", "国"], ["1", "=1+1", "JP"]), "workbook/formula"),
        (book([]), "suppliers/empty"),
        (b"PK\x03\x04 no zip at all", "workbook/malformed"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1 old or encrypted", "workbook/encrypted"),
    ],
)
def test_a_workbook_that_is_no_plain_list_is_refused(
    world: World, content: bytes, urn: str
) -> None:
    problem = world.firm().call("POST", "/imports", 422, content=content)
    assert problem["type"] == f"urn:rensho:problem:{urn}"
    assert problem["problems"][0]["reason"]["ja"]


def test_an_unknown_heading_is_mapped_remembered_and_suggested_the_next_time(
    world: World,
) -> None:
    requester = world.firm()
    headings = "BPコード,正式名称,国,備考"
    row = "0000000123,架空精機,JP,対象外"
    problem = tried(requester, row, headings=headings, status=422)
    assert problem["type"] == "urn:rensho:problem:suppliers/missing-column"
    assert problem["unknown"] == ["BPコード", "正式名称", "備考"]
    assert problem["suggested"] == {}

    given = "?mapping=BPコード=vendor_code&mapping=正式名称=name&mapping=備考=-"
    found = tried(requester, row, headings=headings, query=given)
    assert (found["accepted"], found["ignored"], found["suggested"]) == (1, [], {})
    again = tried(requester, row, headings=headings, status=422)
    assert again["suggested"] == {"BPコード": "vendor_code", "正式名称": "name", "備考": "-"}
    assert tried(world.firm(), row, headings=headings, status=422)["suggested"] == {}


def test_a_mapping_to_no_column_of_ours_is_refused(world: World) -> None:
    requester = world.firm()
    for query, urn in (
        ("?mapping=備考=colour", "suppliers/mapping"),
        ("?mapping=備考", "request/invalid"),
        ("?mapping==name", "request/invalid"),
    ):
        problem = tried(requester, query=query, status=422)
        assert problem["type"] == f"urn:rensho:problem:{urn}"


def test_the_same_key_with_another_mapping_is_another_request(world: World) -> None:
    requester = world.firm()
    key: dict[str, Any] = {"headers": {"Idempotency-Key": "list-1"}}
    first = tried(requester, "1,架空,JP,,,,,,", **key)
    assert tried(requester, "1,架空,JP,,,,,,", **key) == first
    problem = tried(requester, "1,架空,JP,,,,,,", query="?mapping=タグ=-", status=422, **key)
    assert problem["type"] == "urn:rensho:problem:request/idempotency-mismatch"


@pytest.mark.parametrize(
    ("row", "changes"),
    [
        # By the vendor code, with or without its padding.
        ("2001,架空精機,JP,,,,,,", {}),
        ("2001,架空精機,TH,,,,,,", {"country": {"from": "JP", "to": "TH"}}),
        # By the corporate number: another code at another site of the same firm.
        (
            f"3001,架空精機,JP,T{NUMBER},,,福岡,新規,",
            {
                "vendor_codes": {"from": None, "to": "3001"},
                "sites": {"from": ["本社"], "to": ["本社", "福岡"]},
                "tags": {"from": ["鋳造"], "to": ["鋳造", "新規"]},
                "identifiers": {
                    "from": {"corporate-number": NUMBER},
                    "to": {"corporate-number": NUMBER, "invoice-number": f"T{NUMBER}"},
                },
            },
        ),
    ],
)
def test_a_row_with_a_known_identifier_proposes_an_update_of_that_supplier(
    world: World, row: str, changes: Any
) -> None:
    requester = world.firm()
    known = requester.supplier(
        name="架空精機",
        sites=["本社"],
        tags=["鋳造"],
        vendor_codes=[{"code": "0000002001", "system": "SAP"}],
        identifiers={"corporate-number": NUMBER},
    )
    found = tried(requester, row)
    (shown,) = found["rows"]
    assert (shown["outcome"], shown["supplier_id"]) == (
        "update" if changes else "unchanged",
        known["id"],
    )
    assert shown["changes"] == changes

    assert confirmed(requester, found)["supplier_ids"] == [known["id"]]
    (after,) = requester.get("/suppliers")["items"]
    assert len(after["vendor_codes"]) == 1 + ("vendor_codes" in changes)
    assert after["mailbox"] == known["mailbox"]
    if changes:
        assert tried(requester, row)["rows"][0]["outcome"] == "unchanged"


def test_another_name_under_a_known_number_is_a_new_name_of_the_same_firm(world: World) -> None:
    requester = world.firm()
    known = requester.supplier(name="架空精機", identifiers={"corporate-number": NUMBER})
    confirmed(requester, tried(requester, f"1,架空テクノ,JP,{NUMBER},,,,,"))
    after = requester.get(f"/suppliers/{known['id']}")
    assert after["name"] == "架空テクノ"
    assert [old["name"] for old in after["former_names"]] == ["架空精機"]


def test_a_row_that_names_two_known_firms_is_rejected(world: World) -> None:
    requester = world.firm()
    requester.supplier(vendor_codes=[{"code": "A-1"}])
    requester.supplier(identifiers={"corporate-number": NUMBER}, vendor_codes=[{"code": "B-1"}])
    found = tried(requester, f"A-1,架空,JP,{NUMBER},,,,,", f"B-1,架空,JP,{OTHER_NUMBER},,,,,")
    assert [(each["line"], each["urn"]) for each in found["rejected"]] == [
        (2, "suppliers/identifiers-disagree"),
        (3, "suppliers/identifier-differs"),
    ]
    assert found["rejected"][0]["reason"]["ja"]


def test_a_name_only_proposes_and_nothing_is_taken_over_before_somebody_decides(
    world: World,
) -> None:
    requester = world.firm()
    known = requester.supplier(name="株式会社高崎セイキ", identifiers={"corporate-number": NUMBER})
    rows = ("1,髙﨑ｾｲｷ㈱,JP,,,,福岡,,", "2,(株)高崎セイキ,JP,,,,,,", "3,仮想樹脂,JP,,,,,,")
    found = tried(requester, *rows)
    candidate = {"supplier_id": known["id"], "name": known["name"]}
    assert [(row["line"], row["outcome"], row["candidates"]) for row in found["rows"]] == [
        (2, "ask", [candidate]),
        (3, "ask", [candidate]),
    ]
    assert found["same_name_lines"] == [[2, 3]]
    one = {"line": 2, "action": "merge_with", "supplier_id": known["id"]}
    problem = confirmed(requester, found, one, status=409)
    assert problem["type"] == "urn:rensho:problem:imports/undecided"
    assert problem["lines"] == [3]
    assert len(requester.get("/suppliers")["items"]) == 1

    taken = confirmed(requester, found, one, {"line": 3, "action": "new"})["supplier_ids"]
    assert taken[0] == known["id"]
    listed = requester.get("/suppliers")["items"]
    assert [each["name"] for each in listed] == ["髙﨑ｾｲｷ㈱", "(株)高崎セイキ", "仮想樹脂"]
    assert [code["code"] for code in listed[0]["vendor_codes"]][1:] == ["1"]


def test_another_number_is_another_firm_however_alike_the_names_are(world: World) -> None:
    requester = world.firm()
    requester.supplier(name="架空精機", identifiers={"corporate-number": NUMBER})
    assert tried(requester, f"1,架空精機,JP,{OTHER_NUMBER},,,,,")["rows"] == []


def test_a_former_name_proposes_too(world: World) -> None:
    requester = world.firm()
    known = requester.supplier(name="旧称工業")
    renamed = {"name": "新称テクノ", "effective_on": "2026-04-01"}
    requester.post(f"/suppliers/{known['id']}/rename", renamed, 200)
    (row,) = tried(requester, "1,旧称工業㈱,JP,,,,,,")["rows"]
    assert row["candidates"] == [{"supplier_id": known["id"], "name": "新称テクノ"}]


@pytest.mark.parametrize(
    ("decision", "lines"),
    [({"line": 9, "action": "skip"}, [9]), ({"line": 2, "action": "new"}, [2])],
)
def test_a_decision_where_none_is_to_take_is_refused(
    world: World, decision: Any, lines: list[int]
) -> None:
    requester = world.firm()
    requester.supplier(vendor_codes=[{"code": "A-1"}])
    found = tried(requester, "A-1,架空,TH,,,,,,")
    problem = confirmed(requester, found, decision, status=422)
    assert problem["type"] == "urn:rensho:problem:imports/decision"
    assert problem["lines"] == lines


@pytest.mark.parametrize(
    "decisions",
    [
        [{"line": 2, "action": "merge_with"}],
        [{"line": 2, "action": "new", "supplier_id": str(somebody())}],
        [{"line": 2, "action": "skip"}, {"line": 2, "action": "new"}],
    ],
)
def test_a_decision_that_says_too_little_or_too_much_is_refused(
    world: World, decisions: Any
) -> None:
    requester = world.firm()
    found = tried(requester, "A-1,架空,TH,,,,,,")
    problem = confirmed(requester, found, *decisions, status=422)
    assert problem["type"] == "urn:rensho:problem:request/invalid"


def test_a_row_cannot_be_merged_with_another_organizations_supplier(world: World) -> None:
    requester, other = world.firm(), world.firm()
    theirs = other.supplier()
    found = tried(requester, "A-1,架空,TH,,,,,,")
    merge = {"line": 2, "action": "merge_with", "supplier_id": theirs["id"]}
    confirmed(requester, found, merge, status=404)
    assert requester.get("/suppliers")["items"] == []
    assert confirmed(requester, found)["supplier_ids"]


def test_rows_of_one_number_become_one_supplier_with_its_sites_and_codes(world: World) -> None:
    requester = world.firm()
    found = tried(
        requester,
        f"001,架空精機,JP,{NUMBER},品質 太郎,q@kakuu.example,本社,,",
        f"002,架空精機 福岡,JP,{NUMBER},工場 次郎,f@kakuu.example,福岡,,大",
        "003,仮想樹脂,JP,,,,,,",
    )
    assert [(row["line"], row["outcome"], row["with_line"]) for row in found["rows"]] == [
        (3, "same-firm", 2)
    ]
    assert found["totals"] == {
        "rows": 3,
        "blank": 0,
        "rejected": 0,
        "new": 2,
        "update": 0,
        "unchanged": 0,
        "same-firm": 1,
        "ask": 0,
    }
    ids = confirmed(requester, found)["supplier_ids"]
    supplier = requester.get(f"/suppliers/{ids[0]}")
    assert len(ids) == 2
    assert [(code["code"], code["site"]) for code in supplier["vendor_codes"]] == [
        ("001", "本社"),
        ("002", "福岡"),
    ]
    (further,) = requester.get(f"/suppliers/{ids[0]}/contacts")["items"]
    assert (further["name"], further["mailbox"]) == ("工場 次郎", "f@kakuu.example")
    assert supplier["contact_name"] == "品質 太郎"
    assert supplier["link"]["dependency"] == "major"


def test_skipping_the_first_row_of_a_firm_leaves_the_second_to_be_the_firm(world: World) -> None:
    requester = world.firm()
    found = tried(requester, f"1,架空,JP,{NUMBER},,,,,", f"2,架空,JP,{NUMBER},,,,,")
    (only,) = confirmed(requester, found, {"line": 2, "action": "skip"})["supplier_ids"]
    codes = requester.get(f"/suppliers/{only}")["vendor_codes"]
    assert [code["code"] for code in codes] == ["2"]


def test_what_came_to_mean_something_else_since_the_dry_run_is_not_taken_over(
    world: World,
) -> None:
    requester = world.firm()
    first, second = (tried(requester, "A-1,架空,JP,,,,,,", "A-2,仮想,JP,,,,,,") for _ in range(2))
    confirmed(requester, first)
    problem = confirmed(requester, second, status=409)
    assert problem["type"] == "urn:rensho:problem:imports/changed-meanwhile"
    assert problem["lines"] == [2, 3]
    assert len(requester.get("/suppliers")["items"]) == 2
