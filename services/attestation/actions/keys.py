"""How a key comes in: a challenge, its signed answer, and later a requester's confirmation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, cast
from uuid import UUID

from rensho import jcs
from rensho.dsse import Envelope
from rensho.errors import VerificationError
from rensho.keys import PublicKey
from rensho.promises import ENROL_CHALLENGE, EnrolChallenge
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.attestation.actions.key_fates import fate
from services.attestation.actions.refusals import (
    ChallengeExpired,
    ChallengeUsed,
    KeyAlreadyEnrolled,
    KeyNotKnownYet,
    KeyNotUsable,
    KeyRefused,
    LogInAgain,
    RotationPending,
)
from services.attestation.actions.trust import deployment
from services.attestation.rules import key_life
from services.attestation.rules.key_life import Next, Purpose
from services.attestation.rules.names import org_urn
from services.attestation.store import key_changes, keys, known, log
from services.attestation.store.key_changes import KeyChange
from services.attestation.store.keys import Challenge, Confirmation, Enrolment
from services.kit.auth import Principal
from services.kit.clock import whole_second
from services.kit.db import new_id
from services.kit.problems import NotFound, Unavailable

STALE_HEAD = timedelta(days=6)


@dataclass(frozen=True)
class Offered:
    """A key somebody wants to enrol, for which roles, how it is kept, and in whose place."""

    spki: bytes
    roles: Sequence[str]
    custody: str
    purpose: Purpose = "enrol"
    replaces: str | None = None


@dataclass(frozen=True)
class Evidence:
    """What somebody looked at to know whose key it is; names no person."""

    kind: str
    number: str
    seen_on: date


def challenge(tx: Session, who: Principal, offered: Offered, now: datetime) -> Challenge:
    """Say what the key must sign.

    Raises:
        KeyRefused: the key must never be enrolled, or not for these roles.
        Unavailable: the log stands still.
        KeyNotKnownYet: the firm's enrolment has not been heard of. Waiting for it here makes a
            firm's first key vouch for the link that the firm came by.
        KeyNotUsable, KeyAlreadyEnrolled, RotationPending: it cannot take that key's place.
        LogInAgain: a lost key is replaced by who has just proved to read the mailbox.
    """
    if tx.get(known.Organization, who.org) is None:
        raise KeyNotKnownYet
    _refuse_stale_log(tx, now)
    try:
        key = PublicKey.from_der(offered.spki)
        key.enrol_check()
    except VerificationError as why:
        raise KeyRefused(why.code, why.detail or "this key cannot be enrolled") from why
    if offered.replaces is not None:
        _refuse_succession(tx, who, offered, key.key_id, now)
    whole = whole_second(now)
    rotates = offered.purpose == "rotate"
    asked = EnrolChallenge(
        origin=deployment(tx).origin,
        org=org_urn(who.org),
        key_id=key.key_id,
        purpose=key_life.purpose_text(offered.purpose, offered.replaces),
        # T of a key event must not lie behind this: a rotation waits for a day before its own.
        expiry=whole
        + key_life.CHALLENGE_LIFETIME
        + (key_life.PROOF_HOLDS if rotates else timedelta()),
    )
    row = Challenge(
        id=new_id(),
        org_id=who.org,
        key_id=key.key_id,
        spki=offered.spki,
        roles=sorted(set(offered.roles)),
        custody=offered.custody,
        purpose=offered.purpose,
        replaces=offered.replaces,
        payload=asked.to_bytes(),
        expires_at=whole + key_life.CHALLENGE_LIFETIME,
    )
    tx.add(row)
    tx.flush()
    return row


def enrol(
    tx: Session,
    who: Principal,
    challenge_id: UUID,
    proof: Mapping[str, Any],
    handover: Mapping[str, Any] | None,
    now: datetime,
) -> Enrolment:
    """Queue a key whose holder has signed the challenge; a rotation waits for its day.

    A key that another firm holds is queued like any other: the answer must not tell.

    Raises:
        NotFound, ChallengeExpired, ChallengeUsed: as their names say.
        KeyRefused: the proof is not the key's signature over the challenge, or the old key did
            not hand over to it.
        KeyAlreadyEnrolled: there is nothing that enrolling it again would change.
        KeyNotUsable, RotationPending: the key it replaces met another fate meanwhile.
    """
    asked = keys.own_challenge(tx, challenge_id, who.org)
    if asked is None:
        msg = "no such challenge"
        raise NotFound(msg)
    if now > asked.expires_at:
        msg = "the challenge has expired; ask for a new one"
        raise ChallengeExpired(msg)
    envelope = _signed(proof, asked.spki, asked.payload)
    handed = _handed_over(tx, asked, handover)
    _refuse_needless(tx, who.org, asked.key_id, now)
    if asked.replaces is not None:
        _refuse_unusable(tx, who.org, asked.replaces, cast("Purpose", asked.purpose), now)
    row = keys.add_enrolment(
        tx,
        id=new_id(),
        challenge_id=challenge_id,
        org_id=who.org,
        key_id=asked.key_id,
        spki=asked.spki,
        roles=asked.roles,
        custody=asked.custody,
        purpose=asked.purpose,
        replaces=asked.replaces,
        handover=handed,
        due_at=whole_second(now) + key_life.VETO_TIME if asked.purpose == "rotate" else None,
        proof=jcs.dumps(envelope.to_json()),
        received_at=whole_second(now),
    )
    if row is None:
        msg = "the challenge was answered before"
        raise ChallengeUsed(msg)
    match row.purpose:
        case "enrol":
            log.enqueue(tx, "enrolment", row.id)
        case "recover":
            succeed(tx, row, "ceased", who.subject, now)
        case _:
            # `carry_out_rotations` puts it before the sequencer when nobody objected.
            pass
    return row


def succeed(tx: Session, heir: Enrolment, reason: str, asked_by: str, now: datetime) -> None:
    """Queue that a proved key takes the place of another, which ends with it."""
    assert heir.replaces is not None, "it takes a place"
    row = KeyChange(
        id=new_id(),
        org_id=heir.org_id,
        key_id=heir.replaces,
        event="revoke",
        reason=reason,
        enrolment_id=heir.id,
        asked_by=asked_by,
        received_at=whole_second(now),
    )
    tx.add(row)
    tx.flush()
    log.enqueue(tx, "change", row.id)


def confirm(
    tx: Session,
    who: Principal,
    key_id: str,
    link_id: UUID,
    evidence: Evidence | None,
    now: datetime,
) -> Confirmation:
    """Record that a member of the requester compared the fingerprint of its supplier's key.

    Repeating it changes nothing.

    Raises:
        KeyNotKnownYet: not your link, or not a logged key of the firm at its other end.
        KeyNotUsable: the key was revoked.
    """
    link = known.link_of_requester(tx, link_id, who.org)
    held = (
        []
        if link is None
        else [e for e, _, _ in keys.logged_events(tx, link.respondent_org_id) if e.key_id == key_id]
    )
    if link is None or not held:
        raise KeyNotKnownYet
    if not key_life.may(key_life.standing(held), Next("confirm")):
        msg = "this key was revoked; confirm the one that took its place"
        raise KeyNotUsable(msg)
    before = tx.scalar(
        select(Confirmation).where(Confirmation.key_id == key_id, Confirmation.link_id == link_id)
    )
    if before is not None:
        return before
    row = Confirmation(
        id=new_id(),
        key_id=key_id,
        link_id=link_id,
        by_org_id=who.org,
        org_id=link.respondent_org_id,
        evidence_kind=evidence.kind if evidence else None,
        evidence_number=evidence.number if evidence else None,
        seen_on=evidence.seen_on if evidence else None,
        received_at=whole_second(now),
    )
    tx.add(row)
    tx.flush()
    log.enqueue(tx, "confirmation", row.id)
    return row


def _refuse_stale_log(tx: Session, now: datetime) -> None:
    head = log.newest_checkpoint(tx)
    if head is None or now - head.signed_at > STALE_HEAD:
        # An idle log repeats its head every hour; a key event anchored to an older one than a
        # verifier allows could never be VALID.
        msg = "the log has not been signed for days; nothing can be enrolled until it is"
        raise Unavailable(msg, retry_after=60)


def _refuse_succession(
    tx: Session, who: Principal, offered: Offered, key_id: str, now: datetime
) -> None:
    assert offered.replaces is not None, "it takes a place"
    if offered.purpose == "recover" and not _just_logged_in(who, now):
        raise LogInAgain(int(key_life.FRESH_LOG_IN.total_seconds()))
    _refuse_unusable(tx, who.org, offered.replaces, offered.purpose, now)
    if keys.events_of(tx, who.org, key_id):
        msg = "the key that takes the place of another must be a new one"
        raise KeyAlreadyEnrolled(msg)
    # The confirmations that a rotation hands on were given for these roles.
    if offered.purpose == "rotate" and not set(offered.roles) <= {
        role for event in keys.events_of(tx, who.org, offered.replaces) for role in event.roles
    }:
        raise KeyRefused("signer.role", "a rotation adds no role; enrol the key instead")


def _just_logged_in(who: Principal, now: datetime) -> bool:
    logged_in = who.logged_in_at
    return logged_in is not None and now - logged_in <= key_life.FRESH_LOG_IN


def _refuse_unusable(
    tx: Session, org_id: UUID, key_id: str, purpose: Purpose, now: datetime
) -> None:
    found = key_life.standing(keys.events_of(tx, org_id, key_id))
    if not key_life.may_hand_over(found, purpose):
        msg = f"the key to be replaced is {found.state}"
        raise KeyNotUsable(msg)
    pending = (fate(tx, one, now) for one in key_changes.rotations_of(tx, org_id, key_id))
    if purpose == "rotate" and any(found in ("rotating", "queued") for found in pending):
        msg = "a rotation away from this key is pending"
        raise RotationPending(msg)


def _handed_over(tx: Session, asked: Challenge, handover: Mapping[str, Any] | None) -> bytes | None:
    """Check the old key's own word for a rotation: the second factor beside the session."""
    if asked.purpose != "rotate" or asked.replaces is None:
        return None
    if handover is None:
        raise KeyRefused("dsse.signature_count", "the old key must sign `handover_payload` too")
    old = keys.introduction_of(tx, asked.org_id, asked.replaces)
    envelope = _signed(handover, old.spki, key_life.handover(asked.payload, asked.replaces))
    return jcs.dumps(envelope.to_json())


