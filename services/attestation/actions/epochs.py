"""How one log ends and the next begins (profile section 4).

The order of writes:

    ask_freeze   a row; from the next round on nothing new is promised
    (rounds)     what was promised gets its leaf, its head, its bundle
    end          the final head is named; no leaf and no head of this log after it
    (keys)       log and time key of the next log, on the disk
    (guard)      the empty tree of the next log, fsynced, before anything of it is signed
    begin_next   the next log with its genesis and leaf 0, the succession, in one piece
    (round)      the head of size 1; then what waited in the queue

Whoever dies between two of them is followed by somebody who does the next: each step looks at what
is committed, and the keys of a log are made once. Even a succession that is signed twice is the
same to the byte, as it has no clock in it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Final
from uuid import UUID

from rensho import jcs, strict_base64, strict_json, succession
from rensho.epoch import Epoch as Log
from rensho.keys import PrivateKey
from rensho.merkle import leaf_hash
from sqlalchemy import delete, select, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.attestation.actions import sequencing
from services.attestation.actions.sequencing import Keys
from services.attestation.rules import guard, tree
from services.attestation.rules.guard import Head, SequencerRefused
from services.attestation.rules.names import log_origin
from services.attestation.store import epochs, log, witnesses
from services.attestation.store.epochs import EpochEnd, Freeze, TrustTerms
from services.attestation.store.log import Checkpoint, Epoch, Leaf, Queue, StoredNode
from services.attestation.store.statements import Statement
from services.kit.clock import whole_second

_UNDER_WAY: Final = ("promised", "appended")


@dataclass(frozen=True)
class Terms:
    """What Trust asks for beside keys: DER roots of time-stamps, and seconds a list is fresh."""

    tsa: tuple[bytes, ...] = ()
    status_max_age: int | None = None

    def to_bytes(self) -> bytes:
        """Return them as they are stored."""
        roots = [strict_base64.encode(root) for root in self.tsa]
        return jcs.dumps({"tsa": roots, "statusMaxAge": self.status_max_age})


def publish_terms(tx: Session, terms: Terms) -> None:
    """Let Trust say what it asks for; a change makes a new version."""
    last = epochs.newest_terms(tx)
    if last is None or last.terms != terms.to_bytes():
        tx.add(TrustTerms(version=last.version + 1 if last else 0, terms=terms.to_bytes()))
        tx.flush()


def trusted_terms(tx: Session) -> tuple[Terms, int]:
    """Return what Trust asks for, and the version of this part of it."""
    last = epochs.newest_terms(tx)
    if last is None:
        return Terms(), 0
    told = strict_json.loads(last.terms)
    roots = tuple(strict_base64.decode(root) for root in told["tsa"])
    return Terms(roots, told["statusMaxAge"]), last.version


def trusted_logs(tx: Session) -> tuple[Log, ...]:
    """Return every log as Trust names it: of one that ended, its last head and its successor."""
    opened, ends = log.epochs(tx), epochs.ends(tx)
    successors = {epoch.number - 1: epoch.succession for epoch in opened}
    return tuple(
        Log(
            epoch.origin,
            epoch.log_key,
            epoch.time_key,
            # A log has ended for the world when the next one is there.
            witnesses.note(tx, ends[epoch.number]) if epoch.number in successors else None,
            successors.get(epoch.number),
        )
        for epoch in opened
    )


def ask_freeze(tx: Session, now: datetime) -> None:
    """Ask that the log in use takes no more leaves. Repeating it changes nothing."""
    row = insert(Freeze).values(epoch=log.epochs(tx)[-1].number, asked_at=now)
    tx.execute(row.on_conflict_do_nothing())


def end(tx: Session, now: datetime) -> bool:
    """Name the final head of a log that was asked to freeze, once nothing is under way any more.

    Returns:
        Whether the log has ended, now or before. A crash before the commit: the next round looks
        again and finds the same head, as there is no newer one.
    """
    number = log.epochs(tx)[-1].number
    if not epochs.is_frozen(tx, number):
        return False
    if epochs.end_of(tx, number) is not None:
        return True
    head = _newest(tx)
    under_way = select(Queue.id).where(Queue.state.in_(_UNDER_WAY)).limit(1)
    if (
        tx.scalar(under_way) is not None
        or head.size != log.stored_size(tx, number)
        or not witnesses.has_quorum(tx, head.seq)
    ):
        return False
    _end(tx, head, None, now)
    return True


def beyond(tx: Session) -> list[UUID]:
    """Return the submissions whose leaves are under no head of this database (worker)."""
    head, number = _newest(tx), log.epochs(tx)[-1].number
    query = (
        select(Statement.submission_id)
        .join(Leaf, Leaf.statement_id == Statement.statement_id)
        .where(Leaf.epoch == number, Leaf.index >= head.size)
    )
    return list(tx.scalars(query.distinct()))


def take_out(tx: Session, again: Sequence[UUID]) -> None:
    """Take out the leaves under no head: nobody was shown them, and they wait for the next log.

    Needs the owner's role, as no role at work may delete a leaf. A crash before the commit takes
    out nothing; after it there is nothing left to take out, and the log still has to be ended.
    """
    head, number = _newest(tx), log.epochs(tx)[-1].number
    tx.execute(update(Queue).where(Queue.id.in_(again)).values(state="promised"))
    tx.execute(delete(Leaf).where(Leaf.epoch == number, Leaf.index >= head.size))
    last = (StoredNode.index + 1).op("<<")(StoredNode.level)
    tx.execute(delete(StoredNode).where(StoredNode.epoch == number, last > head.size))


def cut(tx: Session, remembered: Head | None, now: datetime) -> None:
    """End a log that cannot be gone on with, at the newest head this database knows.

    For an older copy of the database, a fork or damage only (the runbook says when). What was
    signed after that head is nowhere any more; `lost` admits it, and its signers must hand it in
    again.
    """
    number = log.epochs(tx)[-1].number
    if epochs.end_of(tx, number) is None:
        ask_freeze(tx, now)
        head = _newest(tx)
        fits = remembered is not None and (remembered.size, remembered.root_hash) == (
            head.size,
            head.root_hash,
        )
        _end(tx, head, None if fits else remembered, now)


def next_log(tx: Session, host: str) -> tuple[int, str]:
    """Return number and origin of the log that follows the one in use."""
    number = log.epochs(tx)[-1].number + 1
    return number, log_origin(host, number)


def begin_next(tx: Session, old_key: PrivateKey, keys_: Keys, now: datetime, *, demo: bool) -> None:
    """Begin the next log: the old log key names it over its final head, and that is leaf 0.

    The guard file already names the empty tree of it. A crash before the commit leaves the ended
    log, and the same is done again; after it the sequencer of the next log has work: it signs the
    head of size 1, so that everybody can see leaf 0, and only then appends.

    Raises:
        SequencerRefused: `log.other_key`, the old key is not the one that signed the old log;
            `log.corrupt`, its final head does not verify; `clock`.
    """
    opened = log.epochs(tx)
    old, last = opened[-1], _newest(tx)
    final = epochs.end_of(tx, old.number)
    assert final is not None, "the log has ended"
    if old_key.public.raw_ed25519 != old.log_key:
        raise SequencerRefused("log.other_key", f"this is not the key of the log {old.origin}")
    if now < last.signed_at:
        raise SequencerRefused("clock", f"the last head was signed at {last.signed_at}")
    number, origin = next_log(tx, opened[0].origin)
    successor = Log(origin, keys_.log.public.raw_ed25519, keys_.time.public.raw_ed25519)
    ended = Log(old.origin, old.log_key, old.time_key)
    head = sequencing.refuse_altered_head(final, (ended.log_note_key, ended.time_note_key))
    envelope = succession.make_succession(old_key, opened[0].origin, head, successor)
    tx.add(
        Epoch(
            number=number,
            origin=origin,
            predicate_base=old.predicate_base,
            log_key=successor.key,
            time_key=successor.time_key,
            demo=demo,
            opened_at=whole_second(now),
            succession=succession.to_bytes(envelope),
        )
    )
    tx.flush()
    sequencing.sign_genesis(tx, keys_, origin, last.seq + 1, now)
    leaf = succession.leaf_of(envelope, old.log_key)
    log.add_leaves(tx, number, [(0, sha256(envelope.pae).hexdigest(), leaf)])
    log.add_nodes(tx, number, [(tree.Node(0, 0), leaf_hash(leaf))])


def _newest(tx: Session) -> Checkpoint:
    found = log.newest_checkpoint(tx)
    assert found is not None, "the log is open"
    return found


def _end(tx: Session, head: Checkpoint, lost: Head | None, now: datetime) -> None:
    row = EpochEnd(
        epoch=head.epoch,
        checkpoint_seq=head.seq,
        lost=guard.write(lost) if lost else None,
        ended_at=now,
    )
    tx.add(row)
    tx.flush()
