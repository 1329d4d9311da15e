"""Between signing and showing: what witnesses are asked, and what of their answers is kept.

A head is signed, then cosigned by witnesses, then shown: nothing outside sees a head without its
quorum. The order of writes:

    sign_head   the head is signed and stored; nobody outside has seen it
    (witness)   it checks, remembers on its disk, then answers
    keep        its line is stored, verified; with the quorum-th the head counts as published
    publish     bundles under the first head that covers them and has its quorum

A crash after the witness remembered and before `keep`: its line is lost, the next run asks again,
is told the size (409) and gets a new line for the same head. None of it holds up appending.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from rensho import checkpoint
from rensho.checkpoint import NoteKey
from rensho.errors import VerificationError
from rensho.trust import Witness
from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.attestation.rules import tree
from services.attestation.rules.guard import SequencerRefused
from services.attestation.rules.witnesses import Line, Nothing, Observer, Panel, question, verified
from services.attestation.store import log, witnesses
from services.attestation.store.log import Checkpoint, Epoch
from services.attestation.store.witnesses import Cosignature, WitnessPolicy


@dataclass(frozen=True)
class Standing:
    """Where the newest signed head and the head being asked about stand."""

    epoch: int
    newest: int
    newest_size: int
    target_size: int
    target_done: bool
    cosigned: frozenset[bytes]


def publish_policy(tx: Session, panel: Panel, now: datetime) -> None:
    """Let Trust name the witnesses of the settings; where none was ever named, it says nothing."""
    last = witnesses.policy(tx)
    names = [one.witness.name for one in panel.observers]
    keys = [one.key for one in panel.observers]
    if last is None and not names:
        return
    if last is not None and (last.names, last.keys, last.quorum) == (names, keys, panel.quorum):
        return
    version = last.version + 1 if last else 1
    tx.add(WitnessPolicy(version=version, names=names, keys=keys, quorum=panel.quorum, since=now))
    tx.flush()


def trusted(tx: Session) -> tuple[tuple[Witness, ...], int, int]:
    """Return what the Trust file says: witnesses, quorum, and the version of this part of it."""
    found = witnesses.policy(tx)
    if found is None:
        return (), 0, 0
    named = zip(found.names, found.keys, strict=True)
    return tuple(Witness(*one) for one in named), found.quorum, found.version


def last_sizes(tx: Session) -> dict[bytes, int]:
    """Return the size each witness key is known to have cosigned last in the log in use."""
    return witnesses.newest_cosigned(tx, log.epochs(tx)[-1].number)


def standing(tx: Session, target: int | None) -> Standing:
    """Say how far the newest head is, and who cosigned the head `target`."""
    newest = log.newest_checkpoint(tx)
    assert newest is not None, "the log is open"
    head = newest if target is None else tx.get_one(Checkpoint, target)
    return Standing(
        epoch=newest.epoch,
        newest=newest.seq,
        newest_size=newest.size,
        target_size=head.size,
        target_done=target is None or witnesses.has_quorum(tx, target),
        cosigned=frozenset(witnesses.cosigners(tx, head.seq)),
    )


def ask(tx: Session, seq: int, old: int) -> bytes:
    """Return the request to cosign head `seq` by a witness that cosigned size `old` last.

    Raises:
        SequencerRefused: `log.corrupt`, a node of the proof is missing.
    """
    head = tx.get_one(Checkpoint, seq)
    path = tree.consistency(old, head.size)
    try:
        proof = tree.proof(path, log.proof_nodes(tx, head.epoch, [path]))
    except LookupError as why:
        raise SequencerRefused("log.corrupt", f"no proof leads from size {old}") from why
    return question(old, proof, head.note)


def keep(tx: Session, seq: int, observer: Observer, lines: bytes, now: datetime) -> Line | Nothing:
    """Store the observer's line over head `seq` if it verifies; the same one twice is no harm."""
    head = tx.get_one(Checkpoint, seq)
    found = verified(lines, head.note, _log_key(tx, head), observer, now)
    if isinstance(found, Line):
        row = {
            "checkpoint_seq": seq,
            "key": observer.key,
            "name": observer.witness.name,
            "line": found.text,
            "cosigned_at": found.cosigned_at,
            "received_at": now,
        }
        tx.execute(insert(Cosignature).values(row).on_conflict_do_nothing())
    return found


def refuse_fork(observer: Observer, size: int, why: str) -> SequencerRefused:
    """Return why nothing may be signed any more: a witness saw another tree than this one."""
    return SequencerRefused(
        "witness.forked",
        f"{observer.witness.name} cosigned another tree than ours of size {size}: {why}",
    )


def refuse_ahead(observer: Observer, size: int, newest: int) -> SequencerRefused:
    """Return why nothing may be signed any more: a witness saw more of the log than there is.

    A witness that lies can stop us so, and cannot make us fork: take it off the list.
    """
    return SequencerRefused(
        "witness.ahead",
        f"{observer.witness.name} cosigned size {size}, {newest} is the newest signed here: "
        "this database is an older copy, and signing would fork the log",
    )


def damaged_cosignatures(tx: Session) -> Iterator[tuple[str, str]]:
    """Yield (row, what is wrong) for each stored line that is not what its witness signed."""
    query = select(Cosignature, Checkpoint, Epoch).join(
        Checkpoint, Checkpoint.seq == Cosignature.checkpoint_seq
    )
    rows = tx.execute(query.join(Epoch, Epoch.number == Checkpoint.epoch))
    for row, head, epoch in rows.yield_per(1_000):
        key = Witness(row.name, row.key).note_key
        try:
            keys = [NoteKey(epoch.origin, epoch.log_key), key]
            seen = checkpoint.open(head.note + row.line, keys).cosigned_at.get(key)
        except VerificationError as why:
            yield f"{head.seq}/{row.key.hex()}", f"the line does not verify: {why.code}"
            continue
        if seen is None or seen != row.cosigned_at:
            yield f"{head.seq}/{row.key.hex()}", "the row is not what the line says"


def _log_key(tx: Session, head: Checkpoint) -> NoteKey:
    epoch = tx.get_one(Epoch, head.epoch)
    return NoteKey(epoch.origin, epoch.log_key)
