"""Evidence is kept, shown on site, taken back while unused, handed out, and swept."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from typing import IO, Any, Final
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.log import log
from services.kit.problems import NotFound, Refused, Unavailable
from services.questionnaire.rules import drafts
from services.questionnaire.store import evidence as store
from services.questionnaire.store.evidence import Evidence, EvidenceUse
from services.questionnaire.store.objects import MissingObject, Name, Objects, digest_of

_IN_MEMORY: Final = 1024 * 1024
_SWEPT_AT_ONCE: Final = 1_000


class InUse(Refused):
    """A draft names it, or a statement was handed out that commits to it and may be signed."""

    urn = "evidence/in-use"


class UnknownEvidence(Refused):
    """An answer names evidence that you do not keep."""

    urn = "evidence/unknown"
    status = HTTPStatus.UNPROCESSABLE_ENTITY


class Damaged(Refused):
    """What is kept is not what was handed in; the operator can tell by `renshod fsck`."""

    urn = "evidence/damaged"
    status = HTTPStatus.INTERNAL_SERVER_ERROR


@dataclass(frozen=True)
class Upload:
    """A whole file, at its beginning; `sha256` lowercase hex, `media_type` by its content."""

    content: IO[bytes]
    sha256: str
    size: int
    media_type: str


@dataclass(frozen=True)
class Sight:
    """A document that a viewer (by role) of the requester saw; no copy was given."""

    title: str
    document_number: str
    revision: str
    seen_on: date
    viewer: str


def keep(
    tx: Session,
    who: Principal,
    objects: Objects,
    upload: Upload,
    *,
    kind: str,
    title: str,
    effective_on: date | None = None,
    confidentiality: str | None = None,
) -> Evidence:
    """Keep a file under its digest, with what it is.

    Raises:
        Unavailable: the bytes cannot be kept now; nothing was.
    """
    store.lock(tx, who.org)
    found = Evidence(
        org_id=who.org,
        kind=kind,
        title=title,
        sha256=upload.sha256,
        size=upload.size,
        media_type=upload.media_type,
        effective_on=effective_on,
        confidentiality=confidentiality,
    )
    tx.add(found)
    tx.flush()
    # Bytes last, and before the commit: a crash after this line leaves bytes that no row names,
    # which `sweep` removes; never a row without bytes.
    try:
        objects.put(Name(who.org, upload.sha256), upload.content)
    except OSError as why:
        log.error("evidence not kept", error=repr(why))
        raise Unavailable("the file cannot be kept now; try again", retry_after=30) from why
    tx.info["details"].update(evidence_id=str(found.id), sha256=upload.sha256)
    return found


def keep_document(
    tx: Session, who: Principal, objects: Objects, upload: Upload, kind: str, title: str
) -> Evidence:
    """Keep a file that descriptors name by digest (ML-BOM, model signing), once per owner.

    Raises:
        Unavailable: as for `keep`.
    """
    known = store.by_digest(tx, who.org, kind, [upload.sha256]).get(upload.sha256)
    return known or keep(tx, who, objects, upload, kind=kind, title=title)


def see(tx: Session, who: Principal, sight: Sight) -> Evidence:
    """Note a document that was seen on site or on screen."""
    found = Evidence(
        org_id=who.org,
        kind="seen_on_site",
        title=sight.title,
        document_number=sight.document_number,
        revision=sight.revision,
        seen_on=sight.seen_on,
        viewer=sight.viewer,
    )
    tx.add(found)
    tx.flush()
    tx.info["details"]["evidence_id"] = str(found.id)
    return found


def remove(tx: Session, who: Principal, evidence_id: UUID) -> None:
    """Take back what nothing names. Its bytes go with the next `sweep` unless named elsewhere.

    Raises:
        NotFound: you keep no such thing.
        InUse: a draft or a statement names it.
    """
    store.lock(tx, who.org)
    found = store.own(tx, who.org, evidence_id)
    if found is None:
        raise NotFound("no such evidence")
    if store.committed(tx, [found.id]):
        raise InUse("a statement commits to it; it is kept as long as the statement")
    if naming := store.drafts_naming(tx, who.org, found):
        raise InUse(
            "a draft names it; take it out there first",
            response_ids=sorted(str(each) for each in naming),
        )
    store.remove(tx, found.id)
    # The audit row is the record of the deletion.
    tx.info["details"].update(kind=found.kind, title=found.title, sha256=found.sha256)


def refuse_unknown(tx: Session, org: UUID, document: Mapping[str, Any]) -> dict[str, Evidence]:
    """Return the evidence that a response's answers name, by id; nobody removes it meanwhile.

    Raises:
        UnknownEvidence: some of it is not kept by `org`.
    """
    named = drafts.evidence_named(document)
    if not named:
        return {}
    store.lock(tx, org)
    found = store.by_id(tx, org, {UUID(each) for each in named})
    if missing := sorted(named - found.keys()):
        raise UnknownEvidence("upload it first", evidence_ids=missing)
    return found


def opened(tx: Session, request_id: UUID, use_id: UUID) -> EvidenceUse:
    """Return what a statement on record opened to its audience.

    Raises:
        NotFound: nothing of that name was opened to you.
    """
    found = store.use_on_request(tx, request_id, use_id)
    if found is None:
        raise NotFound("no such evidence")
    return found


def copy_of(objects: Objects, owner: UUID, sha256: str | None) -> IO[bytes]:
    """Return the bytes kept under a digest, at their beginning, checked against it.

    Raises:
        NotFound: there is no copy (seen on site).
        Damaged: the bytes are gone or are other bytes.
    """
    if sha256 is None:
        raise NotFound("it was seen on site: there is no copy")
    copy = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115 - the caller closes it
    try:
        _copy_checked(objects, Name(owner, sha256), copy)
    except BaseException:
        copy.close()
        raise
    return copy


def _copy_checked(objects: Objects, name: Name, copy: IO[bytes]) -> None:
    hashed = hashlib.sha256()
    try:
        for chunk in objects.read(name):
            hashed.update(chunk)
            copy.write(chunk)
    except OSError as why:
        raise Unavailable("the file cannot be read now; try again", retry_after=30) from why
    except MissingObject as why:
        raise _damaged(name) from why
    if hashed.hexdigest() != name.sha256:
        raise _damaged(name)
    copy.seek(0)


def _damaged(name: Name) -> Damaged:
    log.error("evidence damaged", owner=str(name.org), sha256=name.sha256)
    return Damaged("the file is damaged or gone on our side")


def sweep(tx: Session, objects: Objects) -> int:
    """Remove bytes that no row names (taken back, or left by a crash); return how many (worker)."""
    kept = [(name.org, name.sha256) for name in objects.names()]
    stray = sorted(store.unclaimed(tx, kept))[:_SWEPT_AT_ONCE] if kept else []
    for org in sorted({org for org, _ in stray}):
        # An upload in flight has its bytes here and its row not yet: it holds this lock.
        store.lock(tx, org)
    gone = store.unclaimed(tx, stray) if stray else set()
    for org, sha256 in gone:
        objects.remove(Name(org, sha256))
    return len(gone)


def damage(tx: Session, objects: Objects) -> Iterator[tuple[UUID, str]]:
    """Yield (id, what is wrong) for each row whose bytes are gone or other bytes (worker)."""
    for row in store.all_with_bytes(tx):
        assert row.sha256 is not None
        try:
            sha256, size = digest_of(objects, Name(row.org_id, row.sha256))
        except MissingObject:
            yield row.id, f"no bytes are kept under {row.sha256}"
            continue
        if sha256 != row.sha256:
            yield row.id, f"the bytes kept under {row.sha256} have the digest {sha256}"
        elif size != row.size:
            yield row.id, f"{size} bytes are kept, the row says {row.size}"
