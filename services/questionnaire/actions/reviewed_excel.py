"""A reviewed response as an Excel workbook: to file, not to fill in; no cell of it is a formula."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Alignment, Font, NamedStyle, PatternFill
from openpyxl.utils import get_column_letter

_FONT: Final = "Yu Gothic"
_HEAD: Final = NamedStyle(
    "rensho_head",
    font=Font(name=_FONT, size=10, bold=True),
    fill=PatternFill("solid", start_color="E8EAED"),
    alignment=Alignment(wrap_text=True, vertical="top"),
)
_TEXT: Final = NamedStyle(
    "rensho_text",
    font=Font(name=_FONT, size=10),
    alignment=Alignment(wrap_text=True, vertical="top"),
)


def write(
    title: str,
    facts: Sequence[tuple[str, str]],
    head: Sequence[str],
    widths: Sequence[int],
    rows: Iterable[Sequence[str]],
) -> bytes:
    """Return a workbook with a page of facts and one table, every cell a text.

    Rows are written as they come and never held all at once.

    Args:
        title: of the table's sheet.
        facts: name and value, one to a line of the first sheet.
        head: of the table.
        widths: of its columns, in characters.
        rows: of the table.
    """
    book = Workbook(write_only=True)
    for style in (_HEAD, _TEXT):
        book.add_named_style(style)
    front = book.create_sheet("概要 Summary")
    front.column_dimensions["A"].width, front.column_dimensions["B"].width = 22, 100
    bold, plain = _pen(front, _HEAD.name), _pen(front, _TEXT.name)
    for name, said in facts:
        front.append([*_written(bold, [name]), *_written(plain, [said])])
    table = book.create_sheet(title)
    for number, width in enumerate(widths, start=1):
        table.column_dimensions[get_column_letter(number)].width = width
    table.freeze_panes = "D2"
    table.append(_written(_pen(table, _HEAD.name), head))
    plain = _pen(table, _TEXT.name)
    for row in rows:
        table.append(_written(plain, row))
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _pen(sheet: Any, style: str) -> Any:
    """Return the one cell that all texts of a style are written with.

    A row is written while it is iterated, so one cell serves for all: making one for each text was
    a third of the whole time.
    """
    cell: Any = WriteOnlyCell(sheet)
    cell.style, cell.data_type = style, "s"
    return cell


def _written(pen: Any, texts: Iterable[str]) -> Iterator[Any]:
    for text in texts:
        if text:
            # Past the public setter, which would read a text that begins with = as a formula.
            pen._value = ILLEGAL_CHARACTERS_RE.sub(" ", text)  # noqa: SLF001
        yield pen if text else None
