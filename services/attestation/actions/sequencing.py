"""The order of writes that makes a queue a log. One function is one step, one transaction.

Every step finds its work in what the steps before it committed, so a fresh sequencer after a crash
does nothing special: it runs the same steps. Between any two of them the process may die.

    promise     a word given, signed, for each statement
    append      leaves and tree nodes, in one piece
    next_head   the new root, computed a second way from stored rows; refuses what does not fit
    (guard)     the head goes to the guard file, fsynced, before anything is signed
    sign_head   the checkpoint, by compare-and-swap
    publish     proofs, bundles, and the events that tell the others
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID

from rensho import checkpoint, dsse, jcs, strict_json, times
from rensho.checkpoint import NoteKey
from rensho.dsse import Envelope
from rensho.errors import VerificationError
from rensho.keyring import NOT_LOGGED, KeyRing
from rensho.keys import PrivateKey, PublicKey
from rensho.merkle import EMPTY_ROOT, leaf_hash
from rensho.predicates import TypeName
from rensho.sign import PROMISE, Promise
from rensho.statement import KEY_EVENT, RISK_SNAPSHOT, STATUS
from rensho.succession import SUCCESSION, leaf_of
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from services.attestation.rules import tree
from services.attestation.rules.batch import Queued, in_log_order
from services.attestation.rules.guard import Head, SequencerRefused
from services.attestation.rules.names import org_urn
from services.attestation.store import epochs, keys, log, statements
from services.attestation.store.log import Checkpoint, Epoch, Leaf, Queue, TrustedKey
from services.attestation.store.statements import Refusal, Statement, Submission
from services.kit.bulk import insert_many
from services.kit.clock import whole_second
from services.kit.outbox import say

INCLUDE_WITHIN = timedelta(seconds=60)
IDLE_HEAD_AFTER = timedelta(hours=1)
BATCH = 500
_BY_FIXED_KEYS = (KEY_EVENT, RISK_SNAPSHOT, STATUS)


@dataclass(frozen=True)
class Keys:
    """What the sequencer alone holds, and the public key the risk service signs with."""

    log: PrivateKey
    time: PrivateKey
    operator: PrivateKey
    risk: PublicKey

    def note_keys(self, origin: str) -> tuple[NoteKey, NoteKey]:
        """Return the log key and the time key as a reader of notes knows them."""
        return (
            NoteKey(origin, self.log.public.raw_ed25519),
            NoteKey(origin, self.time.public.raw_ed25519, "cosignature"),
        )


def open_log(
    tx: Session, keys_: Keys, origin: str, base: str, now: datetime, *, demo: bool
) -> None:
    """Begin the log with a signed head of size 0, which the first key events anchor to.

    The guard file already names this empty tree. A crash before the commit leaves no log; the next
    run opens it, and nobody has seen the note that was lost.
    """
    tx.add(
        Epoch(
            number=0,
            origin=origin,
            predicate_base=base,
            log_key=keys_.log.public.raw_ed25519,
            time_key=keys_.time.public.raw_ed25519,
            demo=demo,
            opened_at=whole_second(now),
        )
    )
    sign_genesis(tx, keys_, origin, 0, now)


def sign_genesis(tx: Session, keys_: Keys, origin: str, seq: int, now: datetime) -> None:
    """Sign the head of size 0 of the log just begun."""
    _sign(tx, keys_, Head(origin, 0, EMPTY_ROOT), seq, now)


def publish_keys(tx: Session, keys_: Keys) -> None:
    """Let Trust name the keys in use: the web process reads them here and never a key file."""
    listed = log.trusted_keys(tx)
    known = {(key.role, key.spki) for key in listed}
    wanted = {("operator", keys_.operator.public.spki), ("service", keys_.risk.spki)}
    version = 1 + max((key.trust_version for key in listed), default=0)
    for role, spki in sorted(wanted - known):
        tx.add(TrustedKey(role=role, spki=spki, trust_version=version))
    tx.flush()


def promise(tx: Session, keys_: Keys) -> int:
    """Give the operator's word for what is queued; return how many submissions were taken.

    What a key revoked meanwhile has signed is refused here, whole. A log that shall end promises
    nothing more. A crash before the commit: no promise was ever shown, and the next run signs
    another one. After it: the word is given, and the row in the queue stays until it is kept.
    """
    opened = log.epochs(tx)
    if opened and epochs.is_frozen(tx, opened[-1].number):
        return 0
    taken = log.waiting(tx, "submission", "queued", BATCH)
    origin = opened[-1].origin if taken else ""
    submissions = statements.submissions_by_id(tx, [row.id for row in taken])
    by_submission = statements.statements_of_each(tx, submissions)
    rings: dict[UUID, KeyRing] = {}
    promised: list[dict[str, Any]] = []
    for row in taken:
        submission, signed = submissions[row.id], by_submission[row.id]
        if codes := _lapsed(tx, submission, signed, rings):
            _refuse(tx, submission, signed, codes)
            tx.delete(row)
            continue
        for one in signed:
            word = Promise(
                origin,
                one.statement_id,
                submission.received_at,
                submission.received_at + INCLUDE_WITHIN,
            )
            envelope = dsse.sign(keys_.operator, word.to_bytes(), PROMISE)
            promised.append(
                {
                    "statement_id": one.statement_id,
                    "envelope": jcs.dumps(envelope.to_json()),
                    "received_at": submission.received_at,
                }
            )
        row.state = "promised"
    insert_many(tx, statements.Promise, promised)
    tx.flush()
    return len(taken)


def append(tx: Session) -> int:
    """Give every promised statement its leaf; return how many leaves were added.

    All in one transaction: a crash before the commit leaves no leaf and no hole. After it the
    leaves are stored but under no checkpoint, so nobody has seen them; the next head covers them.
    """
    opened = log.epochs(tx)
    epoch = opened[-1].number if opened else 0
    if epochs.end_of(tx, epoch) is not None or _shows_no_succession(tx, epoch):
        return 0
    taken = log.waiting(tx, "submission", "promised", BATCH)
    if not taken:
        return 0
    by_id: dict[str, Statement] = {}
    queued = []
    for one, seq in keys.with_event_number(tx, [row.id for row in taken]):
        by_id[one.statement_id] = one
        place = one.place if seq is None else seq
        kind = cast("TypeName", one.type)
        queued.append(Queued(one.statement_id, one.submission_id, kind, place))
    size = log.stored_size(tx, epoch)
    leaves = [
        (index, found.statement_id, by_id[found.statement_id].leaf)
        for index, found in enumerate(
            in_log_order(queued, secrets.SystemRandom().shuffle), start=size
        )
    ]
    log.add_leaves(tx, epoch, leaves)
    hashes = [leaf_hash(data) for _, _, data in leaves]
    log.add_nodes(tx, epoch, tree.grow(size, log.peaks(tx, epoch, size), hashes))
    _move(tx, taken, "appended")
    return len(leaves)


def next_head(tx: Session, keys_: Keys, now: datetime) -> Head | None:
    """Return the head that should be signed now; None if the newest one still says it all.

    Reads what is stored, not what this process remembers: each new leaf is derived once more from
    its statement, and the root is computed from those leaves on top of the last *signed* head, by
    another way than the one that stored the nodes. A bit that flipped on the way here stops us
    while the log can still be repaired; once it is signed, it cannot.

    Raises:
        SequencerRefused: `log.corrupt` names what does not fit; `clock` if time went back.
    """
    last = log.newest_checkpoint(tx)
    assert last is not None, "the log is open"
    epoch = log.epochs(tx)[-1]
    if epochs.end_of(tx, epoch.number) is not None:
        return None
    size = log.stored_size(tx, epoch.number)
    if now < last.signed_at:
        raise SequencerRefused("clock", f"the last head was signed at {last.signed_at}")
    if size == last.size and now - last.signed_at < IDLE_HEAD_AFTER:
        return None
    try:
        peaks = log.peaks(tx, epoch.number, last.size)
        stored = log.root(tx, epoch.number, size)
    except LookupError as why:
        raise SequencerRefused("log.corrupt", str(why)) from why
    signed = refuse_altered_head(last, keys_.note_keys(epoch.origin))
    if tree.fold(peaks) != signed.root_hash:
        raise SequencerRefused("log.corrupt", f"the nodes below size {last.size} were altered")
    hashes = list(_rederived(tx, epoch.number, last.size, size))
    if tree.extend(last.size, peaks, hashes) != stored:
        raise SequencerRefused("log.corrupt", f"two ways to the root of size {size} differ")
    grown = dict(tree.grow(last.size, peaks, hashes))
    if log.nodes(tx, epoch.number, grown) != grown:
        # The root would hold and the proofs would not.
        raise SequencerRefused("log.corrupt", f"a node between {last.size} and {size} was altered")
    return Head(epoch.origin, size, stored)


def sign_head(tx: Session, keys_: Keys, head: Head, now: datetime) -> None:
    """Sign and store the head that the guard file names; the signature exists from here on.

    The primary key is the compare-and-swap: whoever signs number n + 1 has seen number n, and of
    two the second breaks it and stops. A crash before the commit: the note is lost unseen, and the
    next run signs the same tree, as the guard demands. If the outcome of the commit is unknown,
    the process must end and look again, never sign again from memory.
    """
    last = log.newest_checkpoint(tx)
    assert last is not None, "the log is open"
    if now < last.signed_at:
        raise SequencerRefused("clock", f"the last head was signed at {last.signed_at}")
    _sign(tx, keys_, head, last.seq + 1, now)


def refuse_altered_head(row: Checkpoint, note_keys: Iterable[NoteKey]) -> checkpoint.Checkpoint:
    """Return a stored head, verified. Raises `SequencerRefused` (`log.corrupt`)."""
    try:
        found = checkpoint.open(row.note, note_keys)
    except VerificationError as why:
        detail = f"checkpoint {row.seq} does not verify: {why.code}"
        raise SequencerRefused("log.corrupt", detail) from why
    if (found.size, found.root_hash) != (row.size, row.root_hash):
        raise SequencerRefused("log.corrupt", f"checkpoint {row.seq} is another than its note")
    return found


def _sign(tx: Session, keys_: Keys, head: Head, seq: int, now: datetime) -> None:
    note = checkpoint.sign(head.origin, head.size, head.root_hash, keys_.log)
    # A note has no clock; this line is the operator's word on when it signed, never a witness.
    note = checkpoint.add_cosignature(note, head.origin, keys_.time, now)
    tx.add(
        Checkpoint(
            seq=seq,
            epoch=log.epochs(tx)[-1].number,
            size=head.size,
            root_hash=head.root_hash,
            note=note,
            # As the time key's line says it: a fraction would be bound by nothing.
            signed_at=whole_second(now),
        )
    )
    tx.flush()
    say(
        tx,
        "checkpoint.signed.v1",
        origin=head.origin,
        size=head.size,
        root_hash=head.root_hash.hex(),
        signed_at=times.write(now),
    )


def _rederived(tx: Session, epoch: int, start: int, end: int) -> Iterable[bytes]:
    query = (
        select(Leaf, Statement)
        .outerjoin(Statement, Statement.statement_id == Leaf.statement_id)
        .where(Leaf.epoch == epoch, Leaf.index >= start, Leaf.index < end)
        .order_by(Leaf.index)
    )
    expected = start
    for leaf, statement in tx.execute(query):
        if leaf.index != expected:
            break
        fits = _fits(leaf, statement) if statement else _fits_succession(tx, leaf)
        if not fits:
            raise SequencerRefused(
                "log.corrupt", f"leaf {leaf.index} is not that of statement {leaf.statement_id}"
            )
        yield leaf_hash(leaf.data)
        expected += 1
    if expected != end:
        raise SequencerRefused("log.corrupt", f"leaf {expected} is missing")


def _fits(leaf: Leaf, statement: Statement) -> bool:
    try:
        statement.envelope.open(statement.key)
        return (
            dsse.statement_id(statement.payload) == leaf.statement_id
            and statement.leaf == leaf.data
        )
    except VerificationError:
        return False


def _fits_succession(tx: Session, leaf: Leaf) -> bool:
    opened = {epoch.number: epoch for epoch in log.epochs(tx)}
    epoch, old = opened[leaf.epoch], opened.get(leaf.epoch - 1)
    if leaf.index or old is None or epoch.succession is None:
        return False
    try:
        envelope = Envelope.from_json(strict_json.loads(epoch.succession), SUCCESSION)
        envelope.open(PublicKey.from_raw_ed25519(old.log_key))
        return leaf_of(envelope, old.log_key) == leaf.data
    except VerificationError:
        return False


def _shows_no_succession(tx: Session, epoch: int) -> bool:
    """Whether a log that follows another has no head of size 1 yet, which shows its leaf 0."""
    return epoch > 0 and not log.checkpoints_of_size(tx, epoch, 1)


def _lapsed(
    tx: Session,
    submission: Submission,
    signed: Sequence[Statement],
    rings: dict[UUID, KeyRing],
) -> list[str]:
    """Return why a key may not sign any more what it could when the submission came in.

    `rings` remembers the keys of each organization for as long as this transaction.
    """
    by_keys = [one for one in signed if one.type not in _BY_FIXED_KEYS]
    if not by_keys:
        return []
    owner = submission.owner_org_id
    if owner not in rings:
        # What was stated and has no leaf yet goes into the log before what is promised now.
        rings[owner] = KeyRing((*keys.ring_events(tx, [owner]), *keys.unlogged_events(tx, [owner])))
    ring, org = rings[owner], org_urn(owner)
    found: dict[str, None] = {}
    for one in by_keys:
        record = ring.record(one.key_id, org)
        if record is None:
            return ["key.unknown"]
        found |= dict.fromkeys(
            code
            for code, _ in record.state_at(
                NOT_LOGGED, submission.received_at, submission.received_at
            )
        )
    return list(found)


def _refuse(
    tx: Session, submission: Submission, signed: Sequence[Statement], codes: list[str]
) -> None:
    tx.add(Refusal(submission_id=submission.id, codes=codes, refused_at=submission.received_at))
    for one in signed:
        say(
            tx,
            "statement.refused.v1",
            statement_id=one.statement_id,
            statement_type=one.type,
            org_id=one.owner_org_id,
            codes=codes,
        )


def _move(tx: Session, rows: Sequence[Queue], state: log.QueueState) -> None:
    ids = [row.id for row in rows]
    tx.execute(update(Queue).where(Queue.id.in_(ids)).values(state=state))
