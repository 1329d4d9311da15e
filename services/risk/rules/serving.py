"""What an ERP is given of one firm: as JSON, as a line of an export, as rows of CSV.

Everything here is made once, when a snapshot's results are known, and served as the bytes it is.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any, Final, Literal
from urllib.parse import quote

Charset = Literal["utf-8", "cp932"]

_TENTH: Final = Decimal("0.1")
# A cell that begins so is a formula to a spreadsheet; the apostrophe makes it text again.
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r", "\n")
_TOLD_OF_THE_MOMENT: Final = ("snapshot", "as_of")
BY_ID: Final = "id"
BY_VENDOR_CODE: Final = "vendor-code"
SCHEMES: Final = ("corporate-number", "invoice-number", "lei", "duns", "gln", "bpnl")
"""Identifiers a firm can be asked for by, besides its id and the requester's vendor codes."""

CSV_COLUMNS: Final = (
    "vendor_code",
    "name",
    "supplier_id",
    "tier",
    "score",
    "score_claimed",
    "band",
    "coverage",
    "tags",
    "product_lines",
    "corporate_number",
    "as_of",
    "model_version",
    "policy_digest",
    "snapshot",
    "explanation_url",
)
"""The columns of the CSV export, in their order; `docs/erp.md` says what each holds."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where all numbers of one answer come from; `here` is the address of `/risk/v1`."""

    here: str
    snapshot: str
    as_of: datetime
    model: str
    policy_digest: str
    synthetic: bool = False


@dataclass(frozen=True, slots=True)
class Looked:
    """That a number is being looked at again, and until when it is somebody's turn."""

    dispute_id: str
    state: str
    due_at: datetime | None


@dataclass(frozen=True, slots=True)
class Named:
    """What a requester calls one of its own suppliers; all empty for a firm further down.

    `identifiers` are those the requester recorded. `claimed` are further ones that the firm gave
    when it enrolled: it is found by them, and nobody is told that they are true.
    """

    name: str | None = None
    vendor_codes: Sequence[str] = ()
    tags: Sequence[str] = ()
    product_lines: Sequence[str] = ()
    identifiers: Mapping[str, str] = field(default_factory=dict)
    claimed: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Firm:
    """One firm of a snapshot: nine-place strings of 0..1, null where it is not judged."""

    id: str
    tier: int
    tiers: Sequence[int]
    band: str | None
    claimed: str | None
    evidenced: str | None
    coverage: str | None
    dispute: Looked | None = None


@dataclass(frozen=True, slots=True)
class Ready:
    """A firm as it is served.

    `body` is the whole answer with its explanation, `etag` its digest; `line` is one line of the
    NDJSON export, `rows` are `row_count` rows of the CSV export, each with its line end. `names`
    are the keys it is found by. `unholdable` are the characters of `rows` that CP932 has no place
    for. `content` is the digest of `line` apart from the snapshot and its moment.
    """

    body: bytes
    etag: str
    line: str
    rows: str
    row_count: int
    unholdable: str
    names: tuple[str, ...]
    content: str


def shown(value: str | None) -> float | None:
    """Return a nine-place value of 0..1 as it is shown: 0..100, one decimal, half to even."""
    if value is None:
        return None
    return float((Decimal(value) * 100).quantize(_TENTH, ROUND_HALF_EVEN))


def number(text: str | None) -> float | None:
    """Return a nine-place value as a JSON number; null stays null."""
    return None if text is None else float(text)


def score(source: Source, firm: Firm, named: Named) -> dict[str, Any]:
    """Return one score as JSON has it, without its explanation."""
    exact = None
    if firm.claimed is not None and firm.evidenced is not None:
        exact = {"claimed": firm.claimed, "evidenced": firm.evidenced}
    return {
        "snapshot": source.snapshot,
        "as_of": _moment(source.as_of),
        "model_version": source.model,
        "policy_digest": source.policy_digest,
        "explanation_url": f"{source.here}/suppliers/{quote(firm.id, safe='')}",
        "synthetic": source.synthetic,
        "id": firm.id,
        "name": named.name,
        "vendor_codes": list(named.vendor_codes),
        "identifiers": dict(named.identifiers),
        "tags": list(named.tags),
        "product_lines": list(named.product_lines),
        "tier": firm.tier,
        "tiers": list(firm.tiers),
        "score": shown(firm.evidenced),
        "score_exact": exact,
        "band": firm.band,
        "coverage": number(firm.coverage),
        "dispute": _looked(firm.dispute),
    }


def _looked(dispute: Looked | None) -> dict[str, Any] | None:
    if dispute is None:
        return None
    due = None if dispute.due_at is None else _moment(dispute.due_at)
    return {"dispute_id": dispute.dispute_id, "state": dispute.state, "due_at": due}


def ready(source: Source, firm: Firm, named: Named, explanation: Mapping[str, Any] | None) -> Ready:
    """Make everything that is served of one firm."""
    said = score(source, firm, named)
    body = _json({**said, "explanation": explanation}).encode()
    lasting = {k: v for k, v in said.items() if k not in _TOLD_OF_THE_MOMENT}
    cells = list(_cells(said))
    rows = "".join(map(csv_row, cells))
    return Ready(
        body=body,
        etag=hashlib.sha256(body).hexdigest(),
        line=_json(said) + "\n",
        rows=rows,
        row_count=len(cells),
        unholdable=unholdable(rows),
        names=tuple(names(named)),
        content=hashlib.sha256(_json(lasting).encode()).hexdigest(),
    )


def names(named: Named) -> Iterator[str]:
    """Yield the keys a firm is found by: `vendor-code:…`, `lei:…`, `tag:…`, `product-line:…`."""
    yield from (f"{BY_VENDOR_CODE}:{code}" for code in named.vendor_codes)
    for known in (named.identifiers, named.claimed):
        yield from (f"{scheme}:{value}" for scheme, value in known.items())
    yield from (f"tag:{tag}" for tag in named.tags)
    yield from (f"product-line:{line}" for line in named.product_lines)


def csv_row(cells: Sequence[str]) -> str:
    """Return one row: RFC 4180, CRLF; no cell of it is a formula to a spreadsheet."""
    out = io.StringIO()
    harmless = [f"'{cell}" if cell.startswith(_FORMULA) else cell for cell in cells]
    csv.writer(out, lineterminator="\r\n").writerow(harmless)
    return out.getvalue()


def unholdable(text: str) -> str:
    """Return the characters that CP932 has no place for, each once, in their order."""
    if _holds(text):
        return ""
    return "".join(dict.fromkeys(char for char in text if not _holds(char)))


def _holds(text: str) -> bool:
    try:
        return text.encode("cp932").decode("cp932") == text
    except UnicodeEncodeError:
        return False


def _cells(said: Mapping[str, Any]) -> Iterator[list[str]]:
    """Yield one row per vendor code; a firm without any has one row."""
    exact = said["score_exact"] or {"claimed": None}
    rest = [
        said["name"],
        said["id"],
        said["tier"],
        said["score"],
        shown(exact["claimed"]),
        said["band"],
        said["coverage"],
        ";".join(said["tags"]),
        ";".join(said["product_lines"]),
        said["identifiers"].get("corporate-number"),
        said["as_of"],
        said["model_version"],
        said["policy_digest"],
        said["snapshot"],
        said["explanation_url"],
    ]
    for code in said["vendor_codes"] or [""]:
        yield ["" if cell is None else str(cell) for cell in (code, *rest)]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _moment(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
