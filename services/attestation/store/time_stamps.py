"""RFC 3161 tokens, kept as they came: over the signature of a statement, over a checkpoint."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from rensho.bundle import MAX_TOKENS
from sqlalchemy import ForeignKey, Text, func, literal, select, true
from sqlalchemy.dialects.postgresql import ARRAY, distinct_on
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.attestation.store.base import Base, Big, Bytes, Moment, Sha256
from services.attestation.store.log import Checkpoint, Queue
from services.attestation.store.statements import Promise, Statement


class TimeStamp(Base):
    """A token over the signature bytes of a statement.

    `source` is who gave it, `stamped_at` the time it says.
    """

    __tablename__ = "time_stamp"
    statement_id: Mapped[Sha256] = mapped_column(
        ForeignKey("statement.statement_id"), primary_key=True
    )
    source: Mapped[str] = mapped_column(primary_key=True)
    token: Mapped[Bytes]
    stamped_at: Mapped[Moment]


class CheckpointTimeStamp(Base):
    """A token over the body of a checkpoint, once a day."""

    __tablename__ = "checkpoint_time_stamp"
    seq: Mapped[Big] = mapped_column(
        ForeignKey("checkpoint.seq"), primary_key=True, autoincrement=False
    )
    source: Mapped[str] = mapped_column(primary_key=True)
    token: Mapped[Bytes]
    stamped_at: Mapped[Moment]


def tokens_of(tx: Session, statement_ids: Iterable[str]) -> dict[str, list[bytes]]:
    """Return the tokens of those of the statements that may be read: as many as a bundle holds,
    the first to come first.
    """
    query = select(TimeStamp).where(TimeStamp.statement_id.in_(list(statement_ids)))
    found: dict[str, list[bytes]] = {}
    for one in tx.scalars(query.order_by(TimeStamp.stamped_at, TimeStamp.source)):
        found.setdefault(one.statement_id, []).append(one.token)
    return {name: tokens[:MAX_TOKENS] for name, tokens in found.items()}


def newest_of_checkpoints(
    tx: Session, epoch: int, size: int
) -> tuple[CheckpointTimeStamp, Checkpoint] | None:
    """Return the newest token over a checkpoint of an epoch up to `size`, and that checkpoint."""
    query = (
        select(CheckpointTimeStamp, Checkpoint)
        .join(Checkpoint, Checkpoint.seq == CheckpointTimeStamp.seq)
        .where(Checkpoint.epoch == epoch, Checkpoint.size <= size)
        .order_by(CheckpointTimeStamp.seq.desc(), CheckpointTimeStamp.source)
    )
    found = tx.execute(query.limit(1)).first()
    return (found[0], found[1]) if found else None


def newest_of_sources(tx: Session) -> list[bytes]:
    """Return the newest token over a checkpoint from each source."""
    query = (
        select(CheckpointTimeStamp.token)
        .ext(distinct_on(CheckpointTimeStamp.source))
        .order_by(CheckpointTimeStamp.source, CheckpointTimeStamp.seq.desc())
    )
    return list(tx.scalars(query))


def unstamped(
    tx: Session, sources: Sequence[str], since: datetime | None, limit: int
) -> list[tuple[str, bytes, str]]:
    """Return (statement id, signature, source) for each token of `sources` that is missing.

    Args:
        since: of all statements promised since then; None: of those that wait in the queue.
    """
    asked = func.unnest(literal(list(sources), ARRAY(Text))).table_valued("source")
    asked = asked.render_derived(name="asked")
    source = asked.c.source
    query = (
        select(Statement.statement_id, Statement.signature, source)
        .join(Promise, Promise.statement_id == Statement.statement_id)
        .join(asked, true())
        .outerjoin(
            TimeStamp,
            (TimeStamp.statement_id == Statement.statement_id) & (TimeStamp.source == source),
        )
        .where(TimeStamp.statement_id.is_(None))
        .order_by(Promise.received_at, Statement.statement_id)
        .limit(limit)
    )
    if since is None:
        query = query.join(Queue, Queue.id == Statement.submission_id)
    else:
        query = query.where(Promise.received_at >= since)
    return [(name, signature, one) for name, signature, one in tx.execute(query)]


def last_stamped(tx: Session) -> datetime | None:
    """Return when a checkpoint was last stamped."""
    query = select(CheckpointTimeStamp.stamped_at).order_by(CheckpointTimeStamp.seq.desc())
    return tx.scalar(query.limit(1))
