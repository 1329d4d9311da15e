"""Queries over what became of suppliers: merges, successions, history."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from services.questionnaire.store.firm_rows import (
    Contact,
    Succession,
    SupplierHistory,
    SupplierMerge,
    SupplierSite,
)
from services.questionnaire.store.tables import Request, Supplier, VendorCode


def history(
    tx: Session, supplier_id: UUID, before: UUID | None, limit: int
) -> Sequence[SupplierHistory]:
    """Return up to `limit` changes of a record, and of those merged into it, newest first."""
    parts = select(Supplier.id).where(
        or_(Supplier.id == supplier_id, Supplier.merged_into == supplier_id)
    )
    query = select(SupplierHistory).where(SupplierHistory.supplier_id.in_(parts))
    if before is not None:
        query = query.where(SupplierHistory.id < before)
    return tx.scalars(query.order_by(SupplierHistory.id.desc()).limit(limit)).all()


def merge_for_update(tx: Session, org: UUID, merge_id: UUID) -> SupplierMerge | None:
    """Return one merge of `org`, locked until the transaction ends."""
    query = select(SupplierMerge).where(SupplierMerge.org_id == org, SupplierMerge.id == merge_id)
    return tx.scalar(query.with_for_update(of=SupplierMerge))


def merges(tx: Session, org: UUID, after: UUID | None, limit: int) -> Sequence[SupplierMerge]:
    """Return up to `limit` merges of `org`, oldest first."""
    query = select(SupplierMerge).where(SupplierMerge.org_id == org)
    if after is not None:
        query = query.where(SupplierMerge.id > after)
    return tx.scalars(query.order_by(SupplierMerge.id).limit(limit)).all()


def succession(
    tx: Session, predecessor: UUID, successor: UUID, effective_on: date
) -> Succession | None:
    """Return the succession of these two on that day."""
    query = select(Succession).where(
        Succession.predecessor_id == predecessor,
        Succession.successor_id == successor,
        Succession.effective_on == effective_on,
    )
    return tx.scalar(query)


def successions(
    tx: Session, org: UUID, supplier_id: UUID | None, after: UUID | None, limit: int
) -> Sequence[Succession]:
    """Return up to `limit` successions of `org`, or those at either end of one record."""
    query = select(Succession).where(Succession.org_id == org)
    if supplier_id is not None:
        query = query.where(
            or_(
                Succession.predecessor_id == supplier_id,
                Succession.successor_id == supplier_id,
            )
        )
    if after is not None:
        query = query.where(Succession.id > after)
    return tx.scalars(query.order_by(Succession.id).limit(limit)).all()


def contact_ids(tx: Session, supplier_id: UUID) -> Sequence[UUID]:
    """Return the ids of all contacts at a supplier."""
    return tx.scalars(select(Contact.id).where(Contact.supplier_id == supplier_id)).all()


def merged_into(tx: Session, supplier_id: UUID) -> Sequence[UUID]:
    """Return the ids of the records that were merged into this one."""
    return tx.scalars(select(Supplier.id).where(Supplier.merged_into == supplier_id)).all()


def move(
    tx: Session,
    table: type[SupplierSite | VendorCode | Contact],
    ids: Collection[UUID],
    source: UUID,
    target: UUID,
) -> None:
    """Give those of the rows that are still at `source` to `target`."""
    tx.execute(
        update(table)
        .where(table.id.in_(ids), table.supplier_id == source)
        .values(supplier_id=target)
        .execution_options(synchronize_session=False)
    )


def point(tx: Session, ids: Collection[UUID], source: UUID, target: UUID) -> None:
    """Let records that were merged into `source` go on in `target`."""
    tx.execute(
        update(Supplier)
        .where(Supplier.id.in_(ids), Supplier.merged_into == source)
        .values(merged_into=target)
        .execution_options(synchronize_session=False)
    )


def forget_lists(tx: Session, supplier_id: UUID) -> None:
    """Read a record's sites and codes anew when they are next asked for."""
    known = tx.get(Supplier, supplier_id)
    if known is not None:
        tx.expire(known, ["sites", "vendor_codes"])


def issued_since(tx: Session, supplier_ids: Collection[UUID], moment: datetime) -> bool:
    """Whether a request to one of these records was issued after a moment."""
    query = select(Request.id).where(
        Request.supplier_id.in_(supplier_ids), Request.issued_at > moment
    )
    return tx.scalar(query.limit(1)) is not None
