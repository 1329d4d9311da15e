"""Who supplies whom as the requester sees it, laid out on rings, one ring per tier. Pure.

Read from a snapshot's facts and results (`contracts/facts/README.md`). A firm stands once, in the
nearest tier in which it is met; what a list only counts stands beside its owner as undisclosed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

Json = Mapping[str, Any]

YOU: Final = "you"
BANDS: Final = ("A", "B", "C", "D", "E", "unseen", "none")
_GAP: Final = 1.0
_BETWEEN_RINGS: Final = 6.0
_INNER: Final = 10.0
_MOST_ROWS: Final = 20
_SIDE_BY_SIDE: Final = 16


@dataclass
class Firm:
    """One firm on the map.

    Attributes:
        claimed, evidenced: bounds of its index in 0..1; None where nothing was judged.
        suppliers: ids of its suppliers as far as they are opened.
        below: what it said of its own suppliers: `silent`, `none`, `closed` or `listed`.
        undisclosed: how many it only counted.
    """

    id: str
    tier: int
    band: str = "none"
    claimed: float | None = None
    evidenced: float | None = None
    below: str = "none"
    undisclosed: int = 0
    suppliers: list[str] = field(default_factory=list)
    customers: list[str] = field(default_factory=list)
    x: float = 0.0
    y: float = 0.0


def read(facts: Json, results: Json) -> list[Firm]:
    """Return the requester and every firm met from it, tier by tier, laid out."""
    firms = _met(facts)
    _judge(firms, results)
    _lay_out(firms)
    return list(firms.values())


def _met(facts: Json) -> dict[str, Firm]:
    """Walk from the requester over opened lists, the nearest tier first."""
    lists = {each["id"]: each for each in facts["lists"]}
    deeper = {each["id"]: each for each in facts["deeper"]}
    firms = {YOU: Firm(YOU, 0, below="listed")}
    ring: list[tuple[str, Json]] = [(YOU, each) for each in facts["direct"]]
    tier = 1
    while ring:
        following: list[tuple[str, Json]] = []
        for customer, link in ring:
            firm = firms.get(link["supplier"])
            _join(firms[customer], link["supplier"])
            if firm is None:
                firm = firms[link["supplier"]] = Firm(link["supplier"], tier)
                following += _below(firm, link, lists, deeper)
            firm.customers.append(customer)
        ring, tier = following, tier + 1
    return firms


def _join(customer: Firm, supplier: str) -> None:
    if supplier not in customer.suppliers:
        customer.suppliers.append(supplier)


def _below(
    firm: Firm, link: Json, lists: Mapping[str, Json], deeper: Mapping[str, Json]
) -> Iterator[tuple[str, Json]]:
    told = lists.get(link["list"])
    if told is None:
        firm.below = link["list"]
        return
    firm.below = "listed"
    firm.undisclosed = max(0, sum(told["totals"].values()) - len(told["entries"]))
    for entry in told["entries"]:
        yield firm.id, deeper[entry["link"]]


def _judge(firms: Mapping[str, Firm], results: Json) -> None:
    """Put every firm's index beside it: a supplier's exactly, one further down as an interval."""
    for each in results["firms"]:
        if firm := firms.get(each["id"]):
            firm.band = each["band"] or "none"
            firm.claimed = float(each["risk"]["claimed"])
            firm.evidenced = float(each["risk"]["evidenced"])


def _lay_out(firms: Mapping[str, Firm]) -> None:
    """Give every firm its place: on its ring, as near to its first customer as there is room.

    A crowded ring gets rows, so that no two firms lie on each other.
    """
    children: dict[str, list[str]] = defaultdict(list)
    for firm in firms.values():
        if firm.customers:
            children[firm.customers[0]].append(firm.id)
    order: dict[int, list[str]] = defaultdict(list)
    stack = [YOU]
    while stack:
        name = stack.pop()
        order[firms[name].tier].append(name)
        stack += reversed(children[name])
    radius, wanted = _INNER, _spread({}, order[0], children)
    for tier in sorted(order)[1:]:
        names = order[tier]
        around = len(names) * _GAP / math.tau
        radius = max(radius, around / _MOST_ROWS)
        rows = max(1, math.ceil(around / radius))
        angles = _angles(names, wanted, max(len(names), int(math.tau * radius / _GAP)))
        for place, (name, angle) in enumerate(angles.items()):
            away = radius + (place % rows) * _GAP
            firms[name].x, firms[name].y = away * math.cos(angle), away * math.sin(angle)
        wanted = _spread(angles, names, children)
        radius += rows * _GAP + _BETWEEN_RINGS


def _spread(
    angles: Mapping[str, float], names: Sequence[str], children: Mapping[str, Sequence[str]]
) -> dict[str, float]:
    """Return the directions that suppliers would like: around their customer's, side by side."""
    found = {}
    for name in names:
        suppliers = children.get(name, ())
        step = math.tau / max(len(suppliers), 1 if name == YOU else _SIDE_BY_SIDE)
        middle = angles.get(name, math.pi)
        for place, each in enumerate(suppliers):
            found[each] = middle + (place - (len(suppliers) - 1) / 2) * step
    return found


def _angles(names: Sequence[str], wanted: Mapping[str, float], slots: int) -> dict[str, float]:
    """Give each a slot of its own, in this order, as near to what it wanted as that leaves."""
    found, last = {}, -1
    for place, name in enumerate(names):
        near = round(wanted[name] / math.tau * slots - 0.5)
        last = min(max(near, last + 1), slots - len(names) + place)
        found[name] = math.tau * (last + 0.5) / slots
    return found


def drawn(firms: Sequence[Firm]) -> dict[str, Any]:
    """Return what the browser draws, in few bytes: rows for nodes, pairs of row numbers for edges.

    A node is `[id, tier, place in BANDS, claimed, evidenced, undisclosed, x, y]`.
    """
    numbers = {firm.id: number for number, firm in enumerate(firms)}
    nodes = [
        [
            *(firm.id, firm.tier, BANDS.index(firm.band)),
            *(_shown(firm.claimed), _shown(firm.evidenced), firm.undisclosed),
            *(round(firm.x, 2), round(firm.y, 2)),
        ]
        for firm in firms
    ]
    edges = [[numbers[firm.id], numbers[each]] for firm in firms for each in firm.suppliers]
    return {"bands": BANDS, "nodes": nodes, "edges": edges}


def _shown(bound: float | None) -> float | None:
    return None if bound is None else round(bound * 100, 1)
