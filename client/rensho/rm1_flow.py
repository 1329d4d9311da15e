"""RM-1 between links: pass-through, the least fixed point, contributions and weights.

Sections 7 to 10 of the facts contract, risk model sections 4 and 5. All risks in nats; pairs are
(claimed, evidenced).
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field
from typing import assert_never

from rensho.errors import VerificationError
from rensho.rm1_links import BOUNDS, CLAIMED, EVIDENCED, Json, Pair


@dataclass(frozen=True)
class Maker:
    """An entry that leads to a judged link."""

    link: str
    d: float


@dataclass(frozen=True)
class Undisclosed:
    """An entry of which only the class is known; its firm could be the worst."""

    d: float


@dataclass(frozen=True)
class Bundle:
    """A trading house's place, taken by the makers behind it; never worse than `ceiling`'s d.

    `weighs` is the d by which the bundle takes its part of a weight.
    """

    keeper: str
    weighs: float
    ceiling: float
    items: tuple[Item, ...]


Item = Maker | Undisclosed | Bundle


@dataclass(frozen=True)
class Node:
    """A judged link: its own risk and the list below it (`silent`, `none`, `closed` or an id)."""

    id: str
    supplier: str
    own: Pair
    list_ref: str


@dataclass
class Network:
    """Everything the requester sees, ready for sums.

    Attributes:
        nodes: judged links by id.
        lists: items of each list; `total` are those of the requester itself.
    """

    policy: Json
    nodes: dict[str, Node]
    lists: dict[str, tuple[Item, ...]]
    total: tuple[Item, ...]
    sub_tier: dict[str, list[float]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Reach the fixed point on both bounds."""
        self.attenuation = float(self.policy["propagation"]["attenuation"])
        self.norm = float(self.policy["own"]["norm"])
        self.ceiling = -math.log(1 - self.attenuation)
        self.sub_tier = {ref: [0.0, 0.0] for ref in self.lists}
        for bound in BOUNDS:
            self._settle(bound)

    def below(self, ref: str) -> Pair:
        """Return S of a list reference, both bounds."""
        if ref in {"none", "closed"}:
            return (0.0, 0.0)
        if ref == "silent":
            return (0.0, self.ceiling)
        claimed, evidenced = self.sub_tier[ref]
        return (claimed, evidenced)

    def risk(self, link: str) -> Pair:
        """Return R of a link, both bounds, 0..1."""
        node = self.nodes[link]
        below = self.below(node.list_ref)
        return (
            -math.expm1(-(node.own[CLAIMED] + below[CLAIMED])),
            -math.expm1(-(node.own[EVIDENCED] + below[EVIDENCED])),
        )

    def phi(self, item: Item, bound: int) -> float:
        """Return what an item adds, in nats."""
        match item:
            case Maker(link, d):
                return -math.log1p(-self.attenuation * d * self.risk(link)[bound])
            case Undisclosed(d):
                return -math.log1p(-self.attenuation * d) if bound == EVIDENCED else 0.0
            case Bundle(ceiling=ceiling, items=items):
                cap = -math.log1p(-self.attenuation * ceiling)
                return min(self.total_of(items, bound), cap)
            case _:
                assert_never(item)

    def total_of(self, items: tuple[Item, ...], bound: int) -> float:
        """Return the p-norm of what items add, in nats."""
        powers = math.fsum(self.phi(item, bound) ** self.norm for item in items)
        return float(powers ** (1 / self.norm))

    def _settle(self, bound: int) -> None:
        """Walk up from S = 0 until what is left to change is below the policy's limit."""
        limit = 10.0 ** self.policy["propagation"]["stop_exponent"]
        order = _deepest_first(self.lists, self.nodes)
        before = 0.0
        for _ in range(self.policy["propagation"]["max_sweeps"]):
            change = 0.0
            for ref in order:
                n = self.total_of(self.lists[ref], bound)
                new = -self.ceiling * math.expm1(-n / self.ceiling)
                change = max(change, new - self.sub_tier[ref][bound])
                self.sub_tier[ref][bound] = max(new, self.sub_tier[ref][bound])
            if change <= 0.0:
                return
            ratio = change / before if before else 1.0
            # A tenth of the limit: the other program stops where it likes below the limit.
            if ratio < 1.0 and change * ratio / (1 - ratio) < limit / 10:
                return
            before = change
        raise VerificationError("facts.unstable", "the fixed point was not reached")


