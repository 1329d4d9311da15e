"""Statements, what travels beside them, who may read them, and what was promised and proved."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from uuid import UUID

from rensho import bundle as bundles
from rensho.dsse import INTOTO, Envelope
from rensho.keys import PublicKey
from sqlalchemy import ForeignKey, Index, Text, func, select, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.attestation.store.base import Base, Big, Bytes, Moment, Sha256, Texts, remembered


class Submission(Base):
    """Statements that are recorded together or not at all; `received_at` is T of each."""

    __tablename__ = "submission"
    id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_org_id: Mapped[UUID]
    kind: Mapped[str]
    received_at: Mapped[Moment]


class Statement(Base):
    """One signed statement: the bytes that were signed, and what the checks read in them."""

    __tablename__ = "statement"
    __table_args__ = (
        Index("ix_statement_submission", "submission_id"),
        Index("ix_statement_owner", "owner_org_id", "type"),
        Index("ix_statement_response", "response_id", "revision"),
        Index("ix_statement_status", "submission_id", postgresql_where=text("type = 'status'")),
        # One superseder only: of two that race, one is refused here and not found out later.
        Index(
            "uq_statement_supersedes",
            "supersedes",
            unique=True,
            postgresql_where=text("supersedes IS NOT NULL"),
        ),
        Index(
            "uq_statement_declaration",
            "owner_org_id",
            "response_id",
            "revision",
            unique=True,
            postgresql_where=text("type = 'declaration'"),
        ),
    )
    statement_id: Mapped[Sha256] = mapped_column(primary_key=True)
    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submission.id"))
    place: Mapped[Big]
    type: Mapped[str]
    owner_org_id: Mapped[UUID]
    public: Mapped[bool]
    key_id: Mapped[str]
    spki: Mapped[Bytes]
    signer_role: Mapped[str]
    subject_sha256: Mapped[Sha256]
    response_id: Mapped[UUID | None]
    revision: Mapped[int | None]
    answers_sha256: Mapped[str | None]
    supersedes: Mapped[str | None]
    attested_at: Mapped[Moment]
    not_after: Mapped[Moment]
    anchor_size: Mapped[Big | None]
    payload: Mapped[Bytes]
    signature: Mapped[Bytes]

    @property
    def key(self) -> PublicKey:
        """The key that signed it."""
        return PublicKey.from_der(self.spki)

    @property
    def envelope(self) -> Envelope:
        """The envelope, with the key named."""
        return Envelope(INTOTO, self.payload, self.signature, self.key_id)

    @property
    def leaf(self) -> bytes:
        """The leaf data of it (profile section 4)."""
        return bundles.leaf(self.envelope, self.key)


class Reader(Base):
    """An organization beside the owner that may read a statement."""

    __tablename__ = "reader"
    __table_args__ = (Index("ix_reader_org", "org_id"),)
    statement_id: Mapped[Sha256] = mapped_column(
        ForeignKey("statement.statement_id"), primary_key=True
    )
    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    owner_org_id: Mapped[UUID]


class Document(Base):
    """A document a statement commits to, as carried."""

    __tablename__ = "document"
    owner_org_id: Mapped[UUID] = mapped_column(primary_key=True)
    sha256: Mapped[Sha256] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    content: Mapped[Bytes]


class StatementDocument(Base):
    """Which statement brought which document: its readers may read the document."""

    __tablename__ = "statement_document"
    __table_args__ = (Index("ix_statement_document_sha256", "sha256"),)
    statement_id: Mapped[Sha256] = mapped_column(
        ForeignKey("statement.statement_id"), primary_key=True
    )
    sha256: Mapped[Sha256] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    owner_org_id: Mapped[UUID]


class Disclosure(Base):
    """One disclosure of a statement.

    `reader_org_id` or `link_id` name the one reader (or supplier asked) it is for; where both are
    null it is opened to every reader of the statement.
    """

    __tablename__ = "disclosure"
    __table_args__ = (Index("ix_disclosure_link", "link_id"),)
    statement_id: Mapped[Sha256] = mapped_column(
        ForeignKey("statement.statement_id"), primary_key=True
    )
    kind: Mapped[str] = mapped_column(primary_key=True)
    digest: Mapped[str] = mapped_column(primary_key=True)
    place: Mapped[int]
    text: Mapped[str]
    owner_org_id: Mapped[UUID]
    reader_org_id: Mapped[UUID | None]
    link_id: Mapped[UUID | None]


class Refusal(Base):
    """A queued submission that was refused after all."""

    __tablename__ = "refusal"
    submission_id: Mapped[UUID] = mapped_column(ForeignKey("submission.id"), primary_key=True)
    codes: Mapped[Texts] = mapped_column(ARRAY(Text))
    refused_at: Mapped[Moment]


class Promise(Base):
    """The operator's signed word that a statement will be in the log."""

    __tablename__ = "promise"
    __table_args__ = (Index("ix_promise_received", "received_at"),)
    statement_id: Mapped[Sha256] = mapped_column(
        ForeignKey("statement.statement_id"), primary_key=True
    )
    envelope: Mapped[Bytes]
    received_at: Mapped[Moment]


