"""`@sigstore/verify` and `standardwebhooks` of npm as judges of what we sign."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from rensho.keys import PublicKey

_HERE = Path(__file__).parent
_FILES = ("package.json", "package-lock.json", "verify.cjs", "hook.cjs")
_INSTALL = ("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")


@dataclass(frozen=True)
class Case:
    """A bundle, the `trusted_root.json` to judge it under, and the signer's key."""

    bundle: bytes
    trusted_root: bytes
    key: PublicKey
    timestamps: int = 0
    """How many time-stamps are demanded."""


@dataclass(frozen=True)
class Answer:
    accepted: bool
    code: str
    message: str = field(compare=False)


@dataclass(frozen=True)
class SigstoreJs:
    folder: Path

    def judge(self, *cases: Case) -> list[Answer]:
        asked = [
            {
                "bundle": json.loads(case.bundle),
                "trustedRoot": json.loads(case.trusted_root),
                "keys": {case.key.key_id: case.key.to_pem().decode()},
                "timestamps": case.timestamps,
            }
            for case in cases
        ]
        return [Answer(**answer) for answer in self._ask("verify.cjs", asked)]

    def hooks(self, *cases: dict[str, Any]) -> list[bool]:
        """Whether `standardwebhooks` accepts each `{secret, headers, body}`."""
        return [bool(answer["accepted"]) for answer in self._ask("hook.cjs", list(cases))]

    def _ask(self, script: str, asked: list[dict[str, Any]]) -> list[dict[str, Any]]:
        done = subprocess.run(
            ["node", str(self.folder / script)],
            input=json.dumps(asked).encode(),
            capture_output=True,
            check=True,
            timeout=120,
        )
        answers: list[dict[str, Any]] = json.loads(done.stdout)
        return answers


def installed() -> SigstoreJs:
    """The judge, installed from the lock file into the virtual environment; kept between runs."""
    digest = hashlib.sha256(b"".join((_HERE / name).read_bytes() for name in _FILES)).hexdigest()
    folder = Path(sys.prefix) / "share" / f"rensho-interop-{digest[:16]}"
    if not folder.exists():
        _install(folder)
    return SigstoreJs(folder)


def _install(folder: Path) -> None:
    required = "node" in os.environ.get("RENSHO_REQUIRE", "")
    refuse = pytest.fail if required else pytest.skip
    npm = shutil.which("npm")
    if npm is None:
        refuse("node is there and npm is not")
    folder.parent.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="rensho-interop-", dir=folder.parent))
    for name in _FILES:
        shutil.copy(_HERE / name, scratch)
    done = subprocess.run(
        [npm, *_INSTALL], cwd=scratch, capture_output=True, check=False, timeout=300, text=True
    )
    if done.returncode:
        shutil.rmtree(scratch)
        refuse(f"npm could not install: {done.stderr.strip()[-300:]}")
    try:
        # Whole or not at all: nobody ever finds half of it.
        scratch.rename(folder)
    except OSError:
        shutil.rmtree(scratch)  # another run was faster
