"""Supplier lists, CSV or rows of a sheet: good rows kept, bad ones told by line and column."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from services.questionnaire.rules import supplier_cells
from services.questionnaire.rules.refusals import Problem, Refusal, Text
from services.questionnaire.rules.supplier_cells import HEADINGS, REQUIRED, SupplierRow

_BOM: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")
IGNORED: Final = "-"
"""A heading mapped to this is passed over."""


_KNOWN: Final = {heading: column for column, names in HEADINGS.items() for heading in names}
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Rejected:
    """One complaint: line of the file (from 1), column (None for the whole row), why."""

    line: int
    column: str | None
    urn: str
    reason: Text

    def document(self) -> dict[str, Any]:
        """Return `{line, column, urn, reason: {ja, en}}`."""
        return {
            "line": self.line,
            "column": self.column,
            "urn": self.urn,
            "reason": self.reason.document(),
        }


@dataclass(frozen=True, slots=True)
class SupplierList:
    """What a file holds. `total` = accepted rows + rejected rows; blank lines count apart.

    `encoding` is utf-8, cp932 or xlsx; `columns` are those found, `ignored` the unknown headings.
    A rejected row has one entry in `rejected` for each complaint.
    """

    encoding: str
    columns: tuple[str, ...]
    ignored: tuple[str, ...]
    accepted: tuple[SupplierRow, ...]
    rejected: tuple[Rejected, ...]
    total: int
    blank: int

    @property
    def rejected_rows(self) -> int:
        """How many rows, not complaints, were rejected."""
        return self.total - len(self.accepted)


@dataclass(frozen=True, slots=True)
class Lines:
    """A file as rows from its headings on, nothing of it understood; `encoding` may be xlsx."""

    encoding: str
    headings: tuple[str, ...]
    rows: tuple[tuple[int, tuple[str, ...], Rejected | None], ...]


def read(data: bytes, mapping: Mapping[str, str] = _NOTHING) -> SupplierList:
    """Read a supplier list: comma or tab separated, UTF-8 (with or without BOM) or CP932.

    Raises:
        Refusal: as `open_text` and `understand`.
    """
    return understand(open_text(data), mapping)


def open_text(data: bytes) -> Lines:
    """Take a text file apart. Raises `Refusal`: `suppliers/encoding`, `suppliers/empty`."""
    encoding, text = _decode(data)
    lines = _lines(text)
    _, headings, complaint = next(lines, (1, [], None))
    if complaint is not None or not headings:
        raise _refusal("empty", "/", "見出し行がありません", "there is no heading row")
    rows = tuple((line, tuple(cells), why) for line, cells, why in lines)
    return Lines(encoding, tuple(headings), rows)


def open_sheet(cells: Sequence[Sequence[str | None]]) -> Lines:
    """Take the rows of a sheet, blank ones included. Raises `Refusal`: `suppliers/empty`."""
    told = [tuple(cell or "" for cell in row) for row in cells]
    start = next((place for place, row in enumerate(told) if any(c.strip() for c in row)), None)
    if start is None:
        raise _refusal("empty", "/", "見出し行がありません", "there is no heading row")
    headings = told[start]
    while not headings[-1].strip():
        headings = headings[:-1]
    rows = tuple(
        (line, row + ("",) * (len(headings) - len(row)), None)
        for line, row in enumerate(told[start + 1 :], start + 2)
    )
    return Lines("xlsx", headings, rows)


def understand(found: Lines, mapping: Mapping[str, str] = _NOTHING) -> SupplierList:
    """Read the rows by column.

    Two rows with one vendor code in one system and unit: the first good one is kept, the later are
    rejected and name its line.

    Args:
        mapping: heading → column of ours, or `-` to pass it over; it goes before what we know.

    Raises:
        Refusal: `suppliers/missing-column`, `suppliers/duplicate-column`, `suppliers/mapping`.
    """
    columns = _columns(found.headings, _by_key(mapping))
    accepted: dict[tuple[str | None, ...], SupplierRow] = {}
    rejected: list[Rejected] = []
    blank = 0
    for line, given, unreadable in found.rows:
        if unreadable is None and not any(cell.strip() for cell in given):
            blank += 1
            continue
        cells = list(given)
        complaint = unreadable or _width_complaint(line, cells, found.headings)
        if complaint is not None:
            rejected.append(complaint)
            continue
        row, complaints = _row(line, dict(zip(columns, cells, strict=True)), accepted)
        rejected.extend(complaints)
        if row is not None:
            accepted[row.code_key] = row
    return SupplierList(
        encoding=found.encoding,
        columns=tuple(column for column in columns if column in HEADINGS),
        ignored=tuple(column.removeprefix("?") for column in columns if column.startswith("?")),
        accepted=tuple(accepted.values()),
        rejected=tuple(rejected),
        total=len(found.rows) - blank,
        blank=blank,
    )


def _decode(data: bytes) -> tuple[str, str]:
    if data.startswith(_UTF_16):
        raise _refusal(
            "encoding",
            "/",
            "文字コードをUTF-8またはシフトJISにして保存してください",
            "save the file as UTF-8 or CP932",
        )
    if data.startswith(_BOM):
        return "utf-8", data.removeprefix(_BOM).decode("utf-8", "surrogateescape")
    # A few damaged characters must not cost the whole list: the encoding that leaves fewer of
    # them is taken, and the rows that hold them are rejected by line.
    as_utf_8 = data.decode("utf-8", "surrogateescape")
    if not (damage := _damage(as_utf_8)):
        return "utf-8", as_utf_8
    as_cp932 = data.decode("cp932", "surrogateescape")
    return ("cp932", as_cp932) if _damage(as_cp932) < damage else ("utf-8", as_utf_8)


def _damage(text: str) -> int:
    return sum("\udc80" <= char <= "\udcff" for char in text)


def _lines(text: str) -> Iterator[tuple[int, list[str], Rejected | None]]:
    """Give the lines from the heading row on: number, cells, or why it has none.

    Each physical line is read by itself: one quote that is never closed costs its own row, not
    all that follow. A line break inside a cell is therefore refused too.
    """
    physical = re.split(r"\r\n|\n|\r", text.removesuffix("\n").removesuffix("\r"))
    heading = next((line for line in physical if line.strip()), "")
    delimiter = "\t" if "\t" in heading and "," not in heading else ","
    heading_seen = False
    for number, line in enumerate(physical, 1):
        heading_seen = heading_seen or bool(line.strip())
        if not heading_seen:
            continue
        try:
            yield number, next(csv.reader([line], delimiter=delimiter, strict=True), []), None
        except csv.Error:
            reason = Text(
                "CSVとして読み取れません(引用符とセル内の改行をご確認ください)",
                "cannot be read as CSV; look for quotes and line breaks inside a cell",
            )
            yield number, [], Rejected(number, None, "suppliers/malformed", reason)


def unknown(headings: Sequence[str], mapping: Mapping[str, str] = _NOTHING) -> list[str]:
    """Return the headings that neither we nor the mapping know."""
    known = {*_KNOWN, *_by_key(mapping)}
    return [text for text in headings if supplier_cells.heading_key(text) not in known]


def _by_key(mapping: Mapping[str, str]) -> dict[str, str]:
    for heading, column in mapping.items():
        if column not in (*HEADINGS, IGNORED):
            raise _refusal(
                "mapping", f"/{heading}", f"不明な項目です: {column}", f"no such column: {column}"
            )
    return {supplier_cells.heading_key(heading): column for heading, column in mapping.items()}


def _columns(headings: Sequence[str], mapping: Mapping[str, str]) -> list[str]:
    known = {**_KNOWN, **mapping}
    columns = [
        known.get(supplier_cells.heading_key(heading), f"?{heading.strip()}")
        for heading in headings
    ]
    for column, (japanese, *_) in HEADINGS.items():
        if columns.count(column) > 1:
            raise _refusal(
                "duplicate-column",
                f"/{column}",
                f"同じ列が2つあります: {japanese}",
                f"two columns for {column}",
            )
        if column in REQUIRED and column not in columns:
            raise _refusal(
                "missing-column",
                f"/{column}",
                f"必要な列がありません: {japanese}",
                f"column missing: {column}",
            )
    return columns


def _width_complaint(line: int, cells: list[str], headings: Sequence[str]) -> Rejected | None:
    """Say what is wrong with the number of cells; blank ones at the end are as good as none."""
    while len(cells) > len(headings) and not cells[-1].strip():
        cells.pop()
    if len(cells) == len(headings):
        return None
    reason = Text(
        f"列の数が見出しと合いません(見出し{len(headings)}列、この行{len(cells)}列)",
        f"has {len(cells)} cells where the heading row has {len(headings)}",
    )
    return Rejected(line, None, "suppliers/columns", reason)


def _row(
    line: int, cells: Mapping[str, str], earlier: Mapping[tuple[str | None, ...], SupplierRow]
) -> tuple[SupplierRow | None, list[Rejected]]:
    found, wrong = supplier_cells.row(line, cells)
    if found is None:
        return None, [
            Rejected(line, column, f"suppliers/{why.kind}", why.reason)
            for column, why in wrong.items()
        ]
    twin = earlier.get(found.code_key)
    if twin is None:
        return found, []
    reason = Text(
        f"取引先コードが{twin.line}行目と重複しています", f"same vendor code as line {twin.line}"
    )
    return None, [Rejected(line, "vendor_code", "suppliers/duplicate-code", reason)]


def _refusal(kind: str, where: str, ja: str, en: str) -> Refusal:
    return Refusal(Problem(f"suppliers/{kind}", where, Text(ja, en)))
