"""A requester's own policy: weights and bands of its own on top of the deployment's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.db import new_id
from services.risk.rules import policy as policies
from services.risk.rules.policy import BAND_EDGES, Policy
from services.risk.rules.refusal import PolicyRefused
from services.risk.store import PolicyVersion, owned


@dataclass(frozen=True, slots=True)
class Own:
    """What a requester may set: question weights by criticality 1..5, lower edges of B to E as
    nine-place strings of 0..1. None leaves the deployment's.
    """

    weights: Sequence[int] | None
    bands: Mapping[str, str] | None

    @property
    def is_nothing(self) -> bool:
        """Whether the deployment's policy holds whole."""
        return self.weights is None and self.bands is None


def adopt(
    tx: Session, base: Policy, org: UUID, own: Own, *, by: str, note: str, now: datetime
) -> PolicyVersion:
    """Let a requester judge by its own weights and bands from its next snapshot on.

    Every version stays; one that sets nothing goes back to the deployment's policy.

    Raises:
        PolicyRefused: a number is outside its range.
    """
    checked = merged(base, own)
    made = PolicyVersion(
        id=new_id(),
        org_id=org,
        made_at=now,
        made_by=by,
        digest=checked.digest,
        changed={
            "weights": None if own.weights is None else list(own.weights),
            "bands": None if own.bands is None else dict(own.bands),
        },
        document=None if own.is_nothing else dict(checked.document),
        note=note,
    )
    tx.add(made)
    tx.flush()
    return made


def merged(base: Policy, own: Own) -> Policy:
    """The deployment's policy with a requester's own weights and bands, checked and digested."""
    document: dict[str, Any] = dict(base.document)
    if own.weights is not None:
        document["weights"] = list(own.weights)
    if own.bands is not None:
        if set(own.bands) != set(BAND_EDGES):
            raise PolicyRefused("bands must be given whole: B, C, D and E")
        document["bands"] = dict(own.bands)
    return policies.policy(document)


def of(tx: Session, base: Policy, org: UUID) -> Policy:
    """The policy by which an organization is served: its own newest, else the deployment's.

    An own version keeps its document: a later change of the deployment's policy does not move it.
    """
    own = owned.policy(tx, org)
    return base if own is None or own.document is None else policies.policy(own.document)
