"""The good rows of a supplier file: whom each means, and what taking it over does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from datetime import date
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.questionnaire.actions import firms, suppliers
from services.questionnaire.actions.suppliers import Code, Record
from services.questionnaire.rules import identifiers, vendor_codes
from services.questionnaire.rules.names import match_key
from services.questionnaire.rules.supplier_cells import SupplierRow
from services.questionnaire.rules.supplier_csv import Rejected
from services.questionnaire.rules.supplier_match import Known, Matcher, Meaning
from services.questionnaire.store import suppliers as stored
from services.questionnaire.store.firm_rows import Contact
from services.questionnaire.store.tables import Supplier, VendorCode

if TYPE_CHECKING:
    from services.questionnaire.actions.imports import Decision

OUTCOMES: Final = ("new", "update", "unchanged", "same-firm", "ask")
# What a list does not state counts as the worst (risk model, section 4).
_NOT_STATED: Final = "critical"
_PLAIN: Final = ("name", "country", "contact_name", "mailbox", "language", "dependency")
_DAYS: Final = ("valid_from", "valid_to")


@dataclass(frozen=True)
class Kept:
    """A good row and what it means.

    `outcome`: new; update or unchanged (of `supplier_id`); same-firm (as the row `with_line`); ask
    (one of `candidates`, `[{"supplier_id", "name"}]`, or somebody new). `changes`:
    `{field: {"from", "to"}}`.
    """

    row: SupplierRow
    outcome: str
    supplier_id: UUID | None = None
    with_line: int | None = None
    candidates: tuple[dict[str, str], ...] = ()
    changes: dict[str, Any] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        """Return it as JSON."""
        row = asdict(self.row) | {"stated": sorted(self.row.stated)}
        days = {name: row[name] and row[name].isoformat() for name in _DAYS}
        return {**self.document(), "row": row | days}

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Kept:
        """Read what `stored` returned."""
        row = dict(stored["row"])
        for each in fields(SupplierRow):
            if isinstance(row[each.name], list):
                row[each.name] = tuple(row[each.name])
        row |= {name: row[name] and date.fromisoformat(row[name]) for name in _DAYS}
        row["stated"] = frozenset(row["stated"])
        meant = stored["supplier_id"]
        return cls(
            SupplierRow(**row),
            stored["outcome"],
            UUID(meant) if meant else None,
            stored["with_line"],
            tuple(stored["candidates"]),
            stored["changes"],
        )

    def document(self) -> dict[str, Any]:
        """Return what the dry run shows of it."""
        return {
            "line": self.row.line,
            "outcome": self.outcome,
            "supplier_id": self.supplier_id and str(self.supplier_id),
            "with_line": self.with_line,
            "candidates": list(self.candidates),
            "changes": self.changes,
        }

    def means_as(self, other: Kept) -> bool:
        """Whether taking it over would do the same."""
        mine, theirs = self.document(), other.document()
        return mine == theirs

    def decided(self, decision: Decision | None) -> Kept:
        """Return it as a person decided."""
        if decision is None:
            return self
        match decision.action:
            case "skip":
                return replace(self, outcome="skip")
            case "new":
                return replace(self, outcome="new")
            case "merge_with":
                return replace(self, outcome="update", supplier_id=decision.supplier_id)


def match(
    tx: Session, org: UUID, rows: Sequence[SupplierRow], today: date
) -> tuple[list[Kept], list[Rejected]]:
    """Find out whom each row means; rows that mean two firms at once are rejected."""
    by_code = _by_code(tx, org, rows, today)
    records = _records(tx, org, rows, {each for ids in by_code.values() for each in ids})
    coded = {line: frozenset(str(each) for each in ids) for line, ids in by_code.items()}
    meanings = Matcher(coded, {str(key): known for key, (_, known) in records.items()}).decide(rows)
    kept, rejected = [], []
    for row in rows:
        meaning = meanings[row.line]
        if meaning.wrong is not None:
            kind, why = meaning.wrong
            rejected.append(Rejected(row.line, None, f"suppliers/{kind}", why))
        else:
            kept.append(_kept(row, meaning, records, coded=row.line in coded))
    return kept, rejected


def take_over(tx: Session, who: Principal, kept: Sequence[Kept], today: date) -> Sequence[Supplier]:
    """Make the new suppliers and change the known ones; return each once, in the file's order.

    Raises:
        NotFound, Merged: a row is to be merged with no supplier of yours, or with a merged one.
        CodeInUse: meanwhile another supplier was given one of the codes.
    """
    firms_, updates = _grouped(kept)
    records = [_record(rows) for rows in firms_.values()]
    made = suppliers.add_many(tx, who, records, because="imported")
    at = {rows[0].line: one for one, rows in zip(made, firms_.values(), strict=True)}
    for supplier, rows in zip(made, firms_.values(), strict=True):
        tx.add_all(_contacts(supplier, rows))
    for row, supplier_id in updates:
        at[row.line] = _update(tx, who, supplier_id, row, today)
    tx.flush()
    tx.info["details"].update(suppliers=len(made), updated=len({each for _, each in updates}))
    return list(dict.fromkeys(at[line] for line in sorted(at)))


def _grouped(
    kept: Sequence[Kept],
) -> tuple[dict[int, list[SupplierRow]], list[tuple[SupplierRow, UUID]]]:
    """Return new firms by the line that leads them, and the rows that change known ones."""
    firms_: dict[int, list[SupplierRow]] = {}
    updates: list[tuple[SupplierRow, UUID]] = []
    leads: dict[int, int | UUID] = {}
    for each in kept:
        line = each.row.line
        lead = leads.get(each.with_line) if each.with_line is not None else None
        if each.outcome in ("update", "unchanged"):
            assert each.supplier_id is not None
            leads[line] = each.supplier_id
            updates.append((each.row, each.supplier_id))
        elif isinstance(lead, UUID):
            updates.append((each.row, lead))
        elif isinstance(lead, int):
            firms_[lead].append(each.row)
        elif each.outcome != "skip":
            # Also the second row of a firm whose first row a person skipped.
            leads[line] = leads[each.with_line or line] = line
            firms_[line] = [each.row]
    return firms_, updates


def _by_code(
    tx: Session, org: UUID, rows: Sequence[SupplierRow], today: date
) -> dict[int, set[UUID]]:
    widths = stored.padding(tx, org)
    held: dict[str, list[VendorCode]] = {}
    for code in stored.codes_like(tx, org, {row.vendor_code for row in rows}):
        held.setdefault(code.code.lstrip("0"), []).append(code)
    found = {
        row.line: {
            code.supplier_id
            for code in held.get(row.vendor_code.lstrip("0"), [])
            if _same_code(code, row, widths, today)
        }
        for row in rows
    }
    return {line: ids for line, ids in found.items() if ids}


def _same_code(code: VendorCode, row: SupplierRow, widths: Mapping[str, int], today: date) -> bool:
    """Whether a code on record is the row's; what either does not state fits everything."""
    pairs = (
        (code.system, row.system),
        (code.company_code, row.company_code),
        (code.plant, row.plant),
    )
    if any(mine and theirs and mine != theirs for mine, theirs in pairs):
        return False
    width = widths.get(code.system or row.system or "")
    if vendor_codes.padded(code.code, width) != vendor_codes.padded(row.vendor_code, width):
        return False
    valid = (row.valid_from or today, row.valid_to)
    return vendor_codes.overlap((code.valid_from, code.valid_to), valid)


