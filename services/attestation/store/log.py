"""The log: leaves, tree, signed heads, the queue in front of it, and the keys it is signed with."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from rensho.merkle import leaf_hash
from sqlalchemy import CheckConstraint, Index, func, insert, select, text, tuple_
from sqlalchemy.orm import Mapped, Session, mapped_column

from services.attestation.rules.tree import Node, cover, fold
from services.attestation.store.base import Base, Big, Bytes, Moment, Sha256
from services.attestation.store.statements import Statement

QueueKind = Literal["submission", "enrolment", "confirmation"]
QueueState = Literal["queued", "promised", "appended", "review"]
CHANNEL = "rensho_sequencer"
_PAGE = 5_000


class Epoch(Base):
    """One log: its origin and the raw public keys it is signed with. `number` counts from 0.

    Here so that the web process can build the Trust file without being able to read a key file.
    """

    __tablename__ = "epoch"
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    origin: Mapped[str] = mapped_column(unique=True)
    predicate_base: Mapped[str]
    log_key: Mapped[Bytes]
    time_key: Mapped[Bytes]
    demo: Mapped[bool]
    opened_at: Mapped[Moment]


class TrustedKey(Base):
    """A key of the operator or of the risk service; keys published together share a version."""

    __tablename__ = "trusted_key"
    role: Mapped[str] = mapped_column(primary_key=True)
    spki: Mapped[Bytes] = mapped_column(primary_key=True)
    trust_version: Mapped[int]


class Leaf(Base):
    """One leaf; `index` counts from 0 without a gap."""

    __tablename__ = "leaf"
    index: Mapped[Big] = mapped_column(primary_key=True, autoincrement=False)
    statement_id: Mapped[Sha256] = mapped_column(unique=True)
    data: Mapped[Bytes]


class StoredNode(Base):
    """The hash of one complete subtree, see `rules.tree`."""

    __tablename__ = "node"
    __table_args__ = (CheckConstraint("octet_length(hash) = 32", "hash_is_sha256"),)
    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    index: Mapped[Big] = mapped_column(primary_key=True, autoincrement=False)
    hash: Mapped[Bytes]


class Checkpoint(Base):
    """One signed tree head. Who writes `seq` n + 1 has seen n: the second one breaks the key."""

    __tablename__ = "checkpoint"
    __table_args__ = (Index("ix_checkpoint_size", "size"),)
    seq: Mapped[Big] = mapped_column(primary_key=True, autoincrement=False)
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


def waiting(tx: Session, kind: QueueKind, state: QueueState, limit: int) -> list[Queue]:
    """Return what waits, oldest first, locked until the transaction ends."""
    query = select(Queue).where(Queue.kind == kind, Queue.state == state).order_by(Queue.id)
    return list(tx.scalars(query.limit(limit).with_for_update()))


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


def checkpoints_of_size(tx: Session, size: int) -> list[Checkpoint]:
    """Return the heads signed at one size, oldest first: an idle log repeats its head."""
    query = select(Checkpoint).where(Checkpoint.size == size).order_by(Checkpoint.seq)
    return list(tx.scalars(query))


def with_leaf(tx: Session, submission_ids: Iterable[UUID]) -> list[tuple[Statement, Leaf]]:
    """Return the statements of some submissions that have a leaf, in log order."""
    query = (
        select(Statement, Leaf)
        .join(Leaf, Leaf.statement_id == Statement.statement_id)
        .where(Statement.submission_id.in_(list(submission_ids)))
        .order_by(Leaf.index)
    )
    return [(statement, leaf) for statement, leaf in tx.execute(query)]


def first_covering(tx: Session, index: int) -> Checkpoint | None:
    """Return the first head that was signed over leaf `index`; None while there is none."""
    query = select(Checkpoint).where(Checkpoint.size > index).order_by(Checkpoint.seq)
    return tx.scalar(query.limit(1))


def newest_head_by(tx: Session, moment: datetime) -> Checkpoint | None:
    """Return the newest head that was signed by `moment`; the genesis where none was."""
    earlier = select(Checkpoint).where(Checkpoint.signed_at <= moment)
    found = tx.scalar(earlier.order_by(Checkpoint.seq.desc()).limit(1))
    return found or tx.get(Checkpoint, 0)


def stored_size(tx: Session) -> int:
    """Return how many leaves are stored, under a checkpoint or not yet."""
    last = tx.scalar(select(func.max(Leaf.index)))
    return 0 if last is None else last + 1


def leaf_hashes(tx: Session, start: int, end: int) -> Iterator[bytes]:
    """Yield the hashes of leaves `start` to `end - 1`, computed from the stored data.

    Raises:
        LookupError: a leaf in between is missing.
    """
    for page in range(start, end, _PAGE):
        until = min(page + _PAGE, end)
        query = select(Leaf.index, Leaf.data).where(Leaf.index >= page, Leaf.index < until)
        expected = page
        for index, data in tx.execute(query.order_by(Leaf.index)):
            if index != expected:
                break
            yield leaf_hash(data)
            expected += 1
        if expected != until:
            msg = f"leaf {expected} is missing"
            raise LookupError(msg)


def leaf_data(tx: Session, start: int, end: int) -> list[bytes]:
    """Return the data of leaves `start` to `end - 1`."""
    query = select(Leaf.data).where(Leaf.index >= start, Leaf.index < end).order_by(Leaf.index)
    return list(tx.scalars(query))


def nodes(tx: Session, wanted: Iterable[Node]) -> dict[Node, bytes]:
    """Return the stored hashes at some places; a missing one is missing in the answer."""
    places = list(dict.fromkeys(wanted))
    if not places:
        return {}
    found: dict[Node, bytes] = {}
    for start in range(0, len(places), _PAGE):
        page = places[start : start + _PAGE]
        query = select(StoredNode).where(tuple_(StoredNode.level, StoredNode.index).in_(page))
        found |= {Node(row.level, row.index): row.hash for row in tx.scalars(query)}
    return found


def peaks(tx: Session, size: int) -> list[bytes]:
    """Return the stored hashes of the complete subtrees of a tree of `size`, left to right.

    Raises:
        LookupError: one is missing.
    """
    places = cover(0, size)
    stored = nodes(tx, places)
    missing = [place for place in places if place not in stored]
    if missing:
        msg = f"node {missing[0]} is missing"
        raise LookupError(msg)
    return [stored[place] for place in places]


def root(tx: Session, size: int) -> bytes:
    """Return the root of the tree of `size` out of its stored nodes; raises like `peaks`."""
    return fold(peaks(tx, size))


def indexes(tx: Session, statement_ids: Iterable[str]) -> dict[str, int]:
    """Return the leaf index of those of the statements that have one."""
    query = select(Leaf.statement_id, Leaf.index).where(Leaf.statement_id.in_(list(statement_ids)))
    return dict(tx.execute(query).all())


def proof_nodes(tx: Session, paths: Iterable[Iterable[Sequence[Node]]]) -> dict[Node, bytes]:
    """Return every stored hash that some proofs need, in one query."""
    return nodes(tx, (node for path in paths for group in path for node in group))


def enqueue(tx: Session, kind: QueueKind, item: UUID) -> None:
    """Put an item before the sequencer and wake it when this transaction commits."""
    # Not through the ORM: reading the row back would need a right the app role does not have.
    tx.execute(insert(Queue).values(id=item, kind=kind, state="queued"))
    tx.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})


def add_leaves(tx: Session, leaves: Iterable[tuple[int, str, bytes]]) -> None:
    """Store leaves: index, statement id, data."""
    rows = [{"index": i, "statement_id": s, "data": d} for i, s, d in leaves]
    tx.execute(insert(Leaf), rows)


def add_nodes(tx: Session, grown: Iterable[tuple[Node, bytes]]) -> None:
    """Store the hashes of subtrees that became complete."""
    rows = [{"level": node.level, "index": node.number, "hash": found} for node, found in grown]
    tx.execute(insert(StoredNode), rows)
