"""What was acknowledged: promised, kept or refused, and told to the others exactly once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from uuid import UUID

from rensho import jcs, strict_json
from rensho.dsse import Envelope
from rensho.errors import CODES, VerificationError
from rensho.sign import PROMISE
from rensho.sign import Promise as Word
from rensho.trust import Deployment
from sqlalchemy import Table, Text, cast, func, select
from sqlalchemy.orm import Session

from services.attestation.rules import submissions as rules
from services.attestation.store.base import PLUMBING
from services.attestation.store.log import Epoch, Leaf, Queue
from services.attestation.store.statements import (
    Bundle,
    Promise,
    Refusal,
    Statement,
    Submission,
)
from services.kit.damage import Damage, Look, damaged

_RECORDED = "statement.recorded.v1"


def submissions(look: Look) -> Iterator[Damage]:
    """Look at every submission: whose it is, of what kind, and that nothing of it vanished."""
    for rows in look.chunks(select(Submission).order_by(Submission.id)):
        signed = _statements_of(look.tx, [row.id for row in rows])
        for row in rows:
            mine = signed.get(row.id, [])
            if not mine:
                yield damaged(row, "acknowledged, and without a statement")
            elif any(owner != row.owner_org_id for _, owner in mine):
                yield damaged(row, "owner_org_id is not that of its statements")
            elif not _is_of_kind(row.kind, [kind for kind, _ in mine]):
                yield damaged(row, "these statements are of another kind of submission")
            if row.received_at.microsecond:
                yield damaged(row, "received_at is no whole second")
    yield from _unfinished(look.tx)


def _statements_of(tx: Session, ids: Sequence[UUID]) -> dict[UUID, list[tuple[str, UUID]]]:
    query = select(Statement.submission_id, Statement.type, Statement.owner_org_id)
    found: dict[UUID, list[tuple[str, UUID]]] = defaultdict(list)
    for submission_id, kind, owner in tx.execute(query.where(Statement.submission_id.in_(ids))):
        found[submission_id].append((kind, owner))
    return found


def _is_of_kind(kind: str, types: Sequence[str]) -> bool:
    if kind in rules.KINDS:
        return rules.is_of_kind(kind, types)
    # What the operator and the risk service sign comes one by one and is called what it is.
    return list(types) == [kind]


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


def refusals(look: Look) -> Iterator[Damage]:
    """Look at every refusal: of a submission that is there, and not in the log all the same."""
    query = (
        select(Refusal, Submission, func.count(Leaf.statement_id))
        .outerjoin(Submission, Submission.id == Refusal.submission_id)
        .outerjoin(Statement, Statement.submission_id == Submission.id)
        .outerjoin(Leaf, Leaf.statement_id == Statement.statement_id)
        .group_by(Refusal.submission_id, Submission.id)
    )
    for row, submission, leaves in look.each(query):
        if submission is None:
            yield damaged(row, "its submission is missing")
        elif leaves:
            yield damaged(row, "what it refuses is in the log")
        elif row.refused_at != submission.received_at:
            yield damaged(row, "refused_at is not when the submission came in")
        if not row.codes or not set(row.codes) <= set(CODES):
            yield damaged(row, "codes are not those of the profile")


def promises(look: Look, here: Deployment) -> Iterator[Damage]:
    """Look at every promise: signed by the operator, of its statement, and kept."""
    query = (
        select(Promise, Submission.received_at, Leaf.index, Queue.state)
        .outerjoin(Statement, Statement.statement_id == Promise.statement_id)
        .outerjoin(Submission, Submission.id == Statement.submission_id)
        .outerjoin(Leaf, Leaf.statement_id == Promise.statement_id)
        .outerjoin(Queue, Queue.id == Submission.id)
    )
    for row, received_at, index, state in look.each(query):
        if index is None and state != "promised":
            yield Damage("leaf", row.statement_id, "missing: the statement was promised")
        try:
            word = _opened(row, here)
        except VerificationError as why:
            yield damaged(row, f"it does not verify: {why.code}")
            continue
        if word.statement_id != row.statement_id:
            yield damaged(row, "it is for another statement")
        elif word.received_at != row.received_at:
            yield damaged(row, "received_at is not what was promised")
        elif word.received_at != received_at:
            yield damaged(row, "the submission was received at another time")
    unpromised = (
        select(Leaf.statement_id)
        .join(Statement, Statement.statement_id == Leaf.statement_id)
        .outerjoin(Promise, Promise.statement_id == Leaf.statement_id)
        .where(Promise.statement_id.is_(None))
    )
    for statement_id in look.each(unpromised):
        yield Damage("promise", statement_id, "missing")


def _opened(row: Promise, here: Deployment) -> Word:
    envelope = Envelope.from_json(strict_json.loads(row.envelope), PROMISE)
    signer = here.fixed_key(envelope.keyid)
    if signer is None or signer[1] != "operator":
        raise VerificationError("key.unknown")
    if jcs.dumps(envelope.to_json()) != row.envelope:
        raise VerificationError("statement.not_canonical")
    return Word.parse(envelope.open(signer[0]))


def told(look: Look) -> Iterator[Damage]:
    """Look at what the others were told: that each bundle was, once, and at its place."""
    outbox: Table = PLUMBING.outbox
    body = outbox.c.body
    query = (
        select(
            Bundle.statement_id,
            func.count(outbox.c.id),
            func.bool_and(
                (body["log"]["origin"].astext == Epoch.origin)
                & (body["log"]["index"].astext == cast(Leaf.index, Text))
            ),
        )
        .outerjoin(
            outbox,
            (outbox.c.type == _RECORDED) & (body["statement_id"].astext == Bundle.statement_id),
        )
        .outerjoin(Leaf, Leaf.statement_id == Bundle.statement_id)
        .outerjoin(Epoch, Epoch.number == Leaf.epoch)
        .group_by(Bundle.statement_id)
    )
    for statement_id, times, rightly in look.each(query):
        if times != 1:
            yield Damage("outbox", statement_id, f"{_RECORDED} was said {times} times")
        elif not rightly:
            yield Damage("outbox", statement_id, f"{_RECORDED} names another place in the log")
