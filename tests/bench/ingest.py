"""Durable signed ingest beside its two limits, and beside a checkpoint for each submission."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import ingest_case
from tests.bench.measuring import Line


def lines() -> list[Line]:
    """Run the case with the fixtures of the tests. Raises `RuntimeError` if it fails."""
    ingest_case.LINES.clear()
    options = ["-o", "addopts=", "-o", "python_files=ingest_case.py", "-p", "no:randomly", "-q"]
    path = Path(__file__).with_name("ingest_case.py")
    if pytest.main([*options, "-p", "no:cacheprovider", str(path)]) != 0:
        msg = "the ingest case failed"
        raise RuntimeError(msg)
    return list(ingest_case.LINES)
