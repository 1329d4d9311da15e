"""The operator's statements on keys, made by the sequencer out of what waits in its queue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, cast
from uuid import UUID

from rensho import dsse, strict_json
from rensho.blocks import Block, vouched_by
from rensho.dsse import Envelope
from rensho.entries import Voucher
from rensho.keys import PublicKey
from rensho.predicates import Role
from rensho.promises import ENROL_CHALLENGE
from rensho.sign import Common, Custody, Event, KeyRecord, RevocationReason, key_event
from rensho.statement import parse
from sqlalchemy.orm import Session

from services.attestation.actions.keeping import Checked, keep
from services.attestation.actions.key_fates import fate
from services.attestation.actions.sequencing import BATCH, Keys
from services.attestation.rules import key_life
from services.attestation.rules.key_life import Next, Standing
from services.attestation.rules.names import link_id, link_urn, operator_org, org_id, org_urn
from services.attestation.rules.submissions import For
from services.attestation.store import key_changes, keys, known, log
from services.attestation.store.key_changes import KeyChange
from services.attestation.store.keys import Confirmation, Enrolment, KeyEvent
from services.attestation.store.log import Epoch

KEY_PERIOD = timedelta(days=365)
_WORK: Final[tuple[log.QueueKind, ...]] = ("enrolment", "confirmation", "change")


@dataclass(frozen=True)
class Change:
    """One change of a key that the operator is about to state.

    `about` is the proof that introduces the key, or did; `roles` are those it has from here on;
    `received_at` is T, a whole second.
    """

    cause: UUID
    next: Next
    about: Enrolment
    roles: Sequence[str]
    received_at: datetime
    vouchers: Sequence[Voucher] = ()
    invalid_since: datetime | None = None


def state_changes(tx: Session, keys_: Keys) -> int:
    """Sign a key event for everything that may happen to a key, in the order it was asked.

    They go the way of every statement: queue, promise, leaf. A crash before the commit leaves the
    requests queued, and the events signed meanwhile were seen by nobody. What was possible when
    it was asked and is not any more is dropped: the web looked, but only here is there an order.
    """
    if log.waiting(tx, "submission", "promised", 1):
        # Words given by a run that died wait for their leaves: no key may end in between.
        return 0
    made = 0
    for row in log.waiting(tx, _WORK, "queued", BATCH):
        match row.kind:
            case "enrolment":
                changes = _enrolment(tx, tx.get_one(Enrolment, row.id))
            case "confirmation":
                changes = _confirmation(tx, tx.get_one(Confirmation, row.id))
            case _:
                changes = _change(tx, tx.get_one(KeyChange, row.id))
        if changes is None:
            # Two firms with one key: a person looks at it, and neither firm is told.
            row.state = "review"
            continue
        for change in changes:
            _state(tx, keys_, change)
        tx.delete(row)
        made += 1
    tx.flush()
    return made


def _enrolment(tx: Session, proof: Enrolment) -> list[Change] | None:
    """Return the event that enrols a key, nothing if it was revoked, None if another holds it."""
    # Proved anew after a suspension it is the same key: what it had on a link it still has.
    vouchers = _handed_on(tx, proof.org_id, proof.key_id, _invited(tx, proof.org_id))
    return _introduction(tx, proof, "enrol", proof.received_at, vouchers)


def _change(tx: Session, asked: KeyChange) -> list[Change] | None:
    """Return the end of a key, behind the introduction of its heir where there is one."""
    wish = Next(cast("Event", asked.event), cast("RevocationReason | None", asked.reason))
    if not key_life.may(_standing(tx, asked.org_id, asked.key_id), wish):
        return []
    about = keys.introduction_of(tx, asked.org_id, asked.key_id)
    agreed = key_changes.approval(tx, asked.id)
    end = Change(
        asked.id,
        wish,
        about,
        _roles(tx, about),
        agreed.received_at if agreed else asked.received_at,
        invalid_since=asked.invalid_since,
    )
    if asked.enrolment_id is None:
        return [end]
    heir = tx.get_one(Enrolment, asked.enrolment_id)
    if fate(tx, heir, asked.received_at) != "queued":
        return []
    rotates = heir.purpose == "rotate"
    vouchers = _invited(tx, heir.org_id)
    if rotates:
        vouchers = _handed_on(tx, asked.org_id, asked.key_id, vouchers)
    introduced = _introduction(
        tx, heir, "rotate" if rotates else "enrol", asked.received_at, vouchers
    )
    return [*introduced, end] if introduced else introduced


def _introduction(
    tx: Session,
    proof: Enrolment,
    event: Literal["enrol", "rotate"],
    moment: datetime,
    vouchers: Sequence[Voucher],
) -> list[Change] | None:
    if not key_life.may(_standing(tx, proof.org_id, proof.key_id), Next(event)):
        return []
    shared = keys.held_by_another(tx, proof.key_id, proof.org_id)
    if shared and not key_changes.is_cleared(tx, proof.org_id, proof.key_id):
        return None
    return [Change(proof.id, Next(event), proof, proof.roles, moment, vouchers)]


def _confirmation(tx: Session, given: Confirmation) -> list[Change]:
    if not key_life.may(_standing(tx, given.org_id, given.key_id), Next("confirm")):
        return []
    about = keys.introduction_of(tx, given.org_id, given.key_id)
    voucher = _voucher(given.by_org_id, given.link_id, "confirmed")
    roles = _roles(tx, about)
    return [Change(given.id, Next("confirm"), about, roles, given.received_at, [voucher])]


def _standing(tx: Session, org_id: UUID, key_id: str) -> Standing:
    return key_life.standing(keys.events_of(tx, org_id, key_id))


def _roles(tx: Session, about: Enrolment) -> Sequence[str]:
    return keys.events_of(tx, about.org_id, about.key_id)[-1].roles


def _invited(tx: Session, org_id: UUID) -> list[Voucher]:
    """Return the vouchers that a firm's invitations are, one for each link it came by."""
    links = known.links_of_respondent(tx, org_id)
    return [_voucher(link.requester_org_id, link.link_id, "mailbox") for link in links]


