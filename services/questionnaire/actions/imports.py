"""Supplier files: a dry run first, then a confirmation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.problems import NotFound, Refused
from services.questionnaire.actions import suppliers
from services.questionnaire.actions.suppliers import Code, Record
from services.questionnaire.rules import names, supplier_csv
from services.questionnaire.rules.refusals import Text
from services.questionnaire.rules.supplier_cells import SupplierRow
from services.questionnaire.rules.supplier_csv import Rejected
from services.questionnaire.store import imports
from services.questionnaire.store import suppliers as stored
from services.questionnaire.store.tables import Supplier, SupplierImport

_IN_USE = Text("この取引先コードは登録済みです", "this vendor code is in use already")
_NOT_STATED = "critical"


class AlreadyConfirmed(Refused):
    """This file's rows were taken over before."""

    urn = "imports/already-confirmed"


class CodesTaken(Refused):
    """Meanwhile another supplier was given one of these vendor codes."""

    urn = "imports/vendor-code-in-use"


def try_file(tx: Session, who: Principal, content: bytes, now: datetime) -> SupplierImport:
    """Read a supplier file, keep its good rows for a confirmation and list the bad ones by line.

    Raises:
        Refusal: nothing of the file can be read (`suppliers/…`).
    """
    found = supplier_csv.read(content)
    taken = stored.with_codes(tx, who.org, [row.vendor_code for row in found.accepted], now.date())
    good: list[SupplierRow] = []
    rejected = list(found.rejected)
    for row in found.accepted:
        if row.vendor_code in taken:
            rejected.append(Rejected(row.line, "vendor_code", "suppliers/code-in-use", _IN_USE))
        else:
            good.append(row)
    rejected.sort(key=lambda each: each.line)
    made = SupplierImport(
        id=new_id(),
        org_id=who.org,
        good=[asdict(row) for row in good],
        report={
            "total": found.total,
            "accepted": len(good),
            "rejected": [each.document() for each in rejected],
            "blank": found.blank,
            "encoding": found.encoding,
            "columns": list(found.columns),
            "ignored": list(found.ignored),
            "same_name_lines": _same_names(good),
        },
    )
    tx.add(made)
    tx.flush()
    tx.info["details"].update(total=found.total, accepted=len(good))
    return made


def confirm(tx: Session, who: Principal, import_id: UUID, now: datetime) -> Sequence[Supplier]:
    """Take over the good rows of a dry run as supplier records, all or none.

    Raises:
        NotFound: no such dry run of yours.
        AlreadyConfirmed: it was confirmed before.
        CodesTaken: a vendor code was given to another supplier since the dry run.
    """
    found = imports.for_update(tx, who.org, import_id)
    if found is None:
        raise NotFound("no such import")
    if found.confirmed_at is not None:
        raise AlreadyConfirmed("this import was confirmed before")
    codes = [row["vendor_code"] for row in found.good]
    if taken := stored.with_codes(tx, who.org, codes, now.date()):
        raise CodesTaken("vendor codes are in use meanwhile", vendor_codes=sorted(taken))
    found.confirmed_at = now
    return suppliers.add_many(tx, who, [_record(row) for row in found.good])


def _same_names(rows: Sequence[SupplierRow]) -> list[list[int]]:
    """Lines whose names may mean one firm: for a person to look at, nothing merges by name."""
    groups = names.propose({str(row.line): row.name for row in rows})
    return [sorted(int(line) for line in group) for group in groups]


def _record(row: dict[str, Any]) -> Record:
    site = row["site"]
    return Record(
        name=row["name"],
        country=row["country"],
        contact_name=row["contact_name"] or "",
        mailbox=row["mailbox"] or "",
        language=row["language"],
        sites=[site] if site else [],
        tags=row["tags"],
        vendor_codes=[Code(row["vendor_code"], site=site)],
        # What a list does not state counts as the worst (risk model, section 4).
        dependency=row["dependency"] or _NOT_STATED,
        pass_through=row["pass_through"],
    )
