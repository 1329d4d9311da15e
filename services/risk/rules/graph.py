"""Who stands below whom: judged links, and the holders of items that lie between them.

A holder is a signed list, a bundle of makers behind a trading house, or the requester's own links
together (the total). Its items are firms seen through a link, firms nobody names, and bundles.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from services.risk.rules.cycle import deepest_first, is_circle
from services.risk.rules.facts import (
    CLOSED,
    SILENT,
    DeeperLink,
    DirectLink,
    Entry,
    Facts,
    Standing,
)
from services.risk.rules.number import Interval
from services.risk.rules.standing import Judge, Judgement

UNSTATED = "unstated"


@dataclass(frozen=True, slots=True)
class Firm:
    """A supplier seen through a judged link, on which the holder depends by d."""

    link: int
    dependency: float


@dataclass(frozen=True, slots=True)
class Unnamed:
    """`count` firms nobody names. The keeper leaves them unnamed; None: whoever owns the list."""

    dependency: float
    count: int
    keeper: str | None


@dataclass(frozen=True, slots=True)
class Through:
    """A trading house: the bundle of makers behind it, and d as its weight among items."""

    bundle: int
    dependency: float


Item = Firm | Unnamed | Through


@dataclass(frozen=True, slots=True)
class Holder:
    """Items that enter one norm; `ceiling` is the d whose worst φ a bundle never exceeds."""

    items: tuple[Item, ...]
    ceiling: float | None = None


@dataclass(frozen=True, slots=True)
class Link:
    """A judged link: ℓ in nats, what it shows; below it a holder, silence, or (None) nothing.

    `is_closed`: nothing because "no AI" is signed, which weighs as much as silence does.
    """

    id: str
    supplier: str
    own: Interval
    coverage: float | None
    awaiting: bool
    principles: Mapping[str, Standing]
    topics: Mapping[str, Standing]
    below: int | None
    is_silent: bool
    is_closed: bool


@dataclass(frozen=True, slots=True)
class Graph:
    """Holders are numbered lists first, then bundles, the total last.

    `own` gives the item that stands for each direct link, `judgements` its judgement, both by id.
    """

    links: tuple[Link, ...]
    holders: tuple[Holder, ...]
    bundles: range
    own: Mapping[str, Firm | Through]
    judgements: Mapping[str, Judgement]

    @property
    def total(self) -> int:
        """The number of the holder of the requester's own links."""
        return len(self.holders) - 1


@dataclass(frozen=True, slots=True)
class _House:
    """A trading house as met on one way: its list, the d so far, and the ceiling's d."""

    list: str
    keeper: str
    dependency: float
    ceiling: float


def graph(facts: Facts) -> Graph:
    """Contract what is passed through, judge what is not, and number it all."""
    judge = Judge(facts.questions, facts.starter, facts.policy, facts.as_of)
    judgements = {link.id: judge.judge(link.facts) for link in facts.direct}
    layout = _Layout(facts)
    lists = [Holder(layout.items(name, 0.0, None)) for name in facts.lists]
    judged = [link for link in facts.direct if not link.pass_through]
    links = [layout.deeper(link) for link in facts.deeper.values()]
    links += [layout.direct(link, judgements[link.id]) for link in judged]
    place = {link.id: len(facts.deeper) + number for number, link in enumerate(judged)}
    houses = {
        link.id: layout.house(link, judgements[link.id])
        for link in facts.direct
        if link.pass_through
    }
    bundles = layout.bundles()
    own: dict[str, Firm | Through] = {}
    for link in facts.direct:
        if link.pass_through:
            held = bundles[houses[link.id] - len(lists)]
            weight = max(item.dependency for item in held.items)
            own[link.id] = Through(houses[link.id], weight)
        else:
            own[link.id] = Firm(place[link.id], facts.policy.dependency[link.dependency])
    return Graph(
        links=tuple(links),
        holders=(*lists, *bundles, Holder(tuple(own.values()))),
        bundles=range(len(lists), len(lists) + len(bundles)),
        own=own,
        judgements=judgements,
    )


