"""Figures that a busy machine cannot bend: blocks in turn, and the median of their ratios."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Clock = Callable[[], float]


@dataclass(frozen=True)
class Line:
    """One comparison: `ours` and `theirs` a second, and how many times as fast ours is."""

    path: str
    against: str
    ours: float
    theirs: float
    ratio: float
    goal: float | None

    @classmethod
    def of(
        cls,
        path: str,
        against: str,
        ours: Sequence[float],
        theirs: Sequence[float],
        goal: float | None,
    ) -> Line:
        """Compare seconds for one, round by round."""
        pairs = zip(theirs, ours, strict=True)
        ratio = statistics.median(their / our for their, our in pairs)
        mine, other = 1 / statistics.median(ours), 1 / statistics.median(theirs)
        return cls(path, against, mine, other, ratio, goal)

    @property
    def met(self) -> bool | None:
        return None if self.goal is None else self.ratio >= self.goal


class Rounds:
    """Seconds of every block in every round."""

    def __init__(
        self, blocks: Mapping[str, Callable[[], object]], rounds: int, clock: Clock
    ) -> None:
        self.seconds: dict[str, list[float]] = {name: [] for name in blocks}
        names = list(blocks)
        for block in blocks.values():
            block()  # warm: imports, caches, the processor's clock
        gc.collect()
        gc.disable()  # as `timeit` does: when it runs is chance
        try:
            for number in range(rounds):
                # Each block comes first as often as any other.
                shift = number % len(names)
                for name in names[shift:] + names[:shift]:
                    start = clock()
                    blocks[name]()
                    self.seconds[name].append(clock() - start)
        finally:
            gc.enable()

    def rate(self, name: str, count: int) -> float:
        """Return how many a second."""
        return count / statistics.median(self.seconds[name])

    def ratio(self, ours: str, theirs: str, scale: float = 1.0) -> float:
        """Return the median over the rounds of (their seconds / our seconds), times `scale`."""
        pairs = zip(self.seconds[theirs], self.seconds[ours], strict=True)
        return scale * statistics.median(other / mine for other, mine in pairs)


def cpu() -> float:
    """Seconds this process has computed: other people's work does not count."""
    return time.process_time()


def wall() -> float:
    """Seconds that went by: for work that waits for a disk or another process."""
    return time.perf_counter()
