"""Many submissions in one transaction: each is whole or refused, and none waits for another."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session

from services.attestation.actions.keeping import Checked, keep, keep_all
from services.attestation.actions.refusals import AlreadyRecorded
from services.attestation.actions.submissions import Handed, examine, record
from services.attestation.store.base import remember
from services.attestation.store.statements import Submission
from services.kit.auth import Principal
from services.kit.clock import whole_second
from services.kit.problems import Refused

_WITH_EFFECTS = frozenset({"grant", "withdrawal"})


def record_many(
    tx: Session, who: Principal, submissions: Sequence[Handed], now: datetime
) -> list[Submission | Refused]:
    """Check submissions in their order and queue them together; return what became of each.

    What is refused leaves nothing behind, what is queued stands beside it. Trust, keys and requests
    are read once for all of them: whatever ends a key meanwhile is found by the sequencer, which
    asks again before it promises. None of them can speak about another one, which is not logged.
    """
    remember(tx)
    found: dict[int, Submission | Refused] = {}
    checked: dict[int, list[Checked]] = {}
    for place, handed in enumerate(submissions):
        try:
            if handed.kind in _WITH_EFFECTS:
                with tx.begin_nested():
                    found[place] = record(tx, who, handed, now)
            else:
                checked[place] = examine(tx, who, handed, now)
        except Refused as why:
            found[place] = why
    groups = [(submissions[place].kind, group) for place, group in checked.items()]
    # T is a whole second, as the promise will write it.
    kept = _keep(tx, who.org, groups, whole_second(now))
    found |= dict(zip(checked, kept, strict=True))
    return [found[place] for place in range(len(submissions))]


def _keep(
    tx: Session, owner: UUID, groups: Sequence[tuple[str, list[Checked]]], received_at: datetime
) -> list[Submission | Refused]:
    try:
        return [*keep_all(tx, owner, groups, received_at)]
    except AlreadyRecorded:
        # One of them has a twin or a rival, in this call or committed since we looked: which one
        # shows when they are kept one at a time.
        return [_kept_or_refused(tx, owner, group, received_at) for group in groups]


def _kept_or_refused(
    tx: Session, owner: UUID, group: tuple[str, list[Checked]], received_at: datetime
) -> Submission | Refused:
    try:
        return keep(tx, owner, *group, received_at)
    except AlreadyRecorded as why:
        return why
