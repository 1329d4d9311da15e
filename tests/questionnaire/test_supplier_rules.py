"""Identifiers, vendor codes, matching of rows and what CP932 can hold, as pure rules."""

from __future__ import annotations

import re
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum import ean, lei

from services.questionnaire.rules import cp932, identifiers, supplier_csv, vendor_codes
from services.questionnaire.rules.identifiers import NotAnIdentifier
from services.questionnaire.rules.refusals import Refusal
from services.questionnaire.rules.segments import Filter
from services.questionnaire.rules.supplier_cells import SupplierRow
from services.questionnaire.rules.supplier_match import Known, Matcher

NUMBER = "7000012050002"
OTHER = "5000023888522"


@pytest.mark.parametrize(
    ("scheme", "text", "kept"),
    [
        ("corporate-number", "7000-0120-50002", NUMBER),
        ("invoice-number", "Ｔ７０００ 012050002", f"T{NUMBER}"),
        ("lei", "529900t8bm49aursdo55", "529900T8BM49AURSDO55"),
        ("duns", "15-048-3782", "150483782"),
        ("gln", "4569951110016", "4569951110016"),
        ("bpnl", "bpnl00000003crhk", "BPNL00000003CRHK"),
    ],
)
def test_an_identifier_is_kept_in_its_narrow_form(scheme: str, text: str, kept: str) -> None:
    assert identifiers.read(scheme, text) == kept


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        ("corporate-number", "1000012050002"),
        ("corporate-number", f"T{NUMBER}"),
        ("invoice-number", NUMBER),
        ("lei", "529900T8BM49AURSDO56"),
        ("lei", "529900T8BM49AURSDO5"),
        ("duns", "15048378"),
        ("gln", "4569951110017"),
        ("bpnl", "BPNL1"),
        ("passport", "1"),
    ],
)
def test_what_a_scheme_does_not_know_is_refused_in_both_languages(scheme: str, text: str) -> None:
    with pytest.raises(NotAnIdentifier) as caught:
        identifiers.read(scheme, text)
    assert caught.value.reason.ja
    assert caught.value.reason.en


def _holds(scheme: str, text: str) -> bool:
    try:
        return identifiers.read(scheme, text) == text
    except NotAnIdentifier:
        return False


@given(st.from_regex(r"[0-9]{13}", fullmatch=True))
def test_a_gln_holds_where_python_stdnum_says_so(number: str) -> None:
    made = number[:12] + ean.calc_check_digit(number[:12])
    assert _holds("gln", made)
    assert _holds("gln", number) == ean.is_valid(number)


@given(st.from_regex(r"[0-9A-Z]{18}", fullmatch=True), st.integers(0, 99))
def test_an_lei_holds_where_python_stdnum_says_so(body: str, check: int) -> None:
    text = f"{body}{check:02}"
    assert _holds("lei", text) == lei.is_valid(text)


def test_an_invoice_number_of_a_corporation_is_its_corporate_number() -> None:
    assert identifiers.keys({"invoice-number": f"T{NUMBER}"}) == identifiers.keys(
        {"corporate-number": NUMBER}
    )


@given(st.from_regex(r"[0-9]{1,12}|[A-Z][0-9]{0,5}", fullmatch=True), st.integers(1, 12))
def test_every_spelling_of_a_code_is_one_to_a_system_that_pads(code: str, width: int) -> None:
    known = vendor_codes.spellings(code, width)
    assert code in known
    assert {vendor_codes.padded(each, width) for each in known} == {
        vendor_codes.padded(code, width)
    }


def test_a_code_with_letters_is_never_padded() -> None:
    assert vendor_codes.padded("A001", 10) == "A001"
    assert vendor_codes.padded("0012", None) == "0012"
    assert vendor_codes.padded("000", 3) == "000"


days = st.one_of(st.none(), st.dates(date(2026, 1, 1), date(2026, 1, 20)))


@given(days, days, days, days)
def test_periods_overlap_where_they_share_a_day(
    a: date | None, b: date | None, c: date | None, d: date | None
) -> None:
    every = [date(2025, 12, 31), *(date(2026, 1, n) for n in range(1, 22))]

    def inside(day: date, first: date | None, last: date | None) -> bool:
        return (first is None or first <= day) and (last is None or day <= last)

    shared = any(inside(day, a, b) and inside(day, c, d) for day in every)
    in_order = not (a and b and b < a) and not (c and d and d < c)
    if in_order:
        assert vendor_codes.overlap((a, b), (c, d)) == shared


def test_cp932_holds_machine_dependent_kanji_and_no_umlaut_dash_or_rare_kanji() -> None:
    assert cp932.unholdable("髙﨑㈱①Ⅲ") == ""
    assert cp932.unholdable("Müller é — 𠮷𠮷") == "üé—𠮷"
    # It has a place for a sign that looks alike, and would give that one back.
    assert cp932.unholdable("10−3") == "−"


