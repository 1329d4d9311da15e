"""The last step of the sequencer: proofs and bundles, and telling the other services."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from rensho import bundle as bundles
from rensho import disclosure, merkle, times
from rensho.bundle import LogEntry
from rensho.checkpoint import NoteKey
from rensho.entries import Answer, Voucher
from rensho.errors import VerificationError
from rensho.statement import GRANT, KEY_EVENT, WITHDRAWAL
from sqlalchemy import delete
from sqlalchemy.orm import Session

from services.attestation.rules import tree
from services.attestation.rules.guard import SequencerRefused
from services.attestation.rules.names import link_id, org_id
from services.attestation.rules.tree import Node
from services.attestation.store import keys, log, speaking, statements, time_stamps, witnesses
from services.attestation.store.log import Checkpoint, Epoch, Leaf, Queue
from services.attestation.store.statements import Bundle, Statement
from services.kit.bulk import insert_many
from services.kit.outbox import say, say_many

PUBLISH = 100


def publish(tx: Session, unstamped: datetime | None = None) -> int:
    """Make the bundles of what is under a checkpoint by now; return how many statements.

    A crash before the commit: the leaves are signed for, and the next run makes the same bundles.
    After it, the queue has nothing left to say about them and the outbox tells the others.

    Args:
        unstamped: where time-stamps are asked for: only what was received by then is published
            although it has none. None: nobody asks for them.
    """
    taken = log.waiting(tx, "submission", "appended", PUBLISH)
    found = log.with_leaf(tx, [row.id for row in taken])
    if not found:
        return 0
    # Of one log at a time, as an ended one may have left some work.
    epoch = log.epochs(tx)[found[0][1].epoch]
    found = [(one, leaf) for one, leaf in found if leaf.epoch == epoch.number]
    covered = _first_heads(tx, epoch.number, [leaf.index for _, leaf in found])
    promised = statements.promises_of(tx, (one.statement_id for one, _ in found))
    waiting = {one.submission_id for one, leaf in found if leaf.index not in covered}
    if unstamped is not None:
        stamped = time_stamps.tokens_of(tx, promised)
        waiting |= {
            one.submission_id
            for one, _ in found
            if promised[one.statement_id].received_at > unstamped
            and one.statement_id not in stamped
        }
    ready = [(one, leaf) for one, leaf in found if one.submission_id not in waiting]
    paths = {leaf.index: tree.inclusion(leaf.index, covered[leaf.index].size) for _, leaf in ready}
    stored = log.proof_nodes(tx, epoch.number, paths.values())
    audiences = statements.readers_of(tx, (one.statement_id for one, _ in ready))
    notes = witnesses.notes(tx, covered.values())
    made: list[dict[str, Any]] = []
    recorded: list[dict[str, Any]] = []
    for one, leaf in ready:
        head = covered[leaf.index]
        hashes = _proof(leaf, head, paths[leaf.index], stored)
        entry = _entry(epoch, leaf, head, hashes, notes[head.seq])
        content = bundles.make(one.envelope, one.key, entry)
        made.append({"statement_id": one.statement_id, "tree_size": head.size, "content": content})
        place = {"origin": epoch.origin, "index": leaf.index}
        received_at = times.write(promised[one.statement_id].received_at)
        recorded.append(_recorded(one, place, received_at, audiences.get(one.statement_id, [])))
        if one.type == KEY_EVENT:
            _tell_of_key(tx, one, place, times.write(head.signed_at))
        if one.type == GRANT:
            _tell_of_grant(tx, one, received_at)
        if one.type == WITHDRAWAL:
            _tell_of_withdrawal(tx, one, place, received_at, audiences.get(one.statement_id, []))
    insert_many(tx, Bundle, made)
    say_many(tx, "statement.recorded.v1", recorded)
    kept = {one.submission_id for one, _ in ready}
    tx.execute(delete(Queue).where(Queue.id.in_(kept)))
    tx.flush()
    return len(ready)


def _first_heads(tx: Session, epoch: int, indexes: Iterable[int]) -> dict[int, Checkpoint]:
    """Return the first head with its quorum over each leaf; a leaf under none yet is missing."""
    found: dict[int, Checkpoint] = {}
    head: Checkpoint | None = None
    for index in sorted(indexes):
        if head is None or head.size <= index:
            head = witnesses.first_covering(tx, epoch, index)
        if head is None:
            break
        found[index] = head
    return found


def _proof(
    leaf: Leaf, head: Checkpoint, path: Iterable[Sequence[Node]], stored: Mapping[Node, bytes]
) -> list[bytes]:
    """Return an inclusion proof that was verified: what leaves here is kept for years."""
    try:
        hashes = tree.proof(path, stored)
        hashed = merkle.leaf_hash(leaf.data)
        merkle.verify_inclusion(hashed, leaf.index, head.size, hashes, head.root_hash)
    except (LookupError, VerificationError) as why:
        raise SequencerRefused("log.corrupt", f"no proof leads from leaf {leaf.index}") from why
    return hashes


def _entry(
    epoch: Epoch, leaf: Leaf, head: Checkpoint, hashes: list[bytes], note: bytes
) -> LogEntry:
    return LogEntry(
        index=leaf.index,
        log_id=NoteKey(epoch.origin, epoch.log_key).full_hash,
        body=leaf.data,
        tree_size=head.size,
        root_hash=head.root_hash,
        hashes=tuple(hashes),
        checkpoint=note,
    )


def _recorded(
    one: Statement, place: Mapping[str, Any], received_at: str, audience: list[UUID]
) -> dict[str, Any]:
    response = None
    if one.response_id is not None:
        response = {"id": str(one.response_id), "revision": one.revision}
    return {
        "statement_id": one.statement_id,
        "statement_type": one.type,
        "org_id": one.owner_org_id,
        "signer_role": one.signer_role,
        "key_id": one.key_id,
        "subject_sha256": one.subject_sha256,
        "response": response,
        "answers_sha256": one.answers_sha256,
        "audience": [str(reader) for reader in audience],
        "attested_at": times.write(one.attested_at),
        "received_at": received_at,
        "not_after": times.write(one.not_after),
        "supersedes": one.supersedes,
        "log": place,
    }


def _tell_of_key(tx: Session, one: Statement, place: Mapping[str, Any], recorded_at: str) -> None:
    """Say what became of a key: once for each link it now counts on, else once for none."""
    event = keys.event_of(tx, one.statement_id)
    vouchers = [
        Voucher.from_json(disclosure.parse(opened.text).value)
        for opened in statements.disclosures_of(tx, [one.statement_id])
    ]
    each: list[Voucher | None] = [*vouchers] or [None]
    for voucher in each:
        say(
            tx,
            "key.changed.v1",
            statement_id=one.statement_id,
            key_id=event.key_id,
            org_id=event.org_id,
            event=event.event,
            reason=event.reason,
            invalid_since=times.write(event.invalid_since) if event.invalid_since else None,
            roles=event.roles,
            by_org_id=org_id(voucher.by) if voucher else None,
            link_id=link_id(voucher.link) if voucher else None,
            assurance=voucher.assurance if voucher else None,
            recorded_at=recorded_at,
            log=place,
        )


def _tell_of_grant(tx: Session, one: Statement, received_at: str) -> None:
    """Say who reads what by a grant: the questions, by the answers it names."""
    grantee = speaking.grantee(tx, one.statement_id)
    opened = set(grantee.answers)
    questions = sorted(
        Answer.from_json(disclosure.parse(each.text).value).question
        for each in statements.disclosures_of(tx, [grantee.statement_id])
        if each.kind == "answers" and disclosure.digest(each.text) in opened
    )
    say(
        tx,
        "grant.recorded.v1",
        grant_id=one.statement_id,
        statement_id=grantee.statement_id,
        org_id=grantee.owner_org_id,
        to_org_id=grantee.org_id,
        request_id=grantee.request_id,
        questions=questions,
        onward=grantee.onward,
        not_after=times.write(grantee.not_after),
        received_at=received_at,
    )


def _tell_of_withdrawal(
    tx: Session,
    one: Statement,
    place: Mapping[str, Any],
    received_at: str,
    audience: list[UUID],
) -> None:
    """Say that a statement was taken back, of which type it was, and to whom it had been shown."""
    told = speaking.withdrawal(tx, one.statement_id)
    target = statements.statements_by_id(tx, [told.target_id])[told.target_id]
    say(
        tx,
        "statement.withdrawn.v1",
        withdrawal_id=one.statement_id,
        statement_id=told.target_id,
        statement_type=target.type,
        org_id=one.owner_org_id,
        effect=told.effect,
        audience=[str(reader) for reader in audience],
        received_at=received_at,
        log=place,
    )