def _deepest_first(lists: dict[str, tuple[Item, ...]], nodes: dict[str, Node]) -> list[str]:
    order: list[str] = []
    seen: set[str] = set()
    for root in lists:
        stack = [(root, False)]
        while stack:
            ref, done = stack.pop()
            if done:
                order.append(ref)
            elif ref not in seen:
                seen.add(ref)
                stack.append((ref, True))
                children = (nodes[link].list_ref for link in makers(lists[ref]))
                stack += [(child, False) for child in children if child in lists]
    return order


def makers(items: tuple[Item, ...]) -> list[str]:
    """Return the links that items lead to, through bundles too."""
    found: list[str] = []
    for item in items:
        match item:
            case Maker(link):
                found.append(link)
            case Bundle(items=inside):
                found += makers(inside)
            case Undisclosed():
                pass
            case _:
                assert_never(item)
    return found


def read_lists(facts: Json, dependency: dict[str, float]) -> dict[str, tuple[Item, ...]]:
    """Return every list's items, pass-through entries opened to bundles.

    Args:
        dependency: d of each class.
    """
    return _Opener(facts, dependency).opened()


def own_bundle(link: Json, list_ref: str, facts: Json, dependency: dict[str, float]) -> Bundle:
    """Return the bundle that stands for the requester's own pass-through link."""
    opener = _Opener(facts, dependency)
    ceiling = dependency["unstated"]
    items = opener.bundle_items(list_ref, dependency[link["dependency"]], ceiling)
    weighs = max(item.weighs if isinstance(item, Bundle) else item.d for item in items)
    return Bundle(link["supplier"], weighs, ceiling, items)


class _Opener:
    """Turns signed lists into items: duplicates joined, hidden entries counted, houses opened."""

    def __init__(self, facts: Json, dependency: dict[str, float]) -> None:
        self._links = {link["id"]: link for link in [*facts["direct"], *facts["deeper"]]}
        self._lists = {entry["id"]: entry for entry in facts["lists"]}
        self._d = dependency
        self._entries = {ref: self._joined(signed) for ref, signed in self._lists.items()}
        self._circular = {link for link in self._links if self._returns_to(link)}

    def opened(self) -> dict[str, tuple[Item, ...]]:
        return {ref: self._items(ref, 0.0) for ref in self._lists}

    def bundle_items(self, ref: str, own: float, ceiling: float) -> tuple[Item, ...]:
        items = self._items(ref, own) if ref in self._lists else ()
        return items or (Undisclosed(ceiling),)

    def _items(self, ref: str, least: float) -> tuple[Item, ...]:
        items: list[Item] = []
        for (link, through), d in sorted(self._entries[ref].items()):
            strength = max(least, d)
            if not through:
                items.append(Maker(link, strength))
            elif link in self._circular:
                items.append(Undisclosed(strength))
            else:
                behind = self._links[link]
                inside = self.bundle_items(behind["list"], strength, strength)
                items.append(Bundle(behind["supplier"], strength, strength, inside))
        return (*items, *(Undisclosed(max(least, d)) for d in self._hidden(ref)))

    def _joined(self, signed: Json) -> dict[tuple[str, bool], float]:
        """The strongest class of each link, as a maker and, apart from that, as a house."""
        joined: dict[tuple[str, bool], float] = {}
        for entry in signed["entries"]:
            met = entry["link"], entry["pass_through"]
            joined[met] = max(joined.get(met, 0.0), self._d[entry["dependency"]])
        return joined

    def _hidden(self, ref: str) -> list[float]:
        signed = self._lists[ref]
        opened = [entry["dependency"] for entry in signed["entries"]]
        return [
            self._d[name]
            for name, count in sorted(signed["totals"].items())
            for _ in range(count - opened.count(name))
        ]

    def _houses_behind(self, link: str) -> list[str]:
        entries = self._entries.get(self._links[link]["list"], {})
        return [behind for behind, through in entries if through]

    def _returns_to(self, link: str) -> bool:
        seen: set[str] = set()
        waiting = self._houses_behind(link)
        while waiting:
            here = waiting.pop()
            if here == link:
                return True
            if here not in seen:
                seen.add(here)
                waiting += self._houses_behind(here)
        return False


@dataclass
class Spread:
    """Where the requester's total, on one bound, comes to rest.

    Attributes:
        arrived: per top item index, nats that arrive.
        retained: per tier and link, nats that stay with the supplier itself.
        kept: per tier and keeper, nats of undisclosed parts.
        deeper: nats beyond the depth limit.
    """

    arrived: list[float]
    retained: dict[int, dict[str, float]]
    kept: dict[int, dict[str, float]]
    deeper: float = 0.0


