"""The Excel round trip of a response: take it out, fill it in, look at the changes, save them."""

from __future__ import annotations

from typing import Annotated, Any, Literal
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response
from pydantic import ValidationError

from services.kit.auth import Who, needs
from services.kit.problems import TooLarge
from services.kit.web import Model, Tx
from services.questionnaire.actions import excel
from services.questionnaire.api.edge import MAX_FILE_BYTES, Bilingual, Body, bilingual
from services.questionnaire.api.responses import ResponseDocument
from services.questionnaire.rules.workbook import Change

router = APIRouter(tags=["portal"])
_CONTENT: dict[str, Any] = {excel.MEDIA_TYPE: {"schema": {"type": "string", "format": "binary"}}}


class CellsOut(Model):
    """Answer or option code, state, reason, note; empty where nothing is said."""

    value: str
    state: str
    reason: str
    note: str


class ChangeOut(Model):
    """One changed row; `conflict` where the response was changed there since as well."""

    where: str
    text: Bilingual
    before: CellsOut
    after: CellsOut
    conflict: bool


class WorkbookOut(Model):
    """What a workbook would change. Nothing was saved: `PUT` `document` with `If-Match: version`.

    `problems` say what still keeps the document from being saved.
    """

    version: int
    changes: list[ChangeOut]
    conflicts: int
    document: dict[str, Any]
    problems: list[str]


def _sheets(content: Body) -> excel.Sheets:
    if len(content) > MAX_FILE_BYTES:
        raise TooLarge(f"a workbook may have {MAX_FILE_BYTES} bytes")
    return excel.sheets_of(content)


Filled = Annotated[excel.Sheets, Depends(_sheets, scope="function")]
"""A workbook as the body, read before any transaction begins."""


@router.get(
    "/responses/{response_id}/workbook",
    dependencies=[needs("responses.read")],
    response_class=Response,
    responses={200: {"content": _CONTENT, "description": "The workbook."}},
)
def download_workbook(
    tx: Tx, who: Who, response_id: UUID, language: Annotated[Literal["ja", "en"], Query()] = "ja"
) -> Response:
    """Get a response of yours as an Excel workbook to fill in."""
    return Response(
        excel.write(tx, who, response_id, language),
        media_type=excel.MEDIA_TYPE,
        headers={
            "Content-Disposition": f'attachment; filename="rensho-{response_id}.xlsx"',
        },
    )


@router.post(
    "/responses/{response_id}/workbook",
    dependencies=[needs("responses.write")],
    openapi_extra={"requestBody": {"required": True, "content": _CONTENT}},
)
def compare_workbook(sheets: Filled, tx: Tx, who: Who, response_id: UUID) -> WorkbookOut:
    """Hold a filled workbook against the response; tells the changes and saves nothing."""
    found = excel.compare(tx, who, response_id, sheets)
    return WorkbookOut(
        version=found.version,
        changes=[_change_out(each) for each in found.changes],
        conflicts=sum(each.conflict for each in found.changes),
        document=found.document,
        problems=_problems(found.document),
    )


def _change_out(change: Change) -> ChangeOut:
    names = ("value", "state", "reason", "note")
    return ChangeOut(
        where=change.where,
        text=bilingual(change.text),
        before=CellsOut(**dict(zip(names, change.before, strict=True))),
        after=CellsOut(**dict(zip(names, change.after, strict=True))),
        conflict=change.conflict,
    )


def _problems(document: dict[str, Any]) -> list[str]:
    try:
        ResponseDocument.model_validate(document)
    except ValidationError as why:
        return [f"/{'/'.join(map(str, each['loc']))}: {each['msg']}" for each in why.errors()]
    return []
