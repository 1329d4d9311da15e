"""Supplier files: a dry run first, decisions where names propose, then a confirmation."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.problems import Invalid, NotFound, Refused
from services.questionnaire.actions import import_rows, limited
from services.questionnaire.actions.import_rows import Kept
from services.questionnaire.rules import names, supplier_csv
from services.questionnaire.rules.refusals import Refusal
from services.questionnaire.rules.supplier_cells import SupplierRow
from services.questionnaire.rules.supplier_csv import Lines, Rejected, SupplierList
from services.questionnaire.store import imports
from services.questionnaire.store.firm_rows import SupplierImport
from services.questionnaire.store.tables import Supplier

# A zip, as every xlsx is, and the container of encrypted and old workbooks.
_WORKBOOK: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_CHILD: Final = "services.questionnaire.actions.excel_child"


class AlreadyConfirmed(Refused):
    """This file's rows were taken over before."""

    urn = "imports/already-confirmed"


class ChangedMeanwhile(Refused):
    """Since the dry run, rows came to mean something else: other codes, other suppliers."""

    urn = "imports/changed-meanwhile"


class Undecided(Refused):
    """Rows are named like known suppliers; somebody has to say whether they are the same firm."""

    urn = "imports/undecided"


class NothingToDecide(Invalid):
    """A decision is about a row that has none to take."""

    urn = "imports/decision"


class ColumnsMissing(Invalid):
    """A needed column is not there; one of the headings nobody knows may be it."""

    urn = "suppliers/missing-column"


@dataclass(frozen=True)
class Decision:
    """What a person said of one row; `supplier_id` with merge_with alone."""

    action: Literal["new", "merge_with", "skip"]
    supplier_id: UUID | None = None


def open_file(content: bytes) -> Lines:
    """Take a file apart before any transaction begins: CSV here, a workbook in its own process.

    Of a workbook the first sheet is read.

    Raises:
        Refusal: `suppliers/empty`, `suppliers/encoding`, `workbook/…`.
        TooCostly, Unavailable: see `limited.ask`.
    """
    if not content.startswith(_WORKBOOK):
        return supplier_csv.open_text(content)
    sheets = limited.ask(_CHILD, content)["sheets"]
    return supplier_csv.open_sheet(next(iter(sheets.values()), []))


def try_file(
    tx: Session, who: Principal, lines: Lines, mapping: Mapping[str, str], now: datetime
) -> SupplierImport:
    """Read a supplier file, keep its good rows for a confirmation and list the bad ones by line.

    Args:
        mapping: heading → column for headings we do not know; remembered for the next file.

    Raises:
        Refusal: nothing of the file can be read (`suppliers/…`).
        ColumnsMissing: a needed column may be under a heading nobody knows.
    """
    unknown = supplier_csv.unknown(lines.headings, mapping)
    suggested = imports.suggested(tx, who.org, unknown)
    found = _understood(lines, mapping, unknown, suggested)
    imports.remember(tx, who.org, mapping, now)
    kept, refused = import_rows.match(tx, who.org, found.accepted, now.date())
    rejected = sorted([*found.rejected, *refused], key=lambda each: each.line)
    made = SupplierImport(
        id=new_id(),
        org_id=who.org,
        good=[each.stored() for each in kept],
        report=_report(found, kept, rejected) | {"suggested": suggested},
    )
    tx.add(made)
    tx.flush()
    tx.info["details"].update(total=found.total, accepted=len(kept))
    return made


def confirm(
    tx: Session,
    who: Principal,
    import_id: UUID,
    decisions: Mapping[int, Decision],
    now: datetime,
) -> Sequence[Supplier]:
    """Take over the good rows of a dry run as supplier records, all or none.

    Returns:
        The suppliers made or changed, in the order of the file, each once.

    Raises:
        NotFound: no such dry run of yours.
        AlreadyConfirmed, ChangedMeanwhile, Undecided, NothingToDecide: it cannot be taken over so.
        CodeInUse, Merged: what a decision says cannot be done.
    """
    found = imports.for_update(tx, who.org, import_id)
    if found is None:
        raise NotFound("no such import")
    if found.confirmed_at is not None:
        raise AlreadyConfirmed("this import was confirmed before")
    kept = [Kept.of(row) for row in found.good]
    _refuse_changed(tx, who.org, kept, now.date())
    found.confirmed_at = now
    taken = import_rows.take_over(tx, who, _decided(kept, decisions), now.date())
    tx.info["details"]["decisions"] = len(decisions)
    return taken


def _understood(
    lines: Lines,
    mapping: Mapping[str, str],
    unknown: Sequence[str],
    suggested: Mapping[str, str],
) -> SupplierList:
    try:
        return supplier_csv.understand(lines, mapping)
    except Refusal as why:
        if why.urn != ColumnsMissing.urn or not unknown:
            raise
        raise ColumnsMissing(
            str(why), **why.extensions, unknown=list(unknown), suggested=dict(suggested)
        ) from why


def _report(
    found: SupplierList, kept: Sequence[Kept], rejected: Sequence[Rejected]
) -> dict[str, Any]:
    outcomes = Counter(each.outcome for each in kept)
    return {
        "total": found.total,
        "accepted": len(kept),
        "rejected": [each.document() for each in rejected],
        "blank": found.blank,
        "encoding": found.encoding,
        "columns": list(found.columns),
        "ignored": list(found.ignored),
        "same_name_lines": _same_names([each.row for each in kept]),
        "rows": [each.document() for each in kept if each.outcome != "new"],
        "totals": {
            "rows": found.total + found.blank,
            "blank": found.blank,
            "rejected": found.total - len(kept),
            **{name: outcomes[name] for name in import_rows.OUTCOMES},
        },
    }


def _refuse_changed(tx: Session, org: UUID, kept: Sequence[Kept], today: date) -> None:
    """Nobody may agree to one thing and get another: what a row means is looked up again."""
    again, refused = import_rows.match(tx, org, [each.row for each in kept], today)
    now = {each.row.line: each for each in again}
    changed = {each.line for each in refused} | {
        each.row.line
        for each in kept
        if each.row.line in now and not now[each.row.line].means_as(each)
    }
    if changed:
        raise ChangedMeanwhile("rows mean something else by now", lines=sorted(changed))


def _decided(kept: Sequence[Kept], decisions: Mapping[int, Decision]) -> list[Kept]:
    known = {each.row.line for each in kept}
    if strange := sorted(set(decisions) - known):
        raise NothingToDecide("no such rows", lines=strange)
    if open_ := _lines(kept, "ask", without=decisions):
        raise Undecided("say whether these rows are known suppliers", lines=open_)
    settled = _lines([*kept], "update", "unchanged", "same-firm")
    if vain := [line for line in settled if line in decisions and decisions[line].action != "skip"]:
        raise NothingToDecide("an identifier decided these rows; skip them or not", lines=vain)
    return [each.decided(decisions.get(each.row.line)) for each in kept]


def _lines(
    kept: Sequence[Kept], *outcomes: str, without: Collection[int] = frozenset()
) -> list[int]:
    lines = (each.row.line for each in kept if each.outcome in outcomes)
    return sorted(set(lines) - set(without))


def _same_names(rows: Sequence[SupplierRow]) -> list[list[int]]:
    """Lines whose names may mean one firm: for a person to look at, nothing merges by name."""
    groups = names.propose({str(row.line): row.name for row in rows})
    return [sorted(int(line) for line in group) for group in groups]
