"""Statements about statements: who was granted what, and what was taken back."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.attestation.store.base import Base, Moment, Sha256, Texts
from services.attestation.store.log import Leaf
from services.attestation.store.statements import Refusal, Statement


class Grantee(Base):
    """The one organization a grant lets read a component statement, and the answers it may open.

    It reads once the grant is logged, until `not_after` or until the grant is taken back.
    """

    __tablename__ = "grantee"
    __table_args__ = (
        Index("ix_grantee_statement", "statement_id", "org_id"),
        Index("ix_grantee_org", "org_id"),
    )
    grant_id: Mapped[Sha256] = mapped_column(ForeignKey("statement.statement_id"), primary_key=True)
    statement_id: Mapped[Sha256] = mapped_column(ForeignKey("statement.statement_id"))
    org_id: Mapped[UUID]
    owner_org_id: Mapped[UUID]
    request_id: Mapped[UUID]
    answers: Mapped[Texts]
    onward: Mapped[str]
    not_after: Mapped[Moment]


class Withdrawal(Base):
    """A statement taken back by its own firm; in force once the withdrawal is logged."""

    __tablename__ = "withdrawal"
    __table_args__ = (Index("ix_withdrawal_target", "target_id"),)
    statement_id: Mapped[Sha256] = mapped_column(
        ForeignKey("statement.statement_id"), primary_key=True
    )
    target_id: Mapped[Sha256] = mapped_column(ForeignKey("statement.statement_id"))
    effect: Mapped[str]
    owner_org_id: Mapped[UUID]


def withdrawals_of(tx: Session, statement_ids: Iterable[str]) -> list[Withdrawal]:
    """Return the withdrawals of some statements, logged or about to be; none that was refused."""
    query = (
        select(Withdrawal)
        .join(Statement, Statement.statement_id == Withdrawal.statement_id)
        .outerjoin(Refusal, Refusal.submission_id == Statement.submission_id)
        .where(Withdrawal.target_id.in_(list(statement_ids)), Refusal.submission_id.is_(None))
        .order_by(Withdrawal.target_id, Withdrawal.effect)
    )
    return list(tx.scalars(query))


def withdrawal(tx: Session, statement_id: str) -> Withdrawal:
    """Return the withdrawal a statement is."""
    return tx.get_one(Withdrawal, statement_id)


def grantee(tx: Session, grant_id: str) -> Grantee:
    """Return what a grant lets whom read."""
    return tx.get_one(Grantee, grant_id)


def grantees_of(tx: Session, statement_ids: Collection[str]) -> list[Grantee]:
    """Return the grants of some statements, as far as the asking firm gave or got them."""
    query = select(Grantee).where(Grantee.statement_id.in_(statement_ids))
    return list(tx.scalars(query.order_by(Grantee.grant_id)))


def grant_to(tx: Session, statement_id: str, reader: UUID) -> Grantee | None:
    """Return the newest grant in force by which an organization reads a statement."""
    back = select(Withdrawal.target_id).join(Leaf, Leaf.statement_id == Withdrawal.statement_id)
    query = (
        select(Grantee)
        .join(Leaf, Leaf.statement_id == Grantee.grant_id)
        .where(
            Grantee.statement_id == statement_id,
            Grantee.org_id == reader,
            Grantee.not_after > func.now(),
            Grantee.grant_id.not_in(back),
        )
        .order_by(Leaf.epoch.desc(), Leaf.index.desc())
    )
    return tx.scalar(query.limit(1))


def grants(tx: Session, after: str | None, limit: int) -> list[tuple[Grantee, bool]]:
    """Return the grants the asking firm gave or got, and whether each is logged, by id."""
    query = (
        select(Grantee, Leaf.statement_id.is_not(None))
        .outerjoin(Leaf, Leaf.statement_id == Grantee.grant_id)
        .order_by(Grantee.grant_id)
        .limit(limit)
    )
    rows = tx.execute(query if after is None else query.where(Grantee.grant_id > after))
    return [(grantee, logged) for grantee, logged in rows]


def withdrawals(tx: Session, after: str | None, limit: int) -> list[tuple[Withdrawal, bool]]:
    """Return the withdrawals the asking firm may know of, and whether each is logged, by id."""
    query = (
        select(Withdrawal, Leaf.statement_id.is_not(None))
        .outerjoin(Leaf, Leaf.statement_id == Withdrawal.statement_id)
        .order_by(Withdrawal.statement_id)
        .limit(limit)
    )
    rows = tx.execute(query if after is None else query.where(Withdrawal.statement_id > after))
    return [(withdrawal, logged) for withdrawal, logged in rows]
