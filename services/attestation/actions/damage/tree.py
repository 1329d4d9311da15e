"""The log of every epoch from its bytes up: leaves, nodes, heads, bundles."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from rensho import bundle as bundles
from rensho import checkpoint, merkle, strict_json, succession
from rensho.bundle import LogEntry
from rensho.dsse import Envelope
from rensho.errors import VerificationError
from rensho.succession import SUCCESSION
from rensho.trust import Deployment
from rensho.trust import Epoch as KnownEpoch
from sqlalchemy import select

from services.attestation.rules import tree
from services.attestation.rules.tree import Node
from services.attestation.store.log import Checkpoint, Epoch, Leaf, Queue, StoredNode
from services.attestation.store.statements import Bundle, Statement
from services.kit.damage import Damage, Look, damaged


@dataclass
class Log:
    """One epoch as derived anew: leaf hashes of what was signed, and every node over them."""

    known: KnownEpoch
    hashes: list[bytes] = field(default_factory=list)

    @cached_property
    def nodes(self) -> Mapping[Node, bytes]:
        """Every complete subtree; asked for once all leaves are there."""
        return dict(tree.grow(0, [], self.hashes))

    def root(self, size: int) -> bytes:
        """Return the root over the first leaves."""
        return tree.fold([self.nodes[node] for node in tree.cover(0, size)])


Logs = Mapping[int, Log]


def leaves(look: Look, here: Deployment, logs: Logs) -> Iterator[Damage]:
    """Look at every leaf, and fill in the logs as they should be.

    A leaf is there three times: its data, its statement, its hash among the nodes. What two of
    them agree on is believed, so that the one that was altered is the one that is named.
    """
    successions = _successions(look, here)
    query = (
        select(Leaf, Statement, StoredNode.hash)
        .outerjoin(Statement, Statement.statement_id == Leaf.statement_id)
        .outerjoin(
            StoredNode,
            (StoredNode.epoch == Leaf.epoch)
            & (StoredNode.level == 0)
            & (StoredNode.index == Leaf.index),
        )
        .order_by(Leaf.epoch, Leaf.index)
    )
    for leaf, statement, stored in look.each(query):
        if leaf.epoch not in logs or leaf.index < 0:
            yield damaged(leaf, "it is of no log of ours")
            continue
        hashes = logs[leaf.epoch].hashes
        if leaf.index - len(hashes) > _MOST_MISSING:
            yield damaged(leaf, "it lies far beyond the others")
            continue
        if leaf.index > len(hashes) and stored is None:
            yield damaged(leaf, "it lies beyond the next place, and no node stands over it")
        while len(hashes) < leaf.index:
            yield Damage("leaf", f"{leaf.epoch}/{len(hashes)}", "missing")
            hashes.append(b"\0" * merkle.HASH_SIZE)
        by_data = merkle.leaf_hash(leaf.data)
        origin = successions.get(leaf.epoch) if leaf.index == 0 else None
        by_origin = merkle.leaf_hash(origin) if origin is not None else _leaf_hash(statement)
        if by_origin is None:
            yield damaged(leaf, "its statement is missing, or has no key or signature")
        elif by_data != by_origin:
            yield (
                damaged(statement, "leaf and statement differ")
                if by_data == stored and statement is not None
                else damaged(leaf, "leaf and statement differ")
            )
        if by_origin is None or by_origin not in (stored, by_data):
            hashes.append(by_data)
        else:
            hashes.append(by_origin)


# More leaves than this are not reported missing one by one: an index was altered.
_MOST_MISSING = 10_000


def _successions(look: Look, here: Deployment) -> dict[int, bytes]:
    """Return leaf 0 of each epoch after the first: of the envelope its predecessor signed."""
    found = {}
    for row in look.tx.scalars(select(Epoch).where(Epoch.succession.is_not(None))):
        before = here.epochs[row.number - 1]
        try:
            envelope = Envelope.from_json(strict_json.loads(row.succession or b""), SUCCESSION)
            found[row.number] = succession.leaf_of(envelope, before.key)
        except VerificationError:
            # Named where epochs are looked at.
            continue
    return found


def _leaf_hash(statement: Statement | None) -> bytes | None:
    try:
        return merkle.leaf_hash(statement.leaf) if statement is not None else None
    except VerificationError:
        return None


def nodes(look: Look, logs: Logs) -> Iterator[Damage]:
    """Look at every stored hash: tiles are nothing but these, side by side."""
    unseen = {(number, place) for number, log in logs.items() for place in log.nodes}
    for row in look.each(select(StoredNode)):
        place = Node(row.level, row.index)
        wanted = logs[row.epoch].nodes.get(place) if row.epoch in logs else None
        if wanted is None:
            yield damaged(row, "beyond the tree")
        elif wanted != row.hash:
            yield damaged(row, "not the hash of what is below it")
        unseen.discard((row.epoch, place))
    for number, place in sorted(unseen):
        yield Damage("node", f"{number}/{place.level}/{place.number}", "missing")


def checkpoints(look: Look, here: Deployment, logs: Logs) -> Iterator[Damage]:
    """Look at every head: signed by its log's keys, over these leaves, after the one before."""
    previous: Checkpoint | None = None
    for row in look.each(select(Checkpoint).order_by(Checkpoint.seq)):
        if row.seq != (previous.seq + 1 if previous else 0):
            yield damaged(row, "the one before it is missing")
        if previous and (row.epoch, row.size) < (previous.epoch, previous.size):
            yield damaged(row, "the log became smaller")
        if previous and row.signed_at < previous.signed_at:
            yield damaged(row, "time went back")
        previous = row
        if row.epoch not in logs:
            yield damaged(row, "it is of no log of ours")
        elif what := _wrong_with(row, here, logs[row.epoch]):
            yield damaged(row, what)
    if previous is None:
        yield Damage("checkpoint", "0", "missing")


