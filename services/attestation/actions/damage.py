"""Looking for damage: everything stored is derived once more and compared, and what differs is
named by table and row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rensho import bundle as bundles
from rensho import checkpoint, disclosure, dsse, jcs, merkle, strict_base64, strict_json
from rensho import statement as said
from rensho.bundle import LogEntry
from rensho.documents import sha256
from rensho.dsse import Envelope
from rensho.errors import VerificationError
from rensho.keys import PublicKey
from rensho.sign import PROMISE, Promise
from rensho.trust import Deployment, Trust
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.attestation.rules import tree
from services.attestation.rules.names import org_urn
from services.attestation.rules.tree import Node
from services.attestation.store import keys, statements
from services.attestation.store.keys import KeyEvent
from services.attestation.store.log import Checkpoint, Leaf, Queue, StoredNode
from services.attestation.store.statements import (
    Bundle,
    Disclosure,
    Document,
    Refusal,
    Statement,
    Submission,
)

_AT_ONCE = 1_000


@dataclass(frozen=True)
class Damage:
    """Something that is not as it was signed: where, and what is wrong with it."""

    table: str
    row: str
    what: str


@dataclass
class _Log:
    """The log as derived anew: leaf hashes of what was signed, and every node over them."""

    hashes: list[bytes]
    nodes: Mapping[Node, bytes]

    def root(self, size: int) -> bytes:
        return tree.fold([self.nodes[node] for node in tree.cover(0, size)])


def fsck(tx: Session, trust: Trust) -> list[Damage]:
    """Return all damage found, none for a clean log.

    Args:
        tx: a transaction of the worker role, which sees every row.
        trust: the public keys, from outside the database where possible.
    """
    here = trust.deployments[0]
    found = [*_statements(tx, here)]
    leaves, rebuilt = _leaves(tx)
    found += leaves
    found += _nodes(tx, rebuilt)
    found += _checkpoints(tx, here, rebuilt)
    found += _promises(tx, here)
    found += _bundles(tx, here, rebuilt)
    found += _chains(tx)
    found += _beside(tx)
    found += _unfinished(tx)
    return found


def _statements(tx: Session, here: Deployment) -> Iterator[Damage]:
    for row in tx.scalars(select(Statement).execution_options(yield_per=_AT_ONCE)):
        for what in _wrong_with(row, here):
            yield Damage("statement", row.statement_id, what)


def _wrong_with(row: Statement, here: Deployment) -> Iterator[str]:
    if dsse.statement_id(row.payload) != row.statement_id:
        yield "the payload is of another statement"
        return
    try:
        row.envelope.open(row.key)
        told = said.parse(row.payload, [here.predicate_base])
    except VerificationError as why:
        yield f"it does not verify: {why.code}"
        return
    repeated = {
        "type": told.name,
        "key_id": told.signer_key_id,
        "signer_role": told.signer_role,
        "subject_sha256": told.subject_sha256,
        "response_id": told.response[0] if told.response else None,
        "revision": told.response[1] if told.response else None,
        "supersedes": told.supersedes,
        "attested_at": told.attested_at,
        "not_after": told.not_after,
        "anchor_size": told.anchor.size if told.anchor else None,
    }
    for column, value in repeated.items():
        stored = getattr(row, column)
        if value != (str(stored) if column == "response_id" and stored else stored):
            yield f"{column} is not what was signed"
    owner = told.signer_org
    match told.name:
        case "key-event":
            owner = told.predicate["org"]
        case "risk-snapshot":
            owner = told.predicate["requester"]
    if org_urn(row.owner_org_id) != owner:
        yield "owner_org_id is not what was signed"
    if row.public != (told.name == "key-event" or told.predicate.get("audience") == "public"):
        yield "public is not what was signed"


def _leaves(tx: Session) -> tuple[list[Damage], _Log]:
    """Return what is wrong with leaves, and the log they should be.

    A leaf is there three times: its data, its statement, its hash among the nodes. What two of
    them agree on is believed, so that the one that was altered is the one that is named.
    """
    found: list[Damage] = []
    hashes: list[bytes] = []
    query = (
        select(Leaf, Statement, StoredNode.hash)
        .outerjoin(Statement, Statement.statement_id == Leaf.statement_id)
        .outerjoin(StoredNode, (StoredNode.level == 0) & (StoredNode.index == Leaf.index))
        .order_by(Leaf.index)
        .execution_options(yield_per=_AT_ONCE)
    )
    for leaf, statement, stored in tx.execute(query):
        while len(hashes) < leaf.index:
            found.append(Damage("leaf", str(len(hashes)), "missing"))
            hashes.append(b"\0" * merkle.HASH_SIZE)
        by_data = merkle.leaf_hash(leaf.data)
        by_statement = _leaf_hash(statement) if statement is not None else None
        if by_statement is None:
            found.append(Damage("statement", leaf.statement_id, "missing, or no key or signature"))
        elif by_data != by_statement:
            blamed = (
                ("statement", leaf.statement_id)
                if by_data == stored
                else (
                    "leaf",
                    str(leaf.index),
                )
            )
            found.append(Damage(*blamed, "leaf and statement differ"))
        hashes.append(by_statement if by_statement in (stored, by_data) else by_data)
    nodes = dict(tree.grow(0, [], hashes))
    return found, _Log([h or b"" for h in hashes], nodes)


def _leaf_hash(statement: Statement) -> bytes | None:
    try:
        return merkle.leaf_hash(statement.leaf)
    except VerificationError:
        return None


def _nodes(tx: Session, rebuilt: _Log) -> Iterator[Damage]:
    unseen = set(rebuilt.nodes)
    for row in tx.scalars(select(StoredNode).execution_options(yield_per=_AT_ONCE)):
        place = Node(row.level, row.index)
        name = f"{row.level}/{row.index}"
        if place not in rebuilt.nodes:
            yield Damage("node", name, "beyond the tree")
        elif rebuilt.nodes[place] != row.hash:
            yield Damage("node", name, "not the hash of what is below it")
        unseen.discard(place)
    for place in sorted(unseen):
        yield Damage("node", f"{place.level}/{place.number}", "missing")


def _checkpoints(tx: Session, here: Deployment, rebuilt: _Log) -> Iterator[Damage]:
    epoch = here.epochs[-1]
    previous: Checkpoint | None = None
    for row in tx.scalars(select(Checkpoint).order_by(Checkpoint.seq)):
        name = str(row.seq)
        if row.seq != (previous.seq + 1 if previous else 0):
            yield Damage("checkpoint", name, "the one before it is missing")
        if previous and (row.size < previous.size or row.signed_at <= previous.signed_at):
            yield Damage("checkpoint", name, "size or time went back")
        previous = row
        try:
            note = checkpoint.open(row.note, here.note_keys(epoch))
        except VerificationError as why:
            yield Damage("checkpoint", name, f"the note does not verify: {why.code}")
            continue
        if (note.origin, note.size, note.root_hash) != (epoch.origin, row.size, row.root_hash):
            yield Damage("checkpoint", name, "the row is not what the note says")
        seen_at = note.cosigned_at.get(epoch.time_note_key)
        if seen_at != row.signed_at.replace(microsecond=0):
            yield Damage("checkpoint", name, "signed_at is not what the time key says")
        if note.size > len(rebuilt.hashes):
            yield Damage("checkpoint", name, "it is over more leaves than are stored")
        elif note.root_hash != rebuilt.root(note.size):
            yield Damage("checkpoint", name, "it is over another tree")
    if previous is None:
        yield Damage("checkpoint", "0", "missing")


def _promises(tx: Session, here: Deployment) -> Iterator[Damage]:
    query = (
        select(statements.Promise, Submission, Leaf.index, Queue.state)
        .join(Statement, Statement.statement_id == statements.Promise.statement_id)
        .join(Submission, Submission.id == Statement.submission_id)
        .outerjoin(Leaf, Leaf.statement_id == Statement.statement_id)
        .outerjoin(Queue, Queue.id == Submission.id)
        .execution_options(yield_per=_AT_ONCE)
    )
    for row, submission, index, state in tx.execute(query):
        if index is None and state != "promised":
            yield Damage("leaf", row.statement_id, "missing: the statement was promised")
        if what := _wrong_with_promise(row, submission, here):
            yield Damage("promise", row.statement_id, what)


def _wrong_with_promise(
    row: statements.Promise, submission: Submission, here: Deployment
) -> str | None:
    try:
        value = strict_json.loads(row.envelope)
        envelope = Envelope.from_json(value, PROMISE)
        signer = here.fixed_key(envelope.keyid)
        if signer is None or jcs.dumps(envelope.to_json()) != row.envelope:
            return "not by a known operator key, or rewritten"
        word = Promise.parse(envelope.open(signer[0]))
    except VerificationError as why:
        return f"it does not verify: {why.code}"
    if word.statement_id != row.statement_id:
        return "it is for another statement"
    if not word.received_at == row.received_at == submission.received_at:
        return "received_at is not what was promised"
    return None


def _bundles(tx: Session, here: Deployment, rebuilt: _Log) -> Iterator[Damage]:
    query = (
        select(Leaf, Statement, Bundle, Queue.state)
        .join(Statement, Statement.statement_id == Leaf.statement_id)
        .outerjoin(Bundle, Bundle.statement_id == Leaf.statement_id)
        .outerjoin(Queue, Queue.id == Statement.submission_id)
        .execution_options(yield_per=_AT_ONCE)
    )
    for leaf, statement, row, state in tx.execute(query):
        if row is None:
            if state != "appended":
                yield Damage("bundle", leaf.statement_id, "missing")
        elif not _is_bundle_of(row, leaf, statement, here, rebuilt):
            yield Damage("bundle", leaf.statement_id, "not the bundle of its statement and leaf")


def _is_bundle_of(
    row: Bundle, leaf: Leaf, statement: Statement, here: Deployment, rebuilt: _Log
) -> bool:
    epoch = here.epochs[-1]
    try:
        entry = bundles.parse(row.content).entry
        if entry is None:
            return False
        head = checkpoint.open(entry.checkpoint, here.note_keys(epoch))
        if epoch.time_note_key not in head.cosigned_at or head.size != row.tree_size:
            return False
        path = tree.inclusion(leaf.index, head.size)
        again = LogEntry(
            index=leaf.index,
            log_id=epoch.log_id,
            body=leaf.data,
            tree_size=head.size,
            root_hash=head.root_hash,
            hashes=tuple(tree.proof(path, rebuilt.nodes)),
            checkpoint=entry.checkpoint,
        )
        merkle.verify_inclusion(
            merkle.leaf_hash(leaf.data), leaf.index, head.size, again.hashes, head.root_hash
        )
        return bundles.make(statement.envelope, statement.key, again) == row.content
    except (VerificationError, LookupError):
        return False


def _chains(tx: Session) -> Iterator[Damage]:
    for org_id in tx.scalars(select(KeyEvent.org_id).distinct()):
        previous: str | None = None
        for event, statement, _ in keys.logged_events(tx, org_id):
            if event.prev != previous or not _is_what_was_signed(event, statement):
                yield Damage("key_event", event.statement_id, "not the next of its firm's chain")
            previous = event.statement_id


def _is_what_was_signed(event: KeyEvent, statement: Statement) -> bool:
    try:
        told: dict[str, Any] = strict_json.loads(statement.payload)["predicate"]
        key = PublicKey.from_der(strict_base64.decode(told["key"]["spki"]))
    except (VerificationError, LookupError, TypeError):
        # The payload itself is damaged, and named where statements are looked at.
        return True
    return (told["prev"], told["event"], told["roles"], told["org"], key.key_id) == (
        event.prev,
        event.event,
        event.roles,
        org_urn(event.org_id),
        event.key_id,
    )


def _beside(tx: Session) -> Iterator[Damage]:
    for document in tx.scalars(select(Document).execution_options(yield_per=_AT_ONCE)):
        if sha256(document.content) != document.sha256:
            yield Damage("document", document.sha256, "the content has another digest")
    for opened in tx.scalars(select(Disclosure).execution_options(yield_per=_AT_ONCE)):
        try:
            disclosure.parse(opened.text)
            intact = disclosure.digest(opened.text) == opened.digest
        except VerificationError:
            intact = False
        if not intact:
            name = f"{opened.statement_id}/{opened.kind}/{opened.digest}"
            yield Damage("disclosure", name, "the text has another digest")


def _unfinished(tx: Session) -> Iterator[Damage]:
    """What was acknowledged must wait, be refused, or be in the log."""
    lost = (
        select(Submission.id)
        .outerjoin(Queue, Queue.id == Submission.id)
        .outerjoin(Refusal, Refusal.submission_id == Submission.id)
        .outerjoin(Statement, Statement.submission_id == Submission.id)
        .outerjoin(Leaf, Leaf.statement_id == Statement.statement_id)
        .where(Queue.id.is_(None), Refusal.submission_id.is_(None), Leaf.index.is_(None))
        .distinct()
    )
    for submission_id in tx.scalars(lost):
        yield Damage("submission", str(submission_id), "acknowledged and nowhere in the log")
