"""Evidence: handed in by the respondent, read by it and by whom a signed response opened it to."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from http import HTTPStatus
from typing import IO, Annotated, Any, Final, Literal
from uuid import UUID

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import StreamingResponse
from rensho import archive
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.problems import NotFound, Refused
from services.kit.web import Cursor, Limit, Model, Once, OnceOnly, Page, Tx
from services.questionnaire.actions import evidence as actions
from services.questionnaire.actions.evidence import Sight
from services.questionnaire.api.edge import Line, after, cursor_after, strict_body
from services.questionnaire.api.upload import Kept, Whole
from services.questionnaire.rules import media
from services.questionnaire.store import evidence as store
from services.questionnaire.store import requests, responses
from services.questionnaire.store.evidence import Evidence, EvidenceUse
from services.questionnaire.store.objects import Objects
from services.questionnaire.store.tables import ResponsePreparation

router = APIRouter(tags=["portal"])

UPLOAD: Final = "/evidence"
"""The one route that takes a body larger than others: it is read piece by piece."""

Kind = Literal["file", "seen_on_site", "ml-bom", "model-signing"]

_CHUNK: Final = 256 * 1024
_PLAIN: Final = "application/octet-stream"
_ANY_FILE: Final = {
    "requestBody": {
        "required": True,
        "content": {_PLAIN: {"schema": {"type": "string", "format": "binary"}}},
    }
}
_A_FILE: Final[dict[int | str, dict[str, Any]]] = {
    200: {
        "description": "The file, always to be saved and never shown.",
        "content": {_PLAIN: {"schema": {"type": "string", "format": "binary"}}},
    }
}


class ArchiveTooLarge(Refused):
    """All evidence of the response is more than one archive holds; get the files one by one."""

    urn = "evidence/archive-too-large"
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


class SeenIn(Model):
    """A document that was shown on site or on screen; `viewer` is a role, never a name."""

    title: Line
    document_number: Line
    revision: Line
    seen_on: date
    viewer: Line


class EvidenceOut(Model):
    """One thing that backs answers; name its `id` in an answer's `evidence`.

    `committed`: a statement was handed out that commits to it, so it cannot be deleted.
    """

    id: UUID
    kind: Kind
    title: str
    sha256: str | None
    size: int | None
    media_type: str | None
    effective_on: date | None
    confidentiality: str | None
    document_number: str | None
    revision: str | None
    seen_on: date | None
    viewer: str | None
    uploaded_at: datetime
    committed: bool


class EvidencePage(Page):
    """A page of what you keep, oldest first."""

    items: list[EvidenceOut]


class OpenedEvidence(Model):
    """What a signed statement commits to and opened to you.

    `disclosure` opens `commitment`, which the answers of the statement name. Both are null for a
    document that the component's descriptor names by its own digest.
    """

    id: UUID
    statement_id: str
    component: str | None
    questions: list[str]
    kind: Kind
    title: str
    commitment: str | None
    disclosure: str | None
    sha256: str | None
    size: int | None
    media_type: str | None


class OpenedList(Model):
    """All evidence of the newest revision on record."""

    declaration_id: str
    revision: int
    items: list[OpenedEvidence]


@router.post(
    UPLOAD,
    dependencies=[needs("responses.write")],
    status_code=201,
    response_model=EvidenceOut,
    openapi_extra=_ANY_FILE,
)
def upload_evidence(
    request: Request,
    whole: Whole,
    tx: Tx,
    who: Who,
    objects: Kept,
    idempotency_key: Annotated[str | None, Header(max_length=255)] = None,
) -> Response:
    """Hand in a file as the body, described by the query. Its type is told by its content.

    Accepted are PDF, PNG, JPEG, xlsx, docx, pptx without macros, JSON, CSV and plain text.
    """
    upload, described = whole.upload, whole.described

    def work() -> EvidenceOut:
        kept = actions.keep(
            tx, who, objects, upload, kind="file", **described.model_dump(mode="python")
        )
        return _out(kept, committed=False)

    said = f"{request.url.path}\n{described.model_dump_json()}\n{upload.sha256}"
    once = Once(request, tx, idempotency_key, hashlib.sha256(said.encode()).digest())
    return once(work)


@router.post(
    "/evidence/seen",
    dependencies=[needs("responses.write"), strict_body],
    status_code=201,
    response_model=EvidenceOut,
)
def note_seen_evidence(tx: Tx, who: Who, body: SeenIn, once: OnceOnly) -> Response:
    """Note a document that the requester saw, of which no copy is given."""
    sight = Sight(**body.model_dump(mode="python"))
    return once(lambda: _out(actions.see(tx, who, sight), committed=False))


@router.get("/evidence", dependencies=[needs("responses.read")])
def list_evidence(tx: Tx, who: Who, cursor: Cursor = None, limit: Limit = 100) -> EvidencePage:
    """List what you keep."""
    rows = store.page(tx, who.org, after(cursor), limit + 1)
    committed = store.committed(tx, [row.id for row in rows])
    return EvidencePage(
        items=[_out(row, committed=row.id in committed) for row in rows[:limit]],
        next_cursor=cursor_after(rows, limit),
    )


@router.get("/evidence/{evidence_id}", dependencies=[needs("responses.read")])
def read_evidence(tx: Tx, who: Who, evidence_id: UUID) -> EvidenceOut:
    """Read what one thing you keep is."""
    found = _own(tx, who.org, evidence_id)
    return _out(found, committed=bool(store.committed(tx, [found.id])))


@router.get(
    "/evidence/{evidence_id}/content",
    dependencies=[needs("responses.read")],
    response_class=StreamingResponse,
    responses=_A_FILE,
)
def download_evidence(tx: Tx, who: Who, objects: Kept, evidence_id: UUID) -> Response:
    """Get the file back."""
    found = _own(tx, who.org, evidence_id)
    return _file(objects, found.org_id, found.sha256, found.media_type)


@router.delete("/evidence/{evidence_id}", dependencies=[needs("responses.write")], status_code=204)
def delete_evidence(tx: Tx, who: Who, evidence_id: UUID) -> None:
    """Take back what no draft and no statement names; its bytes are gone within the hour."""
    actions.remove(tx, who, evidence_id)


@router.get("/requests/{request_id}/evidence", dependencies=[needs("responses.read")])
def list_opened_evidence(tx: Tx, who: Who, request_id: UUID) -> OpenedList:
    """List what backs the newest signed answers to a request, at either end of it."""
    recorded = newest_signed(tx, who.org, request_id)
    parts = {recorded.declaration_id: (None, recorded.opened["answers"])} | {
        each["statement_id"]: (each["supplier_component_id"], each["answers"])
        for each in recorded.opened["components"]
    }
    return OpenedList(
        declaration_id=recorded.declaration_id,
        revision=recorded.revision,
        items=[
            _opened(use, *parts[use.statement_id])
            for use in store.uses(tx, recorded.declaration_id)
        ],
    )


@router.get(
    "/requests/{request_id}/evidence.zip",
    dependencies=[needs("responses.read")],
    response_class=Response,
    responses=_A_FILE,
)
def download_opened_archive(tx: Tx, who: Who, objects: Kept, request_id: UUID) -> Response:
    """Get all files of the newest signed answers, named as a verifier looks for them.

    Hand it to `rensho verify RESPONSE.zip --with EVIDENCE.zip`.
    """
    uses = store.uses(tx, newest_signed(tx, who.org, request_id).declaration_id)
    files = {use.sha256: use for use in uses if use.sha256 is not None}
    # Each entry costs its name twice and two headers.
    if sum((use.size or 0) + 512 for use in files.values()) > archive.MAX_ARCHIVE:
        raise ArchiveTooLarge("more than one archive holds; get the files one by one")
    entries: dict[str, bytes] = {}
    for sha256, use in files.items():
        with actions.copy_of(objects, use.respondent_org_id, sha256) as copy:
            entries[f"{sha256}.evidence"] = copy.read()
    return Response(
        archive.write(entries), headers=saved_only("application/zip", "evidence.rensho.zip")
    )


@router.get(
    "/requests/{request_id}/evidence/{use_id}/content",
    dependencies=[needs("responses.read")],
    response_class=StreamingResponse,
    responses=_A_FILE,
)
def download_opened_evidence(tx: Tx, objects: Kept, request_id: UUID, use_id: UUID) -> Response:
    """Get one file that a signed answer to a request opened, of any revision on record."""
    found = actions.opened(tx, request_id, use_id)
    return _file(objects, found.respondent_org_id, found.sha256, found.media_type)


def _own(tx: Session, org: UUID, evidence_id: UUID) -> Evidence:
    found = store.own(tx, org, evidence_id)
    if found is None:
        raise NotFound("no such evidence")
    return found


def newest_signed(tx: Session, org: UUID, request_id: UUID) -> ResponsePreparation:
    """Return the newest revision on record that answers a request, at either end of it.

    Raises:
        NotFound: there is none, or the request is not yours.
    """
    found = requests.shown(tx, org, request_id)
    recorded = responses.newest_recorded(tx, request_id=request_id) if found else None
    if recorded is None:
        raise NotFound("nothing was signed on this request yet")
    return recorded


def _out(row: Evidence, *, committed: bool) -> EvidenceOut:
    names = EvidenceOut.model_fields.keys() - {"committed"}
    return EvidenceOut(**{name: getattr(row, name) for name in names}, committed=committed)


def _opened(
    use: EvidenceUse, component: str | None, answers: list[dict[str, Any]]
) -> OpenedEvidence:
    names = OpenedEvidence.model_fields.keys() - {"component", "questions"}
    return OpenedEvidence(
        **{name: getattr(use, name) for name in names},
        component=component,
        questions=[
            each["question"] for each in answers if use.commitment in each.get("evidence", ())
        ],
    )


def _file(objects: Objects, owner: UUID, sha256: str | None, media_type: str | None) -> Response:
    copy = actions.copy_of(objects, owner, sha256)
    kind = media_type or _PLAIN
    headers = saved_only(kind, f"{sha256}{media.EXTENSIONS.get(kind, '.json')}")
    digest = base64.b64encode(bytes.fromhex(sha256 or "")).decode()
    # RFC 9530: what came is what the commitment names.
    return StreamingResponse(
        _pieces(copy), headers=headers | {"Repr-Digest": f"sha-256=:{digest}:"}
    )


def _pieces(copy: IO[bytes]) -> Iterator[bytes]:
    with copy:
        while piece := copy.read(_CHUNK):
            yield piece


def saved_only(media_type: str, name: str) -> dict[str, str]:
    """Return headers by which a browser saves a file, whatever it holds, and runs nothing of it."""
    return {
        "Content-Type": media_type,
        "Content-Disposition": f'attachment; filename="{name}"',
        "Content-Security-Policy": "sandbox; default-src 'none'; frame-ancestors 'none'",
        "Cross-Origin-Resource-Policy": "same-origin",
    }