def _wrong_with(row: Checkpoint, here: Deployment, log: Log) -> str | None:
    try:
        note = checkpoint.open(row.note, here.note_keys(log.known))
    except VerificationError as why:
        return f"the note does not verify: {why.code}"
    if (note.origin, note.size, note.root_hash) != (log.known.origin, row.size, row.root_hash):
        return "the row is not what the note says"
    if row.signed_at != note.cosigned_at.get(log.known.time_note_key):
        return "signed_at is not what the time key says"
    if note.size > len(log.hashes):
        return "it is over more leaves than are stored"
    if note.root_hash != log.root(note.size):
        return "it is over another tree"
    return None


def stored_bundles(look: Look, here: Deployment, logs: Logs) -> Iterator[Damage]:
    """Look at every bundle: made once more of its statement, its leaf and its first head."""
    query = (
        select(Leaf, Statement, Bundle, Queue.state)
        .join(Statement, Statement.statement_id == Leaf.statement_id)
        .outerjoin(Bundle, Bundle.statement_id == Leaf.statement_id)
        .outerjoin(Queue, Queue.id == Statement.submission_id)
    )
    for leaf, statement, row, state in look.each(query):
        if row is None:
            if state != "appended":
                yield Damage("bundle", leaf.statement_id, "missing")
        elif leaf.epoch in logs and not _is_bundle_of(row, leaf, statement, here, logs[leaf.epoch]):
            yield damaged(row, "not the bundle of its statement and leaf")
    logged = select(Leaf.index).where(Leaf.statement_id == Bundle.statement_id).exists()
    for row in look.each(select(Bundle).where(~logged)):
        yield damaged(row, "its statement is not in the log")


def _is_bundle_of(
    row: Bundle, leaf: Leaf, statement: Statement, here: Deployment, log: Log
) -> bool:
    try:
        entry = bundles.parse(row.content).entry
        if entry is None:
            return False
        head = checkpoint.open(entry.checkpoint, here.note_keys(log.known))
        if log.known.time_note_key not in head.cosigned_at or head.size != row.tree_size:
            return False
        path = tree.inclusion(leaf.index, head.size)
        again = LogEntry(
            index=leaf.index,
            log_id=log.known.log_id,
            body=leaf.data,
            tree_size=head.size,
            root_hash=head.root_hash,
            hashes=tuple(tree.proof(path, log.nodes)),
            checkpoint=entry.checkpoint,
        )
        merkle.verify_inclusion(
            merkle.leaf_hash(leaf.data), leaf.index, head.size, again.hashes, head.root_hash
        )
        return bundles.make(statement.envelope, statement.key, again) == row.content
    except (VerificationError, LookupError, ValueError):
        return False
