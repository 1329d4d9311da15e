"""Numbers as they are kept: intervals of two bounds, nine-place strings, outward steps."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

Bound = Literal["claimed", "evidenced"]
BOUNDS: tuple[Bound, Bound] = ("claimed", "evidenced")

# Two machines may differ in the last binary place of a value that sits on a step.
ON_A_STEP = 1e-9


@dataclass(frozen=True, slots=True)
class Interval:
    """What would remain if every silence turned out well, and what the evidence supports."""

    claimed: float
    evidenced: float

    def at(self, bound: Bound) -> float:
        """The value on one bound."""
        return self.claimed if bound == "claimed" else self.evidenced

    def document(self) -> dict[str, str]:
        """The JSON form, nine places each."""
        return {"claimed": nine_places(self.claimed), "evidenced": nine_places(self.evidenced)}


def nine_places(value: float) -> str:
    """Nine decimals, rounded half to even from the exact binary value; never `-0.000000000`."""
    text = f"{value:.9f}"
    return text.removeprefix("-") if float(text) == 0 else text


def rounded(value: float) -> float:
    """The value as it is stored; bands and thresholds are read from this."""
    return float(nine_places(value))


def optional(value: float | None) -> str | None:
    """Nine decimals, or None for unknown."""
    return None if value is None else nine_places(value)


def outward(value: float, step: Decimal, bound: Bound) -> float:
    """The nearest multiple of `step` that makes the interval wider: evidenced up, claimed down."""
    width = float(step)
    nearest = round(value / width)
    if abs(value - nearest * width) <= ON_A_STEP:
        steps = nearest
    else:
        steps = math.ceil(value / width) if bound == "evidenced" else math.floor(value / width)
    return float(step * steps)


def norm(powers: Iterable[float], p: float) -> float:
    """The p-norm of terms that are given as their p-th powers."""
    return float(math.fsum(powers) ** (1 / p))
