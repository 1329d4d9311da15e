"""The import contracts hold, and each of them catches what it is there for."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from services.migrate import ROOT

VIOLATIONS = {
    "one service imports another": (
        "services/risk/rules/stray.py",
        "import services.questionnaire.rules",
    ),
    "the kit imports a service": ("services/kit/stray.py", "import services.identity.rules"),
    "a room calls upward": ("services/identity/store/stray.py", "import services.identity.actions"),
    "api and tasks know each other": (
        "services/attestation/tasks/stray.py",
        "import services.attestation.api",
    ),
    "a room that is not on the plan": ("services/identity/helpers.py", "X = 1"),
    "rules know the database": ("services/attestation/rules/stray.py", "import sqlalchemy"),
    "rules know the kit": ("services/attestation/rules/stray.py", "import services.kit.clock"),
    "actions know HTTP": ("services/identity/actions/stray.py", "import fastapi"),
    "the client imports a framework": ("client/rensho/stray.py", "import pydantic"),
    "the client imports a service": ("client/rensho/stray.py", "import services.kit.clock"),
    "the kit turns in a circle": ("services/kit/clock.py", "import services.kit.web"),
    "risk borrows the client's replay": (
        "services/risk/rules/stray.py",
        "import rensho.replay",
    ),
    "the demo looks inside": ("services/demo/stray.py", "import services.kit.db"),
    "a module beside the processes": ("services/utils.py", "X = 1"),
}


def contracts(root: Path) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [program, "--no-cache", "--no-logo"],
        cwd=root,
        env={"PYTHONPATH": f"{root}:{root / 'client'}", "PATH": "/usr/bin:/bin", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_import_contract_holds() -> None:
    found = contracts(ROOT)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("tree")
    ignore = shutil.ignore_patterns("__pycache__", ".*_cache", "*.egg-info")
    shutil.copytree(ROOT / "services", root / "services", ignore=ignore)
    shutil.copytree(ROOT / "client", root / "client", ignore=ignore)
    shutil.copy(ROOT / "pyproject.toml", root)
    return root


@pytest.mark.parametrize("what", VIOLATIONS)
def test_a_deliberate_violation_is_caught(copy: Path, what: str) -> None:
    where, line = VIOLATIONS[what]
    path = copy / where
    before = path.read_text() if path.exists() else None
    path.write_text(f"{before or ''}\n{line}\n")
    try:
        found = contracts(copy)
    finally:
        if before is None:
            path.unlink()
        else:
            path.write_text(before)
    assert found.returncode != 0, f"{what}: not noticed\n{found.stdout}"
    assert "Traceback" not in found.stderr