class Bundle(Base):
    """The portable file of a logged statement, with the proof under its first checkpoint."""

    __tablename__ = "bundle"
    statement_id: Mapped[Sha256] = mapped_column(
        ForeignKey("statement.statement_id"), primary_key=True
    )
    tree_size: Mapped[Big]
    content: Mapped[Bytes]


@dataclass(frozen=True)
class Opened:
    """A disclosure as the asking organization may read it."""

    statement_id: str
    kind: str
    text: str


def statements_of(tx: Session, submission_id: UUID) -> list[Statement]:
    """Return the statements of a submission in their order."""
    query = select(Statement).where(Statement.submission_id == submission_id)
    return list(tx.scalars(query.order_by(Statement.place)))


def submissions_by_id(tx: Session, submission_ids: Iterable[UUID]) -> dict[UUID, Submission]:
    """Return those of the submissions that may be read."""
    query = select(Submission).where(Submission.id.in_(list(submission_ids)))
    return {found.id: found for found in tx.scalars(query)}


def statements_of_each(tx: Session, submission_ids: Iterable[UUID]) -> dict[UUID, list[Statement]]:
    """Return the statements of each submission in their order."""
    listed = list(submission_ids)
    found: dict[UUID, list[Statement]] = {one: [] for one in listed}
    query = select(Statement).where(Statement.submission_id.in_(listed))
    for statement in tx.scalars(query.order_by(Statement.place)):
        found[statement.submission_id].append(statement)
    return found


def statements_of_response(tx: Session, response_id: UUID, owner: UUID) -> list[Statement]:
    """Return every statement of all revisions of an organization's response."""
    query = select(Statement).where(
        Statement.response_id == response_id, Statement.owner_org_id == owner
    )
    return list(tx.scalars(query.order_by(Statement.revision, Statement.place)))


def known_ids(tx: Session, statement_ids: Iterable[str]) -> set[str]:
    """Return those of the ids whose statement may be read, asked anew each time."""
    query = select(Statement.statement_id).where(Statement.statement_id.in_(list(statement_ids)))
    return set(tx.scalars(query))


@remembered
def statements_by_id(tx: Session, statement_ids: Iterable[str]) -> dict[str, Statement]:
    """Return those of the statements that may be read."""
    query = select(Statement).where(Statement.statement_id.in_(list(statement_ids)))
    return {found.statement_id: found for found in tx.scalars(query)}


def newest_revision(tx: Session, response_id: UUID) -> list[Statement]:
    """Return the statements of the newest logged revision of a response, the declaration last."""
    declaration = tx.scalar(
        select(Statement)
        .join(Bundle, Bundle.statement_id == Statement.statement_id)
        .where(Statement.response_id == response_id, Statement.type == "declaration")
        .order_by(Statement.revision.desc())
        .limit(1)
    )
    return statements_of(tx, declaration.submission_id) if declaration else []


