"""A Python client that `openapi-python-client` generates from our contract, in a place of its own.

Its dependencies do not fit beside ours: it gets a virtual environment under pytest's cache folder,
installed from a pinned and hashed file, and kept between runs.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import venv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from services.kit.outbox import CONTRACTS

_PINS = Path(__file__).with_name("openapi-python-client.txt")
_PIP = ("-m", "pip", "--disable-pip-version-check", "--quiet", "install")
_PACKAGE = "rensho_risk_client"


@dataclass(frozen=True)
class Generated:
    """A generated client and the interpreter that can import it."""

    python: Path
    folder: Path
    said: str

    def run(self, program: str, *arguments: str) -> Any:
        """Run a few lines that use the client; returns the JSON they print."""
        done = subprocess.run(
            [self.python, "-c", program, *arguments],
            cwd=self.folder,
            env={"PATH": os.environ["PATH"], "NO_PROXY": "*"},
            capture_output=True,
            check=False,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)


def generated(cache: Path, target: Path) -> Generated:
    """Install the generator unless it is there, generate, and compile every file."""
    python = _environment(cache)
    document = CONTRACTS / "openapi" / "risk.json"
    config = target / "config.json"
    config.write_text(
        json.dumps({"package_name_override": _PACKAGE, "post_hooks": []}), encoding="utf-8"
    )
    made = subprocess.run(
        [
            *(python, "-m", "openapi_python_client", "generate", "--path", document),
            *("--meta", "none", "--config", config, "--output-path", target / _PACKAGE),
        ],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    compiled = subprocess.run(
        [python, "-m", "compileall", "-q", target / _PACKAGE],
        capture_output=True,
        check=False,
        text=True,
        timeout=120,
    )
    assert compiled.returncode == 0, compiled.stdout
    return Generated(python, target, made.stdout + made.stderr)


def _environment(cache: Path) -> Path:
    digest = hashlib.sha256(_PINS.read_bytes()).hexdigest()[:16]
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache / f"openapi-python-client-{version}-{digest}"
    if not folder.exists():
        _install(folder)
    return folder / "bin" / "python"


def _install(folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="client-", dir=folder.parent))
    venv.create(scratch, with_pip=True, symlinks=True)
    done = subprocess.run(
        [scratch / "bin" / "python", *_PIP, "--no-deps", "--require-hashes", "-r", _PINS],
        capture_output=True,
        check=False,
        text=True,
        timeout=300,
    )
    if done.returncode:
        shutil.rmtree(scratch)
        pytest.skip(f"openapi-python-client cannot be had here: {done.stderr.strip()[-300:]}")
    try:
        # Whole or not at all. Only its interpreter is used, so it may stand elsewhere than made.
        scratch.rename(folder)
    except OSError:
        shutil.rmtree(scratch)  # another run was faster
