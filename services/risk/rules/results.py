"""The results of a facts document: same keys and numbers as a snapshot and as `rensho replay`."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

from services.risk.rules import engine
from services.risk.rules.facts import DirectLink, Facts
from services.risk.rules.flow import contributions, weights
from services.risk.rules.graph import Through, graph
from services.risk.rules.number import BOUNDS, Interval, nine_places, optional
from services.risk.rules.standing import JudgedComponent, Judgement
from services.risk.rules.tier import Settled, portfolio_index, tiers
from services.risk.rules.writing import standing_row, text

CONTRACT = "rensho/results/v1"


def results(facts: Facts) -> dict[str, Any]:
    """Judge one requester's view.

    Raises NotSettled when a group of mutual suppliers does not settle within the policy's sweeps.
    """
    return document(settle(facts))


def settle(facts: Facts) -> Settled:
    """Both bounds of a view, settled, sent down and weighed."""
    laid_out = graph(facts)
    policy = facts.policy
    bounds = engine.both(laid_out, policy)
    return Settled(
        facts=facts,
        graph=laid_out,
        bounds=bounds,
        sent={bound: contributions(bounds[bound]) for bound in BOUNDS},
        weights=weights(laid_out, policy.attenuation, policy.depth_limit),
    )


def document(settled: Settled) -> dict[str, Any]:
    """The results document: numbers as nine-place strings, lists in ascending id."""
    facts, sent = settled.facts, settled.sent
    index = portfolio_index(settled)
    return {
        "contract": CONTRACT,
        "model": "rm-1",
        "requester": facts.requester,
        "as_of": text(facts.as_of),
        "synthetic": facts.synthetic,
        "policy_digest": facts.policy.digest,
        "total": Interval(*(settled.bounds[bound].total for bound in BOUNDS)).document(),
        "portfolio_index": None if index is None else index.document(),
        "deeper": Interval(*(sent[bound].deeper for bound in BOUNDS)).document(),
        "suppliers": [_supplier(settled, link) for link in facts.direct],
        "firms": _firms(settled),
        "tiers": tiers(settled),
    }


def _supplier(settled: Settled, link: DirectLink) -> dict[str, Any]:
    arrived = Interval(*(settled.sent[bound].direct[link.id] for bound in BOUNDS))
    row: dict[str, Any] = {
        "id": link.id,
        "supplier": link.supplier,
        "pass_through": link.pass_through,
        "dependency": link.dependency,
        "contribution": arrived.document(),
        "share": settled.share(arrived),
    }
    item = settled.graph.own[link.id]
    if isinstance(item, Through):
        unjudged = ("own", "sub_tier", "risk", "band", "coverage", "retained")
        return row | dict.fromkeys(unjudged) | {"principles": {}, "topics": {}, "components": []}
    judged = settled.graph.links[item.link]
    judgement = settled.graph.judgements[link.id]
    first = (settled.sent[bound].kept[0].links for bound in BOUNDS)
    retained = Interval(*(kept.get(item.link, 0.0) for kept in first))
    sub_tier = Interval(*(settled.bounds[bound].sub_tier(judged) for bound in BOUNDS))
    return row | {
        "own": judged.own.document(),
        "sub_tier": sub_tier.document(),
        "risk": settled.risk(judged).document(),
        "band": settled.band(judged),
        "coverage": optional(judged.coverage),
        "retained": retained.document(),
        "principles": {name: standing_row(met) for name, met in judgement.principles.items()},
        "topics": {name: standing_row(met) for name, met in judgement.topics.items()},
        "components": _components(judgement, retained, settled.facts.policy.norm),
    }


def _components(judgement: Judgement, retained: Interval, p: float) -> list[dict[str, Any]]:
    parts = _split(
        retained, [Interval(*(c.weight.at(b) ** p for b in BOUNDS)) for c in judgement.components]
    )
    rows = [
        {
            "id": component.id,
            "kind": component.kind,
            "exposure": component.exposure.document(),
            "gap": component.gap.document(),
            "weight": component.weight.document(),
            "coverage": optional(component.coverage),
            "contribution": part.document(),
            "questions": _questions(component, part) if component.kind == "declared" else [],
        }
        for component, part in zip(judgement.components, parts, strict=True)
    ]
    return sorted(rows, key=lambda row: str(row["id"]))


def _questions(component: JudgedComponent, part: Interval) -> list[dict[str, Any]]:
    weighed = component.questions
    sizes = [
        Interval(item.weight * (item.gap.claimed or 0.0), item.weight * (item.gap.evidenced or 0.0))
        for item in weighed
    ]
    return [
        {
            "id": item.question.id,
            "row": int(item.gap.row),
            "gap": {
                "claimed": optional(item.gap.claimed),
                "evidenced": optional(item.gap.evidenced),
            },
            "contribution": nats.document(),
        }
        for item, nats in zip(weighed, _split(part, sizes), strict=True)
    ]


def _split(whole: Interval, sizes: list[Interval]) -> list[Interval]:
    """`whole` in the ratio of `sizes`, each bound by itself; nothing where all sizes are 0."""
    sums = {bound: math.fsum(size.at(bound) for size in sizes) for bound in BOUNDS}
    return [
        Interval(*(whole.at(b) * size.at(b) / sums[b] if sums[b] else 0.0 for b in BOUNDS))
        for size in sizes
    ]


def _firms(settled: Settled) -> list[dict[str, Any]]:
    """Every firm that can be reached: where it stands, how bad at worst, and the range."""
    reached: defaultdict[int, list[int]] = defaultdict(list)
    for number, links in enumerate(settled.weights.links, start=1):
        for place in links:
            reached[place].append(number)
    total = settled.bounds["evidenced"].total
    kept = settled.sent["evidenced"].kept
    rows = []
    for name, places in settled.by_firm(reached).items():
        worst = settled.worst_link(places)
        risks = [settled.bounds["evidenced"].risk(settled.graph.links[place]) for place in places]
        stays = [math.fsum(tier.links.get(place, 0.0) for place in places) for tier in kept]
        floor = settled.facts.policy.share_floor * total
        rows.append(
            {
                "id": name,
                "tier_min": min(number for place in places for number in reached[place]),
                "tiers": [number for number, nats in enumerate(stays, start=1) if nats > floor],
                "risk": settled.risk(worst).document(),
                "lowest": nine_places(min(risks)),
                "highest": nine_places(max(risks)),
                "band": settled.band(worst),
            }
        )
    return rows
