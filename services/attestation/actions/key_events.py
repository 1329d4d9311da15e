"""The operator's statements on keys, made by the sequencer out of what waits in its queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, cast
from uuid import UUID

from rensho import dsse, strict_json
from rensho.blocks import Block, vouched_by
from rensho.dsse import Envelope
from rensho.entries import Voucher
from rensho.keys import PublicKey
from rensho.predicates import Role
from rensho.sign import ENROL_CHALLENGE, Common, Custody, KeyRecord, key_event
from rensho.statement import Anchor, parse
from sqlalchemy.orm import Session

from services.attestation.actions.keeping import Checked, keep
from services.attestation.actions.sequencing import BATCH, Keys
from services.attestation.rules.names import link_urn, operator_org, org_urn
from services.attestation.rules.submissions import For
from services.attestation.store import keys, known, log
from services.attestation.store.keys import Confirmation, Enrolment, KeyEvent
from services.attestation.store.log import Epoch

KEY_PERIOD = timedelta(days=365)


@dataclass(frozen=True)
class Change:
    """One change of a key that the operator is about to state."""

    cause: UUID
    event: Literal["enrol", "confirm"]
    about: Enrolment
    vouchers: Sequence[tuple[UUID, Voucher]]
    received_at: datetime

    @property
    def moment(self) -> datetime:
        """T: a whole second, as the promise will write it."""
        return self.received_at.replace(microsecond=0)


def state_changes(tx: Session, keys_: Keys) -> int:
    """Sign a key event for every key that may be enrolled and every confirmation given.

    They go the way of every statement: queue, promise, leaf. A crash before the commit leaves the
    requests queued, and the events signed meanwhile were seen by nobody.
    """
    made = 0
    for row in log.waiting(tx, "enrolment", "queued", BATCH):
        asked = tx.get_one(Enrolment, row.id)
        if keys.held_by_another(tx, asked.key_id, asked.org_id):
            # Two firms with one key: a person looks at it, and neither firm is told.
            row.state = "review"
            continue
        links = known.links_of_respondent(tx, asked.org_id)
        vouchers = [
            (link.requester_org_id, _voucher(link.requester_org_id, link.link_id, "mailbox"))
            for link in links
        ]
        _state(tx, keys_, Change(asked.id, "enrol", asked, vouchers, asked.received_at))
        tx.delete(row)
        made += 1
    for row in log.waiting(tx, "confirmation", "queued", BATCH):
        given = tx.get_one(Confirmation, row.id)
        about = keys.enrolments_of(tx, given.org_id, given.key_id)[0]
        voucher = (given.by_org_id, _voucher(given.by_org_id, given.link_id, "confirmed"))
        _state(tx, keys_, Change(given.id, "confirm", about, [voucher], given.received_at))
        tx.delete(row)
        made += 1
    tx.flush()
    return made


def _voucher(by: UUID, link: UUID, assurance: Literal["mailbox", "confirmed"]) -> Voucher:
    return Voucher(org_urn(by), link_urn(link), assurance)


def _state(tx: Session, keys_: Keys, change: Change) -> None:
    epoch = log.epochs(tx)[0]
    previous = keys.newest_event(tx, change.about.org_id)
    prev = previous.statement_id if previous else None
    block, texts = vouched_by(voucher for _, voucher in change.vouchers)
    payload = _payload(_common(tx, keys_, epoch, change.moment), change, block, prev)
    checked = Checked(
        statement=parse(payload, [epoch.predicate_base]),
        envelope=dsse.sign(keys_.operator, payload),
        key=keys_.operator.public,
        # Not the firm's to open: it would show one requester to another.
        opener=operator_org(epoch.origin),
        public=True,
        opened=tuple(
            ("vouchedBy", text, For(reader=by))
            for text, (by, _) in zip(texts, change.vouchers, strict=True)
        ),
    )
    keep(tx, change.about.org_id, "key-event", [checked], change.moment)
    tx.add(
        KeyEvent(
            statement_id=checked.statement.id,
            org_id=change.about.org_id,
            key_id=change.about.key_id,
            event=change.event,
            roles=change.about.roles,
            prev=prev,
            cause_id=change.cause,
        )
    )
    tx.flush()


def _payload(common: Common, change: Change, vouchers: Block, prev: str | None) -> bytes:
    proof = Envelope.from_json(strict_json.loads(change.about.proof), ENROL_CHALLENGE)
    return key_event(
        common,
        event=change.event,
        record=KeyRecord(
            org=org_urn(change.about.org_id),
            key=PublicKey.from_der(change.about.spki),
            roles=cast("list[Role]", change.about.roles),
            custody=cast("Custody", change.about.custody),
        ),
        vouched_by=vouchers,
        prev=prev,
        proof=proof if change.event == "enrol" else None,
    )


def _common(tx: Session, keys_: Keys, epoch: Epoch, received_at: datetime) -> Common:
    """T of a key event is when the proof came in, before its challenge expired: so all is as of
    then, and the anchor a head that was there already.
    """
    head = log.newest_head_by(tx, received_at)
    assert head is not None, "the log is open"
    return Common(
        base=epoch.predicate_base,
        deployment=epoch.origin,
        org=org_urn(operator_org(epoch.origin)),
        role="operator",
        key_id=keys_.operator.public.key_id,
        attested_at=received_at,
        anchor=Anchor(epoch.origin, head.size, head.root_hash),
        not_before=received_at,
        not_after=received_at + KEY_PERIOD,
    )
