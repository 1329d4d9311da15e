"""What a requester keeps of a supplier beside its record: sites, contacts, history, segments.

All rows are private to `org_id`. Names are as received; `contact` and `supplier_site` are rows of
persons and places and may be deleted, what happened (`supplier_history`) may not.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    SmallInteger,
    UniqueConstraint,
    func,
)
from sqlalchemy.orm import Mapped, mapped_column

from services.kit.db import new_id
from services.questionnaire.store.tables import Base


def _of_supplier() -> ForeignKeyConstraint:
    return ForeignKeyConstraint(
        ["org_id", "supplier_id"], ["questionnaire.supplier.org_id", "questionnaire.supplier.id"]
    )


def _id() -> Mapped[UUID]:
    return mapped_column(primary_key=True, default=new_id)


def _made() -> Mapped[datetime]:
    return mapped_column(server_default=func.now())


class SupplierSite(Base):
    """A place of a supplier: works, office, warehouse."""

    __tablename__ = "supplier_site"
    __table_args__ = (_of_supplier(), Index("ix_supplier_site_supplier", "supplier_id"))

    id: Mapped[UUID] = _id()
    org_id: Mapped[UUID]
    supplier_id: Mapped[UUID]
    name: Mapped[str]
    country: Mapped[str | None]
    created_at: Mapped[datetime] = _made()


class Contact(Base):
    """A person or shared mailbox at a supplier, at one site or for all; `roles`: rules.contacts."""

    __tablename__ = "contact"
    __table_args__ = (_of_supplier(), Index("ix_contact_supplier", "supplier_id"))

    id: Mapped[UUID] = _id()
    org_id: Mapped[UUID]
    supplier_id: Mapped[UUID]
    site_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("questionnaire.supplier_site.id"), index=True
    )
    name: Mapped[str]
    kana: Mapped[str | None]
    department: Mapped[str | None]
    title: Mapped[str | None]
    mailbox: Mapped[str | None]
    telephone: Mapped[str | None]
    language: Mapped[str | None]
    time_zone: Mapped[str | None]
    roles: Mapped[list[Any]]
    created_at: Mapped[datetime] = _made()


class SupplierHistory(Base):
    """One change of a record or its link: what it was and what it is, by whom, since when."""

    __tablename__ = "supplier_history"
    __table_args__ = (_of_supplier(), Index("ix_supplier_history_supplier", "supplier_id", "id"))

    id: Mapped[UUID] = _id()
    org_id: Mapped[UUID]
    supplier_id: Mapped[UUID]
    at: Mapped[datetime] = _made()
    by: Mapped[str]
    kind: Mapped[str]
    effective_on: Mapped[date | None]
    detail: Mapped[dict[str, Any]]


class SupplierMerge(Base):
    """Two records of one firm became one; `moved` says what to move back should it be undone."""

    __tablename__ = "supplier_merge"

    id: Mapped[UUID] = _id()
    org_id: Mapped[UUID] = mapped_column(index=True)
    kept_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.supplier.id"), index=True)
    merged_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.supplier.id"), index=True)
    moved: Mapped[dict[str, Any]]
    merged_at: Mapped[datetime]
    merged_by: Mapped[str]
    undone_at: Mapped[datetime | None]
    undone_by: Mapped[str | None]


class Succession(Base):
    """One firm goes on in another: merger, split, business transfer. Both records stay."""

    __tablename__ = "succession"
    __table_args__ = (
        CheckConstraint("predecessor_id <> successor_id", name="two_firms"),
        UniqueConstraint("predecessor_id", "successor_id", "effective_on"),
    )

    id: Mapped[UUID] = _id()
    org_id: Mapped[UUID] = mapped_column(index=True)
    kind: Mapped[str]
    predecessor_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.supplier.id"))
    successor_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.supplier.id"), index=True)
    effective_on: Mapped[date]
    note: Mapped[str]
    recorded_at: Mapped[datetime]
    recorded_by: Mapped[str]


class Segment(Base):
    """A saved choice of suppliers; `filter` is read by rules.segments."""

    __tablename__ = "segment"
    __table_args__ = (UniqueConstraint("org_id", "name"),)

    id: Mapped[UUID] = _id()
    org_id: Mapped[UUID]
    name: Mapped[str]
    filter: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = _made()


class SupplierImport(Base):
    """A dry run of a supplier file: the good rows wait for a confirmation, the bad are listed."""

    __tablename__ = "supplier_import"

    id: Mapped[UUID] = _id()
    org_id: Mapped[UUID] = mapped_column(index=True)
    good: Mapped[list[Any]]
    report: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = _made()
    confirmed_at: Mapped[datetime | None]


class ColumnMapping(Base):
    """A heading of this requester's own lists and the column it meant the last time."""

    __tablename__ = "column_mapping"

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    heading: Mapped[str] = mapped_column(primary_key=True)
    meaning: Mapped[str]
    used_at: Mapped[datetime]


class CodePadding(Base):
    """To how many digits one system of a requester fills its numeric vendor codes with zeros."""

    __tablename__ = "code_padding"

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    system: Mapped[str] = mapped_column(primary_key=True)
    width: Mapped[int] = mapped_column(SmallInteger)
