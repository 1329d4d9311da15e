from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from services.kit.auth import Issuer
from services.kit.settings import Settings
from tests.interop.risk_site import Served, on_a_port
from tests.interop.sigstore_js import SigstoreJs, installed


@pytest.fixture(scope="session")
def foreign() -> SigstoreJs:
    """A verifier that shares no line with ours."""
    return installed()


@pytest.fixture(scope="session")
def risk(
    settings: Settings, issuer: Issuer, tokens: Callable[..., dict[str, str]]
) -> Iterator[Served]:
    """Scores served on a port, as the programs of others meet them."""
    with on_a_port(settings, issuer, tokens) as served:
        yield served
