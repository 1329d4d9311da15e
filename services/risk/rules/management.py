"""What the one page for management says, out of what a snapshot keeps. Unknown stays unknown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta, timezone
from typing import Any

JAPAN = timezone(timedelta(hours=9))
APRIL = 4
WORTH_A_ROW = 0.001
MOST_TIERS = 6
Json = Mapping[str, Any]


def fiscal_year_began(moment: datetime) -> datetime:
    """The 1 April, 0 o'clock in Japan, with which the fiscal year of a moment began."""
    day = moment.astimezone(JAPAN).date()
    first = date(day.year if day.month >= APRIL else day.year - 1, APRIL, 1)
    return datetime(first.year, first.month, first.day, tzinfo=JAPAN)


def page(
    summary: Json, before: Json | None, *, asked: int, answered: int, synthetic: bool
) -> dict[str, Any]:
    """The page's figures as JSON: percentages and indices with one decimal, null for unknown.

    Args:
        summary: total, portfolio index and tiers of the newest snapshot.
        before: the same of the last snapshot of the last fiscal year, if there was one.
        asked, answered: own links a request went out on, and those that were answered.
        synthetic: whether the facts are made up.
    """
    tiers = [
        row for row in summary["tiers"] if float(row["share"]["evidenced"] or 0) >= WORTH_A_ROW
    ][:MOST_TIERS]
    last = {row["tier"]: row for row in before["tiers"]} if before else {}
    index, was = summary["portfolio_index"], before and before["portfolio_index"]
    return {
        "synthetic": synthetic,
        "asked": asked,
        "answered": answered,
        "rate": _tenth(answered / asked) if asked else None,
        "coverage": _percent(tiers[0]["coverage"]) if tiers else None,
        "index": _interval(index),
        "change": _change(index, was),
        "tiers": [
            {
                "tier": row["tier"],
                **_interval(row["index"]),  # type: ignore[dict-item]
                "width": _percent(row["unseen_width"]),
                "coverage": _percent(row["coverage"]),
                "share": _percent(row["share"]["evidenced"]),
                "change": _change(row["index"], last.get(row["tier"], {}).get("index")),
                "firms": sum(row["firms"].values()),
                "unseen": row["firms"]["unseen"],
            }
            for row in tiers
        ],
    }


def actions(items: Sequence[Json], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """The actions as the page tells them: whom, what, the supplier's index from and to."""
    return [
        {
            "action": item["action"],
            "supplier": names.get(item["link_id"], item["supplier"]),
            "question": item["question"],
            "from": _percent(item["before"]["risk"]["evidenced"]),
            "to": _percent(item["after"]["risk"]["evidenced"]),
            "share": _share(item),
        }
        for item in items
    ]


def _share(item: Json) -> float | None:
    total = float(item["before"]["total"]["evidenced"])
    return _tenth(float(item["effect"]) / total) if total else None


def _tenth(part: float) -> float:
    return round(100 * part, 1) + 0.0


def _percent(text: str | None) -> float | None:
    return None if text is None else _tenth(float(text))


def _interval(index: Json | None) -> dict[str, float | None] | None:
    if index is None:
        return None
    return {name: _percent(index[name]) for name in ("claimed", "evidenced")}


def _change(now: Json | None, before: Json | None) -> float | None:
    if now is None or before is None:
        return None
    return round(_tenth(float(now["evidenced"])) - _tenth(float(before["evidenced"])), 1) + 0.0
