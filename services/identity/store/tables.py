"""The tables. Who may see which row stands in `migrations/identity/grants.sql`."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    DateTime,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.kit.db import NAMING, plumbing

metadata = MetaData(schema="identity", naming_convention=NAMING)
PLUMBING = plumbing(metadata)


class Base(DeclarativeBase):
    """All tables of identity."""

    metadata = metadata
    type_annotation_map = {  # noqa: RUF012 (SQLAlchemy reads it from the class)
        datetime: DateTime(timezone=True),
        str: Text,
        bytes: LargeBinary,
        list[str]: ARRAY(Text),
        dict[str, Any]: JSONB,
    }


class Organization(Base):
    """A firm that enrolled."""

    __tablename__ = "organization"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    country: Mapped[str]
    enrolled_at: Mapped[datetime]


class Identifier(Base):
    """A number a firm gave for itself; equal claims of two firms are both kept."""

    __tablename__ = "identifier"

    org_id: Mapped[UUID] = mapped_column(ForeignKey("identity.organization.id"), primary_key=True)
    scheme: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str] = mapped_column(primary_key=True)
    claimed_at: Mapped[datetime]


class Member(Base):
    """A person who acts for an organization. Removed members stay: old audit rows name them."""

    __tablename__ = "member"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID] = mapped_column(ForeignKey("identity.organization.id"))
    name: Mapped[str]
    mailbox: Mapped[str]
    mailbox_key: Mapped[str] = mapped_column(index=True)
    language: Mapped[str]
    roles: Mapped[list[str]]
    joined_at: Mapped[datetime]
    removed_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "uq_member_active",
            "org_id",
            "mailbox_key",
            unique=True,
            postgresql_where=text("removed_at IS NULL"),
        ),
    )

    @property
    def subject(self) -> str:
        """The member in tokens and audit rows."""
        return f"urn:rensho:member:{self.id}"


class MemberSession(Base):
    """A log-in. Only the digest of its token is kept."""

    __tablename__ = "session"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    token_sha256: Mapped[bytes] = mapped_column(unique=True)
    member_id: Mapped[UUID] = mapped_column(ForeignKey("identity.member.id"), index=True)
    org_id: Mapped[UUID]
    started_at: Mapped[datetime]
    last_seen_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class Invitation(Base):
    """What identity knows of an invitation: enough to greet, to check and to enrol."""

    __tablename__ = "invitation"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    handle_sha256: Mapped[bytes] = mapped_column(unique=True)
    link_id: Mapped[UUID | None]
    requester_org_id: Mapped[UUID | None] = mapped_column(index=True)
    requester_name: Mapped[str | None]
    """None when the operator of this deployment invites."""
    supplier_name: Mapped[str]
    mailbox: Mapped[str]
    language: Mapped[str]
    expires_at: Mapped[datetime]
    accepted_at: Mapped[datetime | None]
    accepted_org_id: Mapped[UUID | None]
    colleague_of: Mapped[UUID | None]
    """The firm whose member invites a colleague into it; None where a firm is invited."""
    colleague_name: Mapped[str | None]


class Code(Base):
    """A one-use code; its digits are derived from its id and kept nowhere."""

    __tablename__ = "code"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    invitation_id: Mapped[UUID | None] = mapped_column(
        ForeignKey("identity.invitation.id"), index=True
    )
    """None for a log-in."""
    mailbox_key: Mapped[str] = mapped_column(index=True)
    told: Mapped[bool]
    """Told by a person: it proves that somebody knows the inviter, not who reads the mailbox."""
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    attempts: Mapped[int]
    used_at: Mapped[datetime | None]


class MachineClient(Base):
    """A program that acts for an organization, by a secret (digest kept) or a public key."""

    __tablename__ = "machine_client"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID] = mapped_column(ForeignKey("identity.organization.id"), index=True)
    name: Mapped[str]
    scopes: Mapped[list[str]]
    secret_sha256: Mapped[bytes | None]
    jwk: Mapped[dict[str, Any] | None] = mapped_column(JSONB(none_as_null=True))
    created_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]

    @property
    def subject(self) -> str:
        """The client in tokens and audit rows."""
        return f"urn:rensho:client:{self.id}"


class ClientAssertion(Base):
    """An assertion that was used; kept until it would have expired anyway."""

    __tablename__ = "client_assertion"

    client_id: Mapped[UUID] = mapped_column(
        ForeignKey("identity.machine_client.id"), primary_key=True
    )
    jti: Mapped[str] = mapped_column(primary_key=True)
    expires_at: Mapped[datetime] = mapped_column(index=True)
