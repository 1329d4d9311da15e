"""The nightly folder: asking for files, and asking for them no more."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from services.kit.auth import Principal
from services.kit.problems import NotFound
from services.risk.rules.serving import Charset
from services.risk.store.hooks import FolderDrop


def ask(tx: Session, who: Principal, encoding: Charset, now: datetime) -> FolderDrop:
    """Have the scores put into a folder as files every night, from the next one on."""
    found = tx.get(FolderDrop, who.org)
    if found is None:
        found = FolderDrop(org_id=who.org)
        tx.add(found)
    found.encoding, found.asked_at, found.stopped_at = encoding, now, None
    tx.info["details"]["encoding"] = encoding
    tx.flush()
    return found


def asked(tx: Session, who: Principal) -> FolderDrop:
    """Return what an organization asked for.

    Raises:
        NotFound: it gets no files.
    """
    found = tx.get(FolderDrop, who.org)
    if found is None or found.stopped_at is not None:
        msg = "no files are put into a folder for you"
        raise NotFound(msg)
    return found


def stop(tx: Session, who: Principal, now: datetime) -> None:
    """Put no more files into the folder; those that are there stay for a month.

    Raises:
        NotFound: there were none.
    """
    asked(tx, who).stopped_at = now
