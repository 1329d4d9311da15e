"""`make bench`: lines of quality.md section 3, side by side in one run.

Prints a table and writes `bench.json`; ends with 1 if a goal is missed.
"""
# ruff: noqa: T201 - a command line prints

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import psutil

from tests.bench import asking, ingest, reviewed, risk, serving, tree, verification
from tests.bench.measuring import Line

OUT = Path(__file__).parents[2] / "bench.json"
BENCHES: dict[str, Callable[[], list[Line]]] = {
    "verification": verification.lines,
    "tree": tree.lines,
    "ingest": ingest.lines,
    "reviewed": reviewed.lines,
    "asking": asking.lines,
    "risk": risk.lines,
    "serving": serving.lines,
    "outbox": serving.outbox_lines,
}


def _machine() -> dict[str, str]:
    memory = psutil.virtual_memory().total / 2**30
    return {
        "machine": f"{os.cpu_count()} cores, {platform.machine()}, {memory:.0f} GiB",
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "load before": " ".join(f"{one:.1f}" for one in os.getloadavg()),
        "at": time.strftime("%Y-%m-%d", time.gmtime()),
    }


def table(lines: list[Line]) -> str:
    """Return the figures as a Markdown table, as `docs/bench.md` shows them."""
    rows = [
        "| path | against | ours /s | other /s | ratio | goal | |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in lines:
        goal = "" if one.goal is None else f"≥ {one.goal:.3g}"
        verdict = {None: "", True: "met", False: "missed"}[one.met]
        figures = f"{_figure(one.ours)} | {_figure(one.theirs)} | {one.ratio:.2f}"
        rows.append(f"| {one.path} | {one.against} | {figures} | {goal} | {verdict} |")
    return "\n".join(rows)


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 10 else f"{value:.2f}"


def main() -> int:
    """Return 0 if every goal is met."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("benches", nargs="*", choices=[[], *BENCHES], help="all of them")
    chosen = parser.parse_args().benches or list(BENCHES)
    machine = _machine()
    lines = [line for name in chosen for line in BENCHES[name]()]
    print("\n".join(f"{name}: {value}" for name, value in machine.items()), end="\n\n")
    print(table(lines))
    found = [asdict(line) | {"met": line.met} for line in lines]
    OUT.write_text(json.dumps(machine | {"lines": found}, indent=1) + "\n", encoding="utf-8")
    return 1 if any(line.met is False for line in lines) else 0


if __name__ == "__main__":
    sys.exit(main())
