"""Keys: how each came in, the chain of events that says what became of it, and whom Trust names."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any, cast

from rensho import disclosure, strict_base64, strict_json, times
from rensho.checkpoint import NoteKey
from rensho.dsse import Envelope
from rensho.errors import VerificationError
from rensho.keys import PublicKey
from rensho.sign import ENROL_CHALLENGE, EnrolChallenge
from rensho.trust import Deployment
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.attestation.rules import key_life
from services.attestation.rules.key_life import Purpose
from services.attestation.rules.names import link_urn, org_urn
from services.attestation.store import keys
from services.attestation.store.key_changes import KeyChange
from services.attestation.store.keys import Challenge, Confirmation, Enrolment, KeyEvent
from services.attestation.store.log import Checkpoint, Epoch, TrustedKey
from services.attestation.store.statements import Disclosure, Statement
from services.kit.damage import Damage, Look, damaged


def trusted_keys(tx: Session) -> Iterator[Damage]:
    """Look at the keys that Trust names: without them nothing else can be judged."""
    rows = list(tx.scalars(select(TrustedKey).order_by(TrustedKey.trust_version)))
    versions = sorted({row.trust_version for row in rows})
    for row in rows:
        if row.role not in ("operator", "service"):
            yield damaged(row, "no such role")
        try:
            PublicKey.from_der(row.spki)
        except VerificationError as why:
            yield damaged(row, f"no key: {why.code}")
        if versions.index(row.trust_version) + 1 != row.trust_version:
            yield damaged(row, "trust_version does not follow the one before")


def epochs(look: Look) -> Iterator[Damage]:
    """Look at the keys of each log: a head names, by their hashes, the keys it is signed with."""
    for row in look.each(select(Epoch).order_by(Epoch.number)):
        first = look.tx.scalar(
            select(Checkpoint)
            .where(Checkpoint.epoch == row.number)
            .order_by(Checkpoint.seq)
            .limit(1)
        )
        if first is None:
            yield damaged(row, "it has no checkpoint")
            continue
        origin = first.note.partition(b"\n")[0].decode(errors="replace")
        if origin != row.origin:
            yield damaged(row, f"its first checkpoint is of {origin!r}")
        lines = first.note.decode(errors="replace").splitlines()
        named = {line.rpartition(" ")[2][:5] for line in lines if line.startswith("— ")}
        for column, key in (
            ("log_key", NoteKey(row.origin, row.log_key)),
            ("time_key", NoteKey(row.origin, row.time_key, "cosignature")),
        ):
            # Five characters of base64 are thirty bits of the key's hash.
            if strict_base64.encode(key.key_hash)[:5] not in named:
                yield damaged(row, f"{column} is not what its first checkpoint is signed with")
        if row.opened_at != first.signed_at:
            yield damaged(row, "opened_at is not when its first checkpoint was signed")


def chains(look: Look) -> Iterator[Damage]:
    """Look at every firm's key events: each names the one before it, and repeats its statement."""
    for org_id in look.tx.scalars(select(KeyEvent.org_id).distinct()):
        previous: KeyEvent | None = None
        for event, statement, _ in keys.logged_events(look.tx, org_id):
            look.seen(1)
            follows = event.prev == (previous.statement_id if previous else None)
            if not follows or not _is_what_was_signed(event, statement):
                yield damaged(event, "not the next of its firm's chain")
            elif previous and event.seq <= previous.seq:
                yield damaged(event, "seq is not after the one before it")
            previous = event


def _is_what_was_signed(event: KeyEvent, statement: Statement) -> bool:
    try:
        told: dict[str, Any] = strict_json.loads(statement.payload)["predicate"]
        key = PublicKey.from_der(strict_base64.decode(told["key"]["spki"]))
    except (VerificationError, LookupError, TypeError):
        # The payload itself is damaged, and named where statements are looked at.
        return True
    since = told.get("invalidSince")
    ended = (told.get("reason"), times.read(since) if since else None)
    if ended != (event.reason, event.invalid_since):
        return False
    return (told["prev"], told["event"], told["roles"], told["org"], key.key_id) == (
        event.prev,
        event.event,
        event.roles,
        org_urn(event.org_id),
        event.key_id,
    )


def challenges(look: Look, here: Deployment) -> Iterator[Damage]:
    """Look at every challenge: its columns say what was to be signed."""
    for row in look.each(select(Challenge)):
        try:
            asked = EnrolChallenge.parse(row.payload)
            key = PublicKey.from_der(row.spki)
        except VerificationError as why:
            yield damaged(row, f"it cannot be read: {why.code}")
            continue
        # A rotation's proof must hold until its day is over; it is answered in time like others.
        waits = key_life.PROOF_HOLDS if row.purpose == "rotate" else timedelta()
        if (asked.origin, asked.org, asked.key_id, asked.expiry, asked.purpose) != (
            here.origin,
            org_urn(row.org_id),
            row.key_id,
            row.expires_at + waits,
            key_life.purpose_text(cast("Purpose", row.purpose), row.replaces),
        ) or key.key_id != row.key_id:
            yield damaged(row, "it is not what was to be signed")