def newest_status(tx: Session, *, logged: bool = True) -> Statement | None:
    """Return the operator's newest status list, of those in the log or of all; None: there is none.

    Submission ids are in the order of time.
    """
    query = select(Statement).where(Statement.type == "status")
    if logged:
        query = query.join(Bundle, Bundle.statement_id == Statement.statement_id)
    return tx.scalar(query.order_by(Statement.submission_id.desc()).limit(1))


def status_document(tx: Session, sha256: str) -> bytes | None:
    """Return a status document by its digest."""
    query = (
        select(Document.content)
        .join(Statement, Statement.owner_org_id == Document.owner_org_id)
        .join(Bundle, Bundle.statement_id == Statement.statement_id)
        .where(
            Document.sha256 == sha256,
            Document.kind == "status",
            Statement.type == "status",
            Statement.subject_sha256 == sha256,
        )
    )
    return tx.scalar(query.limit(1))


def bundles_of(tx: Session, statement_ids: Iterable[str]) -> dict[str, Bundle]:
    """Return the bundles of those of the statements that are logged and may be read."""
    query = select(Bundle).where(Bundle.statement_id.in_(list(statement_ids)))
    return {found.statement_id: found for found in tx.scalars(query)}


def promises_of(tx: Session, statement_ids: Iterable[str]) -> dict[str, Promise]:
    """Return the promises for those of the statements that have one and may be read."""
    query = select(Promise).where(Promise.statement_id.in_(list(statement_ids)))
    return {found.statement_id: found for found in tx.scalars(query)}


@remembered
def documents_of(tx: Session, statement_ids: Sequence[str]) -> list[Document]:
    """Return the documents the statements brought, as far as they may be read."""
    query = (
        select(Document)
        .join(
            StatementDocument,
            (StatementDocument.sha256 == Document.sha256)
            & (StatementDocument.kind == Document.kind)
            & (StatementDocument.owner_org_id == Document.owner_org_id),
        )
        .where(StatementDocument.statement_id.in_(statement_ids))
        .distinct()
    )
    return list(tx.scalars(query))


def known_documents(
    tx: Session, owner: UUID, places: Iterable[tuple[str, str]]
) -> set[tuple[str, str]]:
    """Return those (sha256, kind) of an owner that are stored already."""
    query = select(Document.sha256, Document.kind).where(
        Document.owner_org_id == owner, Document.sha256.in_([digest for digest, _ in places])
    )
    return {(digest, kind) for digest, kind in tx.execute(query)}


@remembered
def disclosures_of(tx: Session, statement_ids: Iterable[str]) -> list[Opened]:
    """Return the disclosures of the statements that are opened to the asking organization."""
    query = (
        select(Disclosure.statement_id, Disclosure.kind, Disclosure.text)
        .where(Disclosure.statement_id.in_(list(statement_ids)))
        .order_by(Disclosure.statement_id, Disclosure.kind, Disclosure.place)
    )
    return [Opened(*row) for row in tx.execute(query)]


def next_place(tx: Session, statement_id: str) -> int:
    """Return where the next disclosure of a statement of one's own stands."""
    query = select(func.max(Disclosure.place)).where(Disclosure.statement_id == statement_id)
    last = tx.scalar(query)
    return 0 if last is None else last + 1


def digests_of(tx: Session, statement_id: str, kind: str) -> set[str]:
    """Return the digests of one kind of disclosure of a statement that are stored."""
    query = select(Disclosure.digest).where(
        Disclosure.statement_id == statement_id, Disclosure.kind == kind
    )
    return set(tx.scalars(query))


def readers_of(tx: Session, statement_ids: Iterable[str]) -> dict[str, list[UUID]]:
    """Return who beside the owner may read each of the statements."""
    query = select(Reader).where(Reader.statement_id.in_(list(statement_ids)))
    found: dict[str, list[UUID]] = {}
    for reader in tx.scalars(query.order_by(Reader.org_id)):
        found.setdefault(reader.statement_id, []).append(reader.org_id)
    return found
