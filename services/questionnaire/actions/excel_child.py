"""The process that reads one workbook: `python -m …excel_child`, the file on stdin, JSON on stdout.

Answers `{"sheets": {name: [[text or null, …], …]}}`, hidden sheets included. A formula is nobody's
answer, a macro nobody's business, and a zip that swells is no workbook.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, Final

import openpyxl
from openpyxl.utils import get_column_letter

from services.questionnaire.actions.limited import answer
from services.questionnaire.rules.refusals import Problem, Refusal, Text

MOST_BYTES: Final = 32 * 1024 * 1024
"""Of all parts unpacked."""
MOST_PARTS: Final = 2_000
MOST_ROWS: Final = 20_000
MOST_COLUMNS: Final = 200
LEAST_COLUMNS: Final = 20
"""A row is filled up with blanks to this width, so that a reader finds the columns it knows."""
_MOST_FORMULAS_TOLD: Final = 20
_FOREIGN: Final = ("vbaproject", "activex", "externallinks/", "embeddings/", "connections.xml")


def read(data: bytes) -> dict[str, Any]:
    """Return the cells of every sheet as text.

    Raises `Refusal`: `workbook/malformed`, `workbook/encrypted`, `workbook/too-large`,
    `workbook/active-content`, `workbook/formula` (every cell that holds one, up to 20).
    """
    _refuse_container(data)
    try:
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, keep_links=False)
        sheets = {sheet.title: list(_rows(sheet)) for sheet in book.worksheets}
    except Refusal:
        raise
    except Exception as why:
        # openpyxl raises whatever a broken part makes it raise; none of it is the sender's words.
        raise _refusal("workbook/malformed", "Excelブックとして読めません", "no workbook") from why
    if formulas := [place for _, found in sheets.items() for place in _formulas(found)]:
        raise Refusal(*(_formula(place) for place in formulas[:_MOST_FORMULAS_TOLD]))
    return {
        "sheets": {
            name: [[cell for _, cell, _ in row] for row in found] for name, found in sheets.items()
        }
    }


_Cell = tuple[str, str | None, bool]
_BLANK: Final[_Cell] = ("", None, False)


def _refuse_container(data: bytes) -> None:
    if data.startswith(b"\xd0\xcf\x11\xe0"):
        raise _refusal(
            "workbook/encrypted",
            "パスワード付き、または旧形式(.xls)のファイルは扱えません",
            "password-protected and old .xls files are not read",
        )
    try:
        parts = zipfile.ZipFile(io.BytesIO(data)).infolist()
    except (zipfile.BadZipFile, ValueError, OSError) as why:
        raise _refusal("workbook/malformed", "Excelブックとして読めません", "no workbook") from why
    # What the directory says is what openpyxl unpacks: zipfile stops at the stated size.
    if len(parts) > MOST_PARTS or sum(part.file_size for part in parts) > MOST_BYTES:
        raise _refusal("workbook/too-large", "展開後の大きさが上限を超えています", "swells too far")
    names = [part.filename.lower() for part in parts]
    if any(bad in name for name in names for bad in _FOREIGN):
        raise _refusal(
            "workbook/active-content",
            "マクロや外部への接続を含むファイルは扱えません",
            "macros, embedded objects and outside links are not read",
        )


def _rows(sheet: Any) -> Iterator[list[_Cell]]:
    # What the file says of its own size may be a lie, or every row of a formatted column; and rows
    # filled up to a limit cost two seconds where the cells themselves cost a tenth of that.
    sheet.reset_dimensions()
    for number, row in enumerate(sheet.iter_rows(), start=1):
        if number > MOST_ROWS:
            raise _refusal("workbook/too-large", "行数が上限を超えています", "too many rows")
        told = [
            _cell(sheet.title, number, column, cell)
            for column, cell in enumerate(row[:MOST_COLUMNS], start=1)
        ]
        yield told + [_BLANK] * (LEAST_COLUMNS - len(told))


def _cell(sheet: str, row: int, column: int, cell: Any) -> _Cell:
    value = cell.value
    if value is None:
        return _BLANK
    formula = cell.data_type == "f" or type(value).__name__ in ("ArrayFormula", "DataTableFormula")
    shown = _text(value)
    if isinstance(value, int) and set(cell.number_format) == {"0"}:
        # A vendor code kept as a number: its leading zeros are in the format alone.
        shown = str(value).zfill(len(cell.number_format))
    return f"{sheet}!{get_column_letter(column)}{row}", shown, formula


def _formulas(rows: Iterable[list[_Cell]]) -> Iterator[str]:
    for row in rows:
        yield from (place for place, _, formula in row if formula)


def _text(value: object) -> str | None:
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time().isoformat() == "00:00:00" else str(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def _formula(place: str) -> Problem:
    reason = Text("数式は使えません。値を入力してください", "holds a formula; enter a value")
    return Problem("workbook/formula", place, reason)


def _refusal(urn: str, ja: str, en: str) -> Refusal:
    return Refusal(Problem(urn, "", Text(ja, en)))


if __name__ == "__main__":
    answer(read)
