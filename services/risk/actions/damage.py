"""Looking for damage: snapshots and scores are derived once more from the bytes that were signed.

What was heard from other services is no evidence here: `renshod replay-events` makes it anew.
"""

from __future__ import annotations

from collections.abc import Iterator

from rensho import times
from rensho.errors import VerificationError
from sqlalchemy import Table, Text, cast, select
from sqlalchemy.orm import undefer

from services.kit.damage import Damage, Look, damaged, orphans
from services.risk.actions import snapshots
from services.risk.rules.refusal import FactsRefused, NotSettled
from services.risk.store import (
    PLUMBING,
    Recorded,
    Score,
    Snapshot,
    SnapshotLogged,
    SnapshotSigned,
    metadata,
)

_SIGNED = "snapshot.signed.v1"
_DOCUMENTS = (undefer(SnapshotSigned.facts), undefer(SnapshotSigned.results))


def fsck(look: Look) -> list[Damage]:
    """Return all damage found, none for a clean schema.

    Args:
        look: a transaction of the worker role, which sees every row, at one snapshot.
    """
    look.take_time()
    return [*_snapshots(look), *_places(look), *orphans(look, metadata)]


def _snapshots(look: Look) -> Iterator[Damage]:
    outbox: Table = PLUMBING.outbox
    said = outbox.c.body["statement_id"].astext
    query = (
        select(SnapshotSigned, Snapshot, Recorded, said)
        .outerjoin(Snapshot, Snapshot.id == SnapshotSigned.snapshot_id)
        .outerjoin(Recorded, Recorded.statement_id == SnapshotSigned.statement_id)
        .outerjoin(
            outbox,
            (outbox.c.type == _SIGNED)
            & (outbox.c.body["snapshot_id"].astext == cast(SnapshotSigned.snapshot_id, Text)),
        )
        .options(*_DOCUMENTS)
    )
    for row, asked, recorded, handed_over in look.each(query):
        if row.statement_id != handed_over:
            yield damaged(row, "statement_id is not what was handed to the log")
        if recorded is not None and row.facts_sha256 != recorded.subject_sha256:
            yield damaged(row, "facts_sha256 is not what was logged")
        if asked is None:
            yield damaged(row, "nobody asked for it")
        elif asked.org_id != row.org_id:
            yield damaged(asked, "org_id is not that of the judgement")
            yield damaged(row, "org_id is not that of the request")
        yield from _judgement(look, row)


def _judgement(look: Look, row: SnapshotSigned) -> Iterator[Damage]:
    """Judge the facts once more, and compare all that was kept of the judgement."""
    try:
        judged = snapshots.judge(row.facts)
    except (VerificationError, FactsRefused, NotSettled, LookupError, ValueError) as why:
        yield damaged(row, f"the facts cannot be judged: {why!r:.200}")
        return
    if judged.results != row.results:
        yield damaged(row, "these facts have other results")
    for column, value in snapshots.derived(judged).items():
        if getattr(row, column) != value:
            yield damaged(row, f"{column} is not that of the facts")
    if times.read(judged.document["as_of"]) != row.as_of:
        yield damaged(row, "as_of is not that of the facts")
    yield from _scores(look, row, judged)


def _scores(look: Look, signed: SnapshotSigned, judged: snapshots.Judged) -> Iterator[Damage]:
    wanted = {score.id: score for score in snapshots.scores(signed, judged)}
    for row in look.each(select(Score).where(Score.snapshot_id == signed.snapshot_id)):
        again = wanted.pop(row.id, None)
        if again is None:
            yield damaged(row, "no such firm in the results")
            continue
        for column in Score.__table__.columns.keys():  # noqa: SIM118 (no mapping)
            if getattr(row, column) != getattr(again, column):
                yield damaged(row, f"{column} is not what the facts lead to")
    for name in sorted(wanted):
        yield Damage("score", f"{signed.snapshot_id}/{name}", "missing")


def _places(look: Look) -> Iterator[Damage]:
    """A logged snapshot lies where the log said that its statement does."""
    query = (
        select(SnapshotLogged, SnapshotSigned.org_id, Recorded)
        .join(SnapshotSigned, SnapshotSigned.snapshot_id == SnapshotLogged.snapshot_id)
        .outerjoin(Recorded, Recorded.statement_id == SnapshotSigned.statement_id)
    )
    for row, org_id, recorded in look.each(query):
        if row.org_id != org_id:
            yield damaged(row, "org_id is not that of the snapshot")
        if recorded is None:
            yield damaged(row, "nothing was heard of its statement")
        elif (row.log_origin, row.log_index) != (recorded.log_origin, recorded.log_index):
            yield damaged(row, "it lies elsewhere in the log")
