"""The page `docs/verifying-by-hand.md`, run as it stands."""

from __future__ import annotations

import base64
import re
import subprocess
from pathlib import Path

import pytest
from rensho.keys import PrivateKey

from tests.interop.bending import altered, p256

PAGE = (Path(__file__).parents[2] / "docs" / "verifying-by-hand.md").read_text(encoding="utf-8")
SCRIPT = "\n".join(re.findall(r"^```sh\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE))


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _run(folder: Path, bundle: bytes, **replaced: str) -> subprocess.CompletedProcess[str]:
    good = p256()
    file = folder / "statement.sigstore.json"
    file.write_bytes(bundle)
    given = {
        "bundle": str(file),
        "spki": _base64(good.key.spki),
        "log_key": _base64(good.world.log.key.public.raw_ed25519),
        "origin": good.world.log.origin,
        "TMPDIR": str(folder),
        "PATH": "/usr/bin:/bin",
    }
    return subprocess.run(
        ["sh", "-c", SCRIPT],
        env=given | replaced,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def test_the_page_says_yes_to_a_fresh_statement_and_leaves_nothing_behind(tmp_path: Path) -> None:
    good = p256()
    done = _run(tmp_path, good.bundle)
    assert done.returncode == 0, done.stderr
    size = len(good.world.log.leaves)
    assert done.stdout.splitlines()[-1] == (
        f"YES: this key signed it, and the log holds it at {size - 1} of {size}"
    )
    assert [file.name for file in tmp_path.iterdir()] == ["statement.sigstore.json"]


def test_the_page_says_yes_to_an_earlier_leaf_too(tmp_path: Path) -> None:
    done = _run(tmp_path, p256().neighbour)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("name", altered(p256()))
def test_the_page_says_no_to_an_altered_statement(tmp_path: Path, name: str) -> None:
    done = _run(tmp_path, altered(p256())[name])
    assert done.returncode != 0
    assert "YES" not in done.stdout


@pytest.mark.parametrize(
    ("given", "value"),
    [
        ("spki", _base64(PrivateKey.generate().public.spki)),
        ("log_key", _base64(PrivateKey.generate("ed25519").public.raw_ed25519)),
        ("origin", "other.example"),
        ("spki", ""),
    ],
    ids=["another key", "another log", "another origin", "no key"],
)
def test_the_page_says_no_under_another_key_or_log(tmp_path: Path, given: str, value: str) -> None:
    done = _run(tmp_path, p256().bundle, **{given: value})
    assert done.returncode != 0
    assert "YES" not in done.stdout
