"""How logs ended, what Trust asks for beside keys, and what witnesses and time-stamps add."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rensho import jcs, strict_json, timestamps
from rensho.errors import VerificationError
from rensho.trust import Deployment
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from services.attestation.actions import witnessing
from services.attestation.actions.damage.tree import Logs
from services.attestation.rules import guard
from services.attestation.rules.guard import SequencerRefused
from services.attestation.store.epochs import EpochEnd, Freeze, TrustTerms
from services.attestation.store.log import Checkpoint, Epoch
from services.attestation.store.statements import Statement
from services.attestation.store.time_stamps import CheckpointTimeStamp, TimeStamp
from services.attestation.store.witnesses import WitnessPolicy
from services.kit.damage import Damage, Look, damaged

_KEY = 32


def terms(tx: Session) -> Iterator[Damage]:
    """Look at what Trust asks for beside keys: without it no Trust can be told."""
    for version, row in enumerate(tx.scalars(select(TrustTerms).order_by(TrustTerms.version))):
        if row.version != version:
            yield damaged(row, "the version before it is missing")
        try:
            told: Any = strict_json.loads(row.terms)
            whole = jcs.dumps(told) == row.terms and told.keys() == {"tsa", "statusMaxAge"}
        except (VerificationError, AttributeError):
            whole = False
        if not whole:
            yield damaged(row, "the terms cannot be read")
    policies = list(tx.scalars(select(WitnessPolicy).order_by(WitnessPolicy.version)))
    for version, policy in enumerate(policies, start=1):
        if policy.version != version:
            yield damaged(policy, "the version before it is missing")
        keys = {len(key) for key in policy.keys}
        if len(policy.names) != len(policy.keys) or keys - {_KEY}:
            yield damaged(policy, "its names and keys do not go in pairs")
        if not 0 <= policy.quorum <= len(policy.names):
            yield damaged(policy, "nobody could reach its quorum")


def bases(look: Look) -> Iterator[Damage]:
    """Look at the predicate base of each log, against the first statement of all."""
    first = look.tx.scalar(select(Statement).order_by(Statement.submission_id).limit(1))
    try:
        told = str(strict_json.loads(first.payload)["predicateType"]) if first else None
    except (VerificationError, LookupError, TypeError):
        # The payload itself is damaged, and named as such.
        return
    for row in look.each(select(Epoch)):
        if told is not None and not told.startswith(f"{row.predicate_base}/"):
            yield damaged(row, "predicate_base is not that of what was signed")


def ends(look: Look, logs: Logs) -> Iterator[Damage]:
    """Look at how each log ended: with its newest head, which covers its last leaf."""
    newest = dict(
        look.tx.execute(
            select(Checkpoint.epoch, func.max(Checkpoint.seq)).group_by(Checkpoint.epoch)
        ).all()
    )
    ended = {row.epoch: row for row in look.each(select(EpochEnd))}
    for number, row in sorted(ended.items()):
        head = look.tx.get(Checkpoint, row.checkpoint_seq)
        if number not in logs or head is None or newest.get(number) != row.checkpoint_seq:
            yield damaged(row, "it does not name the newest head of its log")
        elif row.lost is None and head.size != len(logs[number].hashes):
            yield damaged(row, "there are leaves behind its head")
        if row.lost is not None and (what := _lost(row.lost)):
            yield damaged(row, what)
    for number in range(max(logs, default=0)):
        if number not in ended:
            yield Damage("epoch_end", str(number), "missing")
    for asked in look.each(select(Freeze)):
        if asked.epoch not in logs:
            yield damaged(asked, "it is of no log of ours")


def _lost(content: bytes) -> str | None:
    try:
        guard.read(content)
    except SequencerRefused:
        return "lost is no guard file"
    return None


def cosignatures(look: Look) -> Iterator[Damage]:
    """Look at every witness's line."""
    for row, what in witnessing.damaged_cosignatures(look.tx):
        look.seen(1)
        yield Damage("cosignature", row, what)


def time_stamps(look: Look, here: Deployment) -> Iterator[Damage]:
    """Look at every token: over the signature of its statement, over the body of its head."""
    query = select(TimeStamp, Statement.signature).outerjoin(
        Statement, Statement.statement_id == TimeStamp.statement_id
    )
    for row, message in look.each(query):
        if what := _wrong_with(row, message, here.tsa):
            yield damaged(row, what)
    heads = select(CheckpointTimeStamp, Checkpoint.note).outerjoin(
        Checkpoint, Checkpoint.seq == CheckpointTimeStamp.seq
    )
    for row, note in look.each(heads):
        if what := _wrong_with(row, _body(note), here.tsa):
            yield damaged(row, what)


def _body(note: bytes | None) -> bytes | None:
    return None if note is None else note.partition(b"\n\n")[0] + b"\n"


def _wrong_with(row: Any, message: bytes | None, roots: Sequence[bytes]) -> str | None:
    if message is None:
        return "what it is over is missing"
    try:
        found = timestamps.verify(row.token, message, roots)
    except VerificationError as why:
        return f"it does not verify: {why.code}"
    return None if found == row.stamped_at else "stamped_at is not what the token says"
