"""How an epoch of the log ends, and the terms of trust that are no key."""

from __future__ import annotations

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.attestation.store.base import Base, Big, Bytes, Moment
from services.attestation.store.log import Checkpoint, Epoch


class Freeze(Base):
    """Somebody asked that an epoch takes no more leaves; the sequencer obeys."""

    __tablename__ = "epoch_freeze"
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    asked_at: Mapped[Moment]


class EpochEnd(Base):
    """An epoch has ended with this checkpoint: there is no leaf after it, and no other head.

    `lost` is the guard file where it names a head beyond the final one: what was signed and is in
    no copy of the database any more.
    """

    __tablename__ = "epoch_end"
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    checkpoint_seq: Mapped[Big] = mapped_column(ForeignKey("checkpoint.seq"))
    lost: Mapped[Bytes | None]
    ended_at: Mapped[Moment]


class TrustTerms(Base):
    """What Trust asks for beside keys, as canonical JSON; the newest version counts."""

    __tablename__ = "trust_terms"
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    terms: Mapped[Bytes]


def is_frozen(tx: Session, epoch: int) -> bool:
    """Whether somebody asked that this epoch takes no more leaves."""
    return tx.get(Freeze, epoch) is not None


def end_of(tx: Session, epoch: int) -> Checkpoint | None:
    """Return the checkpoint an epoch ended with; None while it has not."""
    query = select(Checkpoint).join(EpochEnd, EpochEnd.checkpoint_seq == Checkpoint.seq)
    return tx.scalar(query.where(EpochEnd.epoch == epoch))


def ends(tx: Session) -> dict[int, Checkpoint]:
    """Return the final checkpoint of every epoch that ended, by number."""
    query = select(EpochEnd.epoch, Checkpoint).join(
        Checkpoint, Checkpoint.seq == EpochEnd.checkpoint_seq
    )
    return dict(tx.execute(query).all())


def epoch_of(tx: Session, origin: str) -> Epoch | None:
    """Return the epoch of this origin."""
    return tx.scalar(select(Epoch).where(Epoch.origin == origin))


def newest_terms(tx: Session) -> TrustTerms | None:
    """Return what Trust asks for beside keys; None before the sequencer has said it."""
    return tx.scalar(select(TrustTerms).order_by(TrustTerms.version.desc()).limit(1))
