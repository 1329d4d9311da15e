"""The list of what no longer holds: at least every hour and on change, the same for everybody.

Without it, whoever builds an archive could leave a withdrawal or a revocation out (profile
sections 2 and 8, step 20).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from rensho import dsse, strict_json, times
from rensho.documents import sha256
from rensho.keyring import Position
from rensho.sign import Common, status
from rensho.statement import STATUS, Anchor, parse
from rensho.status import ListedKey, StatusDocument
from sqlalchemy.orm import Session

from services.attestation.actions.keeping import Checked, keep
from services.attestation.actions.sequencing import Keys
from services.attestation.rules.names import operator_org, org_urn
from services.attestation.store import epochs, log, statements, witnesses
from services.attestation.store import status as found
from services.attestation.store.keys import KeyEvent
from services.attestation.store.log import Checkpoint, Epoch
from services.attestation.store.statements import Statement
from services.kit.clock import whole_second

VALID_FOR: Final = timedelta(days=30)
REPLACED_PATIENCE: Final = timedelta(minutes=1)
"""A list with new successors alone waits so long for more: what they replace counts for 30 days
yet. What was taken back, and a key that ended, is listed at once."""
_FINAL: Final = ("key-compromise", "identity-false")
"""Reasons after which a key never comes back, whatever is enrolled later."""


def make_list(tx: Session, keys_: Keys, now: datetime, every: timedelta) -> int:
    """State what no longer holds, if that changed or the last list is `every` old; 0 or 1.

    The list is of the newest published head and goes the way of every statement. It changes
    nothing that a list tells, so one list does not cause another. A crash before the commit leaves
    no list, and the next run makes it; after it the list waits in the queue, and counts as made.
    """
    opened = log.epochs(tx)
    head = witnesses.newest_published(tx)
    # Of an empty log there is nothing to tell; in a log that ends nobody may add a leaf.
    if head is None or not head.size or head.epoch != opened[-1].number:
        return 0
    if epochs.is_frozen(tx, head.epoch):
        return 0
    last = statements.newest_status(tx, logged=False)
    if last is not None and not _is_due(tx, last, opened, head, now - every, now):
        return 0
    moment = whole_second(now)
    document = _document(tx, opened, head, now).to_bytes()
    as_of = Anchor(opened[-1].origin, head.size, head.root_hash)
    common = _common(keys_, opened[0], as_of, moment)
    payload = status(common, status_sha256=sha256(document), as_of=as_of)
    operator = operator_org(opened[0].origin)
    checked = Checked(
        statement=parse(payload, [opened[0].predicate_base]),
        envelope=dsse.sign(keys_.operator, payload),
        key=keys_.operator.public,
        opener=operator,
        public=True,
        documents=((STATUS, document),),
    )
    keep(tx, operator, STATUS, [checked], moment)
    return 1


def _is_due(
    tx: Session,
    last: Statement,
    opened: Sequence[Epoch],
    head: Checkpoint,
    too_old: datetime,
    now: datetime,
) -> bool:
    as_of = strict_json.loads(last.payload)["predicate"]["asOf"]
    # The first list of a log restates what holds against statements and keys of the logs before.
    if as_of["origin"] != opened[-1].origin or last.attested_at <= too_old:
        return True
    start, end = (head.epoch, as_of["size"]), (head.epoch, head.size)
    if start >= end:
        return False
    if found.taken_back(tx, start, end):
        return True
    return last.attested_at <= now - REPLACED_PATIENCE and found.any_replaced(tx, start, end)


def _document(
    tx: Session, opened: Sequence[Epoch], head: Checkpoint, now: datetime
) -> StatusDocument:
    end = (head.epoch, head.size)
    return StatusDocument(
        origin=opened[-1].origin,
        size=head.size,
        retracted=found.retracted(tx, end, now),
        superseded=found.replaced(tx, end, now),
        keys=_ended_keys(found.key_events(tx, end), opened),
    )


def _ended_keys(
    events: Iterable[tuple[KeyEvent, bytes, Position]], opened: Sequence[Epoch]
) -> list[ListedKey]:
    """Return the keys whose last word is that they do not sign, out of their events in order."""
    listed: dict[tuple[str, str], ListedKey] = {}
    for event, payload, (epoch, index) in events:
        key = (event.key_id, org_urn(event.org_id))
        if key in listed and listed[key].reason in _FINAL:
            continue
        if event.event not in ("suspend", "revoke"):
            listed.pop(key, None)
            continue
        told: dict[str, Any] = strict_json.loads(payload)["predicate"]
        since = told.get("invalidSince")
        listed[key] = ListedKey(
            org=key[1],
            key_id=key[0],
            state="revoked" if event.event == "revoke" else "suspended",
            origin=opened[epoch].origin,
            index=index,
            reason=told.get("reason") if event.event == "revoke" else None,
            invalid_since=times.read(since) if since else None,
        )
    return list(listed.values())


def _common(keys_: Keys, first: Epoch, as_of: Anchor, moment: datetime) -> Common:
    return Common(
        base=first.predicate_base,
        deployment=first.origin,
        org=org_urn(operator_org(first.origin)),
        role="operator",
        key_id=keys_.operator.public.key_id,
        attested_at=moment,
        anchor=as_of,
        not_before=moment,
        not_after=moment + VALID_FOR,
    )
