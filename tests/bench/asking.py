"""A campaign to 10,000 suppliers beside COPY of its rows; lists beside FastAPI hello-world."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import asking_case
from tests.bench.measuring import Line


def lines() -> list[Line]:
    """Run the case with the fixtures of the tests. Raises `RuntimeError` if it fails."""
    asking_case.LINES.clear()
    options = ["-o", "addopts=", "-o", "python_files=asking_case.py", "-p", "no:randomly", "-q"]
    path = Path(__file__).with_name("asking_case.py")
    if pytest.main([*options, "-p", "no:cacheprovider", str(path)]) != 0:
        msg = "the asking case failed"
        raise RuntimeError(msg)
    return list(asking_case.LINES)
