"""Suppliers over time: new names, merged records, successions, history."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import StringConstraints

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Cursor, Limit, Model, Now, OnceOnly, Page, Tx
from services.questionnaire.actions import firms as actions
from services.questionnaire.actions.firms import Kind, Passing
from services.questionnaire.api.edge import Line, after, cursor_after
from services.questionnaire.api.suppliers import SupplierOut, supplier_out
from services.questionnaire.store import firms, suppliers
from services.questionnaire.store.firm_rows import Succession, SupplierMerge

router = APIRouter(tags=["suppliers"])


class RenameIn(Model):
    """A firm's new name and its first day."""

    name: Line
    effective_on: date


class MergeIn(Model):
    """Two records of one firm: what `merged_id` has moves to `kept_id`."""

    kept_id: UUID
    merged_id: UUID


class MergeOut(Model):
    """A merge; it can be undone until `undo_until`, while nothing was issued or enrolled by it."""

    id: UUID
    kept_id: UUID
    merged_id: UUID
    merged_at: datetime
    merged_by: str
    undo_until: datetime
    undone_at: datetime | None
    undone_by: str | None


class MergePage(Page):
    """A page of merges, oldest first."""

    items: list[MergeOut]


class SuccessionIn(Model):
    """One of your suppliers goes on in another; `ends_predecessor` ends the link to it."""

    kind: Kind
    predecessor_id: UUID
    successor_id: UUID
    effective_on: date
    note: Annotated[str, StringConstraints(max_length=2000)] = ""
    ends_predecessor: bool = False


class SuccessionOut(Model):
    """A recorded succession."""

    id: UUID
    kind: str
    predecessor_id: UUID
    successor_id: UUID
    effective_on: date
    note: str
    recorded_at: datetime
    recorded_by: str


class SuccessionPage(Page):
    """A page of successions, oldest first."""

    items: list[SuccessionOut]


class HistoryOut(Model):
    """One change: of `supplier_id`, which may be a record that was merged into this one."""

    id: UUID
    supplier_id: UUID
    at: datetime
    by: str
    kind: str
    effective_on: date | None
    detail: dict[str, Any]


class HistoryPage(Page):
    """A page of history, newest first."""

    items: list[HistoryOut]


def _merge_out(made: SupplierMerge) -> MergeOut:
    own = {name: getattr(made, name) for name in MergeOut.model_fields if name != "undo_until"}
    return MergeOut(**own, undo_until=made.merged_at + actions.UNDO_WITHIN)


@router.post("/suppliers/{supplier_id}/rename", dependencies=[needs("suppliers.write")])
def rename_supplier(tx: Tx, who: Who, now: Now, supplier_id: UUID, body: RenameIn) -> SupplierOut:
    """Give a supplier its new name; the old one is kept with its last day."""
    return supplier_out(
        actions.rename(tx, who, supplier_id, body.name, body.effective_on, now.date())
    )


@router.get("/suppliers/{supplier_id}/history", dependencies=[needs("suppliers.read")])
def read_history(
    tx: Tx, who: Who, supplier_id: UUID, cursor: Cursor = None, limit: Limit = 100
) -> HistoryPage:
    """Read what became of a record, and of those merged into it, newest first."""
    if suppliers.one(tx, who.org, supplier_id) is None:
        raise NotFound("no such supplier")
    rows = firms.history(tx, supplier_id, after(cursor), limit + 1)
    return HistoryPage(
        items=[HistoryOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )


@router.post(
    "/supplier-merges",
    dependencies=[needs("suppliers.write")],
    status_code=201,
    response_model=MergeOut,
)
def merge_suppliers(tx: Tx, who: Who, now: Now, body: MergeIn, once: OnceOnly) -> Response:
    """Merge two records of one firm; firms that became one are a succession."""
    return once(lambda: _merge_out(actions.merge(tx, who, body.kept_id, body.merged_id, now)))


@router.get("/supplier-merges", dependencies=[needs("suppliers.read")])
def list_merges(tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100) -> MergePage:
    """List your merges."""
    rows = firms.merges(tx, who.org, after(cursor), limit + 1)
    return MergePage(
        items=[_merge_out(row) for row in rows[:limit]], next_cursor=cursor_after(rows, limit)
    )


@router.post("/supplier-merges/{merge_id}/undo", dependencies=[needs("suppliers.write")])
def undo_merge(tx: Tx, who: Who, now: Now, merge_id: UUID) -> MergeOut:
    """Take a merge back, within a day and while nothing was issued or enrolled by it."""
    return _merge_out(actions.undo(tx, who, merge_id, now))


@router.post(
    "/successions",
    dependencies=[needs("suppliers.write")],
    status_code=201,
    response_model=SuccessionOut,
)
def record_succession(tx: Tx, who: Who, now: Now, body: SuccessionIn, once: OnceOnly) -> Response:
    """Record that a supplier goes on in another: both records stay, the successor signs anew."""
    passing = Passing(**{name: getattr(body, name) for name in SuccessionIn.model_fields})

    def work() -> SuccessionOut:
        made: Succession = actions.succeed(tx, who, passing, now)
        return SuccessionOut.model_validate(made)

    return once(work)


@router.get("/successions", dependencies=[needs("suppliers.read")])
def list_successions(
    tx: Tx,
    who: Who,
    cursor: Cursor = None,
    limit: Limit = 100,
    supplier_id: Annotated[UUID | None, Query(description="at either end")] = None,
) -> SuccessionPage:
    """List recorded successions."""
    rows = firms.successions(tx, who.org, supplier_id, after(cursor), limit + 1)
    return SuccessionPage(
        items=[SuccessionOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )
