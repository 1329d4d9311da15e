"""The log goes to standard error, whoever has exchanged that meanwhile."""

from __future__ import annotations

import io
import logging
import sys

import pytest

from services.kit import log


def test_a_line_goes_to_the_standard_error_of_the_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = io.StringIO(), io.StringIO()
    monkeypatch.setattr(sys, "stderr", first)
    try:
        log.configure(level=logging.ERROR)
        monkeypatch.setattr(sys, "stderr", second)
        first.close()
        log.log.error("still heard")
        logging.getLogger("of a library").error("heard too")
    finally:
        log.configure(level=logging.ERROR)
    assert '"still heard"' in second.getvalue()
    assert '"heard too"' in second.getvalue()
