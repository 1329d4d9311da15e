"""Whom a verifier of this deployment believes, out of the published public keys."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from rensho import timestamps
from rensho.errors import VerificationError
from rensho.keys import PublicKey
from rensho.trust import Deployment, Trust, trusted_root
from sqlalchemy.orm import Session

from services.attestation.actions import epochs, witnessing
from services.attestation.rules.names import operator_org, org_urn
from services.attestation.store import log, time_stamps
from services.kit.problems import Unavailable

_LIFETIME = timedelta(days=366)


def deployment(tx: Session) -> Deployment:
    """Return this deployment as a verifier sees it.

    Raises:
        Unavailable: the sequencer has not opened the log yet.
    """
    opened = log.epochs(tx)
    if not opened:
        msg = "the log is not open yet: its sequencer has never run"
        raise Unavailable(msg, retry_after=2)
    keys = log.trusted_keys(tx)
    origin = opened[0].origin
    terms, _ = epochs.trusted_terms(tx)
    witnesses, quorum, _ = witnessing.trusted(tx)
    return Deployment(
        origin=origin,
        predicate_base=opened[0].predicate_base,
        epochs=epochs.trusted_logs(tx),
        operator_org=org_urn(operator_org(origin)),
        operator_keys=tuple(PublicKey.from_der(k.spki) for k in keys if k.role == "operator"),
        risk_keys=tuple(PublicKey.from_der(k.spki) for k in keys if k.role == "service"),
        witnesses=witnesses,
        witness_quorum=quorum,
        tsa=terms.tsa,
        status_max_age=timedelta(seconds=terms.status_max_age) if terms.status_max_age else None,
    )


def trust(tx: Session, now: datetime) -> Trust:
    """Return the Trust file of this deployment; the same for all who ask on one day.

    Raises:
        Unavailable: the sequencer has not opened the log yet.
    """
    found = deployment(tx)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    opened = log.epochs(tx)
    _, _, witnesses_version = witnessing.trusted(tx)
    _, terms_version = epochs.trusted_terms(tx)
    return Trust(
        # Each counter only grows, so their sum does.
        version=(
            max(key.trust_version for key in log.trusted_keys(tx))
            + witnesses_version
            + terms_version
            + opened[-1].number
        ),
        expires=midnight + _LIFETIME,
        demo=any(epoch.demo for epoch in opened),
        update_keys=found.operator_keys,
        deployments=(found,),
    )


def sigstore_view(tx: Session, now: datetime) -> bytes:
    """Return the Trust file as foreign tools want it, with the time-stamp authorities in use.

    Raises:
        Unavailable: as `trust`.
    """
    found = trust(tx, now)
    roots = found.deployments[0].tsa
    chains: set[tuple[bytes, ...]] = set()
    for token in time_stamps.newest_of_sources(tx):
        # A root that was taken out of Trust since has left tokens behind.
        with suppress(VerificationError):
            chains.add(timestamps.chain(token, roots))
    return trusted_root(found, sorted(chains))
