"""Freezing a judgement: asked for, frozen and signed, then logged by the attestation service."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from rensho import bundle, dsse, jcs, sign, strict_base64, strict_json
from rensho.documents import Pack
from rensho.statement import Anchor
from sqlalchemy import text
from sqlalchemy.orm import Session

from services.kit.db import new_id
from services.kit.outbox import say
from services.risk.actions import explaining, world
from services.risk.actions.deployment import Deployment
from services.risk.rules import reading, results, writing
from services.risk.rules.number import optional
from services.risk.rules.tier import Settled
from services.risk.store import Score, Snapshot, SnapshotSigned, explained, snapshots
from services.risk.store.world import requesters

MODEL = "RM-1"
VALID_FOR = timedelta(days=365)
_SUMMARY = ("synthetic", "total", "portfolio_index", "deeper", "tiers")


def request(tx: Session, org: UUID, now: datetime) -> Snapshot:
    """Ask for a judgement of an organization's view; the worker makes it."""
    made = Snapshot(id=new_id(), org_id=org, requested_at=now)
    tx.add(made)
    tx.flush()
    say(tx, "snapshot.requested.v1", snapshot_id=made.id, org_id=org)
    return made


def request_where_facts_changed(tx: Session, deployment: Deployment, now: datetime) -> None:
    """Ask for a judgement for everybody who would see other facts than in its newest snapshot."""
    take_time(tx)
    for org in requesters(tx):
        last = snapshots.newest(tx, org)
        seen = writing.document(world.facts(tx, deployment, org, _whole_seconds(now)))
        if last is None or last.unchanging != _unchanging(seen):
            request(tx, org, now)


class LogNotHeardOf(Exception):
    """No head of the log is known yet to anchor to; the event stays due and comes again."""


def freeze(tx: Session, deployment: Deployment, snapshot_id: UUID, now: datetime) -> None:
    """Freeze the facts of a requested snapshot, judge them, sign that, and hand it to the log.

    Raises:
        LogNotHeardOf: the log has not said that it signed anything.
        NotSettled: a group of mutual suppliers does not settle within the policy's sweeps.
        FactsRefused: a published question does not hold together.
    """
    asked = tx.get(Snapshot, snapshot_id)
    if asked is None or snapshots.signed(tx, asked.org_id, asked.id) is not None:
        return
    take_time(tx)
    as_of = _whole_seconds(now)
    frozen = world.facts(tx, deployment, asked.org_id, as_of)
    judged = judge(jcs.dumps(writing.document(frozen)))
    payload = _statement(deployment, asked.org_id, judged, _newest_head(tx), as_of)
    envelope = dsse.sign(deployment.key, payload)
    signed = _signed(asked, judged, dsse.statement_id(payload), as_of)
    tx.add(signed)
    tx.flush()
    tx.add_all(scores(signed, judged))
    tx.add_all(explaining.seen_links(signed, judged.settled))
    tx.add_all(explaining.advised(signed, judged.settled))
    firms = explained.respondents(tx, asked.org_id)
    tx.add_all(explaining.own_scores(signed, judged.said["suppliers"], firms))
    tx.flush()
    say(
        tx,
        "snapshot.signed.v1",
        snapshot_id=asked.id,
        org_id=asked.org_id,
        statement_id=signed.statement_id,
        bundle=strict_base64.encode(bundle.make(envelope, deployment.key.public)),
    )


@dataclass(frozen=True, slots=True)
class Judged:
    """Facts and results, each as value and as the bytes that are digested."""

    document: dict[str, Any]
    facts: bytes
    settled: Settled
    said: dict[str, Any]
    results: bytes


def judge(facts: bytes) -> Judged:
    """Judge what the bytes say: whoever replays them later has nothing else.

    Raises:
        NotSettled: a group of mutual suppliers does not settle within the policy's sweeps.
        FactsRefused, VerificationError: they are no facts.
    """
    document = strict_json.loads(facts)
    settled = results.settle(reading.facts(document))
    said = results.document(settled)
    return Judged(document, facts, settled, said, jcs.dumps(said))


def settled(facts: bytes) -> Settled:
    """Settle facts that were judged before; raises as `judge`."""
    return results.settle(reading.facts(strict_json.loads(facts)))


