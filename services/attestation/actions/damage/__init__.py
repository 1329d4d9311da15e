"""Looking for damage: everything stored is derived once more and compared, and what differs is
named by table and row.

What cannot be derived from anything else is left out on purpose and listed, column by column, in
`tests/faults/columns.py`: flipping a bit there says nothing false about what was signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rensho.errors import VerificationError
from rensho.trust import Deployment
from sqlalchemy.orm import Session

from services.attestation.actions.damage import (
    epochs,
    guarding,
    key_changes,
    keys,
    speaking,
    statements,
    submissions,
    tree,
)
from services.attestation.actions.trust import deployment
from services.attestation.rules.guard import Head
from services.attestation.store import log, metadata
from services.kit.damage import Damage, Look, orphans

__all__ = ["Damage", "Derived", "fsck", "guarded", "remembered"]

remembered = guarding.remembered


@dataclass(frozen=True)
class Derived:
    """What was found, and what the guard file must be held against."""

    damage: list[Damage]
    logs: tree.Logs
    last: Head | None


def fsck(look: Look) -> Derived:
    """Return all damage found, none for a clean deployment.

    Args:
        look: a transaction of the worker role, which sees every row, at one snapshot.

    Raises:
        services.kit.problems.Unavailable: there is no log yet.
    """
    look.take_time()
    if found := [*keys.trusted_keys(look.tx), *epochs.terms(look.tx)]:
        # Whom to believe is damaged: nothing else could be judged.
        return Derived(found, {}, None)
    try:
        here = deployment(look.tx)
    except VerificationError as why:
        return Derived([Damage("epoch", "-", f"no key: {why.code}")], {}, None)
    logs = {number: tree.Log(known) for number, known in enumerate(here.epochs)}
    return Derived([*_everything(look, here, logs)], logs, _last(look.tx, logs))


def _everything(look: Look, here: Deployment, logs: tree.Logs) -> Iterator[Damage]:
    yield from keys.epochs(look)
    yield from statements.statements(look, here)
    yield from statements.request_readers(look)
    yield from orphans(look, metadata)
    yield from statements.documents(look)
    yield from submissions.submissions(look)
    yield from submissions.refusals(look)
    yield from submissions.promises(look, here)
    # Leaves fill the logs; what comes after compares with them.
    yield from tree.leaves(look, here, logs)
    yield from tree.nodes(look, logs)
    yield from tree.checkpoints(look, here, logs)
    yield from tree.stored_bundles(look, here, logs)
    yield from epochs.bases(look)
    yield from epochs.ends(look, logs)
    yield from epochs.cosignatures(look)
    yield from epochs.time_stamps(look, here)
    yield from submissions.told(look)
    yield from keys.chains(look)
    yield from keys.causes(look)
    yield from keys.challenges(look, here)
    yield from keys.enrolments(look)
    yield from keys.confirmations(look)
    yield from key_changes.changes(look)
    yield from key_changes.handovers(look)
    yield from key_changes.vetoes(look)
    yield from key_changes.reviews(look)
    yield from key_changes.vouchers(look)
    yield from speaking.grants(look)
    yield from speaking.withdrawals(look)


def _last(tx: Session, logs: tree.Logs) -> Head | None:
    row = log.newest_checkpoint(tx)
    if row is None or row.epoch not in logs:
        return None
    return Head(logs[row.epoch].known.origin, row.size, row.root_hash)


def guarded(
    path: Path, before: guarding.Remembered, after: guarding.Remembered, derived: Derived
) -> list[Damage]:
    """Return what is wrong with the guard file, by what it said before and after the look."""
    if derived.last is None:
        return []
    return [*guarding.guarded(path, before, after, derived.last, derived.logs)]
