"""What the demo prints at its end: the per-tier table, METI's principles, what weighs most."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from services.demo.http import Json
from services.demo.judging import Judged
from services.demo.story import Story

_BANDS = (*"ABCDE", "unseen")
_UNSEEN = "未把握"
_WORTH_A_ROW = 0.001


def show(console: Console, story: Story, judged: Judged) -> None:
    """Print the tables."""
    results = judged.said
    tiers(console, results)
    console.print("\n[bold]What weighs most[/bold]")
    for line in heaviest(story, results):
        console.print(f"  {line}", markup=False)


def tiers(console: Console, results: Json) -> None:
    """Print the per-tier table, and how each tier stands against METI's principles."""
    mark = " [bold]SYNTHETIC FACTS[/bold]" if results["synthetic"] else ""
    console.print(
        f"\n[bold]Risk index per tier[/bold] (0 best … 100 worst; claimed … evidenced){mark}"
    )
    console.print(_tier_table(results))
    if far := _far(results):
        console.print(f"  {far}", markup=False)
    console.print(
        "\n[bold]Standing against METI's principles[/bold] (evidenced gap; 0 best … 100 worst)"
    )
    console.print(_standing_table(results, "principles"))
    console.print(_standing_table(results, "topics"))


def summary(story: Story, judged: Judged, tiers: Json) -> Json:
    """Return what `summary.json` keeps."""
    results = judged.said
    return {
        "firms": len(story.world.firms) + 1,
        "countries": sorted({f.country for f in story.world.firms.values()}),
        "links": len(story.world.links()),
        "signed_responses": len(story.signed),
        "rejected_rows": story.rejected_rows,
        "refusals": story.refusals,
        "requester": f"urn:rensho:org:{story.requester.org_id}",
        "snapshot": judged.snapshot["id"],
        "total": results["total"],
        "portfolio_index": results["portfolio_index"],
        "tiers": tiers["tiers"] if "tiers" in tiers else tiers["items"],
        "heaviest": heaviest(story, results),
    }


def _near(results: Json) -> list[Json]:
    """The tiers that carry a part of the risk worth a row."""
    return [t for t in results["tiers"] if float(t["share"]["evidenced"] or 0) >= _WORTH_A_ROW]


def _far(results: Json) -> str | None:
    far = [t["tier"] for t in results["tiers"] if t not in _near(results)]
    if not far:
        return None
    return (
        f"tiers {far[0]} to {far[-1]}: firms that supply each other in a circle are met again and "
        f"again; each of these tiers carries less than {100 * _WORTH_A_ROW:.1f} % of the risk"
    )


def _percent(text: str | None) -> str:
    return "–" if text is None else f"{float(text) * 100:.1f}"


def _tier_table(results: Json) -> Table:
    table = Table(box=None, pad_edge=False)
    headings = ("tier", "index", "unseen", "coverage", "part of risk", *(_name(b) for b in _BANDS))
    for heading in headings:
        table.add_column(heading, justify="right")
    for tier in _near(results):
        index = tier["index"]
        table.add_row(
            str(tier["tier"]),
            f"{_percent(index['claimed'])} … {_percent(index['evidenced'])}",
            _percent(tier["unseen_width"]),
            _percent(tier["coverage"]) + " %",
            _percent(tier["share"]["evidenced"]) + " %",
            *(str(tier["firms"][band]) for band in _BANDS),
        )
    return table


def _name(band: str) -> str:
    return _UNSEEN if band == "unseen" else band


def _standing_table(results: Json, key: str) -> Table:
    table = Table(box=None, pad_edge=False)
    names = sorted({n for tier in results["tiers"] for n in tier[key]}, key=_by_number)
    table.add_column("tier", justify="right")
    for name in names:
        table.add_column(name, justify="right")
    for tier in _near(results):
        table.add_row(str(tier["tier"]), *(_gap(tier[key].get(name)) for name in names))
    return table


def _by_number(name: str) -> tuple[str, int]:
    head, _, tail = name.partition("-")
    return (head, int(tail)) if tail.isdigit() else (name, 0)


def _gap(standing: Json | None) -> str:
    if standing is None or standing["gap"] is None:
        return "–"
    return _percent(standing["gap"]["evidenced"])


def heaviest(story: Story, results: Json, most: int = 6) -> list[str]:
    """Tell the firms that carry the most of the requester's risk; masked ones by pseudonym."""
    names = {
        id_: story.world.firms[slug].name for slug, id_ in story.requester.supplier_ids.items()
    }
    total = float(results["total"]["evidenced"]) or 1.0
    ranked = sorted(
        (
            (float(one["contribution"]), float(one["undisclosed"]), tier["tier"], one["id"])
            for tier in results["tiers"]
            for one in tier["largest"]
        ),
        reverse=True,
    )
    return [
        f"tier {tier}: {names.get(id_, id_)} {100 * nats / total:.1f} % of the total"
        + (f", of it {100 * hidden / total:.1f} % undisclosed below" if hidden else "")
        for nats, hidden, tier, id_ in ranked[:most]
    ]
