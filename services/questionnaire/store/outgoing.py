"""Mails on their way and what became of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.orm import Session

from services.questionnaire.store.asking_rows import Mail, RequestMark


@dataclass(frozen=True, slots=True)
class Sent:
    """How the mails about one request stand; `bounced` are mailboxes whose newest one bounced."""

    mails: int = 0
    failed: int = 0
    bounced: frozenset[str] = frozenset()
    last_error: str | None = None
    last_at: datetime | None = None


def add(tx: Session, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add mails to be sent."""
    if rows:
        tx.execute(insert(Mail), list(rows))


def for_sending(tx: Session, mail_id: UUID) -> Mail | None:
    """Return a mail that waits to be sent, locked; None where another has it or had it (worker)."""
    query = select(Mail).where(Mail.id == mail_id, Mail.state == "queued")
    return tx.scalar(query.with_for_update(skip_locked=True))


def one(tx: Session, mail_id: UUID) -> Mail | None:
    """Return one mail of the asking organization, locked."""
    return tx.scalar(select(Mail).where(Mail.id == mail_id).with_for_update())


def page(
    tx: Session,
    org: UUID,
    campaign_id: UUID,
    states: Collection[str],
    after: UUID | None,
    limit: int,
) -> Sequence[Mail]:
    """Return up to `limit` mails of a campaign in these states (all: none given), oldest first."""
    query = select(Mail).where(Mail.org_id == org, Mail.campaign_id == campaign_id)
    if states:
        query = query.where(Mail.state.in_(states))
    if after is not None:
        query = query.where(Mail.id > after)
    return tx.scalars(query.order_by(Mail.id).limit(limit)).all()


def of_request(tx: Session, org: UUID, request_id: UUID) -> Sequence[Mail]:
    """Return the mails about one request, oldest first."""
    query = select(Mail).where(Mail.org_id == org, Mail.request_id == request_id)
    return tx.scalars(query.order_by(Mail.id)).all()


def announced(tx: Session, request_ids: Collection[UUID]) -> set[UUID]:
    """Return the requests that were told of: an event that is replayed tells nobody twice."""
    query = select(Mail.request_id).where(
        Mail.request_id.in_(request_ids), Mail.occasion.in_(("invitation", "request"))
    )
    return {each for each in tx.scalars(query) if each is not None}


def told_of(tx: Session, campaign_id: UUID, occasion: str, reason_id: UUID) -> bool:
    """Whether the requester was told of one reason (worker)."""
    query = select(Mail.id).where(
        Mail.campaign_id == campaign_id,
        Mail.occasion == occasion,
        Mail.facts["reason_id"].astext == str(reason_id),
    )
    return tx.scalar(query.limit(1)) is not None


def counts(tx: Session, org: UUID, campaign_id: UUID) -> dict[str, int]:
    """Return how many mails of a campaign are in each state."""
    query = (
        select(Mail.state, func.count())
        .where(Mail.org_id == org, Mail.campaign_id == campaign_id)
        .group_by(Mail.state)
    )
    return {name: count for name, count in tx.execute(query)}  # noqa: C416 (typed)


def sent(tx: Session, request_ids: Collection[UUID]) -> dict[UUID, Sent]:
    """Return per request how its mails stand, by the newest at each mailbox."""
    newest = (
        select(Mail.request_id, Mail.mailbox, Mail.state, Mail.error, Mail.kind, Mail.queued_at)
        .where(Mail.request_id.in_(request_ids))
        .ext(distinct_on(Mail.request_id, Mail.mailbox))
        .order_by(Mail.request_id, Mail.mailbox, Mail.id.desc())
    )
    found: dict[UUID, list[Any]] = {}
    for row in tx.execute(newest):
        found.setdefault(row.request_id, []).append(row)
    return {request_id: _sent(rows) for request_id, rows in found.items()}


def _sent(rows: Sequence[Any]) -> Sent:
    wrong = [row for row in rows if row.state in ("failed", "bounced")]
    return Sent(
        len(rows),
        len(wrong),
        frozenset(row.mailbox for row in rows if row.state == "bounced"),
        wrong[-1].error if wrong else None,
        max(row.queued_at for row in rows),
    )


def marks(tx: Session, request_ids: Collection[UUID]) -> dict[UUID, dict[str, datetime]]:
    """Return per request when it first came to be what."""
    found: dict[UUID, dict[str, datetime]] = {each: {} for each in request_ids}
    query = select(RequestMark).where(RequestMark.request_id.in_(request_ids))
    for row in tx.scalars(query):
        found[row.request_id][row.mark] = row.at
    return found


def mark(tx: Session, request_id: UUID, name: str, at: datetime) -> None:
    """Keep when a request first was so; a second time changes nothing."""
    made = upsert(RequestMark).values(request_id=request_id, mark=name, at=at)
    tx.execute(made.on_conflict_do_nothing())


def interrupted(tx: Session, before: datetime) -> None:
    """Give up on mails whose sending was cut off: they may have gone out (worker)."""
    tx.execute(
        update(Mail)
        .where(Mail.state == "sending", Mail.next_attempt_at < before)
        .values(
            state="failed",
            next_attempt_at=None,
            error="interrupted while sending: it may have gone out",
        )
    )


def due_again(tx: Session, now: datetime, limit: int) -> Sequence[Mail]:
    """Return up to `limit` mails that were refused for now and are due again, locked (worker)."""
    query = (
        select(Mail)
        .where(Mail.state == "failed", Mail.next_attempt_at <= now)
        .order_by(Mail.next_attempt_at)
        .limit(limit)
    )
    return tx.scalars(query.with_for_update(skip_locked=True)).all()


def wrong(
    tx: Session, org: UUID, campaign_id: UUID, states: Collection[str], ids: Collection[UUID] | None
) -> Sequence[Mail]:
    """Return the mails of a campaign in these states, or those of `ids` among them, locked."""
    query = select(Mail).where(
        Mail.org_id == org, Mail.campaign_id == campaign_id, Mail.state.in_(states)
    )
    if ids is not None:
        query = query.where(Mail.id.in_(ids))
    return tx.scalars(query.order_by(Mail.id).with_for_update()).all()
