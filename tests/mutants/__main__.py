"""Mutation testing: `make mutants`, or `python -m tests.mutants --group machines --budget 600`.

The verifier of the client, the state machines of the questionnaire, and both writings of RM-1.

A mutant that no test notices is a fault that no test would notice. The score leaves out those in
`equivalent.txt`, which change nothing anybody could see; each has its reason there.
"""
# ruff: noqa: T201 - a command line prints

from __future__ import annotations

import argparse
import random
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.mutants.operators import Mutant, mutants
from tests.mutants.server import Outcome, Runner, import_altered

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "client" / "rensho"
# Without what is slow and asks only that nothing breaks.
LEFT_OUT = ("test_verify_fuzz.py",)
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
PYTEST = ("-o", "addopts=", "-p", "no:randomly", "-p", "no:cacheprovider", "-W", "ignore")
GOAL = 0.95


@dataclass(frozen=True)
class Group:
    """Some modules of one package, and the tests that are to notice their mutants."""

    folder: Path
    package: str
    modules: tuple[str, ...]
    tests: Path
    test_files: tuple[str, ...]

    def file(self, module: str) -> Path:
        return self.folder / f"{module}.py"

    def chosen_tests(self) -> list[str]:
        return sorted(
            str(path)
            for stem in self.test_files
            for path in self.tests.glob(f"test_{stem}*.py")
            if path.name not in LEFT_OUT
        )


_MODEL = (
    *("advice", "by_hand", "compiled", "contributions", "exposure", "facts", "feel", "gap", "laws"),
    *("policy", "propagation", "replay_agrees", "replay_corners", "tiers"),
)
GROUPS = {
    "client": Group(
        PACKAGE,
        "rensho",
        (
            *("merkle", "checkpoint", "keys", "verify"),
            *sorted(p.stem for p in PACKAGE.glob("_steps_*.py")),
        ),
        ROOT / "tests" / "client",
        (
            *("merkle", "checkpoint", "keys", "verify", "submission", "mutants", "museum"),
            *("status", "sub_tiers", "timestamp", "documents"),
        ),
    ),
    # Pure rules: their tests need no database.
    "machines": Group(
        ROOT / "services" / "questionnaire" / "rules",
        "services.questionnaire.rules",
        (
            *("approvals", "campaigns", "corrective", "delivery", "merging", "progress"),
            *("reminders", "reviewing"),
        ),
        ROOT / "tests" / "questionnaire",
        (
            *("approval_rules", "asking_rules", "campaign_rules", "corrective_rules", "merging"),
            *("reminders", "reviewing"),
        ),
    ),
    # Not the compiled loops: they are held against `propagation`, and are no Python to be altered.
    "rm1": Group(
        ROOT / "services" / "risk" / "rules",
        "services.risk.rules",
        (
            *("arrays", "band", "condition", "cycle", "exposure", "facts", "flow", "gap"),
            *("graph", "number", "propagation", "resident", "results", "tier"),
        ),
        ROOT / "tests" / "risk",
        _MODEL,
    ),
    "replay": Group(
        PACKAGE,
        "rensho",
        ("replay", "rm1_flow", "rm1_links", "rm1_results"),
        ROOT / "tests" / "risk",
        _MODEL,
    ),
}


@dataclass
class Score:
    """What became of the mutants of one module."""

    outcomes: Counter[Outcome] = field(default_factory=Counter)
    equivalent: int = 0

    @property
    def noticed(self) -> int:
        return self.outcomes["killed"] + self.outcomes["timeout"]

    @property
    def total(self) -> int:
        return self.outcomes.total()


