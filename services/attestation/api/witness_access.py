"""Entry tiles are for enrolled organizations and for the witnesses Trust names."""

from __future__ import annotations

from typing import Any

from fastapi import Depends, Request
from fastapi.concurrency import run_in_threadpool
from rensho import log_access
from rensho.errors import VerificationError

from services.attestation.actions import witnessing
from services.attestation.store import log
from services.kit import clock
from services.kit.auth import Needs
from services.kit.db import Actor, Database
from services.kit.problems import Unauthenticated


class NeedsOrWitness(Needs):
    """The permission, or a header signed with a witness's key for one of our logs."""

    async def __call__(self, request: Request) -> None:
        """Let a witness in, else do as for everybody."""
        given = request.headers.get("authorization", "")
        if given.partition(" ")[0].lower() != log_access.SCHEME.lower():
            await super().__call__(request)
            return
        # It asks the database, and waits for it.
        await run_in_threadpool(_check, request, given)


def _check(request: Request, given: str) -> None:
    """Refuse a header that no witness of ours made.

    Raises:
        Unauthenticated: wrong signature, witness, log or time.
    """
    db: Database = request.app.state.db
    with db.begin(Actor(subject="anonymous"), read_only=True) as tx:
        witnesses, _, _ = witnessing.trusted(tx)
        # Signed for the log that is read: the one in the path, else the one in use.
        newest = log.epochs(tx)[-1:]
        origin = request.path_params.get("origin", newest[0].origin if newest else "")
    try:
        log_access.check(given, witnesses, origin, clock.now())
    except VerificationError as why:
        msg = f"no witness of this log made this header: {why.code}"
        raise Unauthenticated(msg) from why


def needs_or_witness(permission: str) -> Any:
    """Declare an operation's permission, which witnesses need not have."""
    return Depends(NeedsOrWitness(permission))
