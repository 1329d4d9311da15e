"""What happened to a supplier's record is noted in the transaction of the change itself."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.db import new_id
from services.questionnaire.store.firm_rows import SupplierHistory
from services.questionnaire.store.tables import Supplier


def note(
    tx: Session,
    who: Principal,
    supplier: Supplier,
    kind: str,
    detail: Mapping[str, Any],
    effective_on: date | None = None,
) -> None:
    """Note one change of a record.

    Args:
        kind: added, imported, changed, renamed, merged, merged-away, merge-undone, succeeded,
            succeeds, contact-added, contact-changed, contact-removed, site-changed.
        detail: what differs; of contacts the id alone, for names of persons are not kept twice.
        effective_on: since when it holds, where that is not the moment of noting.
    """
    tx.add(
        SupplierHistory(
            id=new_id(),
            org_id=supplier.org_id,
            supplier_id=supplier.id,
            by=who.subject,
            kind=kind,
            effective_on=effective_on,
            detail=dict(detail),
        )
    )
