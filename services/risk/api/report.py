"""One A4 page for management, of the newest snapshot, as PDF."""

from __future__ import annotations

import json
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal

import typst
from fastapi import APIRouter, Query, Response
from sqlalchemy.orm import Session

from services.kit.auth import Who, needs
from services.kit.web import Now, Tx
from services.risk.actions.disputes import standing
from services.risk.actions.snapshots import take_time
from services.risk.api.explained import newest
from services.risk.rules import management
from services.risk.store import SnapshotSigned, disputed, explained, snapshots

router = APIRouter(tags=["report"])

_HERE = Path(__file__).parent
_ACTIONS = 5
_MOST_DISPUTES = 500


class Pdf(Response):
    """A PDF document."""

    media_type = "application/pdf"


@cache
def _words() -> dict[str, dict[str, Any]]:
    words: dict[str, dict[str, Any]] = json.loads(
        (_HERE / "page_words.json").read_text(encoding="utf-8")
    )
    return words


@router.get(
    "/report",
    response_class=Pdf,
    responses={200: {"content": {"application/pdf": {}}, "description": "one A4 page"}},
    dependencies=[needs("scores.read")],
)
def get_report(
    tx: Tx,
    who: Who,
    now: Now,
    lang: Annotated[Literal["ja", "en"], Query(description="its language")] = "ja",
) -> Pdf:
    """Get the page for management: responses, tiers, change on last fiscal year, next actions."""
    # Printing looks for fonts first, which on a busy machine outlasts an idle transaction.
    take_time(tx)
    snapshot = newest(tx, who.org)
    content = _print(_data(tx, snapshot, now, lang), _words()[lang])
    name = f"rensho-{snapshot.as_of:%Y%m%d}-{lang}.pdf"
    return Pdf(content, headers={"Content-Disposition": f'attachment; filename="{name}"'})


def _data(tx: Session, snapshot: SnapshotSigned, now: datetime, lang: str) -> dict[str, Any]:
    org = snapshot.org_id
    began = management.fiscal_year_began(snapshot.as_of)
    before = snapshots.last_before(tx, org, began)
    asked, answered = explained.responses(tx, org, snapshot.snapshot_id)
    best = explained.advised(tx, org, snapshot.snapshot_id)[:_ACTIONS]
    names = snapshots.names(tx, org, [row.action["link_id"] for row in best])
    told = disputed.disputes(tx, org, before=None, limit=_MOST_DISPUTES, unsettled=False)
    talks = explained.dialogue(tx, org, began)
    ours = [standing(at) for of, at in told if of.requester_id == org]
    return {
        "lang": lang,
        "as_of": f"{snapshot.as_of.astimezone(management.JAPAN):%Y-%m-%d %H:%M} JST",
        "since": before and f"{before.as_of.astimezone(management.JAPAN):%Y-%m-%d}",
        "snapshot": str(snapshot.snapshot_id),
        "model": snapshot.model,
        "policy": snapshot.policy_digest[:16],
        **management.page(
            snapshot.summary,
            None if before is None else before.summary,
            asked=asked,
            answered=answered,
            synthetic=snapshot.summary.get("synthetic", False),
        ),
        "actions": management.actions([row.action for row in best], names),
        "disputes": {
            "open": sum(one.state != "settled" for one in ours),
            "overdue": sum(one.is_overdue(now) for one in ours),
            "settled": sum(one.state == "settled" for one in ours),
        },
        "supported": talks.get("support", 0),
        "cost_talks": talks.get("cost-talk", 0),
    }


def _print(data: dict[str, Any], words: dict[str, Any]) -> bytes:
    made = typst.compile(
        _HERE / "page.typ",
        format="pdf",
        sys_inputs={
            "data": json.dumps(data, ensure_ascii=False),
            "words": json.dumps(words, ensure_ascii=False),
        },
    )
    assert isinstance(made, bytes)
    return made
