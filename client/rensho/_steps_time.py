"""Steps 12 to 14: when the statement existed, and whether its key was good then."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Final

from rensho import checkpoint, merkle, strict_json, times, timestamps
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
    """Run step 12 and set the two T: of questions of expiry, and of questions of revocation.

    The first is the earliest verified time. The second is when the witness that completes the
    quorum had seen the log, or a later time-stamp: a clock that runs early may keep a key from
    expiring, never from having been stolen (section 5).
    """
    deployment, docket = exhibit.deployment, exhibit.docket
    quorum = deployment.witness_quorum
    stamped: list[datetime] = []
    witnessed: list[datetime] = []

    # (12) time-stamp tokens and witnesses as Trust asks; the promise only where it asks for neither
    with docket.step(12):
        if promise is not None:
            exhibit.promised_at = read_promise(promise, deployment, exhibit.statement_id)
        if not (deployment.tsa or quorum):
            exhibit.moment = exhibit.revocation_moment = _promised(exhibit)
    if deployment.tsa:
        stamped = _stamped(exhibit)
    else:
        docket.note("step 12: Trust asks for no time-stamp (no tsa)")
    if quorum:
        with docket.step(12):
            witnessed = _witnessed(exhibit)
    if stamped or witnessed:
        exhibit.moment = min([*stamped, *witnessed])
        docket.note(f"T source: {'time-stamp' if exhibit.moment in stamped else 'witness'}")
        if len(witnessed) >= quorum:
            by_quorum = witnessed[quorum - 1 : quorum]
            exhibit.revocation_moment = max([*by_quorum, *sorted(stamped)[:1]])


def _stamped(exhibit: Exhibit) -> list[datetime]:
    """Check every token over the signature; return the times of those that hold."""
    docket, bundle = exhibit.docket, exhibit.bundle
    found: list[datetime] = []
    seen: set[object] = set()
    with docket.step(12):
        if not bundle.tokens:
            raise VerificationError("timestamp.missing", "no time-stamp over this signature")
    for token in bundle.tokens:
        with docket.step(12):
            # The bytes first: of a token nobody can read, that it is there twice still shows.
            _refuse_twice(token, seen)
            claimed = timestamps.read(token)
            _refuse_twice((claimed.digest, claimed.authority), seen)
            found.append(
                timestamps.verify(token, bundle.envelope.signature, exhibit.deployment.tsa)
            )
    return found


def _refuse_twice(mark: object, seen: set[object]) -> None:
    if mark in seen:
        raise VerificationError("timestamp.duplicate", "one authority's word is counted once")
    seen.add(mark)


def _witnessed(exhibit: Exhibit) -> list[datetime]:
    deployment, head = exhibit.deployment, exhibit.checkpoint
    found = witness_times(deployment, head) if head is not None else []
    if len(found) < deployment.witness_quorum:
        raise VerificationError("timestamp.missing", "too few witnesses to tell a time")
    return found


def _promised(exhibit: Exhibit) -> datetime:
    if exhibit.promised_at is None:
        raise VerificationError("timestamp.missing", "no promise for this statement")
    exhibit.docket.note("T source: operator")
    return exhibit.promised_at


def archive_time(token: bytes, notes: Iterable[bytes], deployment: Deployment) -> str:
    """Say in a note what `archive.tsr` proves: that a tree head of this archive existed by then.

    The token is over the body of one of `notes` (the newest checkpoint, or one a consistency
    proof starts from), without its signature lines, as witness lines may arrive later. It bounds
    the age of the whole log and so of no single statement: no step hangs on it.
    """
    if not deployment.tsa:
        return "archive.tsr: Trust asks for no time-stamp (no tsa)"
    keys = [key for epoch in deployment.epochs for key in deployment.note_keys(epoch)]
    failure = VerificationError("timestamp.imprint", "it is over no checkpoint of this archive")
    for note in notes:
        try:
            head = checkpoint.open(note, keys)
            moment = timestamps.verify(token, head.body, deployment.tsa)
        except VerificationError as why:
            failure = failure if why.code == "timestamp.imprint" else why
        else:
            place = f"{head.origin} at size {head.size}"
            return f"archive.tsr: {place} existed at {times.write(moment)}"
    return f"archive.tsr does not hold: {failure}"


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
        found = record.state_at(position, exhibit.moment, exhibit.revocation_moment)
        for code, detail in found:
            docket.report(14, code, detail)


def _check_expiry_of_challenge(exhibit: Exhibit, statement: Statement) -> None:
    expiry = challenge_expiry(statement)
    if expiry is not None and exhibit.moment is not None and exhibit.moment > expiry:
        raise VerificationError("time.key_not_valid", "the enrolment challenge had expired")
