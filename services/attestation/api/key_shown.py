"""A key as its own firm sees it, and as anybody may see another firm's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from rensho import strict_base64
from sqlalchemy.orm import Session

from services.attestation.actions.key_changes import veto_payload
from services.attestation.actions.key_fates import fate
from services.attestation.rules import key_life
from services.attestation.rules.key_life import KEY_VETO
from services.attestation.store import key_changes, keys, known, log
from services.attestation.store.key_changes import Voucher
from services.attestation.store.keys import Confirmation, Enrolment, KeyEvent
from services.kit.web import Model, Page

__all__ = [
    "EvidenceModel",
    "KeyOut",
    "KeysOut",
    "LinkOut",
    "PublicKeysOut",
    "own_key",
    "public_keys",
]

State = Literal[
    "queued",
    "rotating",
    "vetoed",
    "lapsed",
    "refused",
    "prove_again",
    "enrolled",
    "suspended",
    "revoked",
]


class EvidenceModel(Model):
    """What was looked at to know whose key it is: a kind, a document's number, a day; no names."""

    kind: Literal["call-back", "register-extract", "certificate", "contract", "visit", "other"]
    number: str
    seen_on: date


class LinkOut(Model):
    """What a key is worth on one supply link.

    `mailbox`: enrolled through the requester's own invitation. `confirmed`: the requester compared
    the fingerprint, and looked at `evidence`. `pending`: neither, so it does not count there yet.
    """

    link_id: UUID
    state: Literal["mailbox", "confirmed", "pending"]
    evidence: EvidenceModel | None


class RotationOut(Model):
    """A key that will take this one's place at `due_at`, unless this one signs `veto_payload`."""

    id: UUID
    key_id: str
    due_at: datetime
    veto_payload: str
    veto_payload_type: str


class KeyOut(Model):
    """A key of your organization: its id is its fingerprint, to be compared by telephone.

    `event` is the newest logged key event; `statement_id` and `valid_until` are those of the one
    that introduced it. `replaces` names the key in whose place it comes, from `due_at` on.
    """

    key_id: str
    state: State
    roles: list[str]
    custody: str
    statement_id: str | None
    event: str | None
    valid_until: datetime | None
    reason: str | None
    invalid_since: datetime | None
    replaces: str | None
    due_at: datetime | None
    rotation: RotationOut | None
    links: list[LinkOut]


class KeysOut(Page):
    """A page of keys, newest first."""

    items: list[KeyOut]


class PublicKeyOut(Model):
    """A logged key of an organization (key events are public); `links` are your own to it."""

    key_id: str
    spki: str
    roles: list[str]
    event: str
    statement_id: str
    state: Literal["enrolled", "suspended", "revoked"]
    reason: str | None
    custody: str
    links: list[LinkOut]


class PublicKeysOut(Page):
    """A page of the logged keys of an organization, in the order of the log."""

    items: list[PublicKeyOut]


def own_key(tx: Session, org_id: UUID, row: Enrolment, now: datetime) -> KeyOut:
    """Show a key to the firm that proved it."""
    published = log.newest_checkpoint(tx)
    size = (published.epoch, published.size) if published else (0, 0)
    events = [
        (event, signed)
        for event, signed, place in keys.logged_events(tx, org_id)
        if event.key_id == row.key_id and place < size
    ]
    introduced = [found for found in events if found[0].event in ("enrol", "rotate")]
    newest = events[-1][0] if events else None
    state = _state(tx, row, [event for event, _ in events], now)
    links = [link.link_id for link in known.links_of_respondent(tx, org_id)]
    return KeyOut(
        key_id=row.key_id,
        state=state,
        roles=newest.roles if newest else row.roles,
        custody=row.custody,
        statement_id=introduced[-1][1].statement_id if introduced else None,
        event=newest.event if newest else None,
        valid_until=introduced[-1][1].not_after if introduced else None,
        reason=newest.reason if newest else None,
        invalid_since=newest.invalid_since if newest else None,
        replaces=row.replaces,
        due_at=row.due_at,
        rotation=_rotation(tx, row, now),
        links=_links(tx, org_id, row.key_id, links),
    )


def public_keys(
    tx: Session, org_id: UUID, asker: UUID, after: int, limit: int
) -> tuple[list[PublicKeyOut], int | None]:
    """Show an organization's logged keys to another, and where the next page begins."""
    rows = keys.public_keys(tx, org_id, after, limit + 1)
    mine = [
        link.link_id
        for link in known.links_of_respondent(tx, org_id)
        if link.requester_org_id == asker
    ]
    shown = []
    for event, told, _ in rows[:limit]:
        now = key_life.standing(
            found for found, _, _ in keys.logged_events(tx, org_id) if found.key_id == event.key_id
        )
        assert now.state != "unknown", "a logged key was introduced"
        shown.append(
            PublicKeyOut(
                key_id=event.key_id,
                spki=told["key"]["spki"],
                roles=event.roles,
                event=event.event,
                statement_id=event.statement_id,
                state=now.state,
                reason=now.reason,
                custody=told["custody"],
                links=_links(tx, org_id, event.key_id, mine),
            )
        )
    return shown, rows[limit - 1][2] if len(rows) > limit else None


def _state(tx: Session, row: Enrolment, events: Sequence[KeyEvent], now: datetime) -> State:
    standing = key_life.standing(events)
    if standing.state != "unknown":
        return standing.state
    found = fate(tx, row, now)
    # Stated, and not under a published head yet: still on its way.
    return "queued" if found == "stated" else found


def _rotation(tx: Session, row: Enrolment, now: datetime) -> RotationOut | None:
    """Return the rotation that waits for its day, with what the key signs to stop it."""
    for found in key_changes.rotations_of(tx, row.org_id, row.key_id):
        if found.due_at is not None and fate(tx, found, now) == "rotating":
            return RotationOut(
                id=found.id,
                key_id=found.key_id,
                due_at=found.due_at,
                veto_payload=strict_base64.encode(veto_payload(found)),
                veto_payload_type=KEY_VETO,
            )
    return None


def _links(tx: Session, org_id: UUID, key_id: str, links: Iterable[UUID]) -> list[LinkOut]:
    vouchers: dict[UUID, list[Voucher]] = {}
    for one in key_changes.vouchers_for(tx, org_id, [key_id]):
        vouchers.setdefault(one.link_id, []).append(one)
    given = {one.link_id: one for one in keys.confirmations_of(tx, org_id, key_id)}
    return [
        LinkOut(
            link_id=link,
            state=_worth(vouchers.get(link, ())),
            evidence=_evidence(given.get(link)),
        )
        for link in links
    ]


def _worth(vouchers: Sequence[Voucher]) -> Literal["mailbox", "confirmed", "pending"]:
    if any(one.assurance == "confirmed" for one in vouchers):
        return "confirmed"
    return "mailbox" if vouchers else "pending"


def _evidence(given: Confirmation | None) -> EvidenceModel | None:
    if given is None or given.evidence_kind is None:
        return None
    return EvidenceModel.model_validate(
        {
            "kind": given.evidence_kind,
            "number": given.evidence_number,
            "seen_on": given.seen_on,
        }
    )
