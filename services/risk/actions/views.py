"""Settled views of signed snapshots, read once per process and kept: facts of a snapshot never
change, so nothing here can be stale.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from uuid import UUID

from sqlalchemy.orm import Session

from services.risk.actions import snapshots as judging
from services.risk.rules.tier import Settled
from services.risk.store import snapshots

KEPT = 2
"""Views in memory at once: a great one takes gigabytes."""


class Views:
    """The newest used settled views of one process."""

    def __init__(self) -> None:
        self._kept: OrderedDict[UUID, Settled] = OrderedDict()
        self._lock = threading.Lock()

    def of(self, tx: Session, org: UUID, snapshot_id: UUID) -> Settled | None:
        """Return an organization's snapshot, settled; None where it has no such snapshot.

        Whether it is the organization's own is asked of the database each time.
        """
        if snapshots.signed(tx, org, snapshot_id) is None:
            return None
        with self._lock:
            if snapshot_id not in self._kept:
                judging.take_time(tx)
                found = snapshots.documents(tx, org, snapshot_id)
                assert found is not None
                self._kept[snapshot_id] = judging.settled(found.facts)
                tx.expunge(found)
            self._kept.move_to_end(snapshot_id)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
            return self._kept[snapshot_id]
