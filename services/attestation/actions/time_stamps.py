"""What is to be stamped by a time-stamping authority, and what of its answers is kept.

A statement gets its token beside the log, after its promise: no authority, slow or away, holds up
leaf or head. Its bundle waits for one token, within a bound; what comes later is kept and laid into
the bundle when it is read (decision record 0020). A crash anywhere loses an answer at most, and
the next round asks again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rensho import timestamps
from rensho.errors import VerificationError
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from services.attestation.store import time_stamps, witnesses
from services.attestation.store.log import CHANNEL
from services.attestation.store.time_stamps import CheckpointTimeStamp, TimeStamp

PATIENCE: Final = timedelta(seconds=20)
"""How long a bundle waits for its first token: well within the minute of the promise."""
TRY_FOR: Final = timedelta(hours=23)
"""A token says T, and attestedAt may be 24 h before T at most: a later one would do harm."""
DAILY: Final = timedelta(days=1)


@dataclass(frozen=True)
class Wanted:
    """Bytes that a source shall stamp: the signature of a statement, or the body of a head."""

    source: str
    message: bytes
    statement_id: str | None = None
    seq: int | None = None


def wanted(
    tx: Session, sources: Sequence[str], now: datetime, limit: int, *, again: bool
) -> list[Wanted]:
    """Return what has no token of some source yet, at most `limit` of them, the oldest first.

    Args:
        again: look at everything of the last day and at the daily head, not only at what waits
            in the queue; that is where those are that no source stamped in time.
    """
    found = []
    rows = time_stamps.unstamped(tx, sources, now - TRY_FOR if again else None, limit)
    for statement_id, signature, source in rows:
        found.append(Wanted(source, signature, statement_id=statement_id))
    if again:
        found += _daily(tx, sources, now)
    return found


def _daily(tx: Session, sources: Sequence[str], now: datetime) -> list[Wanted]:
    """One token a day over a head, of every source that gives one (profile section 5)."""
    head = witnesses.newest_published(tx)
    last = time_stamps.last_stamped(tx)
    if head is None or (last is not None and now - last < DAILY):
        return []
    return [Wanted(source, body(head.note), seq=head.seq) for source in sources]


def body(note: bytes) -> bytes:
    """Return what a head's signatures are over: witness lines come later, the body stays."""
    return note[: note.index(b"\n\n") + 1]


def keep(tx: Session, asked: Wanted, token: bytes, roots: Sequence[bytes]) -> str | None:
    """Store a token, verbatim, if every reader will believe it; the same one twice is once.

    Returns:
        Why it was not kept, if it was not: one bad token in a bundle spoils the good ones.
    """
    try:
        stamped_at = timestamps.verify(token, asked.message, roots)
        authority = timestamps.read(token).authority
        if asked.statement_id is not None and authority in _authorities(tx, asked.statement_id):
            return "another address of the settings leads to the same authority"
    except VerificationError as why:
        return f"no reader would believe its token: {why}"
    row = {"source": asked.source, "token": token, "stamped_at": stamped_at}
    if asked.statement_id is not None:
        made = insert(TimeStamp).values(row | {"statement_id": asked.statement_id})
    else:
        made = insert(CheckpointTimeStamp).values(row | {"seq": asked.seq})
    tx.execute(made.on_conflict_do_nothing())
    # A bundle may be waiting for it.
    tx.execute(text("SELECT pg_notify(:channel, '')"), {"channel": CHANNEL})
    return None


def _authorities(tx: Session, statement_id: str) -> set[tuple[str, int]]:
    held = time_stamps.tokens_of(tx, [statement_id]).get(statement_id, [])
    return {timestamps.read(token).authority for token in held}
