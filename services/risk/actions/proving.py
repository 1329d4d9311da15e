"""The nightly full run: some of the newest judgements are computed again in other ways."""

from __future__ import annotations

import zlib
from datetime import datetime

from rensho import strict_json
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from services.kit.log import log, request_id
from services.risk.actions.snapshots import take_time
from services.risk.rules import reading
from services.risk.rules.proof import Proof, prove
from services.risk.store import snapshots
from services.risk.store.world import requesters

A_NIGHT = 20
"""How many requesters' facts are proved on each night; all have their turn."""
OPERATION = "nightly_proof"


def nightly(tx: Session, now: datetime) -> None:
    """Prove the engine on the newest facts of some requesters; one audit row says how it went.

    Where it does not hold that is an error in the log and in the gauge `risk_engine_off`.
    """
    take_time(tx)
    day = now.date().toordinal()
    orgs = sorted(requesters(tx), key=lambda org: zlib.crc32(org.bytes + day.to_bytes(4, "big")))
    proved: dict[str, Proof] = {}
    for org in orgs[:A_NIGHT]:
        newest = snapshots.newest(tx, org)
        signed = newest and snapshots.documents(tx, org, newest.snapshot_id)
        if signed is None:
            continue
        found = prove(reading.facts(strict_json.loads(signed.facts)), day)
        if found is not None:
            proved[str(signed.snapshot_id)] = found
    broken = sorted(snapshot for snapshot, proof in proved.items() if not proof.holds)
    if broken:
        log.error("the engines differ", snapshots=broken)
    tx.execute(
        insert(tx.info["plumbing"].audit).values(
            request_id=request_id.get(),
            subject=tx.info["actor"].subject,
            org_id=None,
            operation=OPERATION,
            resource="engine",
            details={
                "snapshots": len(proved),
                "broken": broken,
                "engines": max((proof.engines for proof in proved.values()), default=0.0),
                "changes": max((proof.changes for proof in proved.values()), default=0.0),
            },
        )
    )


def off(tx: Session) -> float:
    """How many judgements the last night found to differ."""
    audit = tx.info["plumbing"].audit
    query = select(audit.c.details).where(audit.c.operation == OPERATION)
    last = tx.scalar(query.order_by(audit.c.id.desc()).limit(1))
    return float(len(last["broken"])) if last else 0.0