def _signed(proof: Mapping[str, Any], spki: bytes, payload: bytes) -> Envelope:
    try:
        envelope = Envelope.from_json(proof, ENROL_CHALLENGE)
        signed = envelope.open(PublicKey.from_der(spki))
    except VerificationError as why:
        raise KeyRefused(why.code, why.detail or "the proof does not hold") from why
    if signed != payload:
        raise KeyRefused("sig.invalid", "the proof is over another challenge")
    return envelope


def _refuse_needless(tx: Session, org_id: UUID, key_id: str, now: datetime) -> None:
    """Enrolling a key again ends a suspension, or vouches for invitations accepted since."""
    state = key_life.standing(keys.events_of(tx, org_id, key_id)).state
    if state == "revoked":
        msg = "this key was revoked, which is final; enrol a new one"
        raise KeyNotUsable(msg)
    earlier = keys.enrolments_of(tx, org_id, key_id)
    if not earlier or state == "suspended":
        return
    became = fate(tx, earlier[0], now)
    if became not in ("stated", "queued", "rotating"):
        return
    vouched = {one.link_id for one in key_changes.vouchers_for(tx, org_id, [key_id])}
    links = {one.link_id for one in known.links_of_respondent(tx, org_id)}
    # What still waits will be vouched for on every link that there is when its turn comes.
    if became != "stated" or links <= vouched:
        msg = "this key is enrolled"
        raise KeyAlreadyEnrolled(msg)