class _Layout:
    """Numbers links and lists once, and bundles as they are met."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.classes = facts.policy.dependency
        self.link_at = {name: place for place, name in enumerate(facts.deeper)}
        self.list_at = {name: place for place, name in enumerate(facts.lists)}
        self.entries = {
            name: _strongest(sub_tier.entries, self.classes)
            for name, sub_tier in facts.lists.items()
        }
        self.circling = self._circling()
        self.house_at: dict[_House, int] = {}

    def _circling(self) -> frozenset[str]:
        names = list(self.facts.deeper)
        below = [
            [
                self.link_at[entry.link]
                for entry in self.entries.get(link.list, ())
                if entry.pass_through
            ]
            for link in self.facts.deeper.values()
        ]
        return frozenset(
            names[place]
            for group in deepest_first(below)
            if is_circle(group, below)
            for place in group
        )

    def items(self, name: str, least: float, keeper: str | None) -> tuple[Item, ...]:
        """The items of a list, each at least as strong a dependency as the way that led there."""
        found: list[Item] = []
        for entry in self.entries[name]:
            d = max(least, self.classes[entry.dependency])
            if not entry.pass_through:
                found.append(Firm(self.link_at[entry.link], d))
            elif entry.link in self.circling:
                found.append(Unnamed(d, 1, keeper))
            else:
                link = self.facts.deeper[entry.link]
                found.append(Through(self._place(_House(link.list, link.supplier, d, d)), d))
        listed = self.facts.lists[name]
        for dependency, total in listed.totals.items():
            opened = sum(entry.dependency == dependency for entry in listed.entries)
            if total > opened:
                d = max(least, self.classes[dependency])
                found.append(Unnamed(d, total - opened, keeper))
        return tuple(found)

    def _place(self, house: _House) -> int:
        return self.house_at.setdefault(house, len(self.list_at) + len(self.house_at))

    def house(self, link: DirectLink, judgement: Judgement) -> int:
        """The bundle behind a trading house of the requester's own.

        The requester's own link cannot be hidden by anybody, so its silence costs the class of
        "nothing stated": otherwise a house with critical makers would do better to name none.
        """
        d = self.classes[link.dependency]
        name = link.list if judgement.is_declared else SILENT
        return self._place(_House(name, link.supplier, d, self.classes[UNSTATED]))

    def bundles(self) -> list[Holder]:
        """Every bundle met so far and every one met in filling those, in their numbers' order."""
        filled: list[Holder] = []
        while len(filled) < len(self.house_at):
            for house in list(self.house_at)[len(filled) :]:
                items: tuple[Item, ...] = ()
                if house.list in self.entries:
                    items = self.items(house.list, house.dependency, house.keeper)
                unnamed = Unnamed(house.ceiling, 1, house.keeper)
                filled.append(Holder(items or (unnamed,), house.ceiling))
        return filled

    def deeper(self, link: DeeperLink) -> Link:
        return Link(
            id=link.id,
            supplier=link.supplier,
            own=link.own,
            coverage=link.coverage,
            awaiting=link.awaiting,
            principles=link.principles,
            topics=link.topics,
            below=self.list_at.get(link.list),
            is_silent=link.list == SILENT,
            is_closed=link.list == CLOSED,
        )

    def direct(self, link: DirectLink, judgement: Judgement) -> Link:
        name = link.list if judgement.is_declared else SILENT
        if judgement.is_closed:
            name = CLOSED
        return Link(
            id=link.id,
            supplier=link.supplier,
            own=judgement.own,
            coverage=judgement.coverage,
            awaiting=judgement.awaiting,
            principles=judgement.principles,
            topics=judgement.topics,
            below=self.list_at.get(name),
            is_silent=name == SILENT,
            is_closed=name == CLOSED,
        )


def _strongest(entries: Iterable[Entry], classes: Mapping[str, float]) -> tuple[Entry, ...]:
    """Each link once as a firm and once as a house, with the strongest dependency signed for it.

    One entry for both would let a supplier lower its index by leaving one of them unsaid.
    """
    kept: dict[tuple[str, bool], Entry] = {}
    for entry in entries:
        met = (entry.link, entry.pass_through)
        kept[met] = max(kept.get(met, entry), entry, key=lambda one: classes[one.dependency])
    return tuple(kept[met] for met in sorted(kept))
