"""Suppliers: private to the requester that keeps them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import AfterValidator, Field, StringConstraints, field_validator, model_validator
from sqlalchemy import ColumnElement
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.problems import Invalid, NotFound
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx
from services.questionnaire.actions import suppliers as actions
from services.questionnaire.actions.suppliers import Code, Record
from services.questionnaire.api.edge import Dependency, Line, after, cursor_after
from services.questionnaire.rules import identifiers, supplier_export
from services.questionnaire.rules.countries import ALPHA_2
from services.questionnaire.rules.names import match_key
from services.questionnaire.rules.segments import Filter
from services.questionnaire.store import segments, suppliers
from services.questionnaire.store.tables import Supplier

router = APIRouter(tags=["suppliers"])

Mailbox = Annotated[
    str, StringConstraints(pattern=r"^[^\s@<>\",;:]{1,64}@[^\s@<>\",;:]{1,255}$", max_length=320)
]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]
Visibility = Literal["named", "masked", "undisclosed"]
Scheme = Literal["corporate-number", "invoice-number", "lei", "duns", "gln", "bpnl"]
Lines = Annotated[list[Line], Field(max_length=50)]


class VendorCodeIn(Model):
    """What your system calls a site of the supplier; text, leading zeros kept.

    `plant`: the plant or purchasing organization that uses the code. `site`: the name of one of
    the supplier's sites, made where there is none.
    """

    code: Line
    system: Line | None = None
    company_code: Line | None = None
    plant: Line | None = None
    site: Line | None = None
    valid_from: date | None = None
    valid_to: date | None = None

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.valid_from and self.valid_to and self.valid_to < self.valid_from:
            msg = "valid_to is before valid_from"
            raise ValueError(msg)
        return self

    def code_record(self) -> Code:
        """Return it as the actions know it."""
        return Code(**{name: getattr(self, name) for name in VendorCodeIn.model_fields})


def _country(value: str) -> str:
    if value not in ALPHA_2:
        msg = "not an ISO 3166-1 alpha-2 country code"
        raise ValueError(msg)
    return value


Country = Annotated[str, AfterValidator(_country)]


def _identifiers(given: dict[str, str]) -> dict[str, str]:
    return {scheme: identifiers.read(scheme, value) for scheme, value in given.items()}


class SupplierIn(Model):
    """A supplier as you write it down; a dependency you do not state counts as critical.

    `classification`: per attribute of the risk model the least and the most of what you buy can
    be. `visibility`: how you name this supplier in declarations of your own.
    """

    name: Line
    country: Country
    mailbox: Mailbox
    language: Language
    contact_name: Annotated[str, StringConstraints(max_length=200)] = ""
    sites: Annotated[list[Line], Field(max_length=200)] = Field(default_factory=list)
    tags: Lines = Field(default_factory=list)
    vendor_codes: Annotated[list[VendorCodeIn], Field(max_length=200)] = Field(default_factory=list)
    identifiers: dict[Scheme, Line] = Field(default_factory=dict)
    dependency: Dependency = "critical"
    pass_through: bool = False
    product_lines: Lines = Field(default_factory=list)
    classification: dict[str, list[str]] = Field(default_factory=dict)
    visibility: Visibility = "masked"

    @field_validator("identifiers")
    @classmethod
    def _checked(cls, value: dict[str, str]) -> dict[str, str]:
        return _identifiers(value)


class SupplierChange(Model):
    """What to change; a field left out stays. Lists and objects replace all."""

    name: Line | None = None
    country: Country | None = None
    mailbox: Mailbox | None = None
    language: Language | None = None
    contact_name: Annotated[str, StringConstraints(max_length=200)] | None = None
    sites: Annotated[list[Line], Field(max_length=200)] | None = None
    tags: Lines | None = None
    vendor_codes: Annotated[list[VendorCodeIn], Field(max_length=200)] | None = None
    identifiers: dict[Scheme, Line] | None = None
    dependency: Dependency | None = None
    pass_through: bool | None = None
    product_lines: Lines | None = None
    classification: dict[str, list[str]] | None = None
    visibility: Visibility | None = None
    ended: bool | None = None

    @field_validator("identifiers")
    @classmethod
    def _checked(cls, value: dict[str, str] | None) -> dict[str, str] | None:
        return None if value is None else _identifiers(value)

    def changes(self) -> dict[str, Any]:
        """Return what was given, as the actions know it."""
        given = without_nulls(self)
        if self.vendor_codes is not None:
            given["vendor_codes"] = [each.code_record() for each in self.vendor_codes]
        return given


def without_nulls(body: Model) -> dict[str, Any]:
    """Return the fields that were given; raises Invalid where one of them is null."""
    given = {name: getattr(body, name) for name in body.model_fields_set}
    if nulls := sorted(name for name, value in given.items() if value is None):
        raise Invalid(f"{nulls[0]} cannot be null; leave it out to keep it")
    return given


class VendorCodeOut(Model):
    """A vendor code in force or kept for its history; `site` is the site's name."""

    code: str
    system: str | None
    company_code: str | None
    plant: str | None
    site: str | None
    site_id: UUID | None
    valid_from: date | None
    valid_to: date | None


