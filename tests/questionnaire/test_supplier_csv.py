from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from stdnum.jp import cn

from services.questionnaire.rules import identifiers, supplier_csv
from services.questionnaire.rules.refusals import Refusal
from services.questionnaire.rules.supplier_cells import SupplierRow
from services.questionnaire.rules.supplier_csv import SupplierList

HEADINGS = "取引先コード,会社名,国,法人番号,担当者,メール,言語,取引区分,商流のみ,拠点,タグ"
GOOD = (
    "000123,㈱架空精機,JP,7000012050002,品質保証部長 架空 太郎,q@kakuu.example,"
    "日本語,大,いいえ,本社工場,鋳造;重要"
)


def read(*rows: str, headings: str = HEADINGS, encoding: str = "utf-8") -> SupplierList:
    return supplier_csv.read("\r\n".join((headings, *rows, "")).encode(encoding))


def row(**cells: str) -> SupplierList:
    """Read one row with a few cells of its own."""
    sound = {"取引先コード": "000123", "会社名": "架空精機", "国": "JP"} | cells
    return read(",".join(sound.values()), headings=",".join(sound))


def complaints(found: SupplierList) -> list[tuple[int, str | None, str]]:
    return [(each.line, each.column, each.urn) for each in found.rejected]


@pytest.mark.parametrize(
    ("encoding", "told"), [("utf-8", "utf-8"), ("utf-8-sig", "utf-8"), ("cp932", "cp932")]
)
def test_a_list_is_read_in_each_encoding_that_offices_save(encoding: str, told: str) -> None:
    found = read(GOOD, encoding=encoding)
    assert found.encoding == told
    assert found.rejected == ()
    assert found.accepted == (
        SupplierRow(
            line=2,
            vendor_code="000123",
            name="㈱架空精機",
            country="JP",
            corporate_number="7000012050002",
            contact_name="品質保証部長 架空 太郎",
            mailbox="q@kakuu.example",
            language="ja",
            dependency="major",
            pass_through=False,
            site="本社工場",
            tags=("鋳造", "重要"),
        ),
    )


def test_english_headings_and_words_are_read_too() -> None:
    found = read(
        "A-1,Muster GmbH,de,,,,german,moderate,yes,,",
        headings="Vendor code,Company name,Country,Corporate number,Contact,E-mail,Language,"
        "Dependency class,Pass-through,Site,Tags",
    )
    supplier = found.accepted[0]
    assert (supplier.country, supplier.language, supplier.dependency) == ("DE", "de", "moderate")
    assert supplier.pass_through
    assert supplier.tags == ()


def test_a_heading_may_carry_marks_and_notes() -> None:
    found = read("1,架空,JP", headings="※取引先 コード(必須),会社名 *,国")
    assert len(found.accepted) == 1


def test_unknown_columns_are_named_and_passed_over() -> None:
    found = read("1,架空,JP,x,y", headings="取引先コード,会社名,国,備考,備考")
    assert found.ignored == ("備考", "備考")
    assert found.columns == ("vendor_code", "name", "country")
    assert len(found.accepted) == 1


def test_a_list_may_be_separated_by_tabs() -> None:
    found = read("1\t架空, 精機\tJP", headings="取引先コード\t会社名\t国")
    assert found.accepted[0].name == "架空, 精機"


def test_leading_zeros_and_full_width_digits_of_a_vendor_code_are_kept_as_a_code() -> None:
    assert row(取引先コード="００１２３").accepted[0].vendor_code == "00123"


def test_a_name_is_stored_as_received() -> None:
    name = "㈱髙﨑ｾｲｷ　大阪"
    assert row(会社名=name).accepted[0].name == name


@pytest.mark.parametrize(
    "number", ["7000012050002", "７００００１２０５０００２", "T7000012050002"]
)
def test_a_corporate_or_invoice_number_is_accepted(number: str) -> None:
    accepted = row(法人番号=number).accepted[0].corporate_number
    assert accepted == ("T7000012050002" if number.startswith("T") else "7000012050002")


@given(st.integers(0, 10**12 - 1))
def test_the_check_digit_is_the_one_python_stdnum_computes(number: int) -> None:
    digits = f"{number:012}"
    assert identifiers.check_digit(digits) == cn.calc_check_digit(digits)


@pytest.mark.parametrize(
    ("label", "code"),
    [
        ("軽微", "negligible"),
        ("小", "minor"),
        ("中", "moderate"),
        ("最重要", "critical"),
        ("", None),
    ],
)
def test_the_dependency_class_is_read_in_japanese(label: str, code: str | None) -> None:
    assert row(取引区分=label).accepted[0].dependency == code


def test_the_language_follows_the_country_where_none_is_stated() -> None:
    assert row().accepted[0].language == "ja"
    assert row(国="TH").accepted[0].language == "en"
    assert row(国="CN", 言語="中国語").accepted[0].language == "zh-Hans"


@pytest.mark.parametrize(
    ("mark", "meant"), [("○", True), ("はい", True), ("×", False), ("", False)]
)
def test_a_trading_house_is_marked_as_offices_mark_it(mark: str, *, meant: bool) -> None:
    assert row(商流のみ=mark).accepted[0].pass_through is meant


