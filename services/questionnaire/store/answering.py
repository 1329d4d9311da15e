"""What belongs to the writing of a response: saves, delegations, approvals, messages, contacts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.kit.db import new_id
from services.questionnaire.store.firm_rows import Contact
from services.questionnaire.store.tables import Base, Invitation, Supplier


class ResponseSave(Base):
    """That somebody saved a response: `version` is the one it made.

    `changes`: place → what stood there before (`rules.merging.changes`), so that any earlier
    version can be had back, and one can see who wrote what. Never changed.
    """

    __tablename__ = "response_save"

    response_id: Mapped[UUID] = mapped_column(
        ForeignKey("questionnaire.response.id"), primary_key=True
    )
    version: Mapped[int] = mapped_column(primary_key=True)
    respondent_org_id: Mapped[UUID]
    saved_by: Mapped[str]
    name: Mapped[str]
    changes: Mapped[dict[str, Any]]
    saved_at: Mapped[datetime]


class Delegation(Base):
    """Sections of a response that a colleague fills in; found by the mailbox of whoever logged in.

    Only the digest of its link is kept.
    """

    __tablename__ = "delegation"
    __table_args__ = (Index("ix_delegation_response", "response_id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    response_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.response.id"))
    respondent_org_id: Mapped[UUID]
    mailbox: Mapped[str]
    name: Mapped[str]
    language: Mapped[str]
    sections: Mapped[list[Any]]
    note: Mapped[str]
    delegated_by: Mapped[str]
    handle_sha256: Mapped[str] = mapped_column(unique=True)
    delegated_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    opened_at: Mapped[datetime | None]
    returned_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class ApprovalFlow(Base):
    """The steps a firm wants before it signs: `[{"step", "mailboxes", "deputies"}]`."""

    __tablename__ = "approval_flow"

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    desks: Mapped[list[Any]]
    changed_at: Mapped[datetime]


class Approval(Base):
    """One decision on one version of a response. Never changed: a save makes a new version."""

    __tablename__ = "approval"
    __table_args__ = (Index("ix_approval_response", "response_id", "version"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    response_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.response.id"))
    respondent_org_id: Mapped[UUID]
    version: Mapped[int]
    step: Mapped[str]
    action: Mapped[str]
    mailbox: Mapped[str]
    name: Mapped[str]
    reason: Mapped[str]
    decided_at: Mapped[datetime]


class Message(Base):
    """One message between the two ends of a request, on one question or on the whole."""

    __tablename__ = "message"
    __table_args__ = (Index("ix_message_request", "request_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    request_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.request.id"))
    requester_org_id: Mapped[UUID]
    respondent_org_id: Mapped[UUID]
    by_org_id: Mapped[UUID]
    name: Mapped[str]
    question: Mapped[str | None]
    text: Mapped[str]
    sent_at: Mapped[datetime]


class ContactChange(Base):
    """Whoever holds an invitation's link says that somebody else should be asked.

    Written before anything is looked up, so that a link that is none is answered alike; the worker
    finds out what it is worth. `outcome`: null, changed, asked (the inviter decides), refused.
    """

    __tablename__ = "contact_change"
    __table_args__ = (
        Index("ix_contact_change_org", "org_id", "id"),
        Index("ix_contact_change_handle", "handle_sha256"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True, default=new_id)
    handle_sha256: Mapped[str]
    name: Mapped[str]
    mailbox: Mapped[str]
    asked_at: Mapped[datetime]
    org_id: Mapped[UUID | None]
    invitation_id: Mapped[UUID | None]
    former_mailbox: Mapped[str | None]
    outcome: Mapped[str | None]
    decided_at: Mapped[datetime | None]


def saves_after(tx: Session, response_id: UUID, version: int) -> Sequence[ResponseSave]:
    """Return the saves that came after a version, the newest first."""
    query = select(ResponseSave).where(
        ResponseSave.response_id == response_id, ResponseSave.version > version
    )
    return tx.scalars(query.order_by(ResponseSave.version.desc())).all()


def delegations(tx: Session, response_id: UUID) -> Sequence[Delegation]:
    """Return the delegations of a response, oldest first."""
    query = select(Delegation).where(Delegation.response_id == response_id)
    return tx.scalars(query.order_by(Delegation.id)).all()


def delegation(tx: Session, org: UUID, delegation_id: UUID) -> Delegation | None:
    """Return one delegation within `org`."""
    query = select(Delegation).where(
        Delegation.id == delegation_id, Delegation.respondent_org_id == org
    )
    return tx.scalar(query)


def delegated_to(tx: Session, org: UUID, mailbox: str) -> Sequence[Delegation]:
    """Return what is delegated to the reader of a mailbox and was not ended."""
    query = select(Delegation).where(
        Delegation.respondent_org_id == org,
        func.lower(Delegation.mailbox) == mailbox.lower(),
        Delegation.ended_at.is_(None),
    )
    return tx.scalars(query.order_by(Delegation.id)).all()


def flow_of(tx: Session, org: UUID) -> ApprovalFlow | None:
    """Return the steps `org` wants before it signs."""
    return tx.scalar(select(ApprovalFlow).where(ApprovalFlow.org_id == org))


def approvals(tx: Session, response_id: UUID, version: int) -> Sequence[Approval]:
    """Return the decisions on one version, oldest first."""
    query = select(Approval).where(Approval.response_id == response_id, Approval.version == version)
    return tx.scalars(query.order_by(Approval.id)).all()


def messages(
    tx: Session, request_id: UUID, question: str | None, after: UUID | None, limit: int
) -> Sequence[Message]:
    """Return up to `limit` messages of a request, oldest first; of one question if it is given."""
    query = select(Message).where(Message.request_id == request_id)
    if question is not None:
        query = query.where(Message.question == question)
    if after is not None:
        query = query.where(Message.id > after)
    return tx.scalars(query.order_by(Message.id).limit(limit)).all()


def contact_changes(
    tx: Session, org: UUID, after: UUID | None, limit: int
) -> Sequence[ContactChange]:
    """Return up to `limit` changes of contact on invitations of `org`, oldest first."""
    query = select(ContactChange).where(ContactChange.org_id == org)
    if after is not None:
        query = query.where(ContactChange.id > after)
    return tx.scalars(query.order_by(ContactChange.id).limit(limit)).all()


def contact_change(tx: Session, org: UUID, change_id: UUID) -> ContactChange | None:
    """Return one change of contact on an invitation of `org`, locked."""
    query = select(ContactChange).where(ContactChange.id == change_id, ContactChange.org_id == org)
    return tx.scalar(query.with_for_update())


def changes_by_handle(tx: Session, handle_sha256: str, since: datetime) -> int:
    """Return how many changes were asked for by one link since a moment (worker)."""
    query = select(func.count()).select_from(ContactChange)
    found = tx.scalar(
        query.where(ContactChange.handle_sha256 == handle_sha256, ContactChange.asked_at > since)
    )
    return found or 0


def invitation_by_handle(tx: Session, handle_sha256: str) -> Invitation | None:
    """Return the invitation a link opens, locked (worker)."""
    query = select(Invitation).where(Invitation.handle_sha256 == handle_sha256)
    return tx.scalar(query.with_for_update())


def put_in_place(tx: Session, supplier: Supplier, former: str, name: str, mailbox: str) -> None:
    """Make somebody the respondent at a supplier in a former one's place (worker)."""
    for contact in tx.scalars(select(Contact).where(Contact.supplier_id == supplier.id)):
        if (contact.mailbox or "").lower() == former.lower():
            contact.roles = [role for role in contact.roles if role != "respondent"]
    tx.add(
        Contact(
            org_id=supplier.org_id,
            supplier_id=supplier.id,
            name=name,
            mailbox=mailbox,
            roles=["respondent"],
        )
    )
    tx.flush()
