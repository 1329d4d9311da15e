"""Steps 4 to 7: whose key signed exactly these bytes, and what they say."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from rensho import strict_base64
from rensho.dsse import Envelope
from rensho.errors import VerificationError
from rensho.exhibit import Exhibit
from rensho.keyring import KeyRing
from rensho.keys import PublicKey
from rensho.sign import ENROL_CHALLENGE, EnrolChallenge
from rensho.statement import KEY_EVENT, Statement, parse

PARSED_STEPS: Final = (1, 2, 3, 4)


def check_signature(exhibit: Exhibit, ring: KeyRing) -> None:
    """Run steps 5 to 7; steps 1 to 4 ran when the bundle was parsed.

    The payload is looked at only after the signature over those very bytes has held.
    """
    docket = exhibit.docket
    docket.ran.update(PARSED_STEPS)

    # (5) a key somebody else vouches for, never one the message brings along
    with docket.step(5):
        exhibit.key = _key(exhibit, ring)
    if exhibit.key is None:
        return

    # (6) the signature over the PAE of the received bytes, by the algorithm of the key record
    payload: bytes | None = None
    with docket.step(6):
        payload = exhibit.bundle.envelope.open(exhibit.key)
    if payload is None:
        return

    # (7) the same bytes are a statement of this deployment
    with docket.step(7):
        statement = parse(payload, [exhibit.deployment.predicate_base])
        if statement.deployment != exhibit.deployment.origin:
            raise VerificationError("statement.deployment", "made for another deployment")
        if statement.signer_key_id != exhibit.key.key_id:
            raise VerificationError("key.hint_mismatch", "the statement names another key")
        exhibit.statement = statement
        if statement.name == KEY_EVENT:
            _check_key(statement)


def _key(exhibit: Exhibit, ring: KeyRing) -> PublicKey:
    hint = exhibit.bundle.hint
    if hint is None:
        # Certificate chains are not read by this version: without an answer from a chain the
        # signer stays unknown, which is not the same as refused.
        raise VerificationError("cert.chain", "this version follows no certificate chains")
    fixed = exhibit.deployment.fixed_key(hint)
    if fixed is None:
        key = ring.key(hint)
    else:
        key, exhibit.fixed_role = fixed
    return key


def _check_key(statement: Statement) -> None:
    """Check the key of a key event and, where it brings one, the proof of possession (section 3).

    Raises `sig.*` where the key did not sign the challenge, `statement.schema` where that was for
    something else. Its expiry is compared with T, see `challenge_expiry`.
    """
    predicate = statement.predicate
    key = PublicKey.from_der(strict_base64.decode(predicate["key"]["spki"]))
    if key.algorithm != predicate["key"]["algorithm"]:
        raise VerificationError("key.algorithm_not_allowed", "the key is of another algorithm")
    if "proof" not in predicate:
        return
    key.enrol_check()
    challenge = EnrolChallenge.parse(_proof(statement).open(key))
    wanted = (statement.deployment, predicate["org"], key.key_id)
    if (challenge.origin, challenge.org, challenge.key_id) != wanted:
        raise VerificationError("statement.schema", "the proof is for another enrolment")


def challenge_expiry(statement: Statement) -> datetime | None:
    """When the challenge ended that a key event answers; None for an event without proof."""
    if statement.name != KEY_EVENT or "proof" not in statement.predicate:
        return None
    return EnrolChallenge.parse(_proof(statement).payload).expiry


def _proof(statement: Statement) -> Envelope:
    return Envelope.from_json(statement.predicate["proof"], ENROL_CHALLENGE)