class LinkOut(Model):
    """The supply link; `supplier_org_id` is null until the supplier enrolled by it."""

    id: UUID
    supplier_org_id: UUID | None
    dependency: str
    pass_through: bool
    product_lines: list[str]
    classification: dict[str, list[str]]
    visibility: str
    ended: bool


class FormerName(Model):
    """A name the firm went by until a day; what it signed then keeps it."""

    name: str
    until: date


class SupplierOut(Model):
    """A supplier record; `merged_into` is the record that goes on in this one's place."""

    id: UUID
    name: str
    former_names: list[FormerName]
    country: str
    contact_name: str
    mailbox: str
    language: str
    sites: list[str]
    tags: list[str]
    vendor_codes: list[VendorCodeOut]
    identifiers: dict[str, str]
    link: LinkOut
    merged_into: UUID | None
    created_at: datetime


class SupplierPage(Page):
    """A page of suppliers, oldest first."""

    items: list[SupplierOut]


class LeftOut(Model):
    """A row the encoding cannot hold, and which characters it has no place for."""

    supplier_id: UUID
    vendor_code: str
    characters: str


class ExportReport(Model):
    """Control totals of an export: `rows` in the file, `left_out` not, and why."""

    encoding: str
    rows: int
    left_out: list[LeftOut]


def supplier_out(supplier: Supplier) -> SupplierOut:
    """Show a supplier."""
    names = {place.id: place.name for place in supplier.sites}
    own = ("id", "name", "country", "contact_name", "mailbox", "language", "tags", "identifiers")
    return SupplierOut(
        **{name: getattr(supplier, name) for name in own},
        former_names=[
            FormerName(name=old["name"], until=old["until"]) for old in supplier.former_names
        ],
        sites=list(names.values()),
        vendor_codes=[vendor_code_out(code, names) for code in supplier.vendor_codes],
        link=LinkOut.model_validate(supplier.link),
        merged_into=supplier.merged_into,
        created_at=supplier.created_at,
    )


def vendor_code_out(code: Any, names: dict[UUID, str]) -> VendorCodeOut:
    """Show a vendor code, with the name of its site."""
    own = {name: getattr(code, name) for name in VendorCodeOut.model_fields if name != "site"}
    return VendorCodeOut(**own, site=names.get(code.site_id))


def _wanted(
    tx: Tx,
    who: Who,
    vendor_code: Annotated[str | None, Query(max_length=200)] = None,
    identifier: Annotated[str | None, Query(max_length=200, pattern=r"^[a-z-]+:.+$")] = None,
    name: Annotated[str | None, Query(max_length=200)] = None,
    tag: Annotated[list[str] | None, Query(max_length=20)] = None,
    segment_id: UUID | None = None,
) -> list[ColumnElement[bool]]:
    wanted = list(suppliers.that_fit(Filter(tags_all=tuple(tag or ()))))
    if vendor_code is not None:
        wanted.append(suppliers.called(tx, who.org, vendor_code))
    if identifier is not None:
        wanted.append(suppliers.numbered(*identifier.split(":", 1)))
    if name is not None:
        wanted.append(suppliers.named_like(match_key(name)))
    if segment_id is not None:
        wanted.extend(suppliers.that_fit(_segment(tx, who.org, segment_id)))
    return wanted


