"""PostgreSQL: one engine per service and role, one transaction per request or task.

`Database.begin` is the only way to a session. It opens the transaction with the tenant, the
revocation check and nothing else, and closes it before the answer leaves; nobody writes
`.commit()`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    Uuid,
    create_engine,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.engine import URL
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from services.kit.problems import Unauthenticated

NAMING = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def new_id() -> UUID:
    """Return a UUIDv7: unique, and sorted by the time it was made."""
    return uuid7()


def _moment(name: str, **options: Any) -> Column[datetime]:
    return Column(name, DateTime(timezone=True), **options)


@dataclass(frozen=True)
class Plumbing:
    """The tables every service keeps in its own schema for the kit."""

    service: str
    outbox: Table
    delivery: Table
    inbox: Table
    audit: Table
    access_revoked: Table
    idempotency: Table


def plumbing(metadata: MetaData) -> Plumbing:
    """Declare the kit's tables in `metadata`, whose schema is the service's name."""
    assert metadata.schema is not None
    outbox = Table(
        "outbox",
        metadata,
        Column("id", Uuid, primary_key=True),
        Column("type", Text, nullable=False),
        Column("body", JSONB, nullable=False),
        _moment("created_at", nullable=False, server_default=func.now()),
    )
    delivery = Table(
        "delivery",
        metadata,
        Column("event_id", Uuid, primary_key=True),
        Column("subscriber", Text, primary_key=True),
        Column("attempts", Integer, nullable=False, server_default="0"),
        _moment("next_attempt_at", nullable=False, server_default=func.now()),
        _moment("effect_at"),
    )
    Index(
        "ix_delivery_due",
        delivery.c.next_attempt_at,
        postgresql_where=delivery.c.effect_at.is_(None),
    )
    inbox = Table(
        "inbox",
        metadata,
        Column("event_id", Uuid, primary_key=True),
        _moment("handled_at", nullable=False, server_default=func.now()),
    )
    audit = Table(
        "audit",
        metadata,
        Column("id", BigInteger, Identity(always=True), primary_key=True),
        _moment("at", nullable=False, server_default=func.now()),
        Column("request_id", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("org_id", Uuid),
        Column("operation", Text, nullable=False),
        Column("resource", Text, nullable=False),
        Column("details", JSONB, nullable=False, server_default=text("'{}'::jsonb")),
    )
    Index("ix_audit_org", audit.c.org_id, audit.c.id)
    access_revoked = Table(
        "access_revoked",
        metadata,
        Column("subject", Text, primary_key=True),
        _moment("not_before", nullable=False),
    )
    idempotency = Table(
        "idempotency",
        metadata,
        Column("subject", Text, primary_key=True),
        Column("operation", Text, primary_key=True),
        Column("key", Text, primary_key=True),
        Column("request_digest", LargeBinary, nullable=False),
        Column("answer", JSONB, nullable=False),
        Column("status", Integer, nullable=False),
        _moment("created_at", nullable=False, server_default=func.now()),
    )
    return Plumbing(metadata.schema, outbox, delivery, inbox, audit, access_revoked, idempotency)


NEVER_REVOKED = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Actor:
    """Who acts in a transaction. `org` None is nobody: every policy fails closed."""

    subject: str
    org: UUID | None = None
    issued_at: datetime | None = None


@dataclass
class Database:
    """One service's database as one role sees it."""

    plumbing: Plumbing
    url: URL
    pool_size: int = 10
    statement_timeout_ms: int = 5_000
    _engine: Any = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Make the connection pool; it connects when first used."""
        # Settings go with the connection: every transaction has a limit, also one opened by a
        # tool. lock_timeout is below statement_timeout so that a blocked lock says so.
        options = (
            f"-c statement_timeout={self.statement_timeout_ms} -c lock_timeout=4000"
            " -c idle_in_transaction_session_timeout=10000 -c timezone=UTC"
        )
        self._engine = create_engine(
            self.url,
            pool_size=self.pool_size,
            max_overflow=0,
            pool_timeout=2,
            pool_pre_ping=True,
            # Errors go to the log: what people wrote does not.
            hide_parameters=True,
            connect_args={"options": options, "application_name": self.url.username or "rensho"},
        )

    @property
    def engine(self) -> Any:
        """The SQLAlchemy engine, for reads that leave the ORM and for tests."""
        return self._engine

    @contextmanager
    def begin(
        self, actor: Actor, *, read_only: bool = False, snapshot: bool = False
    ) -> Iterator[Session]:
        """Open one transaction as `actor`; commit at the end, roll back on any exception.

        Args:
            actor: who acts.
            read_only: nothing may be written.
            snapshot: all reads see one moment, however long they take; implies `read_only`.

        Raises:
            Unauthenticated: the actor's access was revoked after its token was issued.
        """
        with Session(self._engine, expire_on_commit=False) as session, session.begin():
            session.info.update(plumbing=self.plumbing, actor=actor, details={}, database=self)
            # These travel in BEGIN itself: no round trip, and a GET that writes fails.
            if snapshot:
                session.connection(
                    execution_options={
                        "postgresql_readonly": True,
                        "isolation_level": "REPEATABLE READ",
                    }
                )
            elif read_only:
                session.connection(execution_options={"postgresql_readonly": True})
            self._open(session, actor)
            yield session

    def _open(self, session: Session, actor: Actor) -> None:
        """Name the tenant for row-level security and look for revoked access, in one statement."""
        revoked = (
            f"SELECT 1 FROM {self.plumbing.service}.access_revoked"  # noqa: S608 (a constant name)
            " WHERE subject IN (:subject, :org) AND not_before >= :issued_at"
        )
        row = session.execute(
            text(f"SELECT set_config('rensho.org', :org, true), EXISTS ({revoked})"),
            {
                "org": str(actor.org or ""),
                "subject": actor.subject,
                "issued_at": actor.issued_at or NEVER_REVOKED,
            },
        ).one()
        if row[1]:
            msg = "this access was withdrawn"
            raise Unauthenticated(msg)

    def close(self) -> None:
        """Give all connections back to the server."""
        self._engine.dispose()
