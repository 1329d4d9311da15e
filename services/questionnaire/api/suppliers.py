"""Suppliers and supplier files: private to the requester that keeps them."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field, StringConstraints, field_validator, model_validator

from services.kit.auth import Who, needs
from services.kit.problems import Invalid, NotFound
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx
from services.questionnaire.actions import imports as import_actions
from services.questionnaire.actions import suppliers as actions
from services.questionnaire.actions.suppliers import Code, Record
from services.questionnaire.api.edge import Body, Dependency, Line, after, cursor_after
from services.questionnaire.rules.countries import ALPHA_2
from services.questionnaire.store import imports, suppliers
from services.questionnaire.store.tables import Supplier, SupplierImport

router = APIRouter(tags=["suppliers"])

Mailbox = Annotated[
    str, StringConstraints(pattern=r"^[^\s@<>\",;:]{1,64}@[^\s@<>\",;:]{1,255}$", max_length=320)
]
Language = Annotated[str, StringConstraints(pattern=r"^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$")]


class VendorCodeIn(Model):
    """What your system calls a site of the supplier; text, leading zeros kept."""

    code: Line
    system: Line | None = None
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
        return Code(self.code, self.system, self.site, self.valid_from, self.valid_to)


def _country(value: str) -> str:
    if value not in ALPHA_2:
        msg = "not an ISO 3166-1 alpha-2 country code"
        raise ValueError(msg)
    return value


class SupplierIn(Model):
    """A supplier as you write it down; a dependency you do not state counts as critical."""

    name: Line
    country: str
    mailbox: Mailbox
    language: Language
    contact_name: Annotated[str, StringConstraints(max_length=200)] = ""
    sites: Annotated[list[Line], Field(max_length=200)] = Field(default_factory=list)
    tags: Annotated[list[Line], Field(max_length=50)] = Field(default_factory=list)
    vendor_codes: Annotated[list[VendorCodeIn], Field(max_length=200)] = Field(default_factory=list)
    dependency: Dependency = "critical"
    pass_through: bool = False

    _known_country = field_validator("country")(_country)


class SupplierChange(Model):
    """What to change; a field left out stays. `vendor_codes`, `sites`, `tags` replace all."""

    name: Line | None = None
    country: str | None = None
    mailbox: Mailbox | None = None
    language: Language | None = None
    contact_name: Annotated[str, StringConstraints(max_length=200)] | None = None
    sites: Annotated[list[Line], Field(max_length=200)] | None = None
    tags: Annotated[list[Line], Field(max_length=50)] | None = None
    vendor_codes: Annotated[list[VendorCodeIn], Field(max_length=200)] | None = None
    dependency: Dependency | None = None
    pass_through: bool | None = None
    ended: bool | None = None

    @field_validator("country")
    @classmethod
    def _known_country(cls, value: str | None) -> str | None:
        return value and _country(value)

    def changes(self) -> dict[str, Any]:
        """Return what was given, as the actions know it."""
        given = {name: getattr(self, name) for name in self.model_fields_set}
        if nulls := sorted(name for name, value in given.items() if value is None):
            raise Invalid(f"{nulls[0]} cannot be null; leave it out to keep it")
        if self.vendor_codes is not None:
            given["vendor_codes"] = [each.code_record() for each in self.vendor_codes]
        return given


class VendorCodeOut(Model):
    """A vendor code in force or kept for its history."""

    code: str
    system: str | None
    site: str | None
    valid_from: date | None
    valid_to: date | None


class LinkOut(Model):
    """The supply link; `supplier_org_id` is null until the supplier enrolled by it."""

    id: UUID
    supplier_org_id: UUID | None
    dependency: str
    pass_through: bool
    ended: bool


class SupplierOut(Model):
    """A supplier record."""

    id: UUID
    name: str
    country: str
    contact_name: str
    mailbox: str
    language: str
    sites: list[str]
    tags: list[str]
    vendor_codes: list[VendorCodeOut]
    link: LinkOut
    created_at: datetime


class SupplierPage(Page):
    """A page of suppliers, oldest first."""

    items: list[SupplierOut]


class RejectedOut(Model):
    """One complaint about a row; `column` null for the whole row."""

    line: int
    column: str | None
    urn: str
    reason: dict[str, str]


class ImportOut(Model):
    """A dry run: `accepted` good rows wait for a confirmation.

    `total` counts rows, `rejected` complaints (a row may have several). `same_name_lines` are
    groups of lines whose names may mean one firm; nothing merges by name.
    """

    id: UUID
    total: int
    accepted: int
    rejected: list[RejectedOut]
    blank: int
    encoding: str
    columns: list[str]
    ignored: list[str]
    same_name_lines: list[list[int]]
    created_at: datetime
    confirmed_at: datetime | None


class ImportedOut(Model):
    """The suppliers a confirmation made, in the order of the file."""

    import_id: UUID
    supplier_ids: list[UUID]


def supplier_out(supplier: Supplier) -> SupplierOut:
    """Show a supplier."""
    return SupplierOut.model_validate(supplier)


def _import_out(found: SupplierImport) -> ImportOut:
    return ImportOut(
        id=found.id, created_at=found.created_at, confirmed_at=found.confirmed_at, **found.report
    )


@router.get("/suppliers", dependencies=[needs("suppliers.read")])
def list_suppliers(
    tx: Tx,
    who: Who,
    cursor: Cursor = None,
    limit: Limit = 100,
    vendor_code: Annotated[str | None, Query(max_length=200)] = None,
) -> SupplierPage:
    """List your suppliers, or those your systems know under one vendor code."""
    rows = suppliers.page(tx, who.org, after(cursor), limit + 1, vendor_code=vendor_code)
    return SupplierPage(
        items=[supplier_out(row) for row in rows[:limit]], next_cursor=cursor_after(rows, limit)
    )


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
    """Read one supplier of yours."""
    found = suppliers.one(tx, who.org, supplier_id)
    if found is None:
        raise NotFound("no such supplier")
    return supplier_out(found)


@router.patch("/suppliers/{supplier_id}", dependencies=[needs("suppliers.write")])
def change_supplier(tx: Tx, who: Who, supplier_id: UUID, body: SupplierChange) -> SupplierOut:
    """Change the given fields of a supplier or of its supply link."""
    return supplier_out(actions.change(tx, who, supplier_id, body.changes()))


@router.post(
    "/imports",
    dependencies=[needs("suppliers.write")],
    status_code=201,
    response_model=ImportOut,
    openapi_extra={
        "requestBody": {"required": True, "content": {"text/csv": {"schema": {"type": "string"}}}}
    },
)
def try_import(tx: Tx, who: Who, now: Now, content: Body, once: OnceOnly) -> Response:
    """Read a supplier file (CSV, UTF-8 or CP932, up to 5 MB) without taking anything over."""
    return once(lambda: _import_out(import_actions.try_file(tx, who, content, now)))


@router.get("/imports/{import_id}", dependencies=[needs("suppliers.read")])
def read_import(tx: Tx, who: Who, import_id: UUID) -> ImportOut:
    """Read a dry run again."""
    found = imports.one(tx, who.org, import_id)
    if found is None:
        raise NotFound("no such import")
    return _import_out(found)


@router.post(
    "/imports/{import_id}/confirm",
    dependencies=[needs("suppliers.write")],
    status_code=201,
    response_model=ImportedOut,
)
def confirm_import(tx: Tx, who: Who, now: Now, import_id: UUID, once: OnceOnly) -> Response:
    """Take over the good rows of a dry run."""
    return once(
        lambda: ImportedOut(
            import_id=import_id,
            supplier_ids=[each.id for each in import_actions.confirm(tx, who, import_id, now)],
        )
    )