def enrolments(look: Look) -> Iterator[Damage]:
    """Look at every proof of possession, against its challenge and the event it led to."""
    query = (
        select(Enrolment, Challenge, Statement.payload)
        .outerjoin(Challenge, Challenge.id == Enrolment.challenge_id)
        .outerjoin(KeyEvent, KeyEvent.cause_id == Enrolment.id)
        .outerjoin(Statement, Statement.statement_id == KeyEvent.statement_id)
    )
    for row, asked, payload in look.each(query):
        if asked is None:
            yield damaged(row, "its challenge is missing")
            continue
        if (altered := _unproved(row, asked)) is not None:
            yield damaged(altered, "the proof is not over its challenge")
        for column in ("org_id", "key_id", "spki", "roles", "custody", "purpose", "replaces"):
            if getattr(row, column) != getattr(asked, column):
                # The event the operator signed says which of the two was altered.
                blamed = asked if _was_signed(payload, column, row) else row
                yield damaged(blamed, f"{column} differs between challenge and proof")
        # T of a rotation lies a day later: see `key_changes.handovers`.
        in_time = row.purpose == "rotate" or _was_signed(payload, "received_at", row)
        if payload is not None and not in_time:
            yield damaged(row, "received_at is not what the key event says")


def _unproved(row: Enrolment, asked: Challenge) -> Enrolment | Challenge | None:
    """Which of the two was altered: a signature that still holds is over what was asked."""
    try:
        envelope = Envelope.from_json(strict_json.loads(row.proof), ENROL_CHALLENGE)
        return None if envelope.open(PublicKey.from_der(row.spki)) == asked.payload else asked
    except VerificationError:
        return row


def _was_signed(payload: bytes | None, column: str, row: Enrolment) -> bool:
    """Whether the key event says of this column what the enrolment says."""
    try:
        told: dict[str, Any] = strict_json.loads(payload or b"")["predicate"]
        spki = strict_base64.decode(told["key"]["spki"])
        said: dict[str, Any] = {
            "org_id": told["org"] == org_urn(row.org_id),
            "key_id": PublicKey.from_der(spki).key_id == row.key_id,
            "spki": spki == row.spki,
            "roles": told["roles"] == row.roles,
            "custody": told["custody"] == row.custody,
            "received_at": _is_told(told["at"]["attestedAt"], row.received_at),
        }
    except (VerificationError, LookupError, TypeError):
        return False
    return bool(said.get(column))


def confirmations(look: Look) -> Iterator[Damage]:
    """Look at every confirmation, against the event it led to."""
    query = (
        select(Confirmation, KeyEvent, Statement.payload)
        .outerjoin(KeyEvent, KeyEvent.cause_id == Confirmation.id)
        .outerjoin(Statement, Statement.statement_id == KeyEvent.statement_id)
    )
    for row, event, payload in look.each(query):
        if event is None:
            continue
        opened = look.tx.scalars(
            select(Disclosure.text).where(Disclosure.statement_id == event.statement_id)
        )
        vouched = [_voucher(text) for text in opened]
        if (event.org_id, event.key_id) != (row.org_id, row.key_id) or vouched not in (
            [(org_urn(row.by_org_id), link_urn(row.link_id))],
            [None],
        ):
            yield damaged(row, "it is not what the key event says")
        elif (told := _attested_at(payload or b"")) and not _is_told(told, row.received_at):
            yield damaged(row, "received_at is not what the key event says")


def _voucher(text: str) -> tuple[str, str] | None:
    """Return by whom and for which link; None where the text is damaged, and named as such."""
    try:
        value = disclosure.parse(text).value
        return value["by"], value["link"]
    except (VerificationError, LookupError, TypeError):
        return None


def _is_told(told: str, moment: datetime) -> bool:
    # To the last bit: what is signed has no fraction of a second, so the row has none either.
    return times.read(told) == moment


def _attested_at(payload: bytes) -> str | None:
    try:
        return str(strict_json.loads(payload)["predicate"]["at"]["attestedAt"])
    except (VerificationError, LookupError, TypeError):
        return None


def causes(look: Look) -> Iterator[Damage]:
    """Look for key events that nobody asked for, and for what may have asked under another id."""
    kinds: tuple[Any, ...] = (Enrolment, Confirmation, KeyChange)
    caused = [select(kind.id).where(kind.id == KeyEvent.cause_id).exists() for kind in kinds]
    for event in look.each(select(KeyEvent).where(*(~one for one in caused))):
        yield damaged(event, "what caused it is missing")
        for kind in kinds:
            led_nowhere = ~select(KeyEvent.seq).where(KeyEvent.cause_id == kind.id).exists()
            query = select(kind).where(
                kind.org_id == event.org_id, kind.key_id == event.key_id, led_nowhere
            )
            for row in look.each(query):
                yield damaged(row, "a key event of this key names another cause")
