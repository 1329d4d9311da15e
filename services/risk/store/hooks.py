"""Webhooks: who wants to be told of what, what there was to tell, and how far each telling is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from sqlalchemy import (
    ForeignKey,
    Index,
    UniqueConstraint,
    and_,
    exists,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Mapped, Session, aliased, mapped_column

from services.risk.store.base import Base
from services.risk.store.heard import Enrolment, Link, Recorded, Withdrawn
from services.risk.store.shown import Label


class Webhook(Base):
    """An endpoint of a requester. Its secrets are derived (`rules.hooks.secret`), never stored.

    `failing_since`: the first attempt that failed after the last that did not.
    """

    __tablename__ = "webhook"
    __table_args__ = (Index("ix_webhook_org", "org_id", "id"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    url: Mapped[str]
    types: Mapped[list[str]]
    description: Mapped[str]
    secret_number: Mapped[int]
    old_secret_until: Mapped[datetime | None]
    created_at: Mapped[datetime]
    failing_since: Mapped[datetime | None]
    disabled_at: Mapped[datetime | None]
    disabled_because: Mapped[str | None]
    removed_at: Mapped[datetime | None]


class WebhookMessage(Base):
    """What there was to tell: `body` are the bytes that are signed. `about` makes it once."""

    __tablename__ = "webhook_message"
    __table_args__ = (UniqueConstraint("org_id", "type", "about"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    org_id: Mapped[UUID]
    type: Mapped[str]
    about: Mapped[str]
    body: Mapped[str]
    created_at: Mapped[datetime]


class WebhookDelivery(Base):
    """One message to one endpoint. Due at `next_attempt_at`; null and not delivered is missed."""

    __tablename__ = "webhook_delivery"
    __table_args__ = (
        Index(
            "ix_webhook_delivery_due",
            "next_attempt_at",
            postgresql_where=text("next_attempt_at IS NOT NULL"),
        ),
    )

    webhook_id: Mapped[UUID] = mapped_column(ForeignKey("risk.webhook.id"), primary_key=True)
    message_id: Mapped[UUID] = mapped_column(
        ForeignKey("risk.webhook_message.id"), primary_key=True
    )
    org_id: Mapped[UUID]
    attempts: Mapped[int]
    next_attempt_at: Mapped[datetime | None]
    delivered_at: Mapped[datetime | None]
    attempted_at: Mapped[datetime | None]
    outcome: Mapped[str | None]


class FolderDrop(Base):
    """A requester that gets its scores as files in a folder, every night until it stopped that."""

    __tablename__ = "folder_drop"

    org_id: Mapped[UUID] = mapped_column(primary_key=True)
    encoding: Mapped[str]
    asked_at: Mapped[datetime]
    stopped_at: Mapped[datetime | None]


State = Literal["pending", "delivered", "missed"]


def endpoint(tx: Session, org: UUID, webhook_id: UUID, *, lock: bool = False) -> Webhook | None:
    """Return one endpoint of an organization."""
    query = select(Webhook).where(
        Webhook.org_id == org, Webhook.id == webhook_id, Webhook.removed_at.is_(None)
    )
    return tx.scalar(query.with_for_update() if lock else query)


def endpoints(tx: Session, org: UUID, *, after: UUID | None, limit: int) -> list[Webhook]:
    """Return up to `limit` endpoints of an organization, oldest first."""
    query = select(Webhook).where(Webhook.org_id == org, Webhook.removed_at.is_(None))
    if after is not None:
        query = query.where(Webhook.id > after)
    return list(tx.scalars(query.order_by(Webhook.id).limit(limit)))


def wanting(tx: Session, org: UUID, message_type: str) -> list[Webhook]:
    """Return the endpoints of an organization that want to be told of a type."""
    query = select(Webhook).where(
        Webhook.org_id == org, Webhook.removed_at.is_(None), Webhook.types.contains([message_type])
    )
    return list(tx.scalars(query))


def keep_once(tx: Session, message: dict[str, Any]) -> bool:
    """Keep a message; False where the same was told before."""
    kept = insert(WebhookMessage).values(message).on_conflict_do_nothing()
    return tx.scalar(kept.returning(WebhookMessage.id)) is not None


Delivery = tuple[WebhookDelivery, WebhookMessage]


def deliveries(
    tx: Session, webhook: Webhook, state: State | None, *, before: UUID | None, limit: int
) -> list[Delivery]:
    """Return up to `limit` deliveries to an endpoint, newest message first."""
    query = (
        select(WebhookDelivery, WebhookMessage)
        .join(WebhookMessage, WebhookMessage.id == WebhookDelivery.message_id)
        .where(WebhookDelivery.webhook_id == webhook.id)
    )
    due, done = WebhookDelivery.next_attempt_at, WebhookDelivery.delivered_at
    conditions = {
        "pending": due.is_not(None),
        "delivered": done.is_not(None),
        "missed": and_(due.is_(None), done.is_(None)),
    }
    if state is not None:
        query = query.where(conditions[state])
    if before is not None:
        query = query.where(WebhookDelivery.message_id < before)
    rows = tx.execute(query.order_by(WebhookDelivery.message_id.desc()).limit(limit))
    return [(delivery, message) for delivery, message in rows]


def replay(tx: Session, webhook: Webhook, since: datetime, now: datetime) -> int:
    """Make what was missed since a moment due again; returns how many."""
    told = select(WebhookMessage.id).where(
        WebhookMessage.org_id == webhook.org_id, WebhookMessage.created_at >= since
    )
    again = (
        update(WebhookDelivery)
        .where(
            WebhookDelivery.webhook_id == webhook.id,
            WebhookDelivery.delivered_at.is_(None),
            WebhookDelivery.next_attempt_at.is_(None),
            WebhookDelivery.message_id.in_(told),
        )
        .values(attempts=0, next_attempt_at=now)
        .returning(WebhookDelivery.message_id)
    )
    return len(tx.execute(again).all())


def stop(tx: Session, webhook_id: UUID) -> None:
    """Let everything that is due to an endpoint be missed."""
    tx.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.webhook_id == webhook_id,
            WebhookDelivery.next_attempt_at.is_not(None),
        )
        .values(next_attempt_at=None)
    )


def put_off(tx: Session, webhook_id: UUID, until: datetime) -> None:
    """Let nothing be tried at an endpoint before a moment."""
    tx.execute(
        update(WebhookDelivery)
        .where(
            WebhookDelivery.webhook_id == webhook_id,
            WebhookDelivery.next_attempt_at < until,
        )
        .values(next_attempt_at=until)
    )


def claim(
    tx: Session, now: datetime, until: datetime, limit: int
) -> list[tuple[WebhookDelivery, WebhookMessage, Webhook]]:
    """Take deliveries that are due, so that nobody else tries them before `until`."""
    due = (
        select(WebhookDelivery, WebhookMessage, Webhook)
        .join(WebhookMessage, WebhookMessage.id == WebhookDelivery.message_id)
        .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
        .where(WebhookDelivery.next_attempt_at <= now)
        .order_by(WebhookDelivery.next_attempt_at, WebhookDelivery.message_id)
        .limit(limit)
        .with_for_update(skip_locked=True, of=WebhookDelivery)
    )
    found = [(delivery, message, webhook) for delivery, message, webhook in tx.execute(due)]
    for delivery, _, _ in found:
        delivery.attempts += 1
        delivery.attempted_at, delivery.next_attempt_at = now, until
    tx.flush()
    return found


def delivery(
    tx: Session, webhook_id: UUID, message_id: UUID
) -> tuple[WebhookDelivery, Webhook] | None:
    """Return a delivery and its endpoint, both locked."""
    query = (
        select(WebhookDelivery, Webhook)
        .join(Webhook, Webhook.id == WebhookDelivery.webhook_id)
        .where(WebhookDelivery.webhook_id == webhook_id, WebhookDelivery.message_id == message_id)
        .with_for_update()
    )
    row = tx.execute(query).first()
    return None if row is None else (row[0], row[1])


@dataclass(frozen=True, slots=True)
class Expiring:
    """A declaration of a direct supplier that ends soon, as its customer knows the firm."""

    org: UUID
    supplier: UUID
    vendor_codes: Sequence[str]
    statement: str
    not_after: datetime


def expiring(tx: Session, after: datetime, until: datetime) -> list[Expiring]:
    """Return the declarations that end between two moments and that none goes on from.

    One that was withdrawn, or beside which the reader holds one that lasts longer, is left out.
    """
    later = aliased(Recorded)
    lasting = exists().where(
        later.type == "declaration",
        later.org_id == Recorded.org_id,
        later.not_after > Recorded.not_after,
        Link.org_id == func.any(later.audience),
    )
    withdrawn = exists().where(Withdrawn.statement_id == Recorded.statement_id)
    query = (
        select(
            Link.org_id,
            Link.supplier_id,
            Label.vendor_codes,
            Recorded.statement_id,
            Recorded.not_after,
        )
        .join(Enrolment, Enrolment.link_id == Link.link_id, isouter=True)
        .join(Label, Label.link_id == Link.link_id)
        .join(
            Recorded,
            or_(Recorded.org_id == Link.supplier_org_id, Recorded.org_id == Enrolment.org_id),
        )
        .where(
            Link.ended.is_(False),
            Recorded.type == "declaration",
            Recorded.not_after > after,
            Recorded.not_after <= until,
            Link.org_id == func.any(Recorded.audience),
            ~lasting,
            ~withdrawn,
        )
        .order_by(Link.link_id, Recorded.statement_id)
    )
    return [Expiring(*row) for row in tx.execute(query)]


def drops(tx: Session) -> list[FolderDrop]:
    """Return who wants its scores as files."""
    return list(tx.scalars(select(FolderDrop).where(FolderDrop.stopped_at.is_(None))))