def _records(
    tx: Session, org: UUID, rows: Sequence[SupplierRow], coded: set[UUID]
) -> dict[UUID, tuple[Supplier, Known]]:
    """Return every living record some row may mean, with the names it goes or went by."""
    keys = {key for row in rows for key in identifiers.keys(row.identifiers)}
    sought = {match_key(row.name) for row in rows}
    alike = stored.with_match_keys(tx, org, sought)
    numbered = stored.identified(tx, org, keys)
    ids = coded | {each.id for each in (*alike, *numbered)}
    living = stored.known_ids(tx, org, ids)
    names: dict[UUID, set[str]] = {each.id: {each.match_key} for each in living.values()}
    for record in alike:
        went_by = {record.match_key, *(old["match_key"] for old in record.former_names)}
        names[living[record.id].id] |= went_by
    return {
        each.id: (each, Known(str(each.id), each.identifiers, frozenset(names[each.id])))
        for each in living.values()
    }


def _kept(
    row: SupplierRow,
    meaning: Meaning,
    records: Mapping[UUID, tuple[Supplier, Known]],
    *,
    coded: bool,
) -> Kept:
    if meaning.id is not None:
        supplier = records[UUID(meaning.id)][0]
        changes = _changes(supplier, row, coded=coded)
        outcome = "update" if changes else "unchanged"
        return Kept(row, outcome, supplier.id, changes=changes)
    named = tuple(
        {"supplier_id": each, "name": records[UUID(each)][0].name} for each in meaning.candidates
    )
    return Kept(row, meaning.outcome, with_line=meaning.with_line, candidates=named)