def row(line: int, name: str = "架空", number: str | None = None, code: str = "1") -> SupplierRow:
    return SupplierRow(line, code, name, "JP", number, None, None, "ja", None, False, None, ())


def matcher(*known: Known, **by_line: str) -> Matcher:
    codes = {int(line.removeprefix("line")): frozenset({each}) for line, each in by_line.items()}
    return Matcher(codes, {each.id: each for each in known})


def test_a_code_and_a_number_of_one_record_agree() -> None:
    known = Known("a", {"corporate-number": NUMBER}, frozenset())
    found = matcher(known, line2="a").decide([row(2, number=f"T{NUMBER}")])
    assert (found[2].outcome, found[2].id) == ("update", "a")


def test_a_gln_may_differ_where_the_number_of_the_firm_is_the_same() -> None:
    known = Known("a", {"gln": "4569951110016"}, frozenset())
    other = SupplierRow(
        2, "1", "架空", "JP", None, None, None, "ja", None, False, None, (), gln="4012345000009"
    )
    assert matcher(known, line2="a").decide([other])[2].outcome == "update"


def test_a_name_alone_never_decides() -> None:
    known = Known("a", {}, frozenset({"架空"}))
    found = matcher(known).decide([row(2, "㈱架空"), row(3, "仮想")])
    assert (found[2].outcome, found[2].candidates) == ("ask", ("a",))
    assert found[3].outcome == "new"


def test_rows_without_numbers_are_never_one_firm_by_themselves() -> None:
    found = matcher().decide([row(2), row(3, code="2")])
    assert [found[line].outcome for line in (2, 3)] == ["new", "new"]


def test_rows_of_one_number_are_one_firm_and_name_the_first() -> None:
    found = matcher().decide([row(2, number=NUMBER), row(3, number=OTHER), row(4, number=NUMBER)])
    assert [found[line].outcome for line in (2, 3, 4)] == ["new", "new", "same-firm"]
    assert found[4].with_line == 2


def test_a_filter_is_read_as_it_was_written() -> None:
    wanted = Filter(tags_any=("鋳造",), enrolled=False)
    assert wanted.document() == {"tags_any": ["鋳造"], "enrolled": False}
    assert Filter.of(wanted.document()) == wanted


@pytest.mark.parametrize(
    ("heading", "cell", "kind"),
    [
        ("LEI", "529900T8BM49AURSDO56", "lei"),
        ("D-U-N-S番号", "1", "duns"),
        ("GLN", "4569951110017", "gln"),
        ("有効開始日", "2026-02-30", "date"),
        ("有効終了日", "来年", "date"),
    ],
)
def test_a_cell_of_the_further_columns_that_cannot_be_read_is_told(
    heading: str, cell: str, kind: str
) -> None:
    found = supplier_csv.read(f"取引先コード,会社名,国,{heading}\n1,架空,JP,{cell}\n".encode())
    (complaint,) = found.rejected
    assert complaint.urn == f"suppliers/{kind}"
    assert complaint.reason.ja


@pytest.mark.parametrize("day", ["2026-04-01", "2026/4/1", "2026年4月1日", "20260401", "2026.4.1"])
def test_a_day_is_read_as_offices_write_it(day: str) -> None:
    found = supplier_csv.read(f"取引先コード,会社名,国,有効開始日\n1,架空,JP,{day}\n".encode())
    assert found.accepted[0].valid_from == date(2026, 4, 1)


def test_a_validity_that_ends_before_it_begins_is_rejected() -> None:
    text = "取引先コード,会社名,国,有効開始日,有効終了日\n1,架空,JP,2026-04-02,2026-04-01\n"
    found = supplier_csv.read(text.encode())
    assert found.rejected[0].urn == "suppliers/validity"


def test_one_code_in_two_systems_is_no_duplicate() -> None:
    text = "取引先コード,会社名,国,システム\n1,架空,JP,SAP\n1,仮想,JP,奉行\n1,例示,JP,SAP\n"
    found = supplier_csv.read(text.encode())
    assert [each.name for each in found.accepted] == ["架空", "仮想"]
    assert found.rejected[0].urn == "suppliers/duplicate-code"


def test_a_sheet_without_any_cell_is_refused() -> None:
    with pytest.raises(Refusal, match="no heading row"):
        supplier_csv.open_sheet([[None], ["", " "]])


def test_a_mapping_goes_before_what_we_know_and_may_pass_a_heading_over() -> None:
    lines = supplier_csv.open_text("取引先コード,名称,正式名称,国\n1,略称,架空,JP\n".encode())
    found = supplier_csv.understand(lines, {"正式名称": "name", "名称": "-"})
    assert found.accepted[0].name == "架空"
    assert re.fullmatch(r"[a-z_]+", found.columns[1])
