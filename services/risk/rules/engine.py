"""Which engine settles a graph: the compiled one for great worlds where it is there, else plain.

Numba and numpy come with the extra `fast`. Without them, and for small worlds (where importing
costs more than computing), the plain-Python reference answers: the same numbers within 1e-9.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path

from services.risk.rules.graph import Graph
from services.risk.rules.number import BOUNDS, Bound
from services.risk.rules.policy import Policy
from services.risk.rules.propagation import Propagation, propagate

SMALL = 5_000
"""Items in all holders up to which the plain engine is the quicker one."""


def keep_compiled_code(folder: Path) -> None:
    """Let compiled code be kept in a folder, for the next process to start with.

    Called before anything is compiled; what the environment already says stays.
    """
    os.environ.setdefault("NUMBA_CACHE_DIR", str(folder))


def has_compiled() -> bool:
    """Whether the extra `fast` is installed; nothing is imported for the answer."""
    return find_spec("numba") is not None and find_spec("numpy") is not None


def name(items: int = SMALL + 1) -> str:
    """`compiled` or `plain`: what settles a world of so many items here."""
    return "compiled" if items > SMALL and has_compiled() else "plain"


def both(graph: Graph, policy: Policy) -> Mapping[Bound, Propagation]:
    """Settle both bounds.

    Raises:
        NotSettled: a group of mutual suppliers needs too many sweeps.
    """
    if name(sum(len(holder.items) for holder in graph.holders)) == "plain":
        return {bound: propagate(graph, policy, bound) for bound in BOUNDS}
    return compiled(graph, policy)


def compiled(graph: Graph, policy: Policy) -> Mapping[Bound, Propagation]:
    """As `both`, by the compiled engine whatever the size."""
    # Imported here: a machine without the extra must be able to import this module.
    from services.risk.rules.arrays import columns  # noqa: PLC0415

    laid_out = columns(graph, policy)
    order, starts, _ = laid_out.groups()
    return {
        bound: Propagation(
            graph, policy, bound, tuple(laid_out.settled(bound, order, starts)[0].tolist())
        )
        for bound in BOUNDS
    }
