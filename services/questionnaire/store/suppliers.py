"""Supplier records and supply links, private to the requester that keeps them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.questionnaire.store.tables import Supplier, SupplyLink, VendorCode


def one(tx: Session, org: UUID, supplier_id: UUID) -> Supplier | None:
    """Return one supplier record of `org`."""
    return tx.scalar(select(Supplier).where(Supplier.org_id == org, Supplier.id == supplier_id))


def for_update(tx: Session, org: UUID, supplier_id: UUID) -> Supplier | None:
    """Return one supplier record of `org`, locked until the transaction ends."""
    query = select(Supplier).where(Supplier.org_id == org, Supplier.id == supplier_id)
    return tx.scalar(query.with_for_update(of=Supplier))


def page(
    tx: Session, org: UUID, after: UUID | None, limit: int, *, vendor_code: str | None = None
) -> Sequence[Supplier]:
    """Return up to `limit` records in the order they were made."""
    query = select(Supplier).where(Supplier.org_id == org).order_by(Supplier.id).limit(limit)
    if after is not None:
        query = query.where(Supplier.id > after)
    if vendor_code is not None:
        named = select(VendorCode.supplier_id).where(
            VendorCode.org_id == org, VendorCode.code == vendor_code
        )
        query = query.where(Supplier.id.in_(named))
    return tx.scalars(query).all()


def asked(tx: Session, org: UUID, ids: Collection[UUID] | None) -> Sequence[Supplier]:
    """Return the records with these ids, or all, whose supply link is alive."""
    query = (
        select(Supplier)
        .join(SupplyLink, SupplyLink.supplier_id == Supplier.id)
        .where(Supplier.org_id == org, SupplyLink.ended.is_(False))
        .order_by(Supplier.id)
    )
    if ids is not None:
        query = query.where(Supplier.id.in_(ids))
    return tx.scalars(query).all()


def with_codes(tx: Session, org: UUID, codes: Collection[str], on: date) -> dict[str, UUID]:
    """Return code → supplier id for the codes `org` has in use on that day."""
    query = select(VendorCode.code, VendorCode.supplier_id).where(
        VendorCode.org_id == org,
        VendorCode.code.in_(codes),
        (VendorCode.valid_to.is_(None)) | (VendorCode.valid_to >= on),
    )
    return {row.code: row.supplier_id for row in tx.execute(query)}


def link_for_update(tx: Session, link_id: UUID) -> SupplyLink | None:
    """Return one supply link, locked against other changes (worker).

    Rows that refer to it can still be added: an invitation being issued at this moment must not
    wait for an enrolment that waits for its request.
    """
    query = select(SupplyLink).where(SupplyLink.id == link_id)
    return tx.scalar(query.with_for_update(key_share=True))


def of_link(tx: Session, link_id: UUID) -> Supplier | None:
    """Return the record a link belongs to (worker)."""
    query = select(Supplier).join(SupplyLink, SupplyLink.supplier_id == Supplier.id)
    return tx.scalar(query.where(SupplyLink.id == link_id))


def known_ids(tx: Session, org: UUID, ids: Collection[UUID]) -> dict[UUID, Supplier]:
    """Return the records of `org` among `ids`."""
    query = select(Supplier).where(Supplier.org_id == org, Supplier.id.in_(ids))
    return {supplier.id: supplier for supplier in tx.scalars(query)}
