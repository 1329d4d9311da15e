"""What only a person of the operator decides: whose a shared key is, and that an identity is false.

Run on the operator's own machine as the worker, see `renshod signing-keys`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.attestation.actions.keys import Evidence
from services.attestation.actions.refusals import KeyNotUsable
from services.attestation.rules import key_life
from services.attestation.rules.key_life import Next
from services.attestation.store import key_changes, keys, log
from services.attestation.store.key_changes import KeyChange, KeyReview
from services.attestation.store.keys import Enrolment
from services.kit.clock import whole_second
from services.kit.db import new_id
from services.kit.problems import NotFound

_MANY = 1_000
_OPERATOR = "urn:rensho:operator"


@dataclass(frozen=True)
class Claim:
    """A firm's proof of a key that other firms hold."""

    enrolment_id: UUID
    org_id: UUID
    key_id: str
    held_by: Sequence[UUID]
    received_at: datetime


def claims(tx: Session) -> list[Claim]:
    """Return the proofs that wait for a decision, oldest first."""
    found = []
    for row in log.waiting(tx, ("enrolment", "change"), "review", _MANY):
        proof = _proof(tx, row.id)
        others = sorted(keys.holders(tx, [proof.key_id]) - {proof.org_id})
        found.append(Claim(proof.id, proof.org_id, proof.key_id, others, proof.received_at))
    return found


def decide(
    tx: Session, enrolment_id: UUID, evidence: Evidence, now: datetime, *, accepted: bool
) -> None:
    """Record what was looked at and decided on a firm's claim to a key that another firm holds.

    Where it was accepted the firm proves the key once more: a proof is good for ten minutes, and
    looking took longer.

    Raises:
        NotFound: no such claim waits.
    """
    for row in log.waiting(tx, ("enrolment", "change"), "review", _MANY):
        proof = _proof(tx, row.id)
        if proof.id == enrolment_id:
            tx.add(
                KeyReview(
                    enrolment_id=proof.id,
                    org_id=proof.org_id,
                    accepted=accepted,
                    evidence_kind=evidence.kind,
                    evidence_number=evidence.number,
                    seen_on=evidence.seen_on,
                    decided_at=now,
                )
            )
            tx.delete(row)
            tx.flush()
            return
    msg = "no such claim waits for a decision"
    raise NotFound(msg)


def declare_false(tx: Session, org_id: UUID, key_id: str, now: datetime) -> None:
    """Queue that a key was never this organization's: nothing it signed is trusted, ever.

    Raises:
        KeyNotUsable: no key of this organization, or it was said before.
    """
    wish = Next("revoke", "identity-false")
    if not key_life.may(key_life.standing(keys.events_of(tx, org_id, key_id)), wish):
        msg = "this organization has no such key, or it was declared false before"
        raise KeyNotUsable(msg)
    row = KeyChange(
        id=new_id(),
        org_id=org_id,
        key_id=key_id,
        event=wish.event,
        reason=wish.reason,
        asked_by=_OPERATOR,
        received_at=whole_second(now),
    )
    tx.add(row)
    tx.flush()
    log.enqueue(tx, "change", row.id)


def _proof(tx: Session, waiting: UUID) -> Enrolment:
    """Return the proof a waiting row is about: itself, or the heir of a change."""
    change = key_changes.change(tx, waiting)
    proof = change.enrolment_id if change is not None else waiting
    return tx.get_one(Enrolment, proof)
