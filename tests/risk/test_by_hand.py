"""The worked page in docs/risk-by-hand.md, computed again."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from pathlib import Path

from services.risk.rules.results import settle
from services.risk.rules.tier import Settled
from tests.risk.chains import answered, entry, link, listed, world
from tests.risk.worlds import seen_by

PAGE = (Path(__file__).parents[2] / "docs" / "risk-by-hand.md").read_text(encoding="utf-8")
FIGURE = re.compile(r"^ {4}(.+?)\s+= .+= (\d\.\d{9})$", re.MULTILINE)


def castings() -> Settled:
    facts = answered()
    (component,) = facts.components
    checking = replace(component.answers[1], state="checking", value=None)
    component = replace(component, answers=(component.answers[0], checking))
    return settle(
        seen_by(
            "me",
            world(
                link(
                    "me",
                    "castings",
                    dependency="major",
                    facts=replace(facts, components=(component,)),
                    sub_tier=listed(entry("sensors", "moderate"), minor=1),
                ),
                link("castings", "sensors", facts=answered("L3")),
            ),
        )
    )


def test_every_figure_of_the_page_is_what_the_rules_say() -> None:
    settled = castings()
    evidenced, sent = settled.bounds["evidenced"], settled.sent["evidenced"]
    graph = settled.graph
    (component,) = graph.judgements["me>castings"].components
    supplier = graph.links[-1]
    phis = [math.sqrt(evidenced.power(item)) for item in graph.holders[0].items]
    said = {
        "G evidenced": component.gap.evidenced,
        "G claimed": component.gap.claimed,
        "coverage": supplier.coverage,
        "e": component.exposure.evidenced,
        "u, and ℓ": supplier.own.evidenced,
        "φ of the first": phis[0],
        "φ of the second": phis[1],
        "n": math.hypot(*phis),
        "σ_max": settled.facts.policy.sigma_max,
        "S": evidenced.sub_tier(supplier),
        "L": evidenced.weight(supplier),
        "R": evidenced.risk(supplier),
        "T": evidenced.total,
        "tier 1": sent.kept[0].sum,
        "tier 2": sent.kept[1].sum,
        "of it undisclosed": sum(sent.kept[1].unnamed.values()),
    }
    assert dict(FIGURE.findall(PAGE)) == {name: f"{value:.9f}" for name, value in said.items()}


def test_the_bands_and_shares_in_the_text_are_what_the_rules_say() -> None:
    settled = castings()
    assert settled.band(settled.graph.links[-1]) == "B"
    (component,) = settled.graph.judgements["me>castings"].components
    weighed = {w.question.id: w.weight * (w.gap.evidenced or 0) for w in component.questions}
    assert weighed == {"Q-1": 4.0, "Q-6": 8.0}
    own = settled.graph.links[-1].own.evidenced
    silent = 1 - math.exp(-own - settled.facts.policy.sigma_max)
    assert f"R {silent * 100:.1f}" in PAGE
