"""The tables of the asking: who asks whom what, and what was answered.

`org_id` is the requester that owns a row; rows with two ends name both. Row-level security
(migrations/questionnaire/grants.sql) follows these columns.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from sqlalchemy import (
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    MetaData,
    SmallInteger,
    Text,
    UniqueConstraint,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from services.kit.db import NAMING, new_id, plumbing

if TYPE_CHECKING:
    from services.questionnaire.store.firm_rows import SupplierSite

metadata = MetaData(schema="questionnaire", naming_convention=NAMING)
PLUMBING = plumbing(metadata)

Json = dict[str, Any]


class Base(DeclarativeBase):
    """All tables of this schema."""

    metadata = metadata
    type_annotation_map: ClassVar[dict[Any, Any]] = {
        str: Text,
        bytes: LargeBinary,
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        list[Any]: JSONB,
    }


def _id() -> Mapped[UUID]:
    return mapped_column(primary_key=True, default=new_id)


def _made() -> Mapped[datetime]:
    return mapped_column(server_default=func.now())


class Organization(Base):
    """An enrolled organization as everybody may know it: id, name, country."""

    __tablename__ = "organization"

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    country: Mapped[str]


class SigningKey(Base):
    """The newest key event per signing key, so that a foreign or dead key is refused early."""

    __tablename__ = "signing_key"

    key_id: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    event: Mapped[str]
    log_index: Mapped[int]


class Supplier(Base):
    """A requester's private record of a supplier; names stay as received.

    `identifiers`: scheme → value (rules.identifiers). `former_names`: `[{"name", "match_key",
    "until"}]`, the newest last. `merged_into`: the record that goes on in this one's place.
    """

    __tablename__ = "supplier"
    __table_args__ = (
        UniqueConstraint("org_id", "id"),
        Index("ix_supplier_match", "org_id", "match_key"),
        Index("ix_supplier_merged_into", "merged_into"),
    )

    id: Mapped[UUID] = _id()
    org_id: Mapped[UUID]
    name: Mapped[str]
    match_key: Mapped[str]
    country: Mapped[str]
    contact_name: Mapped[str] = mapped_column(server_default="")
    mailbox: Mapped[str]
    language: Mapped[str]
    tags: Mapped[list[Any]]
    identifiers: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    former_names: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    merged_into: Mapped[UUID | None] = mapped_column(ForeignKey("questionnaire.supplier.id"))
    created_at: Mapped[datetime] = _made()

    vendor_codes: Mapped[list[VendorCode]] = relationship(
        lazy="selectin", order_by="VendorCode.id", cascade="all, delete-orphan"
    )
    sites: Mapped[list[SupplierSite]] = relationship(
        lazy="selectin", order_by="SupplierSite.id", cascade="all, delete-orphan"
    )
    link: Mapped[SupplyLink] = relationship(
        lazy="joined", innerjoin=True, back_populates="supplier"
    )


class VendorCode(Base):
    """What a requester's system calls a supplier's site; text, leading zeros kept.

    `plant`: the plant or purchasing organization that uses the code; null where all do.
    """

    __tablename__ = "vendor_code"
    __table_args__ = (
        ForeignKeyConstraint(
            ["org_id", "supplier_id"],
            ["questionnaire.supplier.org_id", "questionnaire.supplier.id"],
        ),
        Index("ix_vendor_code_code", "org_id", "code"),
        Index("ix_vendor_code_supplier", "supplier_id"),
        Index("ix_vendor_code_site", "site_id"),
    )

    id: Mapped[UUID] = _id()
    org_id: Mapped[UUID]
    supplier_id: Mapped[UUID]
    system: Mapped[str | None]
    company_code: Mapped[str | None]
    plant: Mapped[str | None]
    code: Mapped[str]
    site_id: Mapped[UUID | None] = mapped_column(ForeignKey("questionnaire.supplier_site.id"))
    valid_from: Mapped[date | None]
    valid_to: Mapped[date | None]


class SupplyLink(Base):
    """That one organization buys from another; the other end is unknown until it enrols.

    `classification`: attribute → `[least, most]` of what is bought (risk-model section 3); what is
    not in it is unknown. `visibility`: how the owner names this supplier in its own declarations.
    """

    __tablename__ = "supply_link"
    __table_args__ = (
        ForeignKeyConstraint(
            ["org_id", "supplier_id"],
            ["questionnaire.supplier.org_id", "questionnaire.supplier.id"],
        ),
        UniqueConstraint("org_id", "supplier_id"),
        Index("ix_supply_link_supplier_org", "supplier_org_id"),
    )

    id: Mapped[UUID] = _id()
    org_id: Mapped[UUID]
    supplier_id: Mapped[UUID]
    supplier_org_id: Mapped[UUID | None]
    dependency: Mapped[str]
    pass_through: Mapped[bool]
    product_lines: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    classification: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    visibility: Mapped[str] = mapped_column(server_default="masked")
    ended: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = _made()

    supplier: Mapped[Supplier] = relationship(back_populates="link")


class Questionnaire(Base):
    """A frozen choice of questions; `document` is the salted bytes whose digest is its name.

    `tier` and `roles`: for whom it was composed, if not for all. `overlay`: rules.overlays.
    """

    __tablename__ = "questionnaire"

    id: Mapped[UUID] = _id()
    org_id: Mapped[UUID] = mapped_column(index=True)
    title: Mapped[str]
    digest: Mapped[str]
    document: Mapped[bytes]
    tier: Mapped[int | None] = mapped_column(SmallInteger)
    roles: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    overlay: Mapped[dict[str, Any] | None]
    created_at: Mapped[datetime] = _made()


class Campaign(Base):
    """One asking round; `state`: rules.campaigns.

    `contact` asks, `owner` hears when silence lasts: `{"name", "mailbox"}`. `version` counts
    changes of the draft; `flow` are those who check it before it is signed.
    """

    __tablename__ = "campaign"

    id: Mapped[UUID] = _id()
    org_id: Mapped[UUID] = mapped_column(index=True)
    requester_name: Mapped[str]
    title: Mapped[str]
    questionnaire_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.questionnaire.id"))
    due_on: Mapped[date]
    due_at: Mapped[datetime]
    terms: Mapped[dict[str, Any]]
    contact: Mapped[dict[str, Any]]
    owner: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'::jsonb"))
    flow: Mapped[list[Any]] = mapped_column(server_default=text("'[]'::jsonb"))
    version: Mapped[int] = mapped_column(server_default="1")
    state: Mapped[str] = mapped_column(server_default="draft")
    statement_id: Mapped[str | None] = mapped_column(unique=True)
    issued_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = _made()


class FairDealing(Base):
    """How one supplier is dealt with in one campaign; seen by its requester alone."""

    __tablename__ = "fair_dealing"

    campaign_id: Mapped[UUID] = mapped_column(
        ForeignKey("questionnaire.campaign.id"), primary_key=True
    )
    supplier_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    record: Mapped[dict[str, Any]]
    recorded_at: Mapped[datetime] = _made()


class CampaignPreparation(Base):
    """A campaign's statement as it was handed out for signing; the first one recorded counts.

    `requests`: `[{"id", "nonce", "disclosure"}]`.
    """

    __tablename__ = "campaign_preparation"

    statement_id: Mapped[str] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.campaign.id"), index=True)
    version: Mapped[int] = mapped_column(server_default="1")
    requests: Mapped[list[Any]]
    created_at: Mapped[datetime] = _made()
    refused: Mapped[list[Any] | None]


class Request(Base):
    """One supplier asked in one campaign, between its two ends.

    `state`: created, issued, opened, started, prepared, signed, returned, accepted, granted,
    declined, closed, cancelled. The respondent sees it once it was issued; `nonce` and
    `disclosure` are of the signed request statement, and so is `due_at`; `extended_to` is a later
    day that was granted since.
    """

    __tablename__ = "request"
    __table_args__ = (
        UniqueConstraint("campaign_id", "link_id"),
        Index("ix_request_requester", "requester_org_id", "id"),
        Index("ix_request_respondent", "respondent_org_id", "id"),
        Index("ix_request_link", "link_id"),
    )

    id: Mapped[UUID] = _id()
    requester_org_id: Mapped[UUID]
    respondent_org_id: Mapped[UUID | None]
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.campaign.id"))
    questionnaire_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.questionnaire.id"))
    supplier_id: Mapped[UUID]
    link_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.supply_link.id"))
    state: Mapped[str] = mapped_column(server_default="created")
    due_at: Mapped[datetime]
    extended_to: Mapped[datetime | None]
    statement_id: Mapped[str | None]
    nonce: Mapped[str | None]
    disclosure: Mapped[str | None]
    issued_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = _made()

    @property
    def answer_by(self) -> datetime:
        """Until when it is to be answered, as things stand."""
        return self.extended_to or self.due_at


class Invitation(Base):
    """A link sent to a supplier; the newest of a request counts, only its digest is kept."""

    __tablename__ = "invitation"

    id: Mapped[UUID] = _id()
    org_id: Mapped[UUID]
    request_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.request.id"), index=True)
    link_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.supply_link.id"), index=True)
    mailbox: Mapped[str]
    handle_sha256: Mapped[str] = mapped_column(unique=True)
    issued_at: Mapped[datetime]
    expires_at: Mapped[datetime]
    mailed_at: Mapped[datetime | None]
    accepted_at: Mapped[datetime | None]


class Response(Base):
    """A respondent's draft, one document; its requester never sees this row.

    What a requester typed in itself (代行入力) is its own row beside the supplier's, with itself as
    the respondent. `version` counts saves (the ETag). `signed_revision` is the newest one on
    record, 0 for none.
    """

    __tablename__ = "response"
    __table_args__ = (
        UniqueConstraint("request_id", "respondent_org_id"),
        Index("ix_response_respondent", "respondent_org_id", "id"),
    )

    id: Mapped[UUID] = _id()
    request_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.request.id"))
    questionnaire_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.questionnaire.id"))
    requester_org_id: Mapped[UUID]
    respondent_org_id: Mapped[UUID]
    state: Mapped[str] = mapped_column(server_default="opened")
    version: Mapped[int] = mapped_column(server_default="1")
    signed_revision: Mapped[int] = mapped_column(server_default="0")
    document: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = _made()
    saved_at: Mapped[datetime] = _made()


class ResponsePreparation(Base):
    """A revision as it was handed out for signing; its requester sees it once it is recorded.

    `statements`: `[{"statement_id", "type", "component"}]`, the declaration last; `opened`: what
    the audience may read of it.
    """

    __tablename__ = "response_preparation"
    __table_args__ = (
        Index("ix_response_preparation_response", "response_id", "revision"),
        Index("ix_response_preparation_request", "request_id"),
        Index(
            "ix_response_preparation_statements",
            "statements",
            postgresql_using="gin",
            postgresql_ops={"statements": "jsonb_path_ops"},
        ),
    )

    declaration_id: Mapped[str] = mapped_column(primary_key=True)
    response_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.response.id"))
    request_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.request.id"))
    requester_org_id: Mapped[UUID]
    respondent_org_id: Mapped[UUID]
    revision: Mapped[int]
    draft_version: Mapped[int]
    statements: Mapped[list[Any]]
    opened: Mapped[dict[str, Any]]
    created_at: Mapped[datetime] = _made()
    recorded_at: Mapped[datetime | None]
    refused: Mapped[list[Any] | None]


class Review(Base):
    """A requester's decisions on a recorded statement; counts once itself recorded."""

    __tablename__ = "review"
    __table_args__ = (
        Index("ix_review_response", "response_id"),
        Index("ix_review_requester", "requester_org_id", "id"),
        Index("ix_review_respondent", "respondent_org_id", "id"),
    )

    id: Mapped[UUID] = _id()
    review_statement_id: Mapped[str] = mapped_column(unique=True)
    statement_id: Mapped[str]
    response_id: Mapped[UUID]
    requester_org_id: Mapped[UUID]
    respondent_org_id: Mapped[UUID]
    decisions: Mapped[list[Any]]
    created_at: Mapped[datetime] = _made()
    recorded_at: Mapped[datetime | None]