def _handed_on(
    tx: Session, org_id_: UUID, key_id: str, vouchers: Sequence[Voucher]
) -> list[Voucher]:
    """Raise vouchers to what a key had on each link, which it has handed on by its signature."""
    had = key_changes.vouchers_for(tx, org_id_, [key_id])
    confirmed = {link_urn(one.link_id) for one in had if one.assurance == "confirmed"}
    return [replace(v, assurance="confirmed") if v.link in confirmed else v for v in vouchers]


def _voucher(by: UUID, link: UUID, assurance: Literal["mailbox", "confirmed"]) -> Voucher:
    return Voucher(org_urn(by), link_urn(link), assurance)


def _state(tx: Session, keys_: Keys, change: Change) -> None:
    epoch = log.epochs(tx)[0]
    previous = keys.newest_event(tx, change.about.org_id)
    prev = previous.statement_id if previous else None
    block, texts = vouched_by(change.vouchers)
    payload = _payload(_common(tx, keys_, epoch, change.received_at), change, block, prev)
    checked = Checked(
        statement=parse(payload, [epoch.predicate_base]),
        envelope=dsse.sign(keys_.operator, payload),
        key=keys_.operator.public,
        # Not the firm's to open: it would show one requester to another.
        opener=operator_org(epoch.origin),
        public=True,
        opened=tuple(
            ("vouchedBy", text, For(reader=_requester(voucher)))
            for text, voucher in zip(texts, change.vouchers, strict=True)
        ),
    )
    keep(tx, change.about.org_id, "key-event", [checked], change.received_at)
    tx.add(
        KeyEvent(
            statement_id=checked.statement.id,
            org_id=change.about.org_id,
            key_id=change.about.key_id,
            event=change.next.event,
            roles=list(change.roles),
            prev=prev,
            reason=change.next.reason,
            invalid_since=change.invalid_since,
            cause_id=change.cause,
        )
    )
    tx.flush()
    tx.add_all(
        key_changes.Voucher(
            statement_id=checked.statement.id,
            link_id=link_id(voucher.link),
            by_org_id=_requester(voucher),
            org_id=change.about.org_id,
            key_id=change.about.key_id,
            assurance=voucher.assurance,
        )
        for voucher in change.vouchers
    )
    tx.flush()


def _requester(voucher: Voucher) -> UUID:
    found = org_id(voucher.by)
    assert found is not None, "only a requester vouches, and none has a pseudonym"
    return found


def _payload(common: Common, change: Change, vouchers: Block, prev: str | None) -> bytes:
    proof = Envelope.from_json(strict_json.loads(change.about.proof), ENROL_CHALLENGE)
    return key_event(
        common,
        event=change.next.event,
        record=KeyRecord(
            org=org_urn(change.about.org_id),
            key=PublicKey.from_der(change.about.spki),
            roles=cast("list[Role]", list(change.roles)),
            custody=cast("Custody", change.about.custody),
        ),
        vouched_by=vouchers,
        prev=prev,
        proof=proof if change.next.event in ("enrol", "rotate") else None,
        reason=change.next.reason,
        invalid_since=change.invalid_since,
    )


def _common(tx: Session, keys_: Keys, epoch: Epoch, received_at: datetime) -> Common:
    """T of a key event is when the proof came in, before its challenge expired: so all is as of
    then, and the anchor a head that was there already.
    """
    anchor = log.newest_anchor_by(tx, received_at)
    return Common(
        base=epoch.predicate_base,
        deployment=epoch.origin,
        org=org_urn(operator_org(epoch.origin)),
        role="operator",
        key_id=keys_.operator.public.key_id,
        attested_at=received_at,
        anchor=anchor,
        not_before=received_at,
        not_after=received_at + KEY_PERIOD,
    )
