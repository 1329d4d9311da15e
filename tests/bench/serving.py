"""Scores by key, exports, and the middleware beside the least that anybody could do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bench import outbox_case, serving_case
from tests.bench.measuring import Line

_OPTIONS = ["-o", "addopts=", "-p", "no:randomly", "-q", "-p", "no:cacheprovider"]


def _run(case: str) -> None:
    path = Path(__file__).with_name(case)
    if pytest.main([*_OPTIONS, "-o", f"python_files={case}", str(path)]) != 0:
        msg = f"{case} failed"
        raise RuntimeError(msg)


def lines() -> list[Line]:
    """Run the case with the fixtures of the tests. Raises `RuntimeError` if it fails."""
    serving_case.LINES.clear()
    _run("serving_case.py")
    return list(serving_case.LINES)


def outbox_lines() -> list[Line]:
    """As `lines`, for the outbox; needs RabbitMQ."""
    outbox_case.LINES.clear()
    _run("outbox_case.py")
    return list(outbox_case.LINES)
