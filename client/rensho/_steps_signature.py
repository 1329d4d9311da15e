"""Steps 4 to 7: whose key signed exactly these bytes, and what they say."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from rensho import certificates, strict_base64
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

    Of a certificate, step 5 has to wait for T: see `check_certificate`.
    The payload is looked at only after the signature over those very bytes has held.
    """
    docket = exhibit.docket
    docket.ran.update(PARSED_STEPS)

    # (5) a key somebody else vouches for, never one the message brings along
    certificate = exhibit.bundle.certificate
    if certificate is not None:
        _take_certified_key(exhibit, certificate)
    else:
        with docket.step(5):
            exhibit.key = _key(exhibit, exhibit.bundle.hint or "", ring)
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


def _key(exhibit: Exhibit, hint: str, ring: KeyRing) -> PublicKey:
    fixed = exhibit.deployment.fixed_key(hint)
    if fixed is None:
        key = ring.key(hint)
    else:
        key, exhibit.fixed_role = fixed
    return key


def _take_certified_key(exhibit: Exhibit, certificate: bytes) -> None:
    """Take the key of a certificate on trial: step 5 has not run before `check_certificate`."""
    if not exhibit.deployment.ca:
        exhibit.docket.report(5, "cert.chain", "Trust names no certificate authority (no ca)")
        return
    try:
        exhibit.key = certificates.key_of(certificate)
    except VerificationError as why:
        exhibit.docket.report(5, why.code, why.detail)


def check_certificate(exhibit: Exhibit) -> None:
    """Finish step 5 for a signer's certificate: its chain holds as of T, known since step 12.

    Whoever the chain does not vouch for has said nothing: key and statement are dropped.
    """
    docket, certificate, moment = exhibit.docket, exhibit.bundle.certificate, exhibit.moment
    if certificate is None or exhibit.key is None:
        return
    docket.note("step 5: certificate revocation lists are not read")
    if moment is not None:
        try:
            certificates.verify(certificate, exhibit.deployment.ca, moment)
        except VerificationError as why:
            # Trust did give an anchor, so this is a broken chain and not a missing one.
            docket.report(5, why.code, why.detail, refuted=True)
        else:
            docket.ran.add(5)
            return
    exhibit.key = exhibit.statement = None


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
