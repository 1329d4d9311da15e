"""The per-tier table: index, standing against principles and topics, who weighs most."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from services.risk.rules.band import BANDS, band
from services.risk.rules.facts import Facts, Standing
from services.risk.rules.flow import Contributions, Weights
from services.risk.rules.graph import Graph, Link
from services.risk.rules.number import BOUNDS, Bound, Interval, nine_places, optional, rounded
from services.risk.rules.propagation import Propagation
from services.risk.rules.writing import standing_row

WORST: Mapping[Bound, float] = {"claimed": 0.0, "evidenced": 1.0}


@dataclass(frozen=True, slots=True, eq=False)
class Settled:
    """A whole view, judged: both bounds settled, sent down and weighed."""

    facts: Facts
    graph: Graph
    bounds: Mapping[Bound, Propagation]
    sent: Mapping[Bound, Contributions]
    weights: Weights

    def risk(self, link: Link) -> Interval:
        """R of a link in 0..1."""
        return Interval(*(self.bounds[bound].risk(link) for bound in BOUNDS))

    def band(self, link: Link) -> str:
        """Band of a link, or `unseen`."""
        evidenced = self.bounds["evidenced"].risk(link)
        return band(evidenced, link.coverage, awaiting=link.awaiting, policy=self.facts.policy)

    def worst_link(self, places: Iterable[int]) -> Link:
        """The link with the highest evidenced R, among equals the lowest id."""
        links = (self.graph.links[place] for place in places)
        return min(links, key=lambda link: (-self.bounds["evidenced"].risk(link), link.id))

    def by_firm(self, places: Iterable[int]) -> dict[str, list[int]]:
        """Links by the firm behind them, in ascending id."""
        firms: defaultdict[str, list[int]] = defaultdict(list)
        for place in places:
            firms[self.graph.links[place].supplier].append(place)
        return dict(sorted(firms.items()))

    def share(self, nats: Interval) -> dict[str, str | None]:
        """Of T per bound; None on a bound whose T is 0."""
        totals = {bound: self.bounds[bound].total for bound in BOUNDS}
        return {
            bound: optional(nats.at(bound) / total if total else None)
            for bound, total in totals.items()
        }


def tiers(settled: Settled) -> list[dict[str, Any]]:
    """One row per tier in which there is a link or somebody unseen; what is closed makes no row."""
    weights = settled.weights
    return [
        _tier(settled, number, links, unseen, closed)
        for number, (links, unseen, closed) in enumerate(
            zip(weights.links, weights.unseen, weights.closed, strict=True), start=1
        )
        if links or unseen
    ]


def portfolio_index(settled: Settled) -> Interval | None:
    """The mean of R over all tiers together; None for a requester without suppliers."""
    weights = settled.weights
    pairs = [pair for tier in weights.links for pair in tier.items()]
    unseen, closed = math.fsum(weights.unseen), math.fsum(weights.closed)
    return _index(settled, pairs, unseen, closed) if settled.graph.own else None


def _index(
    settled: Settled, pairs: Iterable[tuple[int, float]], unseen: float, closed: float
) -> Interval:
    listed = list(pairs)
    whole = math.fsum([unseen, closed, *(weight for _, weight in listed)])
    links = settled.graph.links
    sums = (
        math.fsum(
            [
                unseen * WORST[bound],
                *(weight * settled.bounds[bound].risk(links[place]) for place, weight in listed),
            ]
        )
        for bound in BOUNDS
    )
    return Interval(*(found / whole for found in sums))


def _tier(
    settled: Settled, number: int, links: Mapping[int, float], unseen: float, closed: float
) -> dict[str, Any]:
    index = _index(settled, links.items(), unseen, closed)
    kept = {bound: settled.sent[bound].kept[number - 1] for bound in BOUNDS}
    nats = Interval(*(kept[bound].sum for bound in BOUNDS))
    firms = settled.by_firm(links)
    bands = Counter(settled.band(settled.worst_link(places)) for places in firms.values())
    facts = settled.facts
    principles = {question.principle for question in facts.questions.values()}
    topics = {question.topic for question in facts.questions.values()} - {None}
    return {
        "tier": number,
        "index": index.document(),
        "unseen_width": nine_places(index.evidenced - index.claimed),
        "unseen_weight": nine_places(unseen / math.fsum([unseen, closed, *links.values()])),
        "contribution": nats.document(),
        "share": settled.share(nats),
        "undisclosed": nine_places(math.fsum(kept["evidenced"].unnamed.values())),
        "firms": {name: bands[name] for name in BANDS},
        "coverage": optional(_coverage(settled, links, unseen)),
        **_contributors(settled, number),
        "principles": {
            name: standing_row(
                _standing(settled, links, unseen, lambda link: link.principles, name)
            )
            for name in sorted(principles)
        },
        "topics": {
            name: standing_row(_standing(settled, links, unseen, lambda link: link.topics, name))
            for name in sorted(topics, key=str)
            if name is not None
        },
    }


def _mean(pairs: Iterable[tuple[float, float]]) -> float | None:
    listed = list(pairs)
    whole = math.fsum(weight for weight, _ in listed)
    return math.fsum(weight * value for weight, value in listed) / whole if whole else None


def _coverage(settled: Settled, links: Mapping[int, float], unseen: float) -> float | None:
    known = [(weight, settled.graph.links[place].coverage) for place, weight in links.items()]
    return _mean([(unseen, 0.0), *((w, value) for w, value in known if value is not None)])


def _standing(
    settled: Settled,
    links: Mapping[int, float],
    unseen: float,
    table: Callable[[Link], Mapping[str, Standing]],
    name: str,
) -> Standing:
    met = [(weight, table(settled.graph.links[place]).get(name)) for place, weight in links.items()]
    gaps = [(weight, standing.gap) for weight, standing in met if standing and standing.gap]
    covers = [
        (weight, standing.coverage)
        for weight, standing in met
        if standing and standing.coverage is not None
    ]
    means = {
        bound: _mean([(unseen, WORST[bound]), *((w, gap.at(bound)) for w, gap in gaps)])
        for bound in BOUNDS
    }
    claimed, evidenced = means["claimed"], means["evidenced"]
    gap = None if claimed is None or evidenced is None else Interval(claimed, evidenced)
    return Standing(gap=gap, coverage=_mean([(unseen, 0.0), *covers]))


def _contributors(settled: Settled, number: int) -> dict[str, Any]:
    """Concentration and the greatest contributors; hidden parts are credited to who hides them."""
    kept = settled.sent["evidenced"].kept[number - 1]
    credited = defaultdict(float, kept.unnamed)
    for place, nats in kept.links.items():
        credited[settled.graph.links[place].supplier] += nats
    whole = math.fsum(credited.values())
    ranked = sorted(credited.items(), key=lambda item: (-rounded(item[1]), item[0]))
    return {
        "herfindahl": optional(
            math.fsum((nats / whole) ** 2 for nats in credited.values()) if whole else None
        ),
        "largest": [
            {
                "id": name,
                "contribution": nine_places(nats),
                "undisclosed": nine_places(kept.unnamed.get(name, 0.0)),
            }
            for name, nats in ranked[: settled.facts.policy.largest]
            if nats > 0
        ],
    }
