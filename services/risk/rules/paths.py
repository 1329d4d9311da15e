"""By which ways a firm's risk reaches the requester: the heaviest chains of links to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from services.risk.rules.graph import Firm, Through
from services.risk.rules.number import nine_places
from services.risk.rules.tier import Settled

MOST_PATHS = 10
MOST_STEPS = 50_000
"""Steps looked at for one answer: what is left then carries less than what was told."""


# (−nats, tie, number of a link or holder, depth, steps so far, whether it is a link)
_Entry = tuple[float, int, int, int, tuple["Step", ...], bool]


@dataclass(frozen=True, slots=True)
class Step:
    """A link on the way, or (`supplier` None) goods that only pass through a trading house."""

    supplier: str | None
    dependency: float

    def document(self) -> dict[str, object]:
        """The JSON form."""
        return {"id": self.supplier, "dependency": nine_places(self.dependency)}


@dataclass(frozen=True, slots=True)
class Way:
    """A chain from the requester to the firm: nats of the evidenced total that take it, and how
    much of those stay with the firm itself.
    """

    steps: tuple[Step, ...]
    carried: float
    kept: float


def ways(settled: Settled, firm: str, most: int = MOST_PATHS) -> list[Way]:
    """The heaviest ways to a firm, heaviest first; none longer than the depth limit of the tiers.

    A firm met on the way to itself is on two ways: a chain goes on behind it.
    """
    walk = _Walk(settled, firm)
    found: list[Way] = []
    for way in walk.ways():
        found.append(way)
        if len(found) == most:
            break
    return found


class _Walk:
    def __init__(self, settled: Settled, firm: str) -> None:
        self.graph, self.bound = settled.graph, settled.bounds["evidenced"]
        self.limit = settled.facts.policy.depth_limit
        self.firm = firm
        self.leads = self._leads()
        self.tie = count()

    def _leads(self) -> set[int]:
        """The holders from which a link to the firm can be reached."""
        above: defaultdict[int, list[int]] = defaultdict(list)
        found: set[int] = set()
        for place, holder in enumerate(self.graph.holders):
            for item in holder.items:
                match item:
                    case Firm(number, _):
                        link = self.graph.links[number]
                        if link.supplier == self.firm:
                            found.add(place)
                        if link.below is not None:
                            above[link.below].append(place)
                    case Through(bundle, _):
                        above[bundle].append(place)
        waiting = list(found)
        while waiting:
            more = set(above[waiting.pop()]) - found
            found |= more
            waiting += more
        return found

    def ways(self) -> Iterator[Way]:
        """Best first: whatever is taken next carries the most of all that was not taken yet."""
        heap: list[_Entry] = []
        total = self.graph.total
        if total in self.leads:
            heappush(heap, (-self.bound.total, next(self.tie), total, 0, (), False))
        for _ in range(MOST_STEPS):
            if not heap:
                return
            negative, _, at, depth, steps, is_link = heappop(heap)
            if is_link:
                yield from self._arrived(heap, -negative, at, depth, steps)
            else:
                self._open(heap, -negative, at, depth, steps)

    def _arrived(
        self, heap: list[_Entry], carried: float, number: int, depth: int, steps: tuple[Step, ...]
    ) -> Iterator[Way]:
        link = self.graph.links[number]
        weight = self.bound.weight(link)
        kept = carried * link.own.evidenced / weight if weight else 0.0
        if link.supplier == self.firm:
            yield Way(steps, carried, kept)
        if link.below in self.leads and depth < self.limit:
            entry = (kept - carried, next(self.tie), link.below, depth, steps, False)
            heappush(heap, entry)

    def _open(
        self, heap: list[_Entry], amount: float, place: int, depth: int, steps: tuple[Step, ...]
    ) -> None:
        items = self.graph.holders[place].items
        powers = [self.bound.power(item) for item in items]
        whole = sum(powers)
        for item, power in zip(items, powers, strict=True):
            part = amount * power / whole if whole else 0.0
            entry: _Entry
            match item:
                case Firm(number, d):
                    link = self.graph.links[number]
                    if link.supplier != self.firm and link.below not in self.leads:
                        continue
                    way = (*steps, Step(link.supplier, d))
                    entry = (-part, next(self.tie), number, depth + 1, way, True)
                case Through(bundle, d) if bundle in self.leads:
                    way = (*steps, Step(None, d))
                    entry = (-part, next(self.tie), bundle, depth, way, False)
                case _:
                    continue
            heappush(heap, entry)


def document(found: list[Way], total: float) -> list[dict[str, object]]:
    """The JSON form: nats as nine-place strings, `share` of the evidenced total."""
    return [
        {
            "steps": [step.document() for step in way.steps],
            "carried": nine_places(way.carried),
            "kept": nine_places(way.kept),
            "share": nine_places(way.carried / total) if total else None,
        }
        for way in found
    ]