Wanted = Annotated[list[ColumnElement[bool]], Depends(_wanted, scope="function")]


@router.get("/suppliers", dependencies=[needs("suppliers.read")])
def list_suppliers(
    tx: Tx, who: Who, wanted: Wanted, cursor: Cursor = None, limit: Limit = 100
) -> SupplierPage:
    """List your suppliers; what is given narrows the list.

    `vendor_code` finds a code with and without the zeros its system pads with; `identifier` is
    `scheme:value` such as `corporate-number:7000012050002`; `name` any part of a name, however it
    is written; of several `tag`s every one.
    """
    rows = suppliers.page(tx, who.org, after(cursor), limit + 1, *wanted)
    return SupplierPage(
        items=[supplier_out(row) for row in rows[:limit]], next_cursor=cursor_after(rows, limit)
    )


def _segment(tx: Session, org: UUID, segment_id: UUID) -> Filter:
    found = segments.one(tx, org, segment_id)
    if found is None:
        raise NotFound("no such segment")
    return Filter.of(found.filter)


@router.post(
    "/suppliers",
    dependencies=[needs("suppliers.write")],
    status_code=201,
    response_model=SupplierOut,
)
def add_supplier(tx: Tx, who: Who, body: SupplierIn, once: OnceOnly) -> Response:
    """Add a supplier of yours and the supply link to it."""
    fields = {name: getattr(body, name) for name in SupplierIn.model_fields}
    fields["vendor_codes"] = [each.code_record() for each in body.vendor_codes]
    return once(lambda: supplier_out(actions.add(tx, who, Record(**fields))))


@router.get("/suppliers/{supplier_id}", dependencies=[needs("suppliers.read")])
def read_supplier(tx: Tx, who: Who, supplier_id: UUID) -> SupplierOut:
    """Read one supplier of yours, a merged record too."""
    found = suppliers.one(tx, who.org, supplier_id)
    if found is None:
        raise NotFound("no such supplier")
    return supplier_out(found)


@router.patch("/suppliers/{supplier_id}", dependencies=[needs("suppliers.write")])
def change_supplier(tx: Tx, who: Who, supplier_id: UUID, body: SupplierChange) -> SupplierOut:
    """Change the given fields of a supplier or of its supply link; its history keeps the old.

    A name is corrected so; a firm that took a new name is renamed.
    """
    return supplier_out(actions.change(tx, who, supplier_id, body.changes()))


Encoding = Annotated[
    Literal["utf-8", "cp932"], Query(description="utf-8 (with BOM) or cp932 (Shift_JIS)")
]


@router.get(
    "/supplier-export",
    dependencies=[needs("suppliers.read")],
    response_class=Response,
    responses={200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
)
def export_suppliers(tx: Tx, who: Who, now: Now, encoding: Encoding = "utf-8") -> Response:
    """Get all suppliers as CSV, one row per vendor code, with the headings an import reads.

    Rows that CP932 cannot hold are left out, never garbled; the header `Rensho-Rows-Left-Out`
    counts them and `GET /supplier-export/report` lists them.
    """
    made = _export(tx, who.org, encoding)
    charset = "utf-8" if encoding == "utf-8" else "Shift_JIS"
    headers = {
        "Content-Disposition": f'attachment; filename="suppliers-{now:%Y%m%d}.csv"',
        "Rensho-Rows": str(made.rows),
        "Rensho-Rows-Left-Out": str(len(made.left_out)),
    }
    return Response(made.content, media_type=f"text/csv; charset={charset}", headers=headers)


@router.get("/supplier-export/report", dependencies=[needs("suppliers.read")])
def report_export(tx: Tx, who: Who, encoding: Encoding = "cp932") -> ExportReport:
    """Read what an export would hold and leave out."""
    made = _export(tx, who.org, encoding)
    return ExportReport(
        encoding=encoding,
        rows=made.rows,
        left_out=[LeftOut.model_validate(each) for each in made.left_out],
    )


def _export(tx: Session, org: UUID, encoding: supplier_export.Encoding) -> supplier_export.Export:
    told = ({"id": s.id, **actions.as_told(s)} for s in suppliers.every(tx, org))
    return supplier_export.export(told, encoding)
