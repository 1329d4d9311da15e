"""What every file of the tree must be: short enough to read, and free of this machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from services.migrate import ROOT

LONGEST = 400
KEPT_OUT = {".git", ".venv", "__pycache__", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
# Written with brackets, so that this file does not find itself.
MACHINE = re.compile(
    r"[/]work/|[/]tmp/plan|[/]home/\w+/|files[.]pythonhosted|[/]opt/pypi|index[-]url|simple[/]pypi"
)
# Where a machine path is the subject, not an accident.
ABOUT_PATHS = {"Makefile", ".gitignore"}


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0 and listed.stdout:
        found = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:
        found = [path for path in ROOT.rglob("*") if not KEPT_OUT & set(path.parts)]
    return [path for path in found if path.is_file()]


def test_no_source_file_is_longer_than_400_lines_without_saying_why() -> None:
    long = {
        str(path.relative_to(ROOT)): lines
        for path in tracked()
        if path.suffix in {".py", ".sql", ".sh"}
        and (lines := (text := path.read_text(encoding="utf-8")).count("\n")) > LONGEST
        and "400 lines" not in text
    }
    assert long == {}


def test_the_kit_stays_small_enough_to_read() -> None:
    """Decision 0062."""
    files = (ROOT / "services" / "kit").glob("*.py")
    assert sum(path.read_text(encoding="utf-8").count("\n") for path in files) <= 2_300


def test_no_file_names_this_machine_or_a_registry() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {hit.group()}"
        for path in tracked()
        if path.name not in ABOUT_PATHS
        and (hit := MACHINE.search(path.read_text(encoding="utf-8", errors="ignore")))
    }
    assert found == set()


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_requirements_are_pinned_and_hashed_and_name_no_address(name: str) -> None:
    text = (ROOT / name).read_text()
    assert "http:" not in text
    assert "https:" not in text
    blocks = re.split(r"\n(?=\S)", text.strip())
    unpinned = [b.splitlines()[0] for b in blocks if "==" not in b or "--hash=sha256:" not in b]
    assert unpinned == []


def test_the_development_requirements_hold_the_same_versions() -> None:
    def pins(name: str) -> dict[str, str]:
        lines = (ROOT / name).read_text().splitlines()
        return dict(re.split("==| ", line)[:2] for line in lines if "==" in line)

    runtime, development = pins("requirements.txt"), pins("requirements-dev.txt")
    assert {name: development.get(name) for name in runtime} == runtime


def test_every_file_of_a_decision_has_its_five_parts() -> None:
    parts = ("## Context", "## Decision", "## Consequences", "## Alternatives", "## Enforced by")
    for path in (ROOT / "docs" / "decisions").glob("*.md"):
        text = path.read_text(encoding="utf-8")
        assert [part for part in parts if part not in text] == [], path.name