def _newest_head(tx: Session) -> Anchor:
    head = snapshots.newest_head(tx)
    if head is None:
        raise LogNotHeardOf
    return Anchor(head.origin, head.size, bytes.fromhex(head.root_hash))


def _statement(
    deployment: Deployment, org: UUID, judged: Judged, anchor: Anchor, as_of: datetime
) -> bytes:
    log = judged.settled.facts.log
    return sign.risk_snapshot(
        sign.Common(
            base=deployment.predicate_base,
            deployment=deployment.origin,
            org=deployment.operator,
            role="service",
            key_id=deployment.key.public.key_id,
            attested_at=as_of,
            anchor=anchor,
            not_before=as_of,
            not_after=as_of + VALID_FOR,
        ),
        requester=f"urn:rensho:org:{org}",
        as_of=as_of,
        model=MODEL,
        digests=sign.SnapshotDigests(
            facts=_sha256(judged.facts),
            policy=judged.settled.facts.policy.digest,
            results=_sha256(judged.results),
            packs=[Pack(p.id, p.version, p.sha256) for p in judged.settled.facts.packs],
        ),
        log=(deployment.origin, 0) if log is None else (log.origin, log.size),
        totals=judged.said["total"],
        tiers=judged.said["tiers"],
    )


def _signed(asked: Snapshot, judged: Judged, statement_id: str, as_of: datetime) -> SnapshotSigned:
    return SnapshotSigned(
        snapshot_id=asked.id,
        org_id=asked.org_id,
        as_of=as_of,
        statement_id=statement_id,
        facts=judged.facts,
        results=judged.results,
        **derived(judged),
    )


def derived(judged: Judged) -> dict[str, Any]:
    """Return the columns of a signed snapshot that its facts determine."""
    return {
        "model": judged.said["model"],
        "policy_digest": judged.said["policy_digest"],
        "facts_sha256": _sha256(judged.facts),
        "results_sha256": _sha256(judged.results),
        "unchanging": _unchanging(judged.document),
        "summary": {name: judged.said[name] for name in _SUMMARY},
    }


def scores(signed: SnapshotSigned, judged: Judged) -> Iterator[Score]:
    """Yield one score per direct link, and one per firm that is met only below them."""
    met = {firm["id"]: firm for firm in judged.said["firms"]}
    direct = {row["supplier"]: row for row in judged.said["suppliers"]}
    for supplier, row in direct.items():
        risk = row["risk"] or {"claimed": None, "evidenced": None}
        yield Score(
            snapshot_id=signed.snapshot_id,
            org_id=signed.org_id,
            id=supplier,
            link_id=UUID(row["id"]),
            tier=1,
            tiers=met.get(supplier, {"tiers": []})["tiers"],
            band=row["band"],
            **risk,
            coverage=row["coverage"],
            explanation=row,
        )
    coverages = _coverages(judged.settled)
    for name in met.keys() - direct.keys():
        firm = met[name]
        yield Score(
            snapshot_id=signed.snapshot_id,
            org_id=signed.org_id,
            id=name,
            link_id=None,
            tier=firm["tier_min"],
            tiers=firm["tiers"],
            band=firm["band"],
            **firm["risk"],
            coverage=coverages[name],
            explanation=None,
        )


def _coverages(settled: Settled) -> dict[str, str | None]:
    """Return per firm the coverage on the link it is judged by."""
    places = {place for tier in settled.weights.links for place in tier}
    return {
        name: optional(settled.worst_link(at).coverage)
        for name, at in settled.by_firm(places).items()
    }


def _unchanging(document: dict[str, Any]) -> str:
    return _sha256(jcs.dumps({k: v for k, v in document.items() if k not in ("as_of", "log")}))


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _whole_seconds(moment: datetime) -> datetime:
    return moment.replace(microsecond=0)


def take_time(tx: Session) -> None:
    """Let this transaction last: judging happens between two of its statements and may take longer
    than a request ever should.
    """
    tx.execute(text("SET LOCAL idle_in_transaction_session_timeout = '1h'"))
    tx.execute(text("SET LOCAL statement_timeout = '10min'"))
