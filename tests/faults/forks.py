"""An operator that forks its log before two honest witnesses, some of them killed on the way."""

from __future__ import annotations

from tests.faults.tally import Part, Tally
from tests.system import forks

_AT_ONCE = 100
_A_KILL_PER = 20


def run(tally: Tally) -> None:
    """Try as many forks as are left, some at a time."""
    while tally.more():
        some = min(_AT_ONCE, tally.wanted - tally.rounds)
        found = forks.run(some, kills=some // _A_KILL_PER, seed=tally.rounds)
        del found["seconds"]
        tally.add(rounds=found.pop("forks"), **found)


PART = Part(
    "forks",
    "a forked log never gets both sides cosigned by two witnesses, killed meanwhile or not",
    "forks",
    1_000,
    ("both_reached_quorum", "cosigned_by_one_witness_twice"),
    run,
)
