"""Reading a refusal by its code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from rensho.errors import CODES, Code, VerificationError


@contextmanager
def refused(code: Code) -> Iterator[None]:
    """Expect a `VerificationError` with exactly this code."""
    assert code in CODES
    with pytest.raises(VerificationError) as caught:
        yield
    assert caught.value.code == code
