"""What the other services said, as they said it: the state of the world (`actions.world`).

Each table is filled by one event, in any order, and nothing is derived here. A firm is called by
its organization once it enrolled, before that by the private id of the record a customer keeps.
These tables hold every firm's facts: the worker alone may touch them.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, Index, text
from sqlalchemy.orm import Mapped, mapped_column

from services.risk.store.base import Base, Json


class Link(Base):
    """A supply link as its customer last stated it; `event_id` sorts by the time it was said."""

    __tablename__ = "link"
    __table_args__ = (Index("ix_link_org", "org_id"),)

    link_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    org_id: Mapped[UUID]
    supplier_id: Mapped[UUID]
    supplier_org_id: Mapped[UUID | None]
    dependency: Mapped[str]
    pass_through: Mapped[bool]
    ended: Mapped[bool]


class LinkClass(Base):
    """What a customer says it buys on a link: attribute → `[least, most]`, as last stated."""

    __tablename__ = "link_class"

    link_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    org_id: Mapped[UUID]
    classification: Mapped[Json]


class Merged(Base):
    """A customer's record that turned out to be another one of its own, unless `undone`."""

    __tablename__ = "merged"

    link_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    org_id: Mapped[UUID]
    kept_supplier_id: Mapped[UUID]
    undone: Mapped[bool]


class LogHead(Base):
    """A head the log signed: what a snapshot may anchor to."""

    __tablename__ = "log_head"

    origin: Mapped[str] = mapped_column(primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    signed_at: Mapped[datetime] = mapped_column(primary_key=True)
    root_hash: Mapped[str]


class Enrolment(Base):
    """The organization that accepted the invitation of a link; `identifiers` are as it claims."""

    __tablename__ = "enrolment"

    link_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    identifiers: Mapped[Json] = mapped_column(server_default=text("'{}'::jsonb"))


class Questionnaire(Base):
    """A frozen questionnaire: its packs, and per question what the model needs of it."""

    __tablename__ = "questionnaire"
    __table_args__ = (
        Index("ix_questionnaire_org", "org_id"),
        Index("ix_questionnaire_event", "event_id"),
    )

    questionnaire_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    org_id: Mapped[UUID]
    packs: Mapped[list[Json]]
    questions: Mapped[list[Json]]


class Request(Base):
    """A signed request that went out on a link."""

    __tablename__ = "request"
    __table_args__ = (Index("ix_request_link", "link_id"),)

    request_id: Mapped[UUID] = mapped_column(primary_key=True)
    event_id: Mapped[UUID]
    org_id: Mapped[UUID]
    link_id: Mapped[UUID]
    questionnaire_id: Mapped[UUID]
    due_at: Mapped[datetime]


class RequestChange(Base):
    """More time for a request, or its end without an answer, or that it was opened again.

    `effect`: extended (with `due_at`), declined, closed, cancelled, reopened.
    """

    __tablename__ = "request_change"
    __table_args__ = (Index("ix_request_change_link", "link_id"),)

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    request_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    link_id: Mapped[UUID]
    effect: Mapped[str]
    due_at: Mapped[datetime | None]
    said_at: Mapped[datetime]


class Dialogue(Base):
    """That a requester talked about cost with a supplier, or helped it (`kind`)."""

    __tablename__ = "dialogue"
    __table_args__ = (Index("ix_dialogue_org", "org_id", "said_at"),)

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    supplier_id: Mapped[UUID]
    kind: Mapped[str]
    said_at: Mapped[datetime]


class Response(Base):
    """One revision as its respondent fixed it for signing; it counts only once it is recorded.

    `said` has the contents of `response.submitted.v1`: pre_screen, origin, components, answers,
    sub_tier.
    """

    __tablename__ = "response"
    __table_args__ = (Index("ix_response_ends", "respondent_org_id", "requester_org_id"),)

    declaration_id: Mapped[str] = mapped_column(primary_key=True)
    response_id: Mapped[UUID]
    revision: Mapped[int]
    request_id: Mapped[UUID]
    respondent_org_id: Mapped[UUID]
    requester_org_id: Mapped[UUID]
    declaration_sha256: Mapped[str]
    answers_sha256: Mapped[str]
    said: Mapped[Json]


class Recorded(Base):
    """A statement that is in the log; `received_at` is its log-proved time T."""

    __tablename__ = "recorded"
    __table_args__ = (
        Index("ix_recorded_supersedes", "supersedes"),
        Index("ix_recorded_place", "log_origin", "log_index"),
        Index("ix_recorded_received_at", "received_at"),
    )

    statement_id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    org_id: Mapped[UUID]
    signer_role: Mapped[str]
    key_id: Mapped[str]
    subject_sha256: Mapped[str]
    response_id: Mapped[UUID | None]
    revision: Mapped[int | None]
    answers_sha256: Mapped[str | None]
    audience: Mapped[list[UUID]]
    received_at: Mapped[datetime]
    not_after: Mapped[datetime]
    supersedes: Mapped[str | None]
    log_origin: Mapped[str]
    log_index: Mapped[int] = mapped_column(BigInteger)


class Refused(Base):
    """A statement the log refused after all; nothing of its submission counts."""

    __tablename__ = "refused"

    statement_id: Mapped[str] = mapped_column(primary_key=True)
    type: Mapped[str]
    org_id: Mapped[UUID]
    codes: Mapped[list[str]]


class KeyChange(Base):
    """A key event in the log, once for each link on which the key counts by it."""

    __tablename__ = "key_change"
    __table_args__ = (Index("ix_key_change_org", "org_id"),)

    event_id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    key_id: Mapped[str]
    event: Mapped[str]
    by_org_id: Mapped[UUID | None]
    link_id: Mapped[UUID | None]
    assurance: Mapped[str | None]
    reason: Mapped[str | None]
    invalid_since: Mapped[datetime | None]
    log_origin: Mapped[str]
    log_index: Mapped[int] = mapped_column(BigInteger)


class Withdrawn(Base):
    """A statement its own firm took back; it counts once the withdrawal itself is recorded."""

    __tablename__ = "withdrawn"
    __table_args__ = (Index("ix_withdrawn_statement", "statement_id"),)

    withdrawal_id: Mapped[str] = mapped_column(primary_key=True)
    statement_id: Mapped[str]
    org_id: Mapped[UUID]
    effect: Mapped[str]


class Review(Base):
    """A requester's decisions on one statement; they count once the review itself is recorded."""

    __tablename__ = "review"
    __table_args__ = (Index("ix_review_statement", "statement_id"),)

    review_statement_id: Mapped[str] = mapped_column(primary_key=True)
    statement_id: Mapped[str]
    requester_org_id: Mapped[UUID]
    decisions: Mapped[list[Json]]
