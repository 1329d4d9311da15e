"""Who supplies whom in a made-up chain: tiers, masked entries, circles, firms that say nothing."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

Manner = Literal["diligent", "average", "behind", "no-ai", "silent"]

# How many firms stand in each tier, of each other: widest in the middle.
_WIDTHS = (1, 3, 6, 8, 7, 5, 4, 3)
_MANNERS: tuple[tuple[Manner, float], ...] = (
    ("diligent", 0.3),
    ("average", 0.35),
    ("behind", 0.12),
    ("no-ai", 0.13),
    ("silent", 0.1),
)
_DEPENDENCIES = ("minor", "minor", "moderate", "moderate", "moderate", "major", "critical")
_OPEN_LISTS = 0.85
_CONFIRMED_KEYS = 0.75
_SECOND_CUSTOMER = 0.3
_THIRD_CUSTOMER = 0.08
_CIRCLES = 0.01
_TRADING_HOUSES = 0.01


@dataclass(slots=True)
class Maker:
    """One made-up firm; `supplies` are the links to its own suppliers."""

    number: int
    org: str
    tier: int
    manner: Manner
    list_open: bool
    key_confirmed: bool
    supplies: list[Supply] = field(default_factory=list)

    @property
    def name(self) -> str:
        """What its customers call it."""
        return f"架空製作所 {self.number:06d} (synthetic)"


@dataclass(slots=True)
class Supply:
    """One link: the customer's record of the firm, and how it classes and shows it."""

    link: str
    record: str
    supplier: Maker
    dependency: str
    visibility: Literal["named", "masked"]
    pass_through: bool


@dataclass
class Chain:
    """The requester's own links, and every firm below them."""

    first: list[Supply]
    makers: list[Maker]

    def links(self) -> Iterator[tuple[Maker | None, Supply]]:
        """Yield every link with its customer; None is the requester."""
        for supply in self.first:
            yield None, supply
        for maker in self.makers:
            for supply in maker.supplies:
                yield maker, supply


def build(suppliers: int, tiers: int, seed: int) -> Chain:
    """Make a chain; equal arguments make equal chains."""
    chance = random.Random(seed)
    widths = _WIDTHS[:tiers]
    above: list[Maker] = []
    chain = Chain([], [])
    for tier, width in enumerate(widths, start=1):
        left = suppliers - len(chain.makers)
        many = left if tier == len(widths) else max(1, suppliers * width // sum(widths))
        layer = [_maker(len(chain.makers) + n, tier, chance) for n in range(min(many, left))]
        for maker in layer:
            if tier == 1:
                chain.first.append(_supply(maker, chance))
            for customer in _customers(above, chance) if above else ():
                customer.supplies.append(_supply(maker, chance))
        chain.makers += layer
        above = [maker for maker in layer if maker.manner not in ("silent", "no-ai")] or above
    _close_circles(chain, chance)
    return chain


def _maker(number: int, tier: int, chance: random.Random) -> Maker:
    manners, weights = zip(*_MANNERS, strict=True)
    return Maker(
        number=number + 1,
        org=_id(chance),
        tier=tier,
        manner=chance.choices(manners, weights)[0],
        list_open=chance.random() < _OPEN_LISTS,
        key_confirmed=chance.random() < _CONFIRMED_KEYS,
    )


def _customers(above: list[Maker], chance: random.Random) -> list[Maker]:
    many = 1 + (chance.random() < _SECOND_CUSTOMER) + (chance.random() < _THIRD_CUSTOMER)
    # Few firms have very many suppliers: the cube makes the first of a tier the largest.
    picked = {int(len(above) * chance.random() ** 3) for _ in range(many)}
    return [above[place] for place in sorted(picked)]


def _supply(maker: Maker, chance: random.Random) -> Supply:
    return Supply(
        link=_id(chance),
        record=_id(chance),
        supplier=maker,
        dependency=chance.choice(_DEPENDENCIES),
        visibility="named" if chance.random() < 1 / 3 else "masked",
        pass_through=chance.random() < _TRADING_HOUSES,
    )


def _close_circles(chain: Chain, chance: random.Random) -> None:
    """Some firms also supply a firm that supplies them, a few links further down."""
    for customer in chain.makers:
        if customer.supplies and chance.random() < _CIRCLES:
            below = chance.choice(customer.supplies).supplier
            if below.supplies:
                below = chance.choice(below.supplies).supplier
            if below.manner not in ("silent", "no-ai"):
                below.supplies.append(_supply(customer, chance))


def _id(chance: random.Random) -> str:
    return str(UUID(int=chance.getrandbits(128), version=4))
