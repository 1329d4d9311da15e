"""How a response stands after what was reviewed and what was signed since.

A decision is on one question of one statement of one revision. What is answered alike in a later
revision keeps its standing; what was changed is to be looked at again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal

Outcome = Literal[
    "accepted", "sent_back", "evidence_checked", "independent", "na_accepted", "waived"
]
Standing = Literal[
    "open",
    "accepted",
    "sent_back",
    "unchanged",
    "evidence_checked",
    "independent",
    "na_accepted",
    "waived",
]
Verdict = Literal["in_review", "returned", "accepted"]

SETTLED: Final[frozenset[Standing]] = frozenset(
    {"accepted", "evidence_checked", "independent", "na_accepted", "waived"}
)
_BACK: Final[frozenset[Standing]] = frozenset({"sent_back", "unchanged"})

Spot = tuple[str | None, str]
"""Component id (None for the company) and question id."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One decision on record, on a statement of revision `revision`; `until` is a waiver's end."""

    revision: int
    spot: Spot
    outcome: Outcome
    until: date | None = None


@dataclass(frozen=True, slots=True)
class Signed:
    """One revision on record: what was answered where (`{state, value?, reason?}`)."""

    number: int
    answers: Mapping[Spot, Mapping[str, Any]]


def standings(
    revisions: Sequence[Signed], decided: Iterable[Decided], today: date
) -> dict[Spot, Standing]:
    """Return how every answer of the newest revision stands.

    What was sent back and answered alike again is `unchanged`, answered otherwise `open`. The
    company's answer that a component repeats stands as the company's does, unless decided itself.

    Args:
        revisions: oldest first, at least one.
        decided: in the order of the log.
        today: a waiver counts up to and with its last day.
    """
    found: dict[Spot, Standing] = {}
    by_revision: dict[int, list[Decided]] = {}
    for each in decided:
        by_revision.setdefault(each.revision, []).append(each)
    before: Mapping[Spot, Mapping[str, Any]] = {}
    for signed in revisions:
        found = {
            spot: _carried(found.get(spot, "open"), alike=before.get(spot) == answer)
            for spot, answer in signed.answers.items()
        }
        for each in by_revision.get(signed.number, ()):
            if each.spot in found:
                found[each.spot] = _after(found[each.spot], each, today)
        before = signed.answers
    return {spot: _inherited(spot, standing, found, before) for spot, standing in found.items()}


def verdict(found: Mapping[Spot, Standing]) -> Verdict:
    """Return how the whole stands: returned while anything is, accepted once all is settled."""
    if any(standing in _BACK for standing in found.values()):
        return "returned"
    if all(standing in SETTLED for standing in found.values()):
        return "accepted"
    return "in_review"


def _carried(standing: Standing, *, alike: bool) -> Standing:
    if not alike:
        # A waiver is of the question, not of the answer.
        return "waived" if standing == "waived" else "open"
    return "unchanged" if standing in _BACK else standing


def _after(standing: Standing, decision: Decided, today: date) -> Standing:
    if decision.outcome == "waived":
        if standing in SETTLED or decision.until is None or decision.until < today:
            return standing
        return "waived"
    if decision.outcome == "accepted" and standing in ("evidence_checked", "independent"):
        return standing
    return decision.outcome


def _inherited(
    spot: Spot,
    standing: Standing,
    found: Mapping[Spot, Standing],
    answers: Mapping[Spot, Mapping[str, Any]],
) -> Standing:
    company: Spot = (None, spot[1])
    if standing != "open" or company not in found or answers[company] != answers[spot]:
        return standing
    return found[company]
