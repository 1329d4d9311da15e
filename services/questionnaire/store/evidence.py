"""Evidence: what an organization keeps to back its answers, and where statements commit to it."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import date, datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    CheckConstraint,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Text,
    UniqueConstraint,
    bindparam,
    cast,
    delete,
    func,
    or_,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.kit.db import new_id
from services.questionnaire.store.tables import Base, Request, Response, ResponsePreparation


class Evidence(Base):
    """One thing that backs answers. `kind`: file, seen_on_site, ml-bom, model-signing.

    Whatever has bytes has `sha256`, `size` and `media_type`; a file has `effective_on` and
    `confidentiality` besides. A document seen on site has the four columns of its own and no copy.
    """

    __tablename__ = "evidence"
    __table_args__ = (
        CheckConstraint(
            "CASE kind WHEN 'seen_on_site' THEN"
            " sha256 IS NULL AND num_nonnulls(document_number, revision, seen_on, viewer) = 4"
            " ELSE num_nonnulls(sha256, size, media_type) = 3 END",
            name="kind",
        ),
        UniqueConstraint("org_id", "id"),
        Index("ix_evidence_bytes", "org_id", "sha256"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    org_id: Mapped[UUID]
    kind: Mapped[str]
    title: Mapped[str]
    sha256: Mapped[str | None]
    size: Mapped[int | None] = mapped_column(BigInteger)
    media_type: Mapped[str | None]
    effective_on: Mapped[date | None]
    confidentiality: Mapped[str | None]
    document_number: Mapped[str | None]
    revision: Mapped[str | None]
    seen_on: Mapped[date | None]
    viewer: Mapped[str | None]
    uploaded_at: Mapped[datetime] = mapped_column(server_default=func.now())


class EvidenceUse(Base):
    """That a statement handed out for signing commits to some evidence; never changed or deleted.

    `commitment` and `disclosure` are of the statement's own salted commitment; null for a document
    that the component's descriptor names by its digest (ML-BOM, model signing). The requester sees
    the row once the revision is on record.
    """

    __tablename__ = "evidence_use"
    __table_args__ = (
        # Whatever a statement may have been signed over is kept: the database refuses its deletion.
        ForeignKeyConstraint(
            ["respondent_org_id", "evidence_id"],
            ["questionnaire.evidence.org_id", "questionnaire.evidence.id"],
        ),
        Index("ix_evidence_use_evidence", "evidence_id"),
        Index("ix_evidence_use_declaration", "declaration_id"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    evidence_id: Mapped[UUID]
    declaration_id: Mapped[str] = mapped_column(
        ForeignKey("questionnaire.response_preparation.declaration_id")
    )
    statement_id: Mapped[str]
    requester_org_id: Mapped[UUID]
    respondent_org_id: Mapped[UUID]
    kind: Mapped[str]
    title: Mapped[str]
    commitment: Mapped[str | None]
    disclosure: Mapped[str | None]
    sha256: Mapped[str | None]
    size: Mapped[int | None] = mapped_column(BigInteger)
    media_type: Mapped[str | None]


def lock(tx: Session, org: UUID) -> None:
    """Let nobody else add, remove or commit to evidence of `org` until the transaction ends.

    Bytes and rows live in two places; the lock is what keeps a deletion from meeting an upload of
    the same bytes, or a statement about to commit to them.
    """
    tx.execute(
        text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"),
        {"name": f"evidence {org}"},
    )


def own(tx: Session, org: UUID, evidence_id: UUID) -> Evidence | None:
    """Return one thing that `org` keeps."""
    return tx.scalar(select(Evidence).where(Evidence.id == evidence_id, Evidence.org_id == org))


def by_id(tx: Session, org: UUID, ids: Collection[UUID]) -> dict[str, Evidence]:
    """Return those of the ids that `org` keeps as answers may name them: no ML-BOM."""
    if not ids:
        return {}
    query = select(Evidence).where(
        Evidence.id.in_(ids),
        Evidence.org_id == org,
        Evidence.kind.in_(("file", "seen_on_site")),
    )
    return {str(each.id): each for each in tx.scalars(query)}


def by_digest(tx: Session, org: UUID, kind: str, digests: Collection[str]) -> dict[str, Evidence]:
    """Return the documents of a kind that `org` keeps, by their sha256."""
    if not digests:
        return {}
    query = select(Evidence).where(
        Evidence.org_id == org, Evidence.kind == kind, Evidence.sha256.in_(digests)
    )
    return {str(each.sha256): each for each in tx.scalars(query)}


def page(tx: Session, org: UUID, after: UUID | None, limit: int) -> Sequence[Evidence]:
    """Return up to `limit` things that `org` keeps, in the order they were added."""
    query = select(Evidence).where(Evidence.org_id == org)
    if after is not None:
        query = query.where(Evidence.id > after)
    return tx.scalars(query.order_by(Evidence.id).limit(limit)).all()


def committed(tx: Session, ids: Collection[UUID]) -> set[UUID]:
    """Return those of the ids that some statement commits to."""
    query = select(EvidenceUse.evidence_id).where(EvidenceUse.evidence_id.in_(ids))
    return set(tx.scalars(query.distinct()))


def drafts_naming(tx: Session, org: UUID, found: Evidence) -> Sequence[UUID]:
    """Return the responses of `org` whose drafts name this evidence, by id or by digest."""
    document = cast(Response.document, Text)
    names = [str(found.id)] + ([found.sha256] if found.kind not in _BY_ID and found.sha256 else [])
    query = select(Response.id).where(
        Response.respondent_org_id == org, or_(*(document.contains(each) for each in names))
    )
    return tx.scalars(query).all()


_BY_ID = ("file", "seen_on_site")


def remove(tx: Session, evidence_id: UUID) -> None:
    """Delete a row that no statement commits to; the database refuses any other."""
    tx.execute(delete(Evidence).where(Evidence.id == evidence_id))


def uses(tx: Session, declaration_id: str) -> Sequence[EvidenceUse]:
    """Return what a revision commits to, as far as it may be seen."""
    query = select(EvidenceUse).where(EvidenceUse.declaration_id == declaration_id)
    return tx.scalars(query.order_by(EvidenceUse.id)).all()


def use_on_request(tx: Session, request_id: UUID, use_id: UUID) -> EvidenceUse | None:
    """Return one use by any revision on record that answers a request, if it may be seen."""
    query = (
        select(EvidenceUse)
        .join(ResponsePreparation, ResponsePreparation.declaration_id == EvidenceUse.declaration_id)
        .join(Request, Request.id == ResponsePreparation.request_id)
        .where(
            EvidenceUse.id == use_id,
            Request.id == request_id,
            ResponsePreparation.recorded_at.is_not(None),
        )
    )
    return tx.scalar(query)


def unclaimed(tx: Session, names: Collection[tuple[UUID, str]]) -> set[tuple[UUID, str]]:
    """Return those (owner, sha256) that no row names (worker)."""
    orgs, digests = [str(org) for org, _ in names], [digest for _, digest in names]
    # Two sets of rows in one SELECT list are walked in step.
    wanted = select(
        func.unnest(bindparam("orgs", orgs, ARRAY(Text)), type_=Text).label("org"),
        func.unnest(bindparam("digests", digests, ARRAY(Text)), type_=Text).label("sha"),
    ).subquery()
    claimed = select(Evidence.id).where(
        cast(Evidence.org_id, Text) == wanted.c.org, Evidence.sha256 == wanted.c.sha
    )
    rows = tx.execute(select(wanted.c.org, wanted.c.sha).where(~claimed.exists()))
    return {(UUID(org), digest) for org, digest in rows}


def all_with_bytes(tx: Session) -> Sequence[Evidence]:
    """Return every row that has bytes, of all owners (worker)."""
    return tx.scalars(
        select(Evidence).where(Evidence.sha256.is_not(None)).order_by(Evidence.id)
    ).all()
