"""Supplier lists as CSV: good rows kept, bad ones told by line and column."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from services.questionnaire.rules import supplier_cells
from services.questionnaire.rules.refusals import Problem, Refusal, Text
from services.questionnaire.rules.supplier_cells import HEADINGS, REQUIRED, SupplierRow

_BOM: Final = b"\xef\xbb\xbf"
_UTF_16: Final = (b"\xff\xfe", b"\xfe\xff")


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

    `encoding` is utf-8 or cp932; `columns` are those found, `ignored` the headings nobody knows.
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


def read(data: bytes) -> SupplierList:
    """Read a supplier list: comma or tab separated, UTF-8 (with or without BOM) or CP932.

    Two rows with one vendor code: the first good one is kept, the later are rejected and name its
    line. Raises `Refusal` where nothing can be read at all: `suppliers/encoding` (UTF-16),
    `suppliers/empty`, `suppliers/missing-column`, `suppliers/duplicate-column`.
    """
    encoding, text = _decode(data)
    lines = _lines(text)
    _, headings, complaint = next(lines, (1, [], None))
    if complaint is not None or not headings:
        raise _refusal("empty", "/", "見出し行がありません", "there is no heading row")
    columns = _columns(headings)
    accepted: dict[str, SupplierRow] = {}
    rejected: list[Rejected] = []
    total = blank = 0
    for line, cells, unreadable in lines:
        if unreadable is None and not any(cell.strip() for cell in cells):
            blank += 1
            continue
        total += 1
        complaint = unreadable or _width_complaint(line, cells, headings)
        if complaint is not None:
            rejected.append(complaint)
            continue
        found, complaints = _row(line, dict(zip(columns, cells, strict=True)), accepted)
        rejected.extend(complaints)
        if found is not None:
            accepted[found.vendor_code] = found
    return SupplierList(
        encoding=encoding,
        columns=tuple(column for column in columns if column in HEADINGS),
        ignored=tuple(column.removeprefix("?") for column in columns if column.startswith("?")),
        accepted=tuple(accepted.values()),
        rejected=tuple(rejected),
        total=total,
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


def _columns(headings: Sequence[str]) -> list[str]:
    known = {heading: column for column, names in HEADINGS.items() for heading in names}
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
    line: int, cells: Mapping[str, str], earlier: Mapping[str, SupplierRow]
) -> tuple[SupplierRow | None, list[Rejected]]:
    found, wrong = supplier_cells.row(line, cells)
    if found is None:
        return None, [
            Rejected(line, column, f"suppliers/{why.kind}", why.reason)
            for column, why in wrong.items()
        ]
    twin = earlier.get(found.vendor_code)
    if twin is None:
        return found, []
    reason = Text(
        f"取引先コードが{twin.line}行目と重複しています", f"same vendor code as line {twin.line}"
    )
    return None, [Rejected(line, "vendor_code", "suppliers/duplicate-code", reason)]


def _refusal(kind: str, where: str, ja: str, en: str) -> Refusal:
    return Refusal(Problem(f"suppliers/{kind}", where, Text(ja, en)))
