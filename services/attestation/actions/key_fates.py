"""What became of a proof: a key event, nothing yet, or nothing ever."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, cast

from sqlalchemy.orm import Session

from services.attestation.rules import key_life
from services.attestation.rules.key_life import Purpose
from services.attestation.store import key_changes, keys
from services.attestation.store.keys import Enrolment

Fate = Literal["stated", "queued", "rotating", "vetoed", "lapsed", "refused", "prove_again"]


def fate(tx: Session, proof: Enrolment, now: datetime) -> Fate:
    """Return what became of a proof by now.

    `queued` waits for the sequencer, or for a person of the operator: the two look the same.
    `lapsed`: the key it would have replaced was ended or suspended first, even for a while, or
    the log stood still too long. `refused` and `prove_again` are what the person decided.
    """
    if key_changes.is_stated(tx, proof.id):
        return "stated"
    decided = key_changes.review(tx, proof.id)
    if decided is not None:
        return "prove_again" if decided.accepted else "refused"
    return "queued" if proof.replaces is None else _fate_of_heir(tx, proof, proof.replaces, now)


def _fate_of_heir(tx: Session, proof: Enrolment, replaces: str, now: datetime) -> Fate:
    if key_changes.is_vetoed(tx, proof.id):
        return "vetoed"
    old = key_life.standing(keys.events_of(tx, proof.org_id, replaces))
    if (
        not key_life.may_hand_over(old, cast("Purpose", proof.purpose))
        or key_changes.ended_since(tx, proof.org_id, replaces, proof.received_at)
        or keys.events_of(tx, proof.org_id, proof.key_id)
        or (proof.due_at is not None and now >= proof.received_at + key_life.PROOF_HOLDS)
    ):
        return "lapsed"
    return "rotating" if proof.due_at is not None and now < proof.due_at else "queued"