def spread(network: Network, requester: str, bound: int) -> Spread:
    """Send the total down the chain by shares (risk model section 5)."""
    limit = network.policy["tiers"]["depth_limit"]
    total = network.total_of(network.total, bound)
    result = Spread(
        [], defaultdict(lambda: defaultdict(float)), defaultdict(lambda: defaultdict(float))
    )
    result.arrived = [total * share for share in _shares(network, network.total, bound)]
    arriving: dict[str, float] = defaultdict(float)
    for item, nats in zip(network.total, result.arrived, strict=True):
        _arrive(network, item, nats, requester, bound, arriving, result.kept[1])
    for tier in range(1, limit + 1):
        below: dict[str, float] = defaultdict(float)
        for link, nats in arriving.items():
            node = network.nodes[link]
            own, under = node.own[bound], network.below(node.list_ref)[bound]
            if own + under <= 0:
                continue
            stays = nats * own / (own + under)
            result.retained[tier][link] += stays
            _pass_on(network, node, nats - stays, bound, tier, below, result)
        arriving = below
    return result


def _pass_on(
    network: Network,
    node: Node,
    nats: float,
    bound: int,
    tier: int,
    below: dict[str, float],
    result: Spread,
) -> None:
    if tier == network.policy["tiers"]["depth_limit"]:
        result.deeper += nats
    elif node.list_ref == "silent":
        result.kept[tier + 1][node.supplier] += nats
    elif node.list_ref in network.lists:
        items = network.lists[node.list_ref]
        for item, share in zip(items, _shares(network, items, bound), strict=True):
            kept = result.kept[tier + 1]
            _arrive(network, item, nats * share, node.supplier, bound, below, kept)


def _arrive(
    network: Network,
    item: Item,
    nats: float,
    keeper: str,
    bound: int,
    arriving: dict[str, float],
    kept: dict[str, float],
) -> None:
    match item:
        case Maker(link):
            arriving[link] += nats
        case Undisclosed():
            kept[keeper] += nats
        case Bundle(keeper=house, items=inside):
            for inner, share in zip(inside, _shares(network, inside, bound), strict=True):
                _arrive(network, inner, nats * share, house, bound, arriving, kept)
        case _:
            assert_never(item)


def _shares(network: Network, items: tuple[Item, ...], bound: int) -> list[float]:
    powers = [network.phi(item, bound) ** network.norm for item in items]
    whole = math.fsum(powers)
    return [power / whole if whole else 0.0 for power in powers]


@dataclass
class Dependence:
    """By what weight the requester's dependence arrives, per tier: at links, unseen, and closed.

    Attributes:
        closed: what ends at a signed "no AI"; it is known to carry no risk.
    """

    links: dict[int, dict[str, float]]
    unseen: dict[int, float]
    closed: dict[int, float]


def dependence(network: Network) -> Dependence:
    """Let the requester's weight 1 run down the lists, λ lost at each tier."""
    limit = network.policy["tiers"]["depth_limit"]
    by_link: dict[int, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    found = Dependence(by_link, defaultdict(float), defaultdict(float))
    _split(network.total, network.attenuation, 1, found)
    for tier in range(1, limit):
        for link, weight in list(found.links[tier].items()):
            ref = network.nodes[link].list_ref
            if ref == "silent":
                found.unseen[tier + 1] += weight * network.attenuation
            elif ref == "closed":
                found.closed[tier + 1] += weight * network.attenuation
            elif ref in network.lists:
                _split(network.lists[ref], weight * network.attenuation, tier + 1, found)
        for ended in (found.unseen, found.closed):
            ended[tier + 1] += ended[tier] * network.attenuation
    return found


def _split(items: tuple[Item, ...], weight: float, tier: int, found: Dependence) -> None:
    whole = math.fsum(_weighs(item) for item in items)
    for item in items:
        part = weight * _weighs(item) / whole
        match item:
            case Maker(link):
                found.links[tier][link] += part
            case Undisclosed():
                found.unseen[tier] += part
            case Bundle(items=inside):
                _split(inside, part, tier, found)
            case _:
                assert_never(item)


def _weighs(item: Item) -> float:
    return item.weighs if isinstance(item, Bundle) else item.d
