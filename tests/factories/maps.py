"""Facts and results as large as asked for, as far as the map of tiers reads them."""

from __future__ import annotations

import random
from typing import Any

Json = dict[str, Any]
_BANDS = ("A", "B", "C", "D", "E", "unseen")


def chain(firms: int, links: int, direct: int = 100, seed: int = 7) -> tuple[Json, Json]:
    """Return facts and results of a chain of `firms` firms and `links` links, `direct` of them own.

    Firm n is supplied by later ones only, so nothing goes in circles.
    """
    chance = random.Random(seed)
    edges: list[tuple[int | None, int]] = [(None, n) for n in range(direct)]
    edges += [(chance.randrange(n // 10, max(1, n // 3)), n) for n in range(direct, firms)]
    while len(edges) < links:
        supplier = chance.randrange(direct, firms)
        edges.append((chance.randrange(supplier), supplier))
    lists: dict[int, list[Json]] = {}
    deeper: list[Json] = []
    for number, (customer, supplier) in enumerate(edges[direct:]):
        assert customer is not None
        deeper.append({"id": f"l-{number}", "supplier": _name(supplier), "list": _list(supplier)})
        lists.setdefault(customer, []).append({"link": f"l-{number}", "dependency": "minor"})
    facts = {
        "direct": [{"id": f"d-{n}", "supplier": _name(n), "list": _list(n)} for n in range(direct)],
        "deeper": deeper,
        "lists": [
            {"id": _list(n), "entries": entries, "totals": {"minor": len(entries) + n % 3}}
            for n, entries in lists.items()
        ],
    }
    return facts, {"firms": [_judged(n, chance) for n in range(firms)]}


def _name(number: int) -> str:
    return f"p_{number:06d}"


def _list(number: int) -> str:
    return f"list-{number}"


def _judged(number: int, chance: random.Random) -> Json:
    evidenced = chance.random()
    risk = {"claimed": f"{evidenced / 3:.9f}", "evidenced": f"{evidenced:.9f}"}
    return {"id": _name(number), "band": chance.choice(_BANDS), "risk": risk}
