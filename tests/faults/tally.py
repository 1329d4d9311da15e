"""What a part of the suite counts, kept over interruptions, and the table made of it."""

from __future__ import annotations

import json
import os
import platform
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Part:
    """One promise and how it is put to the test."""

    name: str
    promise: str
    unit: str
    full: int
    zeros: tuple[str, ...]
    """The counts that must be 0."""
    run: Callable[[Tally], None]


@dataclass
class Tally:
    """How far one part is; `rounds` is what it was asked for, all else it counts itself."""

    wanted: int
    folder: Path
    admin_url: str
    until: float = float("inf")
    counts: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    save: Callable[[], None] = lambda: None

    @property
    def rounds(self) -> int:
        """How many rounds are done, over all runs."""
        return int(self.counts.get("rounds", 0))

    def more(self) -> bool:
        """Whether to do one more round: some are left, and so is time."""
        return self.rounds < self.wanted and time.monotonic() < self.until

    def add(self, **numbers: float) -> None:
        """Add to some counts and keep them."""
        for name, number in numbers.items():
            self.counts[name] = self.counts.get(name, 0) + number
        self.save()

    def worst(self, name: str, value: float) -> None:
        """Keep the greatest of a figure, rounded to a hundredth."""
        self.counts[name] = max(self.counts.get(name, 0.0), round(value, 2))
        self.save()

    def note(self, text: str) -> None:
        """Keep a remark once: a fault found, or what could not be tried here."""
        if text not in self.notes:
            self.notes.append(text)
        self.save()


@dataclass
class Book:
    """The tallies of all parts in one file, so that a run may be stopped and taken up again."""

    path: Path
    held: dict[str, dict[str, Any]] = field(default_factory=dict)

    @classmethod
    def open(cls, path: Path) -> Book:
        """Read the file, or begin a new one."""
        return cls(path, json.loads(path.read_bytes()) if path.exists() else {})

    def tally(self, part: Part, wanted: int, until: float, folder: Path, admin_url: str) -> Tally:
        """Return where a part stands; it writes itself back at every count."""
        entry = self.held.setdefault(part.name, {"counts": {}, "notes": [], "seconds": 0.0})
        began, before = time.monotonic(), float(entry["seconds"])

        def save() -> None:
            entry["wanted"] = wanted
            entry["seconds"] = round(before + time.monotonic() - began, 1)
            entry["at"] = f"{datetime.now(UTC):%Y-%m-%d}"
            self.path.parent.mkdir(parents=True, exist_ok=True)
            draft = self.path.with_suffix(".new")
            draft.write_text(json.dumps(self.held, indent=1))
            draft.replace(self.path)

        return Tally(wanted, folder, admin_url, until, entry["counts"], entry["notes"], save)

    def forget(self, part: Part) -> None:
        """Begin a part anew."""
        self.held.pop(part.name, None)

    def broken(self, part: Part) -> list[str]:
        """Return which of a part's zeros are none."""
        counts = self.held.get(part.name, {"counts": {}})["counts"]
        return [name for name in part.zeros if counts.get(name, 0)]

    def page(self, parts: Iterable[Part]) -> str:
        """Return `docs/faults.md`: nothing stands in it that a run did not count."""
        lines = [_HEAD.format(machine=_machine())]
        notes: list[str] = []
        for part in parts:
            if (entry := self.held.get(part.name)) is None:
                lines.append(f"| {part.name} | {part.promise} | not run | of {part.full} | |\n")
                continue
            counts = dict(entry["counts"])
            rounds, full = int(counts.pop("rounds", 0)), int(counts.pop("of", part.full))
            shown = ", ".join(
                f"{_number(n)} {name.replace('_', ' ')}" for name, n in counts.items()
            )
            share = f"{rounds:,} {part.unit} of {full:,} ({entry['at']}, {entry['seconds']:.0f} s)"
            zeros = "held" if not self.broken(part) else "BROKEN"
            lines.append(f"| {part.name} | {part.promise} | {share} | {shown} | {zeros} |\n")
            notes += [f"- {part.name}: {note}\n" for note in entry["notes"]]
        return "".join([*lines, *(["\n", *notes] if notes else [])])


_HEAD = """# What was broken on purpose, and what came of it

Written by `make faults` (`python -m tests.faults --help`). Every figure was counted by a run on
{machine}. A part that was stopped early says how far it came, and goes on from there when it is run
again. Which columns `renshod fsck` cannot derive from anything, and why, stands in
`tests/faults/columns.py`.

| part | promise | tried | counted | promise |
|---|---|---|---|---|
"""


def _machine() -> str:
    return f"{os.cpu_count()} cores, Python {platform.python_version()}"


def _number(value: float) -> str:
    return f"{value:,.2f}" if value != int(value) else f"{int(value):,}"
