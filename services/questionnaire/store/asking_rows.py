"""What happens between the issue of a request and its end: mails, times, calls, due dates, reasons.

Rows of what happened are only ever added. Mails are private to the requester; times, changes of
the due date and reasons are seen by both ends.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    Connection,
    ForeignKey,
    Index,
    SmallInteger,
    event,
    func,
    inspect,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Mapper, mapped_column

from services.kit import clock
from services.kit.db import new_id
from services.questionnaire.store.tables import Base, Request


def _id() -> Mapped[UUID]:
    return mapped_column(primary_key=True, default=new_id)


def _made() -> Mapped[datetime]:
    return mapped_column(server_default=func.now())


def _of_request(*, key: bool = False) -> Mapped[UUID]:
    return mapped_column(ForeignKey("questionnaire.request.id"), primary_key=key)


class Mail(Base):
    """One mail to one mailbox. `state`: rules.delivery; `facts` fill its template.

    `occasion` names the template, `lead` its first sentence where there are several; `kind` is
    `to` or `cc`, `shown_to` and `copies` are what all copies show. `error` is the last one.
    """

    __tablename__ = "mail"
    __table_args__ = (
        Index("ix_mail_org_campaign", "org_id", "campaign_id", "id"),
        Index("ix_mail_request", "request_id", "id"),
        Index(
            "ix_mail_due",
            "next_attempt_at",
            postgresql_where=text("state IN ('sending', 'failed')"),
        ),
    )

    id: Mapped[UUID] = _id()
    org_id: Mapped[UUID]
    campaign_id: Mapped[UUID] = mapped_column(ForeignKey("questionnaire.campaign.id"))
    request_id: Mapped[UUID | None] = mapped_column(ForeignKey("questionnaire.request.id"))
    occasion: Mapped[str]
    lead: Mapped[str | None]
    kind: Mapped[str]
    mailbox: Mapped[str]
    name: Mapped[str]
    language: Mapped[str]
    shown_to: Mapped[str]
    copies: Mapped[list[Any]]
    facts: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(server_default="queued")
    attempts: Mapped[int] = mapped_column(SmallInteger, server_default="0")
    error: Mapped[str | None]
    queued_at: Mapped[datetime]
    next_attempt_at: Mapped[datetime | None]
    sent_at: Mapped[datetime | None]
    settled_at: Mapped[datetime | None]


class RequestMark(Base):
    """When a request first came to be so: see `rules.progress`."""

    __tablename__ = "request_mark"

    request_id: Mapped[UUID] = _of_request(key=True)
    mark: Mapped[str] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class RungTaken(Base):
    """A rung of the ladder that was taken towards one due date: never twice."""

    __tablename__ = "rung_taken"

    request_id: Mapped[UUID] = _of_request(key=True)
    rung: Mapped[str] = mapped_column(primary_key=True)
    due_on: Mapped[date] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    taken_at: Mapped[datetime]


class ContactRecord(Base):
    """That somebody of the requester called, met or wrote: a note, never an answer."""

    __tablename__ = "contact_record"
    __table_args__ = (Index("ix_contact_record_request", "request_id", "id"),)

    id: Mapped[UUID] = _id()
    org_id: Mapped[UUID]
    request_id: Mapped[UUID] = _of_request()
    channel: Mapped[str]
    outcome: Mapped[str]
    spoke_with: Mapped[str]
    note: Mapped[str]
    again_on: Mapped[date | None]
    at: Mapped[datetime]
    by: Mapped[str]
    by_name: Mapped[str]


class DueChange(Base):
    """A due date that was moved back, and why."""

    __tablename__ = "due_change"
    __table_args__ = (Index("ix_due_change_request", "request_id", "id"),)

    id: Mapped[UUID] = _id()
    requester_org_id: Mapped[UUID]
    request_id: Mapped[UUID] = _of_request()
    from_at: Mapped[datetime]
    to_at: Mapped[datetime]
    reason: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[str]


class NonResponse(Base):
    """Why a request has no answer, in a code, by the respondent or by the requester.

    `effect`: declined, closed, cancelled or reopened.
    """

    __tablename__ = "non_response"
    __table_args__ = (Index("ix_non_response_request", "request_id", "id"),)

    id: Mapped[UUID] = _id()
    requester_org_id: Mapped[UUID]
    request_id: Mapped[UUID] = _of_request()
    by_org_id: Mapped[UUID]
    effect: Mapped[str]
    reason: Mapped[str]
    note: Mapped[str]
    at: Mapped[datetime]
    by: Mapped[str]


class CompanyDay(Base):
    """A day on which an organization is closed, or works although others do not."""

    __tablename__ = "company_day"

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    day: Mapped[date] = mapped_column(primary_key=True)
    works: Mapped[bool]
    name: Mapped[str]


@event.listens_for(Request, "after_update")
def _keep_time(_mapper: Mapper[Request], connection: Connection, request: Request) -> None:
    """Keep when a request first came into a state, whoever moved it there."""
    if inspect(request).attrs.state.history.has_changes():
        made = insert(RequestMark).values(request_id=request.id, mark=request.state, at=clock.now())
        connection.execute(made.on_conflict_do_nothing())
