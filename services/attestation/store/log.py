"""The log: leaves, tree, signed heads, the queue in front of it, and the keys it is signed with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from rensho.keyring import Position
from rensho.merkle import leaf_hash
from rensho.statement import Anchor
from sqlalchemy import CheckConstraint, Index, func, select, text, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.attestation.rules.tree import Node, cover, fold
from services.attestation.store.base import Base, Big, Bytes, Moment, Sha256, remembered
from services.attestation.store.statements import Statement, Submission
from services.kit.bulk import insert_many

QueueKind = Literal["submission", "enrolment", "confirmation", "change"]
QueueState = Literal["queued", "promised", "appended", "review"]
CHANNEL = "rensho_sequencer"
_PAGE = 5_000


class Epoch(Base):
    """One log: its origin and the raw public keys it is signed with. `number` counts from 0.

    Here so that the web process can build the Trust file without being able to read a key file.
    `succession` is the envelope by which the log before names this one; leaf 0 is of it.
    """

    __tablename__ = "epoch"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    origin: Mapped[str] = mapped_column(unique=True)
    predicate_base: Mapped[str]
    log_key: Mapped[Bytes]
    time_key: Mapped[Bytes]
    demo: Mapped[bool]
    opened_at: Mapped[Moment]
    succession: Mapped[Bytes | None]


class TrustedKey(Base):
    """A key of the operator or of the risk service; keys published together share a version."""

    __tablename__ = "trusted_key"
    role: Mapped[str] = mapped_column(primary_key=True)
    spki: Mapped[Bytes] = mapped_column(primary_key=True)
    trust_version: Mapped[int]


class Leaf(Base):
    """One leaf; `index` counts from 0 without a gap in each epoch."""

    __tablename__ = "leaf"
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    index: Mapped[Big] = mapped_column(primary_key=True, autoincrement=False)
    statement_id: Mapped[Sha256] = mapped_column(unique=True)
    data: Mapped[Bytes]


class StoredNode(Base):
    """The hash of one complete subtree, see `rules.tree`."""

    __tablename__ = "node"
    __table_args__ = (CheckConstraint("octet_length(hash) = 32", "hash_is_sha256"),)
    epoch: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    index: Mapped[Big] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[Bytes]


class Checkpoint(Base):
    """One signed tree head. Who writes `seq` n + 1 has seen n: the second one breaks the key.

    `seq` goes on over the epochs, so the newest head is the newest log's.
    """

    __tablename__ = "checkpoint"
    __table_args__ = (Index("ix_checkpoint_epoch_size", "epoch", "size"),)
    seq: Mapped[Big] = mapped_column(primary_key=True, autoincrement=False)
    epoch: Mapped[int]
    size: Mapped[Big]
    root_hash: Mapped[Bytes]
    note: Mapped[Bytes]
    signed_at: Mapped[Moment]


class Queue(Base):
    """What waits for the sequencer. Not evidence: the row goes when the work is done."""

    __tablename__ = "queue"
    __table_args__ = (Index("ix_queue_state", "state", "kind", "id"),)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    state: Mapped[str]


def waiting(
    tx: Session, kind: QueueKind | Sequence[QueueKind], state: QueueState, limit: int
) -> list[Queue]:
    """Return what waits, oldest first over all kinds, locked until the transaction ends."""
    kinds = [kind] if isinstance(kind, str) else kind
    query = select(Queue).where(Queue.kind.in_(kinds), Queue.state == state).order_by(Queue.id)
    return list(tx.scalars(query.limit(limit).with_for_update()))


def nothing_waits(tx: Session) -> bool:
    """Whether the sequencer has nothing in its queue; what a person must look at is not its."""
    return tx.scalar(select(Queue.id).where(Queue.state != "review").limit(1)) is None


def oldest_waiting(tx: Session, state: QueueState) -> datetime | None:
    """Return when the oldest submission that waits in a state was received (worker)."""
    query = (
        select(func.min(Submission.received_at))
        .join(Queue, Queue.id == Submission.id)
        .where(Queue.kind == "submission", Queue.state == state)
    )
    return tx.scalar(query)


@remembered
def epochs(tx: Session) -> list[Epoch]:
    """Return all logs, the one in use last; none before the sequencer has opened the first."""
    return list(tx.scalars(select(Epoch).order_by(Epoch.number)))


def trusted_keys(tx: Session) -> list[TrustedKey]:
    """Return the published keys of operator and risk service, oldest first."""
    query = select(TrustedKey).order_by(TrustedKey.trust_version, TrustedKey.spki)
    return list(tx.scalars(query))


def newest_checkpoint(tx: Session) -> Checkpoint | None:
    """Return the newest signed head; None before the genesis."""
    return tx.scalar(select(Checkpoint).order_by(Checkpoint.seq.desc()).limit(1))


@remembered
def checkpoints_of_size(tx: Session, epoch: int, size: int) -> list[Checkpoint]:
    """Return the heads signed at one size, oldest first: an idle log repeats its head."""
    query = select(Checkpoint).where(Checkpoint.epoch == epoch, Checkpoint.size == size)
    return list(tx.scalars(query.order_by(Checkpoint.seq)))


def with_leaf(tx: Session, submission_ids: Iterable[UUID]) -> list[tuple[Statement, Leaf]]:
    """Return the statements of some submissions that have a leaf, in log order."""
    query = (
        select(Statement, Leaf)
        .join(Leaf, Leaf.statement_id == Statement.statement_id)
        .where(Statement.submission_id.in_(list(submission_ids)))
        .order_by(Leaf.epoch, Leaf.index)
    )
    return [(statement, leaf) for statement, leaf in tx.execute(query)]


def newest_anchor_by(tx: Session, moment: datetime) -> Anchor:
    """Return the newest head that was signed by `moment`; the genesis where none was."""
    query = select(Checkpoint, Epoch.origin).join(Epoch, Epoch.number == Checkpoint.epoch)
    earlier = query.where(Checkpoint.signed_at <= moment).order_by(Checkpoint.seq.desc()).limit(1)
    found = tx.execute(earlier).first() or tx.execute(query.where(Checkpoint.seq == 0)).one()
    return Anchor(found[1], found[0].size, found[0].root_hash)


def stored_size(tx: Session, epoch: int) -> int:
    """Return how many leaves of an epoch are stored, under a checkpoint or not yet."""
    last = tx.scalar(select(func.max(Leaf.index)).where(Leaf.epoch == epoch))
    return 0 if last is None else last + 1


def leaf_hashes(tx: Session, epoch: int, start: int, end: int) -> Iterator[bytes]:
    """Yield the hashes of leaves `start` to `end - 1`, computed from the stored data.

    Raises:
        LookupError: a leaf in between is missing.
    """
    for page in range(start, end, _PAGE):
        until = min(page + _PAGE, end)
        query = select(Leaf.index, Leaf.data).where(
            Leaf.epoch == epoch, Leaf.index >= page, Leaf.index < until
        )
        expected = page
        for index, data in tx.execute(query.order_by(Leaf.index)):
            if index != expected:
                break
            yield leaf_hash(data)
            expected += 1
        if expected != until:
            msg = f"leaf {expected} is missing"
            raise LookupError(msg)


def leaf_data(tx: Session, epoch: int, start: int, end: int) -> list[bytes]:
    """Return the data of leaves `start` to `end - 1`."""
    query = select(Leaf.data).where(Leaf.epoch == epoch, Leaf.index >= start, Leaf.index < end)
    return list(tx.scalars(query.order_by(Leaf.index)))


def nodes(tx: Session, epoch: int, wanted: Iterable[Node]) -> dict[Node, bytes]:
    """Return the stored hashes at some places; a missing one is missing in the answer."""
    places = list(dict.fromkeys(wanted))
    if not places:
        return {}
    found: dict[Node, bytes] = {}
    for start in range(0, len(places), _PAGE):
        page = places[start : start + _PAGE]
        query = select(StoredNode).where(
            StoredNode.epoch == epoch, tuple_(StoredNode.level, StoredNode.index).in_(page)
        )
        found |= {Node(row.level, row.index): row.hash for row in tx.scalars(query)}
    return found


def peaks(tx: Session, epoch: int, size: int) -> list[bytes]:
    """Return the stored hashes of the complete subtrees of a tree of `size`, left to right.

    Raises:
        LookupError: one is missing.
    """
    places = cover(0, size)
    stored = nodes(tx, epoch, places)
    missing = [place for place in places if place not in stored]
    if missing:
        msg = f"node {missing[0]} is missing"
        raise LookupError(msg)
    return [stored[place] for place in places]


def root(tx: Session, epoch: int, size: int) -> bytes:
    """Return the root of the tree of `size` out of its stored nodes; raises like `peaks`."""
    return fold(peaks(tx, epoch, size))


@remembered
def places(tx: Session, statement_ids: Iterable[str]) -> dict[str, Position]:
    """Return (epoch, leaf index) of those of the statements that have a leaf."""
    query = select(Leaf.statement_id, Leaf.epoch, Leaf.index).where(
        Leaf.statement_id.in_(list(statement_ids))
    )
    return {name: (epoch, index) for name, epoch, index in tx.execute(query)}


def proof_nodes(
    tx: Session, epoch: int, paths: Iterable[Iterable[Sequence[Node]]]
) -> dict[Node, bytes]:
    """Return every stored hash that some proofs in one tree need, in one query."""
    return nodes(tx, epoch, (node for path in paths for group in path for node in group))


def enqueue(tx: Session, kind: QueueKind, *items: UUID) -> None:
    """Put items before the sequencer and wake it when this transaction commits."""
    # Not through the ORM: reading the row back would need a right the app role does not have.
    insert_many(tx, Queue, ({"id": item, "kind": kind, "state": "queued"} for item in items))
    tx.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


def add_leaves(tx: Session, epoch: int, leaves: Iterable[tuple[int, str, bytes]]) -> None:
    """Store leaves: index, statement id, data."""
    rows = [{"epoch": epoch, "index": i, "statement_id": s, "data": d} for i, s, d in leaves]
    insert_many(tx, Leaf, rows)


def add_nodes(tx: Session, epoch: int, grown: Iterable[tuple[Node, bytes]]) -> None:
    """Store the hashes of subtrees that became complete."""
    rows = [
        {"epoch": epoch, "level": node.level, "index": node.number, "hash": found}
        for node, found in grown
    ]
    insert_many(tx, StoredNode, rows)
