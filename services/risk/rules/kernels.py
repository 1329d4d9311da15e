"""The compiled loops of the engine: groups, one value, settling in full, and by a worklist.

Arrays and their meaning stand in `arrays`. Everything here is checked against `propagation`, which
is the reference: within 1e-9 in full, within 1e-8 after any sequence of changes. Two functions are
over 40 lines: what is compiled as one loop is written as one.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

Array = Any
NOISE = 1e-15
NEVER = -1.0
UNSETTLED = -1
EUCLID = 2.0


@njit(cache=True, nogil=True)
def groups(start: Array, count: Array, below: Array, holders: int) -> Any:  # noqa: C901
    """Tarjan's groups of holders, deepest first: order, where each group starts, group by holder.

    Inside a group the holders stand in the order in which the search left them.
    """
    seen = np.full(holders, -1, np.int64)
    low = np.zeros(holders, np.int64)
    left = np.zeros(holders, np.int64)
    group = np.full(holders, -1, np.int64)
    step = np.zeros(holders, np.int64)
    path = np.empty(holders, np.int64)
    waiting = np.empty(holders, np.int64)
    order = np.empty(holders, np.int64)
    starts = np.empty(holders + 1, np.int64)
    deep = open_ = entered = leaving = found = placed = 0
    for root in range(holders):
        if seen[root] >= 0:
            continue
        path[0], deep = root, 1
        while deep:
            here = path[deep - 1]
            if seen[here] < 0:
                seen[here] = low[here] = entered
                entered += 1
                waiting[open_] = here
                open_ += 1
            if step[here] < count[here]:
                to = below[start[here] + step[here]]
                step[here] += 1
                if to >= 0 and seen[to] < 0:
                    path[deep] = to
                    deep += 1
                elif to >= 0 and group[to] < 0:
                    low[here] = min(low[here], seen[to])
                continue
            left[here] = leaving
            leaving += 1
            deep -= 1
            if deep:
                low[path[deep - 1]] = min(low[path[deep - 1]], low[here])
            if low[here] == seen[here]:
                starts[found] = placed
                while True:
                    open_ -= 1
                    group[waiting[open_]] = found
                    order[placed] = waiting[open_]
                    placed += 1
                    if waiting[open_] == here:
                        break
                members = order[starts[found] : placed]
                order[starts[found] : placed] = members[np.argsort(left[members])]
                found += 1
    starts[found] = placed
    return order, starts[: found + 1], group


@njit(cache=True, nogil=True, inline="always")
def _value(  # noqa: PLR0913, PLR0917 (columns one by one: a tuple would be taken apart each time)
    h: int,
    start: Array,
    count: Array,
    below: Array,
    coef: Array,
    cap: Array,
    fixed: Array,
    e: Array,
    value: Array,
    x: Array,
    p: float,
    sigma: float,
) -> Any:
    """S of a list, φ of a bundle, n of a total, from the values below it."""
    total = fixed[h]
    for i in range(start[h], start[h] + count[h]):
        to = below[i]
        if coef[i] < 0:
            phi = value[to]
        elif to >= 0:
            phi = -np.log(1 - coef[i] * (1 - e[i] * x[to]))
        else:
            phi = -np.log(1 - coef[i] * (1 - e[i]))
        total += phi * phi if p == EUCLID else phi**p
    n = np.sqrt(total) if p == EUCLID else total ** (1 / p)
    if cap[h] < 0:
        return -sigma * np.expm1(-n / sigma)
    return min(n, cap[h])


@njit(cache=True, nogil=True)
def settle(order: Array, starts: Array, s: Any, b: Any, policy: Any) -> Any:
    """Settle everything from 0; return (0 or UNSETTLED, the group that gave up, items computed)."""
    p, sigma, stop, most = policy
    start, count, below, coef, cap = s
    fixed, e, value, x = b
    value[:] = 0.0
    x[:] = 1.0
    computed = 0
    for g in range(len(starts) - 1):
        first, end = starts[g], starts[g + 1]
        circle = end - first > 1
        if not circle:
            h = order[first]
            for i in range(start[h], start[h] + count[h]):
                circle = circle or below[i] == h
        last, settled = 0.0, False
        for _ in range(most):
            change = 0.0
            for k in range(first, end):
                h = order[k]
                new = _value(h, start, count, below, coef, cap, fixed, e, value, x, p, sigma)
                computed += count[h]
                change = max(change, abs(new - value[h]))
                value[h] = new
                x[h] = np.exp(-new)
            if not circle or change <= NOISE:
                settled = True
                break
            ratio = change / last if last else np.inf
            if ratio < 1 and change * ratio / (1 - ratio) < stop:
                settled = True
                break
            last = change
        if not settled:
            return UNSETTLED, g, computed
    return 0, 0, computed


@njit(cache=True, nogil=True)
def _push(heap: Array, size: int, waits: Array, place: int) -> int:
    if waits[place]:
        return size
    waits[place] = True
    k = size
    while k > 0 and heap[(k - 1) // 2] > place:
        heap[k] = heap[(k - 1) // 2]
        k = (k - 1) // 2
    heap[k] = place
    return size + 1


@njit(cache=True, nogil=True)
def _pop(heap: Array, size: int, waits: Array) -> int:
    """Take the least place off a heap of `size`; the caller counts down."""
    least, last = heap[0], heap[size - 1]
    k = 0
    while 2 * k + 1 < size - 1:
        child = 2 * k + 1
        if child + 1 < size - 1 and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= last:
            break
        heap[k] = heap[child]
        k = child
    heap[k] = last
    waits[least] = False
    return int(least)


@njit(cache=True, nogil=True)
def ripple(touched: Array, dried: Array, work: Any, up: Any, s: Any, b: Any, policy: Any) -> int:
    """Settle what changed and what stands above it, deepest first; return how many were computed.

    A change is handed on once it differs by more than the stop from what was handed on before, so
    nothing piles up over many changes. `dried` says which of the touched may have lost their last
    source: a circle that such a holder stands in is started again from 0, as is every circle that
    a value falling to 0 reaches: a circle must not go on feeding on itself.
    Elsewhere a circle has one fixed point only (decision 0040) and may sink to it from above.
    """
    p, sigma, stop, most = policy
    order, _starts, group, place = work[:4]
    told, heap, waits = work[4:]
    head, next_, owner = up
    start, count, below, coef, cap = s
    fixed, e, value, x = b
    size, done = 0, 0
    for k in range(len(touched)):
        if dried[k]:
            size = _restart(touched[k], work, value, x, size)
        size = _push(heap, size, waits, place[touched[k]])
    while size:
        h = order[_pop(heap, size, waits)]
        size -= 1
        done += 1
        if done > most:
            return UNSETTLED
        new = _value(h, start, count, below, coef, cap, fixed, e, value, x, p, sigma)
        fell = new == 0.0 and told[h] != 0.0
        value[h] = new
        x[h] = np.exp(-new)
        if abs(new - told[h]) > stop or fell:
            told[h] = new
            i = head[h]
            while i >= 0:
                if fell and group[owner[i]] != group[h]:
                    size = _restart(owner[i], work, value, x, size)
                size = _push(heap, size, waits, place[owner[i]])
                i = next_[i]
    return done


@njit(cache=True, nogil=True)
def _restart(h: int, work: Any, value: Array, x: Array, size: int) -> int:
    order, starts, group, _ = work[:4]
    first, end = starts[group[h]], starts[group[h] + 1]
    for k in range(first, end):
        value[order[k]] = 0.0
        x[order[k]] = 1.0
        # Whoever read the 0 has to be told even if the old value comes back.
        work[4][order[k]] = NEVER
        size = _push(work[5], size, work[6], k)
    return size


@njit(cache=True, nogil=True)
def chain(below: Array, head: Array, next_: Array) -> None:
    """Chain the items that lead to each holder: `head` by holder, `next_` by item, -1 ends."""
    for i in range(len(below)):
        to = below[i]
        if to >= 0:
            next_[i] = head[to]
            head[to] = i
