"""Whom a verifier of this deployment believes, out of the published public keys."""

from __future__ import annotations

from datetime import datetime, timedelta

from rensho.keys import PublicKey
from rensho.trust import Deployment, Epoch, Trust
from sqlalchemy.orm import Session

from services.attestation.rules.names import operator_org, org_urn
from services.attestation.store import log
from services.kit.problems import Unavailable

_LIFETIME = timedelta(days=366)


def deployment(tx: Session) -> Deployment:
    """Return this deployment as a verifier sees it.

    Raises:
        Unavailable: the sequencer has not opened the log yet.
    """
    epochs = log.epochs(tx)
    if not epochs:
        msg = "the log is not open yet: its sequencer has never run"
        raise Unavailable(msg, retry_after=2)
    keys = log.trusted_keys(tx)
    origin = epochs[0].origin
    return Deployment(
        origin=origin,
        predicate_base=epochs[0].predicate_base,
        epochs=tuple(Epoch(e.origin, e.log_key, e.time_key) for e in epochs),
        operator_org=org_urn(operator_org(origin)),
        operator_keys=tuple(PublicKey.from_der(k.spki) for k in keys if k.role == "operator"),
        risk_keys=tuple(PublicKey.from_der(k.spki) for k in keys if k.role == "service"),
    )


def trust(tx: Session, now: datetime) -> Trust:
    """Return the Trust file of this deployment; the same for all who ask on one day.

    Raises:
        Unavailable: the sequencer has not opened the log yet.
    """
    found = deployment(tx)
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Trust(
        version=max(key.trust_version for key in log.trusted_keys(tx)),
        expires=midnight + _LIFETIME,
        demo=any(epoch.demo for epoch in log.epochs(tx)),
        update_keys=found.operator_keys,
        deployments=(found,),
    )