def _changes(supplier: Supplier, row: SupplierRow, *, coded: bool) -> dict[str, Any]:
    """Return what the row's filled cells change of a record; lists only ever grow."""
    now = suppliers.as_told(supplier)
    wanted: dict[str, Any] = {name: getattr(row, name) for name in _PLAIN if name in row.stated}
    if "pass_through" in row.stated:
        wanted["pass_through"] = row.pass_through
    wanted["tags"] = list(dict.fromkeys([*now["tags"], *row.tags]))
    wanted["product_lines"] = list(dict.fromkeys([*now["product_lines"], *row.product_lines]))
    wanted["identifiers"] = {**now["identifiers"], **row.identifiers}
    wanted["sites"] = list(dict.fromkeys([*now["sites"], *([row.site] if row.site else [])]))
    changes = suppliers.differences(now, wanted)
    if not coded:
        changes["vendor_codes"] = {"from": None, "to": row.vendor_code}
    return changes


def _update(
    tx: Session, who: Principal, supplier_id: UUID, row: SupplierRow, today: date
) -> Supplier:
    supplier = suppliers.living(tx, who.org, supplier_id)
    coded = supplier_id in _by_code(tx, who.org, [row], today).get(row.line, set())
    changes = {name: each["to"] for name, each in _changes(supplier, row, coded=coded).items()}
    if "name" in changes:
        firms.rename(tx, who, supplier_id, changes.pop("name"), today, today)
    more = [_code(row)] if changes.pop("vendor_codes", None) else []
    if changes or more:
        suppliers.change(tx, who, supplier_id, changes, more_codes=more)
    return supplier


def _record(rows: Sequence[SupplierRow]) -> Record:
    first = rows[0]
    told: dict[str, str] = {}
    for row in reversed(rows):
        told |= row.identifiers
    return Record(
        name=first.name,
        country=first.country,
        contact_name=first.contact_name or "",
        mailbox=_first(row.mailbox for row in rows) or "",
        language=first.language,
        sites=list(dict.fromkeys(row.site for row in rows if row.site)),
        tags=list(dict.fromkeys(tag for row in rows for tag in row.tags)),
        vendor_codes=[_code(row) for row in rows],
        identifiers=told,
        dependency=_first(row.dependency for row in rows) or _NOT_STATED,
        pass_through=any(row.pass_through for row in rows),
        product_lines=list(dict.fromkeys(line for row in rows for line in row.product_lines)),
    )


def _first(values: Iterable[str | None]) -> str | None:
    return next((value for value in values if value), None)


def _code(row: SupplierRow) -> Code:
    return Code(
        row.vendor_code,
        row.system,
        row.site,
        row.valid_from,
        row.valid_to,
        row.company_code,
        row.plant,
    )


def _contacts(supplier: Supplier, rows: Sequence[SupplierRow]) -> list[Contact]:
    """Return the contacts a record's own two fields cannot hold: further ones, and with more."""
    places = {place.name: place.id for place in supplier.sites}
    return [
        Contact(
            id=new_id(),
            org_id=supplier.org_id,
            supplier_id=supplier.id,
            site_id=places.get(row.site or ""),
            name=row.contact_name or "",
            kana=row.kana,
            department=row.department,
            mailbox=row.mailbox,
            language=row.language,
            roles=["respondent"],
        )
        for row in rows
        if row.kana or row.department or (row is not rows[0] and row.contact_name)
    ]
