"""Dry runs of supplier files, and what headings meant in earlier ones."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.questionnaire.rules.supplier_cells import heading_key
from services.questionnaire.store.firm_rows import ColumnMapping, SupplierImport


def one(tx: Session, org: UUID, import_id: UUID) -> SupplierImport | None:
    """Return one dry run of `org`."""
    query = select(SupplierImport).where(SupplierImport.org_id == org)
    return tx.scalar(query.where(SupplierImport.id == import_id))


def for_update(tx: Session, org: UUID, import_id: UUID) -> SupplierImport | None:
    """Return one dry run of `org`, locked until the transaction ends."""
    query = select(SupplierImport).where(SupplierImport.org_id == org)
    return tx.scalar(query.where(SupplierImport.id == import_id).with_for_update())


def suggested(tx: Session, org: UUID, headings: Collection[str]) -> dict[str, str]:
    """Return heading → column for those `org` mapped before."""
    by_key = {heading_key(heading): heading for heading in headings}
    query = select(ColumnMapping).where(
        ColumnMapping.org_id == org, ColumnMapping.heading.in_(by_key)
    )
    return {by_key[row.heading]: row.meaning for row in tx.scalars(query)}


def remember(tx: Session, org: UUID, mapping: Mapping[str, str], now: datetime) -> None:
    """Keep what these headings mean to `org`; the newest meaning counts."""
    # Two headings may read alike once width and marks are left out; the last one counts.
    rows = {heading_key(heading): meaning for heading, meaning in mapping.items()}
    if not rows:
        return
    said = insert(ColumnMapping).values(
        [
            {"org_id": org, "heading": key, "meaning": meaning, "used_at": now}
            for key, meaning in rows.items()
        ]
    )
    tx.execute(
        said.on_conflict_do_update(
            index_elements=["org_id", "heading"],
            set_={"meaning": said.excluded.meaning, "used_at": said.excluded.used_at},
        )
    )
