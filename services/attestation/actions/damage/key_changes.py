"""What happened to keys after they came in, and who vouches for them, against what was signed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rensho import disclosure, strict_json
from rensho.dsse import Envelope
from rensho.entries import Voucher as Signed
from rensho.errors import VerificationError
from rensho.keys import PublicKey
from rensho.promises import ENROL_CHALLENGE
from sqlalchemy import select
from sqlalchemy.orm import Session

from services.attestation.rules import key_life
from services.attestation.rules.names import link_id, org_id
from services.attestation.store import keys
from services.attestation.store.key_changes import (
    KeyApproval,
    KeyChange,
    KeyReview,
    KeyVeto,
    Voucher,
)
from services.attestation.store.keys import Enrolment, KeyEvent
from services.attestation.store.statements import Disclosure, Statement
from services.kit.damage import Damage, Look, damaged


def changes(look: Look) -> Iterator[Damage]:
    """Look at every wish to end a key, against the event it led to and the key it made room for."""
    query = (
        select(KeyChange, KeyEvent, Statement, KeyApproval, Enrolment)
        .outerjoin(KeyEvent, KeyEvent.cause_id == KeyChange.id)
        .outerjoin(Statement, Statement.statement_id == KeyEvent.statement_id)
        .outerjoin(KeyApproval, KeyApproval.change_id == KeyChange.id)
        .outerjoin(Enrolment, Enrolment.id == KeyChange.enrolment_id)
    )
    for row, event, statement, approval, heir in look.each(query):
        if event is not None:
            for column in ("org_id", "key_id", "event", "reason", "invalid_since"):
                if getattr(row, column) != getattr(event, column):
                    yield damaged(row, f"{column} is not what the key event says")
        if statement is not None:
            asked = approval or row
            if asked.received_at != statement.attested_at:
                yield damaged(asked, "received_at is not what the key event says")
        if approval is not None and (approval.org_id, row.reason) != (row.org_id, "key-compromise"):
            yield damaged(approval, "it is not of the change it names")
        if approval is not None and approval.approved_by == row.asked_by:
            yield damaged(approval, "who asked has agreed")
        if heir is not None and (heir.org_id, heir.replaces) != (row.org_id, row.key_id):
            yield damaged(row, "the key it made room for says otherwise")


def vetoes(look: Look) -> Iterator[Damage]:
    """Look at every veto: the old key's signature over the rotation it stopped."""
    for row, heir in look.each(
        select(KeyVeto, Enrolment).join(Enrolment, Enrolment.id == KeyVeto.enrolment_id)
    ):
        if row.org_id != heir.org_id or not _vetoes(look.tx, row, heir):
            yield damaged(row, "it is not the old key's veto of this rotation")
        elif row.received_at > heir.due_at:
            yield damaged(row, "it came when the rotation had taken place")


def _vetoes(tx: Session, row: KeyVeto, heir: Enrolment) -> bool:
    try:
        envelope = Envelope.from_json(strict_json.loads(row.envelope), key_life.KEY_VETO)
        proved = Envelope.from_json(strict_json.loads(heir.proof), ENROL_CHALLENGE).payload
        old = keys.introduction_of(tx, heir.org_id, str(heir.replaces))
        wanted = key_life.veto(proved, str(heir.replaces), heir.due_at or heir.received_at)
        return envelope.open(PublicKey.from_der(old.spki)) == wanted
    except (VerificationError, LookupError):
        return False


def handovers(look: Look) -> Iterator[Damage]:
    """Look at every rotation: the old key's word, and the day it takes effect."""
    for row in look.each(select(Enrolment).where(Enrolment.purpose == "rotate")):
        if row.due_at != row.received_at + key_life.VETO_TIME:
            yield damaged(row, "due_at is not a day after it was received")
        if not _hands_over(look.tx, row):
            yield damaged(row, "the old key did not hand over to it")


def _hands_over(tx: Session, row: Enrolment) -> bool:
    try:
        envelope = Envelope.from_json(strict_json.loads(row.handover or b""), ENROL_CHALLENGE)
        proved = Envelope.from_json(strict_json.loads(row.proof), ENROL_CHALLENGE).payload
        old = keys.introduction_of(tx, row.org_id, str(row.replaces))
        wanted = key_life.handover(proved, str(row.replaces))
        return envelope.open(PublicKey.from_der(old.spki)) == wanted
    except (VerificationError, LookupError):
        return False


def reviews(look: Look) -> Iterator[Damage]:
    """Look at what the operator decided: of the firm that proved the key."""
    query = select(KeyReview, Enrolment.org_id).join(
        Enrolment, Enrolment.id == KeyReview.enrolment_id
    )
    for row, org in look.each(query):
        if row.org_id != org:
            yield damaged(row, "it is about another firm")


def vouchers(look: Look) -> Iterator[Damage]:
    """Look at every voucher: it is in the clear what a disclosure of its event opens to."""
    query = (
        select(Voucher, KeyEvent)
        .join(KeyEvent, KeyEvent.statement_id == Voucher.statement_id)
        .order_by(Voucher.statement_id)
    )
    listed: dict[str, set[tuple[Any, ...]]] = {}
    for row, event in look.each(query):
        opened = _opened(look.tx, row.statement_id)
        said = (row.by_org_id, row.link_id, row.assurance)
        listed.setdefault(row.statement_id, set()).add(said)
        if said not in opened or (row.org_id, row.key_id) != (event.org_id, event.key_id):
            yield damaged(row, "it is not what the key event says")
    for event in look.each(select(KeyEvent)):
        for by, link, assurance in _opened(look.tx, event.statement_id):
            if (by, link, assurance) not in listed.get(event.statement_id, set()):
                yield Damage("voucher", f"{event.statement_id}/{link}", "missing or altered")


def _opened(tx: Session, statement_id: str) -> set[tuple[Any, ...]]:
    found = set()
    for text in tx.scalars(select(Disclosure.text).where(Disclosure.statement_id == statement_id)):
        try:
            told = Signed.from_json(disclosure.parse(text).value)
            found.add((org_id(told.by), link_id(told.link), told.assurance))
        except (VerificationError, ValueError):
            # The text itself is damaged, and named where disclosures are looked at.
            continue
    return found
