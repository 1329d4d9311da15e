"""What could go wrong with a component, from the attributes still possible for it."""

from __future__ import annotations

import math
from collections.abc import Mapping

from services.risk.rules.number import Interval
from services.risk.rules.policy import Policy

Possible = Mapping[str, tuple[str, ...]]


def possible_values(
    stated: Mapping[str, str], classification: Mapping[str, tuple[str, str]], policy: Policy
) -> Possible:
    """Each attribute's possible values, least x first.

    `stated` holds only what is believed (covered, live, L2 or better); it is clipped into what the
    requester says it buys.
    """
    return {
        name: _possible(list(scale), classification.get(name), stated.get(name))
        for name, scale in policy.attributes.items()
    }


def _possible(
    scale: list[str], bought: tuple[str, str] | None, stated: str | None
) -> tuple[str, ...]:
    low, high = (0, len(scale) - 1) if bought is None else map(scale.index, bought)
    if stated is not None and stated in scale:
        low = high = min(max(scale.index(stated), low), high)
    return tuple(scale[low : high + 1])


def exposure(possible: Possible, policy: Policy) -> Interval:
    """Return e in 0..1: attributes at their least possible x claimed, at the greatest evidenced."""
    return Interval(
        claimed=_combined([scale[0] for scale in possible.values()], possible, policy),
        evidenced=_combined([scale[-1] for scale in possible.values()], possible, policy),
    )


def _combined(values: list[str], possible: Possible, policy: Policy) -> float:
    harmless = 1 - policy.uses_ai
    for name, value in zip(possible, values, strict=True):
        harmless *= 1 - policy.attributes[name][value]
    return 1 - harmless


def most(classification: Mapping[str, tuple[str, str]], policy: Policy) -> float:
    """Return e of a component about which nothing is known, on a link so classified."""
    return exposure(possible_values({}, classification, policy), policy).evidenced


def nats(exposed: float, gap: float) -> float:
    """−ln(1 − e·G): what an exposure with a gap weighs."""
    return -math.log1p(-exposed * gap)
