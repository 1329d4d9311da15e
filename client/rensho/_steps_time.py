"""Steps 12 to 14: when the statement existed, and whether its key was good then."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from rensho import merkle, strict_json
from rensho._steps_log import witness_times
from rensho._steps_signature import challenge_expiry
from rensho.dsse import Envelope
from rensho.errors import VerificationError
from rensho.exhibit import Exhibit
from rensho.history import GENESIS_SIZE, History
from rensho.keyring import NOT_LOGGED, KeyRing
from rensho.sign import PROMISE, Promise
from rensho.statement import KEY_EVENT, Anchor, Statement
from rensho.trust import Deployment

MAX_PROMISE: Final = 16 * 1024
ANCHOR_AGE: Final = timedelta(days=7)
CLAIMED_BEFORE: Final = timedelta(hours=24)
CLAIMED_AFTER: Final = timedelta(minutes=5)


def check_time_sources(exhibit: Exhibit, promise: bytes | None) -> None:
    """Run step 12 and set T, the earliest verified time the statement is known to have existed."""
    deployment, docket = exhibit.deployment, exhibit.docket

    # (12) time-stamp tokens where Trust names an authority, else witnesses, else the promise
    with docket.step(12):
        if promise is not None:
            exhibit.promised_at = read_promise(promise, deployment, exhibit.statement_id)
        if deployment.tsa:
            raise VerificationError(
                "timestamp.missing", "Trust asks for time-stamps and this version reads none"
            )
        exhibit.moment = _moment(exhibit)
    if not deployment.tsa:
        docket.note("step 12: Trust asks for no time-stamp (no tsa)")


def _moment(exhibit: Exhibit) -> datetime:
    deployment = exhibit.deployment
    if deployment.witness_quorum:
        seen = witness_times(deployment, exhibit.checkpoint) if exhibit.checkpoint else []
        if len(seen) < deployment.witness_quorum:
            raise VerificationError("timestamp.missing", "too few witnesses to tell a time")
        return seen[deployment.witness_quorum - 1]
    if exhibit.promised_at is None:
        raise VerificationError("timestamp.missing", "no promise for this statement")
    exhibit.docket.note("T source: operator")
    return exhibit.promised_at


def read_promise(data: bytes, deployment: Deployment, statement_id: str) -> datetime:
    """Return `receivedAt` of an operator's promise for this statement (section 4).

    Raises `input.too_large`, `json.*`, `dsse.*`, `key.unknown`, `sig.*`, `statement.schema`
    (not a promise), `statement.deployment` (another log's or another statement's).
    """
    if len(data) > MAX_PROMISE:
        raise VerificationError("input.too_large", "a promise is at most 16 KiB")
    envelope = Envelope.from_json(strict_json.loads(data), PROMISE)
    promise = Promise.parse(_by_operator(envelope, deployment))
    if promise.include_by < promise.received_at:
        raise VerificationError("statement.schema", "a promise cannot be due before it is made")
    if deployment.epoch_number(promise.origin) is None:
        raise VerificationError("statement.deployment", "the promise is of another log")
    if promise.statement_id != statement_id:
        raise VerificationError("statement.deployment", "the promise is for another statement")
    return promise.received_at


def _by_operator(envelope: Envelope, deployment: Deployment) -> bytes:
    failure = VerificationError("key.unknown", "no operator key")
    for key in deployment.operator_keys:
        if envelope.keyid in ("", key.key_id):
            try:
                return envelope.open(key)
            except VerificationError as why:
                failure = why
    raise failure


def check_claimed_time(exhibit: Exhibit, statement: Statement, history: History) -> None:
    """Run step 13: the anchor bounds the time from below, T from above."""
    docket, moment = exhibit.docket, exhibit.moment

    # (13) the anchor, then the claimed time between the bounds
    with docket.step(13):
        anchor = statement.anchor
        if anchor is None:
            raise VerificationError("time.anchor_missing", "the statement names no checkpoint")
        _check_anchor(exhibit, statement, anchor, history)
    with docket.step(13):
        if moment is not None:
            attested = statement.attested_at
            if not moment - CLAIMED_BEFORE <= attested <= moment + CLAIMED_AFTER:
                raise VerificationError("time.claimed_time", "attestedAt is not near T")


def _check_anchor(exhibit: Exhibit, statement: Statement, anchor: Anchor, history: History) -> None:
    number = exhibit.deployment.epoch_number(anchor.origin)
    if number is None:
        raise VerificationError("time.anchor_inconsistent", "the anchor is of no known log")
    if exhibit.position is not None and (number, anchor.size) > exhibit.position:
        raise VerificationError("time.anchor_inconsistent", "the anchor is of a later tree")
    if anchor.size == GENESIS_SIZE and anchor.root_hash != merkle.EMPTY_ROOT:
        raise VerificationError("time.anchor_inconsistent", "an empty tree has another root")
    if anchor.size == GENESIS_SIZE and statement.name == KEY_EVENT:
        return
    head = history.head_before(anchor.origin, anchor.size, exhibit.checkpoint)
    if head.root_hash != anchor.root_hash:
        raise VerificationError("time.anchor_inconsistent", "the log had another root then")
    if head.seen_at is None:
        raise VerificationError("time.anchor_missing", "no time key says how old the anchor is")
    moment = exhibit.moment
    if moment is None:
        return
    if head.seen_at > moment + CLAIMED_AFTER:
        raise VerificationError("time.anchor_inconsistent", "the anchor is younger than T")
    if moment - head.seen_at > ANCHOR_AGE:
        raise VerificationError("time.anchor_too_old", "more than 7 days before T")


def check_key_state(exhibit: Exhibit, statement: Statement, ring: KeyRing) -> None:
    """Run step 14: the key was enrolled before, inside its period, and not ended."""
    docket = exhibit.docket

    # (14) by the order of the log; clocks only for the period and for a theft that reaches back
    with docket.step(14):
        if exhibit.fixed_role is not None:
            _check_expiry_of_challenge(exhibit, statement)
            return
        record = ring.record(statement.signer_key_id, statement.signer_org)
        if record is None:
            # Whose key it is instead is step 15's finding; there is no state to ask for here.
            return
        position = exhibit.position or NOT_LOGGED
        for code, detail in record.state_at(position, exhibit.moment):
            docket.report(14, code, detail)


def _check_expiry_of_challenge(exhibit: Exhibit, statement: Statement) -> None:
    expiry = challenge_expiry(statement)
    if expiry is not None and exhibit.moment is not None and exhibit.moment > expiry:
        raise VerificationError("time.key_not_valid", "the enrolment challenge had expired")
