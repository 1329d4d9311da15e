"""Bands of the stored, nine-decimal evidenced risk; `unseen` (未把握) where too little is known."""

from __future__ import annotations

from services.risk.rules.number import rounded
from services.risk.rules.policy import Policy

UNSEEN = "unseen"
BANDS = ("A", "B", "C", "D", "E", UNSEEN)


def band(evidenced: float, coverage: float | None, *, awaiting: bool, policy: Policy) -> str:
    """A to E, or `unseen` (sorted as E) while a deadline is open or coverage is too small."""
    if awaiting or (coverage is not None and rounded(coverage) < policy.coverage_needed):
        return UNSEEN
    reached = [name for name, edge in policy.bands if rounded(evidenced) >= edge]
    return reached[-1] if reached else "A"