@dataclass
class Hunt:
    """One run over some modules, as far as the budget goes."""

    group: Group
    modules: list[str]
    budget: float
    seed: int
    known: set[str] = field(default_factory=lambda: set(_equivalent()))
    scores: dict[str, Score] = field(default_factory=dict)
    left: int = 0

    def run(self, runner: Runner) -> None:
        for nodeid in runner.failed:
            print(f"left out, it fails without any mutant: {nodeid}", flush=True)
        waiting = [
            (name, number, mutant)
            for name in self.modules
            for number, mutant in enumerate(mutants(self.group.file(name).read_text()))
        ]
        end = time.monotonic() + self.budget
        # In a fixed but mixed order: what a short budget leaves out is a fair sample.
        random.Random(self.seed).shuffle(waiting)
        for done, (name, number, mutant) in enumerate(waiting):
            if time.monotonic() > end:
                self.left = len(waiting) - done
                break
            if done % 50 == 0:
                print(f"… {done} of {len(waiting)}", file=sys.stderr, flush=True)
            self._count(runner, name, number, mutant)

    def _count(self, runner: Runner, name: str, number: int, mutant: Mutant) -> None:
        score = self.scores.setdefault(name, Score())
        title = f"{name}.{mutant.function or '(module)'}: {mutant.what}  in  {mutant.text}"
        if title in self.known:
            score.equivalent += 1
            return
        if mutant.function is None:
            files = runner.files_reaching(f"{self.group.package}.{name}")
            outcome = _alone(self.group, name, number, files)
        else:
            outcome = runner.judge(f"{self.group.package}.{name}", mutant)
        score.outcomes[outcome] += 1
        if outcome in ("survived", "not covered"):
            print(f"{outcome} (line {mutant.lines.start}): {title}", flush=True)

    def table(self) -> str:
        rows = [f"{'module':22}{'mutants':>8}{'noticed':>9}{'score':>8}{'equivalent':>12}"]
        for name in self.modules:
            score = self.scores.get(name, Score())
            if score.total:
                rows.append(_row(name, score))
        whole = Score()
        for score in self.scores.values():
            whole.outcomes += score.outcomes
            whole.equivalent += score.equivalent
        return "\n".join([*rows, _row("all", whole)])

    @property
    def share(self) -> float:
        noticed = sum(score.noticed for score in self.scores.values())
        return noticed / max(1, sum(score.total for score in self.scores.values()))


def _row(name: str, score: Score) -> str:
    share = score.noticed / max(1, score.total)
    return f"{name:22}{score.total:8}{score.noticed:9}{share:8.1%}{score.equivalent:12}"


def _equivalent() -> list[str]:
    if not EQUIVALENT.exists():
        return []
    lines = EQUIVALENT.read_text(encoding="utf-8").splitlines()
    return [line for line in lines if line and not line.startswith(("#", " "))]


def _alone(group: Group, name: str, number: int, files: list[str]) -> Outcome:
    """A process of its own for what importing does."""
    if not files:
        return "not covered"
    which = next(each for each, known in GROUPS.items() if known is group)
    command = [sys.executable, "-m", "tests.mutants", "--group", which]
    command += ["--only", f"{name}:{number}", *files]
    try:
        done = subprocess.run(command, cwd=ROOT, capture_output=True, check=False, timeout=300)
    except subprocess.TimeoutExpired:
        return "timeout"
    return "survived" if done.returncode == 0 else "killed"


def _only(group: Group, which: str, files: list[str]) -> int:
    name, _, number = which.partition(":")
    source = group.file(name).read_text()
    found = next(one for n, one in enumerate(mutants(source)) if n == int(number))
    import_altered(f"{group.package}.{name}", found.tree)
    _quiet_hypothesis()
    return int(pytest.main([*PYTEST, "-x", *files]))


def _quiet_hypothesis() -> None:
    from hypothesis import Phase, settings  # noqa: PLC0415 - after a mutant took its place

    settings.register_profile(
        "mutants",
        database=None,
        deadline=None,
        derandomize=True,
        phases=(Phase.explicit, Phase.generate),
    )
    settings.load_profile("mutants")


def main() -> int:
    """Return 0 if the goal is met."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("--budget", type=float, default=3600, help="seconds, 3600")
    parser.add_argument("--group", default="client", choices=GROUPS)
    every = sorted({name for group in GROUPS.values() for name in group.modules})
    parser.add_argument("--modules", nargs="*", default=[], choices=[[], *every])
    parser.add_argument("--seed", type=int, default=1, help="order of the mutants")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    parser.add_argument("files", nargs="*", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    group = GROUPS[asked.group]
    if asked.only:
        return _only(group, asked.only, asked.files)
    start = time.monotonic()
    hunt = Hunt(group, list(asked.modules or group.modules), asked.budget, asked.seed)
    files = [str(group.file(name)) for name in hunt.modules]
    _quiet_hypothesis()
    pytest.main(
        [*PYTEST, "-p", "no:terminal", *group.chosen_tests()],
        plugins=[Runner(files, hunt.run)],
    )
    print(hunt.table())
    print(f"{time.monotonic() - start:.0f} seconds; {hunt.left} mutants not tried for lack of time")
    return 0 if hunt.share >= GOAL else 1


if __name__ == "__main__":
    sys.exit(main())