@pytest.mark.parametrize(
    ("column", "cell", "complaint"),
    [
        ("取引先コード", "", ("vendor_code", "suppliers/missing")),
        ("取引先コード", "1.2E+09", ("vendor_code", "suppliers/spreadsheet-number")),
        ("取引先コード", "取引先", ("vendor_code", "suppliers/vendor-code")),
        ("会社名", " ", ("name", "suppliers/missing")),
        ("会社名", "あ" * 201, ("name", "suppliers/too-long")),
        ("会社名", "架空\x07精機", ("name", "suppliers/control")),
        ("会社名", "架空\ufffd精機", ("name", "suppliers/encoding")),
        ("国", "日本", ("country", "suppliers/country")),
        ("国", "XX", ("country", "suppliers/country")),
        ("法人番号", "1234567890123", ("corporate_number", "suppliers/corporate-number")),
        ("法人番号", "12345", ("corporate_number", "suppliers/corporate-number")),
        ("メール", "a@b", ("mailbox", "suppliers/mailbox")),
        ("言語", "フランス語", ("language", "suppliers/language")),
        ("取引区分", "普通", ("dependency", "suppliers/dependency")),
        ("商流のみ", "たぶん", ("pass_through", "suppliers/pass-through")),
    ],
)
def test_a_cell_that_cannot_be_read_is_told_by_line_and_column(
    column: str, cell: str, complaint: tuple[str, str]
) -> None:
    found = row(**{column: cell})
    assert found.accepted == ()
    assert complaints(found) == [(2, *complaint)]
    assert found.rejected[0].reason.ja
    assert found.rejected[0].reason.en


def test_good_rows_are_kept_and_bad_ones_counted() -> None:
    found = read("1,架空,JP", "", "2,,ZZ", "3,仮想,JP", ",,", headings="取引先コード,会社名,国")
    assert [supplier.vendor_code for supplier in found.accepted] == ["1", "3"]
    assert complaints(found) == [
        (4, "name", "suppliers/missing"),
        (4, "country", "suppliers/country"),
    ]
    assert (found.total, found.rejected_rows, found.blank) == (3, 1, 2)


def test_the_second_row_with_a_vendor_code_is_rejected_and_names_the_first() -> None:
    found = read("１,架空,JP", "1,仮想,JP", headings="取引先コード,会社名,国")
    assert [supplier.name for supplier in found.accepted] == ["架空"]
    assert found.rejected[0].document() == {
        "line": 3,
        "column": "vendor_code",
        "urn": "suppliers/duplicate-code",
        "reason": {"ja": "取引先コードが2行目と重複しています", "en": "same vendor code as line 2"},
    }


def test_a_row_of_another_width_is_rejected_unless_only_blank_cells_are_over() -> None:
    found = read("1,架空", "2,仮想,JP,,", "3,例示,JP,x", headings="取引先コード,会社名,国")
    assert [supplier.vendor_code for supplier in found.accepted] == ["2"]
    assert complaints(found) == [(2, None, "suppliers/columns"), (4, None, "suppliers/columns")]


def test_a_quote_that_is_never_closed_costs_only_its_own_row() -> None:
    found = read('1,"架空,JP', '2,"仮想, 大阪",JP', headings="取引先コード,会社名,国")
    assert complaints(found) == [(2, None, "suppliers/malformed")]
    assert found.accepted[0].name == "仮想, 大阪"


def test_a_damaged_character_costs_only_its_own_row() -> None:
    sound = "取引先コード,会社名,国\n1,架空,JP\n2,仮想".encode("cp932")
    found = supplier_csv.read(sound + b"\xff\x81\n,JP\n" + "3,例示,JP\n".encode("cp932"))
    assert found.encoding == "cp932"
    assert "3" in [supplier.vendor_code for supplier in found.accepted]
    assert {line for line, _, _ in complaints(found)} == {3, 4}


def test_a_damaged_character_in_utf_8_is_told_as_unreadable() -> None:
    data = "取引先コード,会社名,国\n1,架空,JP\n2,仮想".encode() + b"\xff,JP\n"
    for marked in (data, b"\xef\xbb\xbf" + data):
        found = supplier_csv.read(marked)
        assert found.encoding == "utf-8"
        assert complaints(found) == [(3, "name", "suppliers/encoding")]


@pytest.mark.parametrize(
    ("data", "urn"),
    [
        (b"", "suppliers/empty"),
        (b"\r\n\r\n", "suppliers/empty"),
        (b'"never closed\n', "suppliers/empty"),
        ("取引先コード,会社名\n".encode(), "suppliers/missing-column"),
        ("取引先コード,会社名,国,国コード\n".encode(), "suppliers/duplicate-column"),
        (HEADINGS.encode("utf-16"), "suppliers/encoding"),
    ],
)
def test_a_file_that_is_no_supplier_list_is_refused(data: bytes, urn: str) -> None:
    with pytest.raises(Refusal) as caught:
        supplier_csv.read(data)
    assert caught.value.urn == urn


@given(st.binary(max_size=300))
def test_any_bytes_end_in_rows_or_a_refusal(data: bytes) -> None:
    try:
        found = supplier_csv.read("取引先コード,会社名,国\n".encode("cp932") + data)
    except Refusal:
        return
    assert found.total == len(found.accepted) + found.rejected_rows
    assert {each.line for each in found.rejected}.isdisjoint(s.line for s in found.accepted)
