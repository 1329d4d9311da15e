"""Keeping what is served ready: made when a snapshot is judged, and anew when a name changes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from services.kit.outbox import say_many
from services.kit.settings import Settings
from services.risk.rules import serving
from services.risk.rules.serving import Firm, Looked, Named, Source
from services.risk.store import Label, Score, SnapshotSigned, disputed, served, snapshots
from services.risk.store.served import Before

_CHANGES_AN_EVENT = 100


def address(settings: Settings) -> str:
    """Return the address of `/risk/v1`, as answers name it."""
    return f"{settings.base_url}/risk/v1"


def renew(tx: Session, here: str, org: UUID, now: datetime) -> None:
    """Make everything a requester is served from its newest snapshot.

    What differs from what was served before gets a number in the order of changes; a firm that
    is in it no more leaves a row that says so. A direct supplier whose band moved is told of.

    Args:
        here: the address of `/risk/v1`.
    """
    served.take_turns(tx, org)
    newest = snapshots.newest(tx, org)
    if newest is None:
        return
    work = _Renewal(tx, org, source(here, newest), now, served.before(tx, org))
    work.write(served.judged(tx, org, newest.snapshot_id))
    work.leave()
    work.tell()


def rename(tx: Session, here: str, org: UUID, link: UUID, now: datetime) -> None:
    """Make what is served of one link anew, after what its customer calls the firm changed."""
    served.take_turns(tx, org)
    newest = snapshots.newest(tx, org)
    if newest is None:
        return
    found = list(served.judged(tx, org, newest.snapshot_id, link))
    ids = [score.id for score, _, _ in found]
    before = served.before(tx, org, ids)
    work = _Renewal(tx, org, source(here, newest), now, before, renaming=True)
    work.write(found)


def catch_up(tx: Session, here: str, now: datetime) -> None:
    """Renew for every requester that is not served its newest snapshot (an older release's)."""
    for org in served.behind(tx):
        renew(tx, here, org, now)


def source(here: str, snapshot: SnapshotSigned) -> Source:
    """Return where the numbers of a snapshot come from."""
    return Source(
        here=here,
        snapshot=str(snapshot.snapshot_id),
        as_of=snapshot.as_of,
        model=snapshot.model,
        policy_digest=snapshot.policy_digest,
        synthetic=snapshot.summary.get("synthetic", False),
    )


def firm(score: Score, looked_at: Mapping[UUID, disputed.Found]) -> Firm:
    """Return a stored score as the rules take it; `looked_at` are unsettled disputes by link."""
    found = looked_at.get(score.link_id) if score.link_id else None
    looked = None
    if found is not None:
        of, at = found
        looked = Looked(str(of.id), at.state, at.due_at)
    return Firm(
        id=score.id,
        tier=score.tier,
        tiers=score.tiers,
        band=score.band,
        claimed=score.claimed,
        evidenced=score.evidenced,
        coverage=score.coverage,
        dispute=looked,
    )


def named(label: Label | None, claimed: Mapping[str, str] | None = None) -> Named:
    """Return what a requester calls a firm; a number the firm claimed never replaces its own."""
    if label is None:
        return Named()
    return Named(
        name=label.name,
        vendor_codes=label.vendor_codes,
        tags=label.tags,
        product_lines=label.product_lines,
        identifiers=label.identifiers,
        claimed={k: v for k, v in (claimed or {}).items() if k not in label.identifiers},
    )


@dataclass
class _Renewal:
    """One walk over the scores of a snapshot."""

    tx: Session
    org: UUID
    source: Source
    now: datetime
    known: dict[str, Before]
    renaming: bool = False
    change: int = field(init=False)
    looked_at: Mapping[UUID, disputed.Found] = field(init=False)
    moved: list[dict[str, Any]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.change = served.last_change(self.tx, self.org)
        self.looked_at = disputed.unsettled_for(self.tx, self.org)

    def write(self, found: Iterable[served.Judged]) -> None:
        batch: list[dict[str, Any]] = []
        for score, label, claimed in found:
            batch.append(self._row(score, named(label, claimed)))
            if len(batch) == served.BATCH:
                self._put(batch)
                batch.clear()
        self._put(batch)

    def _put(self, batch: list[dict[str, Any]]) -> None:
        served.write(self.tx, batch)
        # A firm of which nothing else is said is found by the same keys as before.
        anew = [row for row in batch if self.renaming or row["changed_at"] == self.now]
        served.name(self.tx, self.org, {row["id"]: row["names"] for row in anew})

    def _row(self, score: Score, name: Named) -> dict[str, Any]:
        made = serving.ready(self.source, firm(score, self.looked_at), name, score.explanation)
        before = self.known.get(score.id)
        self.seen.add(score.id)
        if before is not None and before.content is not None and score.link_id is not None:
            self._compare(score, name, before)
        return {
            **self._numbered(before, made.content),
            "id": score.id,
            "link_id": score.link_id,
            "names": list(made.names),
            "tier": score.tier,
            "band": score.band,
            "score": serving.shown(score.evidenced),
            "etag": made.etag,
            "body": made.body,
            "line": made.line,
            "rows": made.rows,
            "row_count": made.row_count,
            "unholdable": made.unholdable,
        }

    def _numbered(self, before: Before | None, content: str | None) -> dict[str, Any]:
        if before is not None and before.content == content:
            change, changed_at = before.change, before.changed_at
        else:
            self.change += 1
            change, changed_at = self.change, self.now
        return {
            "org_id": self.org,
            "snapshot_id": UUID(self.source.snapshot),
            "content": content,
            "change": change,
            "changed_at": changed_at,
        }

    def _compare(self, score: Score, name: Named, before: Before) -> None:
        if before.band != score.band:
            self.moved.append(
                {
                    "supplier_id": score.id,
                    "vendor_codes": list(name.vendor_codes),
                    "band_before": before.band,
                    "band": score.band,
                    "score_before": before.score,
                    "score": serving.shown(score.evidenced),
                }
            )

    def leave(self) -> None:
        """Leave a row without bytes for each firm that was served and is not any more."""
        gone = [
            firm_id
            for firm_id, before in self.known.items()
            if firm_id not in self.seen and before.content is not None
        ]
        empty = dict.fromkeys(("link_id", "band", "score", "etag", "body", "line", "rows"))
        self._put(
            [
                {
                    **self._numbered(self.known[firm_id], None),
                    **empty,
                    "id": firm_id,
                    "names": [],
                    "tier": 0,
                    "row_count": 0,
                    "unholdable": "",
                }
                for firm_id in sorted(gone)
            ],
        )

    def tell(self) -> None:
        """Say which direct suppliers changed their band."""
        say_many(self.tx, "score.changed.v1", self._events())

    def _events(self) -> Iterator[dict[str, Any]]:
        for start in range(0, len(self.moved), _CHANGES_AN_EVENT):
            yield {
                "org_id": str(self.org),
                "snapshot_id": self.source.snapshot,
                "changes": self.moved[start : start + _CHANGES_AN_EVENT],
            }
