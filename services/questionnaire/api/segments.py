"""Finding suppliers again: segments, vendor codes, and how your systems pad their codes."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Response
from pydantic import Field

from services.kit.auth import Who, needs
from services.kit.problems import NotFound
from services.kit.web import Cursor, Limit, Model, OnceOnly, Page, Tx
from services.questionnaire.actions import segments as actions
from services.questionnaire.actions import suppliers as supplier_actions
from services.questionnaire.api.edge import Dependency, Line, after, cursor_after
from services.questionnaire.api.suppliers import (
    Country,
    Language,
    Lines,
    VendorCodeOut,
    vendor_code_out,
)
from services.questionnaire.rules.segments import Filter
from services.questionnaire.rules.vendor_codes import WIDEST
from services.questionnaire.store import contacts, segments, suppliers
from services.questionnaire.store.firm_rows import Segment

router = APIRouter(tags=["suppliers"])


class FilterIn(Model):
    """Who is chosen: whoever fits all that is given; of a list one value is enough.

    `tags_all` wants every tag, `tags_none` none of them; `enrolled`: an organization accepted.
    """

    tags_any: Lines = Field(default_factory=list)
    tags_all: Lines = Field(default_factory=list)
    tags_none: Lines = Field(default_factory=list)
    countries: Annotated[list[Country], Field(max_length=250)] = Field(default_factory=list)
    languages: Annotated[list[Language], Field(max_length=50)] = Field(default_factory=list)
    dependencies: Annotated[list[Dependency], Field(max_length=5)] = Field(default_factory=list)
    product_lines: Lines = Field(default_factory=list)
    pass_through: bool | None = None
    enrolled: bool | None = None

    def filter(self) -> Filter:
        """Return it as the rules know it."""
        given = {name: getattr(self, name) for name in FilterIn.model_fields}
        return Filter.of(given)


class SegmentIn(Model):
    """A choice of suppliers and its name."""

    name: Line
    filter: FilterIn


class SegmentOut(Model):
    """A segment; whom it chooses is looked up whenever it is used."""

    id: UUID
    name: str
    filter: dict[str, Any]
    created_at: datetime


class SegmentPage(Page):
    """A page of segments, oldest first."""

    items: list[SegmentOut]


class MembersOut(Model):
    """Whom a segment chooses at this moment: suppliers whose link is alive."""

    count: int
    supplier_ids: list[UUID]


class CodeOut(VendorCodeOut):
    """A vendor code and the supplier it is given to."""

    id: UUID
    supplier_id: UUID


class CodePage(Page):
    """A page of vendor codes, oldest first."""

    items: list[CodeOut]


class Padding(Model):
    """One system and the digits to which it fills numeric codes with zeros."""

    system: Line
    width: int = Field(ge=1, le=WIDEST)


class Paddings(Model):
    """All padding rules of your systems."""

    items: Annotated[list[Padding], Field(max_length=50)]


@router.get("/segments", dependencies=[needs("suppliers.read")])
def list_segments(tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100) -> SegmentPage:
    """List your segments."""
    rows = segments.page(tx, who.org, after(cursor), limit + 1)
    return SegmentPage(
        items=[SegmentOut.model_validate(row) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )


@router.post(
    "/segments",
    dependencies=[needs("suppliers.write")],
    status_code=201,
    response_model=SegmentOut,
)
def save_segment(tx: Tx, who: Who, body: SegmentIn, once: OnceOnly) -> Response:
    """Keep a choice of suppliers under a name."""

    def work() -> SegmentOut:
        made: Segment = actions.save(tx, who, body.name, body.filter.filter())
        return SegmentOut.model_validate(made)

    return once(work)


@router.put("/segments/{segment_id}", dependencies=[needs("suppliers.write")])
def replace_segment(tx: Tx, who: Who, segment_id: UUID, body: SegmentIn) -> SegmentOut:
    """Replace the name and choice of a segment; drafted campaigns stay as they are."""
    changed = actions.replace(tx, who, segment_id, body.name, body.filter.filter())
    return SegmentOut.model_validate(changed)


@router.delete("/segments/{segment_id}", dependencies=[needs("suppliers.write")], status_code=204)
def remove_segment(tx: Tx, who: Who, segment_id: UUID) -> None:
    """Forget a segment; the suppliers stay."""
    actions.remove(tx, who, segment_id)


@router.get("/segments/{segment_id}/members", dependencies=[needs("suppliers.read")])
def read_members(tx: Tx, who: Who, segment_id: UUID) -> MembersOut:
    """See whom a segment chooses now; `GET /suppliers?segment_id=` shows their records."""
    found = segments.members(tx, who.org, segment_id)
    if found is None:
        raise NotFound("no such segment")
    return MembersOut(count=len(found), supplier_ids=found)


@router.get("/vendor-codes", dependencies=[needs("suppliers.read")])
def find_vendor_codes(
    tx: Tx,
    who: Who,
    code: Annotated[str, Query(min_length=1, max_length=200)],
    on: date | None = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> CodePage:
    """Find whose a vendor code is or was, with or without padding; `on` a day in its validity."""
    rows = suppliers.codes_page(tx, who.org, code, after(cursor), limit + 1, on)
    names = {row.site_id: contacts.site(tx, who.org, row.site_id) for row in rows if row.site_id}
    shown = {key: place.name for key, place in names.items() if place is not None}
    return CodePage(
        items=[
            CodeOut(
                id=row.id,
                supplier_id=row.supplier_id,
                **vendor_code_out(row, shown).model_dump(),
            )
            for row in rows[:limit]
        ],
        next_cursor=cursor_after(rows, limit),
    )


@router.get("/vendor-code-padding", dependencies=[needs("suppliers.read")])
def read_padding(tx: Tx, who: Who) -> Paddings:
    """Read how your systems pad; until you say otherwise, SAP to ten digits."""
    return _paddings(suppliers.padding(tx, who.org).items())


@router.put("/vendor-code-padding", dependencies=[needs("suppliers.write")])
def set_padding(tx: Tx, who: Who, body: Paddings) -> Paddings:
    """Say how your systems pad; this replaces all rules, and none brings back the usual one."""
    widths = {each.system: each.width for each in body.items}
    return _paddings(supplier_actions.set_padding(tx, who, widths).items())


def _paddings(rules: Any) -> Paddings:
    return Paddings(items=[Padding(system=name, width=width) for name, width in sorted(rules)])
