"""What is kept beside a snapshot to explain it, derived from what was signed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from uuid import UUID

from services.risk.rules.advice import Advice, advice
from services.risk.rules.facts import NONE, SILENT, DirectLink
from services.risk.rules.number import nine_places
from services.risk.rules.tier import Settled
from services.risk.rules.trial import Outcome
from services.risk.rules.writing import direct_row
from services.risk.store import SnapshotSigned
from services.risk.store.explained import Advised, OwnScore, SeenLink

# What of a supplier's part of the results is its own: not how the requester classes or sums it up.
_ITS_OWN = ("own", "sub_tier", "risk", "band", "coverage", "principles", "topics", "components")


def seen_links(signed: SnapshotSigned, settled: Settled) -> Iterator[SeenLink]:
    """Yield how each own link stood, to say later why its score moved."""
    for link in settled.facts.direct:
        yield SeenLink(
            snapshot_id=signed.snapshot_id,
            link_id=UUID(link.id),
            org_id=signed.org_id,
            seen={
                "policy_digest": settled.facts.policy.digest,
                "link": direct_row(link),
                "list": _list(settled, link),
            },
        )


def _list(settled: Settled, link: DirectLink) -> dict[str, Any]:
    listed = settled.facts.lists.get(link.list)
    if listed is None:
        state = link.list if link.list in (SILENT, NONE) else SILENT
        return {"state": state, "entries": 0, "totals": {}}
    entries = sum(listed.totals.values())
    return {"state": "listed", "entries": entries, "totals": dict(listed.totals)}


def own_scores(
    signed: SnapshotSigned, suppliers: list[dict[str, Any]], respondents: Mapping[str, UUID]
) -> Iterator[OwnScore]:
    """Yield what each respondent may read of its own score.

    Args:
        signed: the snapshot.
        suppliers: the suppliers of its results.
        respondents: the organization behind each link that has one.
    """
    for row in suppliers:
        respondent = respondents.get(row["id"])
        if respondent is None or row["risk"] is None:
            continue
        yield OwnScore(
            snapshot_id=signed.snapshot_id,
            link_id=UUID(row["id"]),
            org_id=signed.org_id,
            respondent_id=respondent,
            as_of=signed.as_of,
            model=signed.model,
            policy_digest=signed.policy_digest,
            band=row["band"],
            **row["risk"],
            coverage=row["coverage"],
            explanation={name: row[name] for name in _ITS_OWN},
        )


def advised(signed: SnapshotSigned, settled: Settled) -> Iterator[Advised]:
    """Yield the best next actions, computed exactly."""
    for rank, one in enumerate(advice(settled), start=1):
        yield Advised(
            snapshot_id=signed.snapshot_id, rank=rank, org_id=signed.org_id, action=_told(one)
        )


def _told(of: Advice) -> dict[str, Any]:
    change = of.change
    return {
        "action": change.kind,
        "link_id": change.link,
        "supplier": of.supplier,
        "component": change.component,
        "question": change.question,
        "before": outcome(of.before),
        "after": outcome(of.after),
        "effect": nine_places(of.effect),
    }


def outcome(of: Outcome) -> dict[str, Any]:
    """The JSON form: total in nats, risk of the supplier in 0..1."""
    return {"total": of.total.document(), "risk": of.risk.document()}
