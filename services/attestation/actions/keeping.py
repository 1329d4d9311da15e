"""Storing what was signed and checked, with all that travels beside it, in one piece."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from rensho import disclosure
from rensho.documents import sha256
from rensho.dsse import Envelope
from rensho.keys import PublicKey
from rensho.statement import Statement
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.attestation.actions.refusals import AlreadyRecorded
from services.attestation.rules.submissions import For
from services.attestation.store import log, statements
from services.attestation.store.statements import (
    Disclosure,
    Document,
    Reader,
    StatementDocument,
    Submission,
)
from services.kit.bulk import insert_many
from services.kit.db import new_id


@dataclass(frozen=True)
class Checked:
    """A statement whose signature and meaning were verified, and what comes with it.

    `documents` are (kind, bytes); `opened` are (kind, disclosure text, whom it is for), given by
    `opener`; `readers` may read the statement beside its owner, everybody where it is `public`.
    """

    statement: Statement
    envelope: Envelope
    key: PublicKey
    opener: UUID
    place: int = 0
    public: bool = False
    answers_sha256: str | None = None
    readers: frozenset[UUID] = frozenset()
    documents: tuple[tuple[str, bytes], ...] = ()
    opened: tuple[tuple[str, str, For], ...] = ()


def keep(
    tx: Session, owner: UUID, kind: str, checked: Sequence[Checked], received_at: datetime
) -> Submission:
    """Store statements that are recorded together, and put them before the sequencer.

    A crash before the commit leaves nothing; after it everything waits for the sequencer.

    Raises:
        AlreadyRecorded: one of them, or another successor of what one replaces, is there.
    """
    return keep_all(tx, owner, [(kind, checked)], received_at)[0]


def keep_all(
    tx: Session,
    owner: UUID,
    groups: Sequence[tuple[str, Sequence[Checked]]],
    received_at: datetime,
) -> list[Submission]:
    """Store several submissions, each a kind and its statements, as `keep` stores one.

    Raises:
        AlreadyRecorded: for all of them, if it is so for one.
    """
    made = [
        Submission(id=new_id(), owner_org_id=owner, kind=kind, received_at=received_at)
        for kind, _ in groups
    ]
    rows = (
        _row(submission, one)
        for submission, (_, checked) in zip(made, groups, strict=True)
        for one in checked
    )
    try:
        with tx.begin_nested():
            tx.add_all(made)
            tx.flush()
            insert_many(tx, statements.Statement, rows)
    except IntegrityError as why:
        # A twin of a submission, or a rival of it, was committed after we looked.
        msg = "a statement of this submission was recorded before"
        raise AlreadyRecorded(msg) from why
    checked = [one for _, group in groups for one in group]
    insert_many(tx, Reader, (row for one in checked for row in _readers(owner, one)))
    insert_many(tx, Disclosure, (row for one in checked for row in _opened(one)))
    _keep_documents(tx, owner, checked)
    log.enqueue(tx, "submission", *(one.id for one in made))
    return made


def _keep_documents(tx: Session, owner: UUID, checked: Sequence[Checked]) -> None:
    contents: dict[tuple[str, str], bytes] = {}
    brought: dict[tuple[str, str, str], None] = {}
    for one in checked:
        for kind, content in one.documents:
            digest = sha256(content)
            contents[digest, kind] = content
            brought[one.statement.id, digest, kind] = None
    if not contents:
        return
    columns = ("statement_id", "sha256", "kind", "owner_org_id")
    links = (dict(zip(columns, (*place, owner), strict=True)) for place in brought)
    insert_many(tx, StatementDocument, links)
    # The questionnaire of two campaigns, or a descriptor that did not change, is kept once.
    known = statements.known_documents(tx, owner, contents)
    insert_many(
        tx,
        Document,
        (
            {"owner_org_id": owner, "sha256": place[0], "kind": place[1], "content": content}
            for place, content in contents.items()
            if place not in known
        ),
    )


def _row(submission: Submission, one: Checked) -> dict[str, Any]:
    said = one.statement
    return {
        "statement_id": said.id,
        "submission_id": submission.id,
        "place": one.place,
        "type": said.name,
        "owner_org_id": submission.owner_org_id,
        "public": one.public,
        "key_id": one.key.key_id,
        "spki": one.key.spki,
        "signer_role": said.signer_role,
        "subject_sha256": said.subject_sha256,
        "response_id": UUID(said.response[0]) if said.response else None,
        "revision": said.response[1] if said.response else None,
        "answers_sha256": one.answers_sha256,
        "supersedes": said.supersedes,
        "attested_at": said.attested_at,
        "not_after": said.not_after,
        "anchor_size": said.anchor.size if said.anchor else None,
        "payload": one.envelope.payload,
        "signature": one.envelope.signature,
    }


def _readers(owner: UUID, one: Checked) -> Iterator[dict[str, Any]]:
    for org_id in one.readers - {owner}:
        yield {"statement_id": one.statement.id, "org_id": org_id, "owner_org_id": owner}


def _opened(one: Checked) -> Iterator[dict[str, Any]]:
    for number, (kind, text, whom) in enumerate(one.opened):
        yield {
            "statement_id": one.statement.id,
            "kind": kind,
            "digest": disclosure.digest(text),
            "place": number,
            "text": text,
            "owner_org_id": one.opener,
            "reader_org_id": whom.reader,
            "link_id": whom.link,
        }
