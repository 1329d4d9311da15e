"""Storing what was signed and checked, with all that travels beside it, in one piece."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
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
    submission = Submission(id=new_id(), owner_org_id=owner, kind=kind, received_at=received_at)
    tx.add(submission)
    tx.flush()
    try:
        with tx.begin_nested():
            tx.add_all(_row(submission, one) for one in checked)
            tx.flush()
    except IntegrityError as why:
        # A twin of this submission, or a rival of it, was committed after we looked.
        msg = "a statement of this submission was recorded before"
        raise AlreadyRecorded(msg) from why
    documents: dict[tuple[str, str], Document] = {}
    for one in checked:
        tx.add_all(_beside(owner, one))
        for document_kind, content in one.documents:
            place = (sha256(content), document_kind)
            documents[place] = Document(
                owner_org_id=owner, sha256=place[0], kind=place[1], content=content
            )
    if documents:
        # The questionnaire of two campaigns, or a descriptor that did not change, is kept once.
        known = statements.known_documents(tx, owner, documents)
        tx.add_all(row for place, row in documents.items() if place not in known)
    tx.flush()
    log.enqueue(tx, "submission", submission.id)
    return submission


def _row(submission: Submission, one: Checked) -> statements.Statement:
    said = one.statement
    return statements.Statement(
        statement_id=said.id,
        submission_id=submission.id,
        place=one.place,
        type=said.name,
        owner_org_id=submission.owner_org_id,
        public=one.public,
        key_id=one.key.key_id,
        spki=one.key.spki,
        signer_role=said.signer_role,
        subject_sha256=said.subject_sha256,
        response_id=UUID(said.response[0]) if said.response else None,
        revision=said.response[1] if said.response else None,
        answers_sha256=one.answers_sha256,
        supersedes=said.supersedes,
        attested_at=said.attested_at,
        not_after=said.not_after,
        anchor_size=said.anchor.size if said.anchor else None,
        payload=one.envelope.payload,
        signature=one.envelope.signature,
    )


def _beside(owner: UUID, one: Checked) -> Iterable[Reader | StatementDocument | Disclosure]:
    statement_id = one.statement.id
    for org_id in one.readers - {owner}:
        yield Reader(statement_id=statement_id, org_id=org_id, owner_org_id=owner)
    for place in dict.fromkeys((sha256(content), kind) for kind, content in one.documents):
        yield StatementDocument(
            statement_id=statement_id, sha256=place[0], kind=place[1], owner_org_id=owner
        )
    for number, (kind, text, whom) in enumerate(one.opened):
        yield Disclosure(
            statement_id=statement_id,
            kind=kind,
            digest=disclosure.digest(text),
            place=number,
            text=text,
            owner_org_id=one.opener,
            reader_org_id=whom.reader,
            link_id=whom.link,
        )
