"""All suppliers as a list that an office opens and that we read again: one row per vendor code."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from services.questionnaire.rules.cp932 import row_unholdable
from services.questionnaire.rules.supplier_cells import DEPENDENCIES, HEADINGS

Encoding = Literal["utf-8", "cp932"]

# A cell that begins so is a formula to a spreadsheet; the apostrophe makes it text again.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")
_TITLES: Final = {"lei": "LEI", "gln": "GLN", "duns": "D-U-N-S番号"}


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that CP932 cannot hold, and the characters it has no place for."""

    supplier_id: str
    vendor_code: str
    characters: str


@dataclass(frozen=True, slots=True)
class Export:
    """A file and its control totals: `rows` written, `left_out` not."""

    content: bytes
    rows: int
    left_out: tuple[LeftOut, ...]


def export(suppliers: Iterable[Mapping[str, Any]], encoding: Encoding) -> Export:
    """Write suppliers as CSV, in UTF-8 with BOM or in CP932.

    Args:
        suppliers: each as `actions.suppliers.as_told` has it, and its `id`.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_TITLES.get(column, names[0]) for column, names in HEADINGS.items())
    left_out: list[LeftOut] = []
    count = 0
    for supplier in suppliers:
        for cells in _rows(supplier):
            missing = row_unholdable(cells) if encoding == "cp932" else ""
            if missing:
                code = cells[list(HEADINGS).index("vendor_code")]
                left_out.append(LeftOut(str(supplier["id"]), code, missing))
            else:
                writer.writerow(cells)
                count += 1
    written = out.getvalue()
    content = written.encode("cp932" if encoding == "cp932" else "utf-8-sig")
    return Export(content, count, tuple(left_out))


def _rows(supplier: Mapping[str, Any]) -> Iterator[list[str]]:
    sites: Sequence[str] = supplier["sites"]
    # Without a code a row says whose it is and no more: reading it again asks for the code.
    codes = supplier["vendor_codes"] or [{"site": sites[0] if sites else None}]
    for code in codes:
        cells = _cells(supplier, code)
        yield [_harmless(cells.get(column) or "") for column in HEADINGS]


def _cells(supplier: Mapping[str, Any], code: Mapping[str, Any]) -> dict[str, str | None]:
    numbers = supplier["identifiers"]
    return {
        "vendor_code": code.get("code"),
        "name": supplier["name"],
        "country": supplier["country"],
        "corporate_number": numbers.get("corporate-number") or numbers.get("invoice-number"),
        "contact_name": supplier["contact_name"],
        "mailbox": supplier["mailbox"],
        "language": supplier["language"],
        "dependency": DEPENDENCIES[supplier["dependency"]][1],
        "pass_through": "はい" if supplier["pass_through"] else "いいえ",
        "tags": ";".join(supplier["tags"]),
        "product_lines": ";".join(supplier["product_lines"]),
        **{name: numbers.get(name) for name in ("lei", "duns", "gln")},
        **{
            name: code.get(name)
            for name in ("site", "system", "company_code", "plant", "valid_from", "valid_to")
        },
    }


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
