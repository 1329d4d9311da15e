"""Dry runs of supplier files."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import Session

from services.questionnaire.store.tables import SupplierImport


def one(tx: Session, org: UUID, import_id: UUID) -> SupplierImport | None:
    """Return one dry run of `org`."""
    query = select(SupplierImport).where(SupplierImport.org_id == org)
    return tx.scalar(query.where(SupplierImport.id == import_id))


def for_update(tx: Session, org: UUID, import_id: UUID) -> SupplierImport | None:
    """Return one dry run of `org`, locked until the transaction ends."""
    query = select(SupplierImport).where(SupplierImport.org_id == org)
    return tx.scalar(query.where(SupplierImport.id == import_id).with_for_update())
