"""What happens to a key after it came in: suspended, revoked, rotated away, or a veto on that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from rensho import jcs
from rensho.dsse import Envelope
from rensho.errors import VerificationError
from rensho.keys import PublicKey
from rensho.promises import ENROL_CHALLENGE
from rensho.sign import RevocationReason
from rensho.strict_json import loads
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from services.attestation.actions.key_fates import fate
from services.attestation.actions.keys import succeed
from services.attestation.actions.refusals import (
    KeyNotUsable,
    KeyRefused,
    NeedsAnotherMember,
    NothingToApprove,
    RotationOver,
)
from services.attestation.rules import key_life
from services.attestation.rules.key_life import Next
from services.attestation.store import key_changes, keys, log
from services.attestation.store.key_changes import KeyApproval, KeyChange, KeyVeto
from services.attestation.store.keys import Enrolment
from services.kit.auth import Principal
from services.kit.clock import whole_second
from services.kit.db import new_id
from services.kit.problems import Invalid, NotFound

_MEMBER = "urn:rensho:member:"
_BY_THE_CLOCK = "urn:rensho:rotation"


@dataclass(frozen=True)
class Wish:
    """What shall happen to a key: suspend, or revoke with its reason."""

    key_id: str
    next: Next
    invalid_since: datetime | None = None

    @property
    def needs_four_eyes(self) -> bool:
        """Whether one member alone could do harm: a theft reaches back over what was signed."""
        return self.next.reason == "key-compromise"


def revocation(key_id: str, reason: RevocationReason, invalid_since: datetime | None) -> Wish:
    """Return the wish to end a key.

    Raises:
        Invalid: a theft, and nothing else, has a time since when.
    """
    if (reason == "key-compromise") != (invalid_since is not None):
        msg = "invalid_since belongs to key-compromise and to nothing else"
        raise Invalid(msg)
    since = whole_second(invalid_since) if invalid_since else None
    return Wish(key_id, Next("revoke", reason), since)


def ask(tx: Session, who: Principal, wish: Wish, now: datetime) -> KeyChange:
    """Queue a change of one's own key; a reported theft waits for a second member.

    Raises:
        NotFound: no key of this firm.
        KeyNotUsable: the key is in no state in which this can happen.
        Invalid: a theft that is yet to come.
        NeedsAnotherMember: thefts are reported by people.
    """
    _refuse_impossible(tx, who.org, wish)
    if wish.invalid_since is not None and wish.invalid_since > now:
        msg = "invalid_since lies in the future"
        raise Invalid(msg)
    if wish.needs_four_eyes and not who.subject.startswith(_MEMBER):
        msg = "a member reports a theft, and another one agrees"
        raise NeedsAnotherMember(msg)
    row = KeyChange(
        id=new_id(),
        org_id=who.org,
        key_id=wish.key_id,
        event=wish.next.event,
        reason=wish.next.reason,
        invalid_since=wish.invalid_since,
        asked_by=who.subject,
        received_at=whole_second(now),
    )
    tx.add(row)
    tx.flush()
    if not wish.needs_four_eyes:
        log.enqueue(tx, "change", row.id)
    return row


def approve(tx: Session, who: Principal, change_id: UUID, now: datetime) -> KeyChange:
    """Let the second member agree to what the first one asked.

    Raises:
        NotFound: no such change in this firm.
        NothingToApprove: it needs no agreement or has it.
        NeedsAnotherMember: who asked cannot agree.
        KeyNotUsable: the key met another fate meanwhile.
    """
    change = key_changes.change(tx, change_id)
    if change is None:
        msg = "no such change"
        raise NotFound(msg)
    if change.reason != "key-compromise":
        msg = "this change needs nobody's agreement"
        raise NothingToApprove(msg)
    if who.subject == change.asked_by or not who.subject.startswith(_MEMBER):
        msg = "another member than the one who asked must agree"
        raise NeedsAnotherMember(msg)
    _refuse_impossible(tx, who.org, Wish(change.key_id, Next("revoke", "key-compromise")))
    try:
        with tx.begin_nested():
            approval = KeyApproval(
                change_id=change.id,
                org_id=who.org,
                approved_by=who.subject,
                received_at=whole_second(now),
            )
            tx.add(approval)
    except IntegrityError as why:
        msg = "somebody agreed before"
        raise NothingToApprove(msg) from why
    log.enqueue(tx, "change", change.id)
    return change


def veto(
    tx: Session, who: Principal, rotation_id: UUID, signed: Mapping[str, Any], now: datetime
) -> Enrolment:
    """Let the old key stop its rotation.

    Raises:
        NotFound: no such rotation in this firm.
        RotationOver: it took place, was vetoed or lapsed.
        KeyRefused: this is not the old key's signature over the veto.
    """
    found = key_changes.rotation(tx, rotation_id)
    if found is None:
        msg = "no such rotation"
        raise NotFound(msg)
    assert found.replaces is not None, "a rotation replaces a key"
    if fate(tx, found, now) != "rotating":
        msg = "there is nothing left to object to"
        raise RotationOver(msg)
    old = keys.introduction_of(tx, who.org, found.replaces)
    try:
        envelope = Envelope.from_json(signed, key_life.KEY_VETO)
        told = envelope.open(PublicKey.from_der(old.spki))
    except VerificationError as why:
        raise KeyRefused(why.code, why.detail or "the veto does not hold") from why
    if told != veto_payload(found):
        raise KeyRefused("sig.invalid", "the veto is over another rotation")
    tx.add(
        KeyVeto(
            enrolment_id=found.id,
            org_id=who.org,
            envelope=jcs.dumps(envelope.to_json()),
            received_at=now,
        )
    )
    tx.flush()
    return found


def veto_payload(rotation: Enrolment) -> bytes:
    """Return what the old key signs to stop a rotation."""
    assert rotation.due_at is not None, "a rotation has its time"
    assert rotation.replaces is not None, "a rotation replaces a key"
    proved = Envelope.from_json(loads(rotation.proof), ENROL_CHALLENGE).payload
    return key_life.veto(proved, rotation.replaces, rotation.due_at)


def carry_out_rotations(tx: Session, now: datetime) -> None:
    """Queue the rotations whose day is over without a veto (beat).

    A crash before the commit leaves them due for the next beat. What happened to the old key
    meanwhile is for the sequencer to see, which alone knows the order.
    """
    for due in key_changes.rotations_due(tx, now):
        succeed(tx, due, "superseded", _BY_THE_CLOCK, now)


def _refuse_impossible(tx: Session, org_id: UUID, wish: Wish) -> None:
    events = keys.events_of(tx, org_id, wish.key_id)
    if not events:
        msg = "no such key"
        raise NotFound(msg)
    now = key_life.standing(events)
    if not key_life.may(now, wish.next):
        msg = f"the key is {now.state}"
        raise KeyNotUsable(msg)
