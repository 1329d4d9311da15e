"""How a key comes in: a challenge, its signed answer, and later a requester's confirmation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from rensho import jcs
from rensho.dsse import Envelope
from rensho.errors import VerificationError
from rensho.keys import PublicKey
from rensho.sign import ENROL_CHALLENGE, EnrolChallenge
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.attestation.actions.refusals import (
    ChallengeExpired,
    ChallengeUsed,
    KeyAlreadyEnrolled,
    KeyNotKnownYet,
    KeyRefused,
)
from services.attestation.actions.trust import deployment
from services.attestation.rules.names import org_urn
from services.attestation.store import keys, known, log
from services.attestation.store.keys import Challenge, Confirmation, Enrolment
from services.kit.auth import Principal
from services.kit.db import new_id
from services.kit.problems import NotFound, Unavailable

CHALLENGE_LIFETIME = timedelta(minutes=10)
STALE_HEAD = timedelta(days=6)
PURPOSE = "enrol a signing key"


@dataclass(frozen=True)
class Offered:
    """A key somebody wants to enrol, for which roles, and how it is kept."""

    spki: bytes
    roles: Sequence[str]
    custody: str


def challenge(tx: Session, who: Principal, offered: Offered, now: datetime) -> Challenge:
    """Say what the key must sign.

    Raises:
        KeyRefused: the key must never be enrolled.
        Unavailable: the log stands still.
        KeyNotKnownYet: the firm's enrolment has not been heard of. Waiting for it here makes a
            firm's first key vouch for the link that the firm came by.
    """
    if tx.get(known.Organization, who.org) is None:
        raise KeyNotKnownYet
    head = log.newest_checkpoint(tx)
    if head is None or now - head.signed_at > STALE_HEAD:
        # An idle log repeats its head every hour; a key event anchored to an older one than a
        # verifier allows could never be VALID.
        msg = "the log has not been signed for days; nothing can be enrolled until it is"
        raise Unavailable(msg, retry_after=60)
    try:
        key = PublicKey.from_der(offered.spki)
        key.enrol_check()
    except VerificationError as why:
        raise KeyRefused(why.code, why.detail or "this key cannot be enrolled") from why
    expires_at = now.replace(microsecond=0) + CHALLENGE_LIFETIME
    asked = EnrolChallenge(
        origin=deployment(tx).origin,
        org=org_urn(who.org),
        key_id=key.key_id,
        purpose=PURPOSE,
        expiry=expires_at,
    )
    row = Challenge(
        id=new_id(),
        org_id=who.org,
        key_id=key.key_id,
        spki=offered.spki,
        roles=sorted(set(offered.roles)),
        custody=offered.custody,
        payload=asked.to_bytes(),
        expires_at=expires_at,
    )
    tx.add(row)
    tx.flush()
    return row


def enrol(
    tx: Session, who: Principal, challenge_id: UUID, proof: Mapping[str, Any], now: datetime
) -> Enrolment:
    """Queue a key whose holder has signed the challenge.

    A key that another firm holds is queued like any other: the answer must not tell.

    Raises:
        NotFound, ChallengeExpired, ChallengeUsed: as their names say.
        KeyRefused: the proof is not the key's signature over the challenge.
        KeyAlreadyEnrolled: there is nothing that enrolling it again would change.
    """
    asked = keys.own_challenge(tx, challenge_id, who.org)
    if asked is None:
        msg = "no such challenge"
        raise NotFound(msg)
    if now > asked.expires_at:
        msg = "the challenge has expired; ask for a new one"
        raise ChallengeExpired(msg)
    envelope = _proved(proof, asked)
    _refuse_needless(tx, who.org, asked.key_id)
    row = keys.add_enrolment(
        tx,
        id=new_id(),
        challenge_id=challenge_id,
        org_id=who.org,
        key_id=asked.key_id,
        spki=asked.spki,
        roles=asked.roles,
        custody=asked.custody,
        proof=jcs.dumps(envelope.to_json()),
        received_at=now,
    )
    if row is None:
        msg = "the challenge was answered before"
        raise ChallengeUsed(msg)
    log.enqueue(tx, "enrolment", row.id)
    return row


def confirm(tx: Session, who: Principal, key_id: str, link_id: UUID, now: datetime) -> Confirmation:
    """Record that a member of the requester compared the fingerprint of its supplier's key.

    Repeating it changes nothing.

    Raises:
        KeyNotKnownYet: not your link, or not a logged key of the firm at its other end.
    """
    link = known.link_of_requester(tx, link_id, who.org)
    held = (
        []
        if link is None
        else [e for e, _, _ in keys.logged_events(tx, link.respondent_org_id) if e.key_id == key_id]
    )
    if link is None or not held:
        raise KeyNotKnownYet
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
        received_at=now,
    )
    tx.add(row)
    tx.flush()
    log.enqueue(tx, "confirmation", row.id)
    return row


def _proved(proof: Mapping[str, Any], asked: Challenge) -> Envelope:
    try:
        envelope = Envelope.from_json(proof, ENROL_CHALLENGE)
        signed = envelope.open(PublicKey.from_der(asked.spki))
    except VerificationError as why:
        raise KeyRefused(why.code, why.detail or "the proof does not hold") from why
    if signed != asked.payload:
        raise KeyRefused("sig.invalid", "the proof is over another challenge")
    return envelope


def _refuse_needless(tx: Session, org_id: UUID, key_id: str) -> None:
    """Enrolling a key again has one use: its new event vouches for invitations accepted since."""
    earlier = keys.enrolments_of(tx, org_id, key_id)
    if not earlier:
        return
    links = known.links_of_respondent(tx, org_id)
    if all(link.known_at < earlier[0].received_at for link in links):
        msg = "this key is enrolled"
        raise KeyAlreadyEnrolled(msg)
