"""Groups of places that lie on circles together (strongly connected), deepest first."""

from __future__ import annotations

from collections.abc import Sequence


def deepest_first(below: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Tarjan's groups of a graph given as the places directly below each place.

    A group comes after every group it reaches; inside a group the places are in the order in which
    the search left them, deepest first. Iterative: a chain of suppliers may be long.
    """
    return _Search(below).groups()


class _Search:
    def __init__(self, below: Sequence[Sequence[int]]) -> None:
        self.below = below
        self.order: list[int | None] = [None] * len(below)
        self.low = [0] * len(below)
        self.open: list[int] = []
        self.is_open = [False] * len(below)
        self.left: list[int] = [0] * len(below)
        self.found: list[tuple[int, ...]] = []
        self.entered = 0
        self.leaving = 0

    def groups(self) -> list[tuple[int, ...]]:
        for start, order in enumerate(self.order):
            if order is None:
                self._walk(start)
        return self.found

    def _enter(self, place: int) -> tuple[int, int]:
        self.order[place] = self.low[place] = self.entered
        self.entered += 1
        self.open.append(place)
        self.is_open[place] = True
        return place, 0

    def _walk(self, start: int) -> None:
        path = [self._enter(start)]
        while path:
            place, next_child = path.pop()
            if next_child < len(self.below[place]):
                path.append((place, next_child + 1))
                child = self.below[place][next_child]
                order = self.order[child]
                if order is None:
                    path.append(self._enter(child))
                elif self.is_open[child]:
                    self.low[place] = min(self.low[place], order)
                continue
            self._leave(place)
            if path:
                parent = path[-1][0]
                self.low[parent] = min(self.low[parent], self.low[place])

    def _leave(self, place: int) -> None:
        self.left[place] = self.leaving
        self.leaving += 1
        if self.low[place] != self.order[place]:
            return
        group = []
        while True:
            member = self.open.pop()
            self.is_open[member] = False
            group.append(member)
            if member == place:
                break
        self.found.append(tuple(sorted(group, key=self.left.__getitem__)))


def is_circle(group: tuple[int, ...], below: Sequence[Sequence[int]]) -> bool:
    """Whether one can leave a group's place and come back to it."""
    return len(group) > 1 or group[0] in below[group[0]]
