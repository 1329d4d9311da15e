"""Who cosigns the log's heads, and what they cosigned: which heads are fit to be shown."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import ForeignKey, LargeBinary, Select, func, select, tuple_
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import Mapped, Session, mapped_column
from sqlalchemy.sql.elements import ColumnElement

from services.attestation.store.base import Base, Big, Bytes, Moment, Texts
from services.attestation.store.log import Checkpoint


class Cosignature(Base):
    """One witness's line over one signed head (C2SP cosignature/v1), as it came, verified."""

    __tablename__ = "cosignature"
    checkpoint_seq: Mapped[Big] = mapped_column(ForeignKey("checkpoint.seq"), primary_key=True)
    key: Mapped[Bytes] = mapped_column(primary_key=True)
    name: Mapped[str]
    line: Mapped[Bytes]
    cosigned_at: Mapped[Moment]
    received_at: Mapped[Moment]


class WitnessPolicy(Base):
    """The witnesses Trust names and how many of them a head needs; the newest version counts.

    `names` and `keys` (32 raw bytes each) go in pairs.
    """

    __tablename__ = "witness_policy"
    version: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    names: Mapped[Texts]
    keys: Mapped[list[bytes]] = mapped_column(ARRAY(LargeBinary))
    quorum: Mapped[int]
    since: Mapped[Moment]


def policy(tx: Session) -> WitnessPolicy | None:
    """Return what is asked of heads now; None where no witness was ever named."""
    return tx.scalar(select(WitnessPolicy).order_by(WitnessPolicy.version.desc()).limit(1))


def newest_published(tx: Session, epoch: int | None = None) -> Checkpoint | None:
    """Return the newest head (of one epoch) with its quorum: the only one to show outside."""
    query = _published(tx).order_by(Checkpoint.seq.desc())
    if epoch is not None:
        query = query.where(Checkpoint.epoch == epoch)
    return tx.scalar(query.limit(1))


def first_covering(tx: Session, epoch: int, index: int) -> Checkpoint | None:
    """Return the first head over leaf `index` that has its quorum; None while there is none."""
    query = _published(tx).where(Checkpoint.epoch == epoch, Checkpoint.size > index)
    return tx.scalar(query.order_by(Checkpoint.seq).limit(1))


def has_quorum(tx: Session, seq: int) -> bool:
    """Whether a head has the cosignatures that are asked of it."""
    return tx.scalar(_published(tx).where(Checkpoint.seq == seq)) is not None


def newest_cosigned(tx: Session, epoch: int) -> dict[bytes, int]:
    """Return, for each key that ever cosigned a head of this epoch, the greatest size it saw."""
    query = (
        select(Cosignature.key, func.max(Checkpoint.size))
        .join(Checkpoint, Checkpoint.seq == Cosignature.checkpoint_seq)
        .where(Checkpoint.epoch == epoch)
        .group_by(Cosignature.key)
    )
    return dict(tx.execute(query).all())


def cosigners(tx: Session, seq: int) -> set[bytes]:
    """Return the keys that cosigned one head."""
    return set(tx.scalars(select(Cosignature.key).where(Cosignature.checkpoint_seq == seq)))


def note(tx: Session, head: Checkpoint) -> bytes:
    """Return the note of a head with the lines of the witnesses Trust names, by their names."""
    return notes(tx, [head])[head.seq]


def notes(tx: Session, heads: Iterable[Checkpoint]) -> dict[int, bytes]:
    """Return the notes of some heads by number, like `note`, in one query."""
    found = {head.seq: head.note for head in heads}
    asked = policy(tx)
    if asked is None or not found:
        return found
    query = (
        select(Cosignature.checkpoint_seq, Cosignature.line)
        .where(Cosignature.checkpoint_seq.in_(found), _named(asked))
        .order_by(Cosignature.name, Cosignature.key)
    )
    for seq, line in tx.execute(query):
        found[seq] += line
    return found


def _published(tx: Session) -> Select[Checkpoint]:
    query = select(Checkpoint)
    asked = policy(tx)
    if asked is None or asked.quorum == 0:
        return query
    lines = (
        select(func.count())
        .where(Cosignature.checkpoint_seq == Checkpoint.seq, _named(asked))
        .scalar_subquery()
    )
    return query.where(lines >= asked.quorum)


def _named(asked: WitnessPolicy) -> ColumnElement[bool]:
    """Lines of a key under the name that Trust has for it: the name is part of a note key."""
    pairs = list(zip(asked.keys, asked.names, strict=True))
    return tuple_(Cosignature.key, Cosignature.name).in_(pairs)
