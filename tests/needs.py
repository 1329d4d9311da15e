"""`@pytest.mark.needs("rabbitmq")`: skip where it is missing, fail where it is required."""

from __future__ import annotations

import os
import shutil

import pytest

PROGRAMS = {
    "rabbitmq": "rabbitmq-server",
    "chromium": "chromium",
    "node": "node",
    "openssl": "openssl",
}


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Decide before the test runs; `RENSHO_REQUIRE=rabbitmq,…` makes a skip a failure."""
    required = set(filter(None, os.environ.get("RENSHO_REQUIRE", "").split(",")))
    for mark in item.iter_markers("needs"):
        for tool in mark.args:
            if shutil.which(PROGRAMS[tool], path=os.environ["PATH"] + ":/usr/sbin"):
                continue
            if tool in required:
                pytest.fail(f"{tool} is required here and {PROGRAMS[tool]} is not installed")
            pytest.skip(f"needs {PROGRAMS[tool]}")
