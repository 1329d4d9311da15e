"""Supplier files: a dry run, decisions, a confirmation."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import Field, model_validator

from services.kit.auth import Who, needs
from services.kit.problems import Invalid, NotFound
from services.kit.web import Model, Now, Once, OnceOnly, Tx
from services.questionnaire.actions import imports as actions
from services.questionnaire.actions.imports import Decision
from services.questionnaire.api.edge import Body
from services.questionnaire.rules.supplier_csv import Lines
from services.questionnaire.store import imports
from services.questionnaire.store.firm_rows import SupplierImport

router = APIRouter(prefix="/imports", tags=["suppliers"])

_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_A_LIST = {
    "requestBody": {
        "required": True,
        "content": {
            "text/csv": {"schema": {"type": "string"}},
            _XLSX: {"schema": {"type": "string", "format": "binary"}},
        },
    }
}


class RejectedOut(Model):
    """One complaint about a row; `column` null for the whole row."""

    line: int
    column: str | None
    urn: str
    reason: dict[str, str]


class Candidate(Model):
    """A known supplier a row may mean."""

    supplier_id: UUID
    name: str


class RowOut(Model):
    """What a good row means where it is not simply somebody new.

    `outcome`: update or unchanged (of `supplier_id`, found by an identifier), same-firm (as the
    row `with_line`), ask (a name like those of `candidates`: decide before confirming).
    `changes`: per field what it is and what it becomes.
    """

    line: int
    outcome: Literal["update", "unchanged", "same-firm", "ask"]
    supplier_id: UUID | None
    with_line: int | None
    candidates: list[Candidate]
    changes: dict[str, dict[str, Any]]


class ImportOut(Model):
    """A dry run: `accepted` good rows wait for a confirmation.

    `total` counts rows, `rejected` complaints (a row may have several); `totals` are control
    totals: rows = blank + rejected + new + update + unchanged + same-firm + ask.
    `ignored`: headings nobody knows; `suggested`: what they meant in earlier files of yours.
    `same_name_lines` are groups of lines whose names may mean one firm; nothing merges by name.
    """

    id: UUID
    total: int
    accepted: int
    rejected: list[RejectedOut]
    blank: int
    encoding: str
    columns: list[str]
    ignored: list[str]
    suggested: dict[str, str] = Field(default_factory=dict)
    same_name_lines: list[list[int]]
    rows: list[RowOut] = Field(default_factory=list)
    totals: dict[str, int] = Field(default_factory=dict)
    created_at: datetime
    confirmed_at: datetime | None


class DecisionIn(Model):
    """What one row is: a new supplier, a known one (`supplier_id`), or nothing to take over."""

    line: int = Field(ge=1)
    action: Literal["new", "merge_with", "skip"]
    supplier_id: UUID | None = None

    @model_validator(mode="after")
    def _whom(self) -> Self:
        if (self.action == "merge_with") == (self.supplier_id is None):
            msg = "give supplier_id with merge_with, and with nothing else"
            raise ValueError(msg)
        return self


class ConfirmIn(Model):
    """Decisions on rows, at most one each."""

    decisions: Annotated[list[DecisionIn], Field(max_length=20_000)] = Field(default_factory=list)

    @model_validator(mode="after")
    def _once_each(self) -> Self:
        if len({each.line for each in self.decisions}) != len(self.decisions):
            msg = "two decisions on one row"
            raise ValueError(msg)
        return self


class ImportedOut(Model):
    """The suppliers a confirmation made or changed, in the order of the file, each once."""

    import_id: UUID
    supplier_ids: list[UUID]


def _lines(content: Body) -> Lines:
    return actions.open_file(content)


Opened = Annotated[Lines, Depends(_lines, scope="function")]
"""The file taken apart, before any transaction begins: a workbook takes its time."""


def _mapping(
    mapping: Annotated[
        list[str] | None,
        Query(max_length=100, description="heading=column; =- passes a heading over"),
    ] = None,
) -> dict[str, str]:
    pairs = [each.rpartition("=") for each in mapping or ()]
    if not all(heading.strip() and column for heading, _, column in pairs):
        raise Invalid("a mapping is heading=column")
    return {heading: column for heading, _, column in pairs}


Mapped = Annotated[dict[str, str], Depends(_mapping)]


def _out(found: SupplierImport) -> ImportOut:
    return ImportOut(
        id=found.id, created_at=found.created_at, confirmed_at=found.confirmed_at, **found.report
    )


@router.post(
    "",
    dependencies=[needs("suppliers.write")],
    status_code=201,
    response_model=ImportOut,
    openapi_extra=_A_LIST,
)
def try_import(
    request: Request,
    content: Body,
    lines: Opened,
    mapping: Mapped,
    tx: Tx,
    who: Who,
    now: Now,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
) -> Response:
    """Read a supplier file without taking anything over: CSV (UTF-8, CP932) or xlsx, up to 5 MB.

    `mapping` says what headings mean that we do not know; it is remembered and suggested next time.
    """
    said = b"\n".join((request.url.path.encode(), request.url.query.encode(), content))
    once = Once(request, tx, idempotency_key, hashlib.sha256(said).digest())
    return once(lambda: _out(actions.try_file(tx, who, lines, mapping, now)))


@router.get("/{import_id}", dependencies=[needs("suppliers.read")])
def read_import(tx: Tx, who: Who, import_id: UUID) -> ImportOut:
    """Read a dry run again."""
    found = imports.one(tx, who.org, import_id)
    if found is None:
        raise NotFound("no such import")
    return _out(found)


@router.post(
    "/{import_id}/confirm",
    dependencies=[needs("suppliers.write")],
    status_code=201,
    response_model=ImportedOut,
)
def confirm_import(
    tx: Tx,
    who: Who,
    now: Now,
    import_id: UUID,
    once: OnceOnly,
    body: ConfirmIn | None = None,
) -> Response:
    """Take over the good rows of a dry run, all or none; rows to `ask` need a decision."""
    decisions = {
        each.line: Decision(each.action, each.supplier_id)
        for each in (body or ConfirmIn()).decisions
    }

    def work() -> ImportedOut:
        taken = actions.confirm(tx, who, import_id, decisions, now)
        return ImportedOut(import_id=import_id, supplier_ids=[each.id for each in taken])

    return once(work)
