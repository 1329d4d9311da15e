"""How RM-1 should feel: the thirteen worked cases, to nine decimals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from services.risk.rules import exposure
from services.risk.rules.band import band
from services.risk.rules.graph import Firm, Graph, Holder, Link
from services.risk.rules.number import Interval, nine_places, norm
from services.risk.rules.propagation import propagate
from tests.risk.worlds import POLICY

TABLE = Path(__file__).parents[3] / "shared" / "data" / "feel.json"

if not TABLE.exists():
    pytest.skip("the feel table is not beside this repository", allow_module_level=True)

FEEL = json.loads(TABLE.read_text(encoding="utf-8"))


def own(components: Any) -> float:
    most = exposure.nats(exposure.most({}, POLICY), 1)
    if components == "undeclared":
        return most
    powers = [
        max(exposure.nats(part["exposure"], part["gap"]), POLICY.floor) ** POLICY.norm
        for part in components
        for _ in range(part["count"])
    ]
    return min(norm(powers, POLICY.norm), most)


def link(name: str, nats: float, *, below: int | None = None, is_silent: bool = False) -> Link:
    return Link(name, name, Interval(nats, nats), 1.0, False, {}, {}, below, is_silent, False)


def index(case: Any) -> float:
    """R of a supplier with these components and this list."""
    silent = case["list"] == "silent"
    listed = [] if silent else [e for e in case["list"] for _ in range(e["count"])]
    links = [link(f"sub-{n}", exposure.nats(e["risk"], 1)) for n, e in enumerate(listed)]
    items = tuple(Firm(n, e["dependency"]) for n, e in enumerate(listed))
    supplier = link("supplier", own(case["components"]), below=0, is_silent=False)
    if silent:
        supplier = link("supplier", own(case["components"]), is_silent=True)
    total = Holder((Firm(len(links), 1.0),))
    graph = Graph((*links, supplier), (Holder(items), total), range(0), {}, {})
    return propagate(graph, POLICY, "evidenced").risk(supplier)


@pytest.mark.parametrize("case", FEEL["cases"], ids=lambda case: str(case["name"]))
def test_a_worked_case_feels_as_told(case: Any) -> None:
    risk = index(case)
    assert nine_places(risk) == case["index"]
    assert f"{float(nine_places(risk)) * 100:.1f}" == f"{case['shown']:.1f}"
    assert band(risk, 1.0, awaiting=False, policy=POLICY) == case["band"]


def test_the_ceilings_are_as_told() -> None:
    assert nine_places(own("undeclared")) == FEEL["l_max"]
    assert nine_places(POLICY.sigma_max) == FEEL["sigma_max"]
