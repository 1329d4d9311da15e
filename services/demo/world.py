"""The demo's supply chain: the named cast plus as many further fictional firms as asked for."""

from __future__ import annotations

import random
from dataclasses import dataclass

from stdnum.jp import cn

from services.demo.cast import (
    PASSED_THROUGH,
    REQUESTER,
    TIER_1,
    TIER_2,
    TIER_3,
    Dependency,
    Firm,
    Kind,
    Manner,
    Supply,
)

_PLACES = (
    ("JP", "見本{n:03d}製作所株式会社", "品質保証部 仮名 {n:03d}"),
    ("JP", "株式会社架空{n:03d}工業", "技術部 例示 {n:03d}"),
    ("DE", "Musterwerk {n:03d} GmbH", "Kontakt {n:03d}"),
    ("TH", "Tua Yang {n:03d} Co., Ltd.", "Contact {n:03d}"),
    ("VN", "Ví Dụ {n:03d} Co., Ltd.", "Liên hệ {n:03d}"),
    ("CN", "示例{n:03d}科技有限公司", "Contact {n:03d}"),
    ("US", "Sample Works {n:03d}, Inc.", "Contact {n:03d}"),
    ("TW", "範例{n:03d}股份有限公司", "聯絡人 {n:03d}"),
)
_MANNERS: tuple[Manner, ...] = ("diligent", "average", "average", "behind", "no-ai")
_DEPENDENCIES: tuple[Dependency, ...] = ("minor", "moderate", "moderate", "major")
_KINDS: tuple[Kind, ...] = ("vision", "prediction", "assistant", "robot")


@dataclass(frozen=True)
class World:
    """Who is in the demo.

    Attributes:
        requester: the manufacturer that asks first.
        first_tier: its links, in the order of its supplier file.
        firms: every supplier by slug.
    """

    requester: Firm
    first_tier: tuple[Supply, ...]
    firms: dict[str, Firm]

    def links(self) -> list[tuple[str, Supply]]:
        """Return every supply link as (customer, supply), the requester's own first."""
        asked = [(self.requester.slug, supply) for supply in self.first_tier]
        for firm in self.firms.values():
            if firm.manner != "silent":
                asked += [(firm.slug, supply) for supply in firm.supplies]
        return asked


def corporate_number(firm: Firm) -> str | None:
    """Return a 法人番号 with a right check digit of a registry office that does not exist."""
    if firm.country != "JP":
        return None
    base = f"0000{sum(firm.slug.encode()) % 100:02d}{random.Random(firm.slug).randrange(10**6):06d}"
    return cn.calc_check_digit(base) + base


def build(suppliers: int, tiers: int, seed: int) -> World:
    """Make the world: the cast, and generated firms spread below it until there are `suppliers`.

    Args:
        suppliers: how many firms besides the requester; at least the cast.
        tiers: how deep the generated firms go, 1 to 9.
        seed: equal seeds give equal worlds.
    """
    chance = random.Random(seed)
    firms = {firm.slug: firm for firm in (*TIER_1, *TIER_2, *TIER_3)}
    first = [
        Supply(firm.slug, _first_dependency(n), pass_through=firm.slug == PASSED_THROUGH)
        for n, firm in enumerate(TIER_1)
    ]
    layers = [
        [f.slug for f in TIER_1],
        [f.slug for f in TIER_2],
        [f.slug for f in TIER_3],
    ]
    layers += [[] for _ in range(tiers - len(layers))]
    for number in range(1, suppliers - len(firms) + 1):
        firm = _generated(number, chance)
        depth = _depth(number, tiers)
        if depth == 0:
            first.append(Supply(firm.slug, chance.choice(_DEPENDENCIES)))
        else:
            customer = firms[_customer(layers[depth - 1], firms, chance)]
            supply = Supply(firm.slug, chance.choice(_DEPENDENCIES))
            firms[customer.slug] = customer.with_supplies(supply)
        layers[depth].append(firm.slug)
        firms[firm.slug] = firm
    return World(REQUESTER, tuple(first), firms)


def _first_dependency(n: int) -> Dependency:
    return (
        "critical",
        "major",
        "moderate",
        "major",
        "moderate",
        "moderate",
        "minor",
        "moderate",
    )[n]


def _depth(number: int, tiers: int) -> int:
    # A quarter of the generated firms are asked directly, the rest spread over the tiers below.
    return 0 if number % 4 == 1 or tiers == 1 else 1 + number % (tiers - 1)


def _customer(layer: list[str], firms: dict[str, Firm], chance: random.Random) -> str:
    able = [slug for slug in layer if firms[slug].manner != "silent" and firms[slug].list_open]
    return chance.choice(able)


def _generated(number: int, chance: random.Random) -> Firm:
    country, name, contact = _PLACES[number % len(_PLACES)]
    return Firm(
        slug=f"firm-{number:04d}",
        name=name.format(n=number),
        country=country,
        contact=contact.format(n=number),
        manner=chance.choice(_MANNERS),
        algorithm="ed25519" if number % 5 == 0 else "ecdsa-p256",
        kind=chance.choice(_KINDS),
        key_confirmed=number % 3 != 0,
    )
