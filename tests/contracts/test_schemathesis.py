"""`schemathesis`, which knows only the contract, finds no answer of risk that breaks it.

A short form with every check; by hand, with more examples and for every service:
`RENSHO_SCHEMATHESIS=200 python -m pytest tests/contracts/test_schemathesis.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest
import schemathesis
from hypothesis import HealthCheck, given

from services.kit.auth import Issuer
from services.kit.db import new_id
from services.kit.outbox import CONTRACTS
from services.kit.settings import SERVICES, Settings
from services.parts import part
from tests.factories.risk import CheckpointSigned, event
from tests.risk.served import Maker
from tests.risk.site import Site

LONG = int(os.environ.get("RENSHO_SCHEMATHESIS", "0"))
EXAMPLES = hypothesis.settings(
    max_examples=LONG or 4,
    deadline=None,
    derandomize=not LONG,
    database=None,
    suppress_health_check=list(HealthCheck),
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
)
ALL = {
    *("scores.read", "snapshots.read", "snapshots.write", "audit.read"),
    *("deliveries.read", "deliveries.write"),
}
Tokens = Callable[..., dict[str, str]]


@pytest.fixture(scope="module")
def maker(settings: Settings, issuer: Issuer, tokens: Tokens) -> Iterator[Maker]:
    site = Site(settings, issuer, tokens)
    site.hear(event(CheckpointSigned))
    made = Maker(site)
    made.supply("東京精密㈱", vendor_codes=["00123"])
    made.judge()
    yield made
    site.close()


@schemathesis.serializer(
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "text/csv"
)
def _as_bytes(_context: Any, value: Any) -> bytes:
    """A file that is none: the tool knows no workbooks."""
    return value if isinstance(value, bytes) else repr(value).encode()


def operations(service: str) -> list[tuple[str, str]]:
    document = json.loads((CONTRACTS / "openapi" / f"{service}.json").read_bytes())
    return [(method, path) for path, item in document["paths"].items() for method in item]


def hold(app: Any, method: str, path: str, headers: dict[str, str]) -> None:
    """Call one operation in many ways and hold every answer against the contract."""
    operation = schemathesis.openapi.from_asgi("/openapi.json", app)[path][method.upper()]

    @EXAMPLES
    @given(case=operation.as_strategy())
    def every_answer_is_as_promised(case: Any) -> None:
        case.call_and_validate(headers=headers)

    every_answer_is_as_promised()


@pytest.mark.parametrize(("method", "path"), operations("risk"))
def test_risk_holds_its_contract(maker: Maker, method: str, path: str) -> None:
    hold(maker.site.app, method, path, maker.site.headers(maker.firm, ALL))


@pytest.mark.skipif(not LONG, reason="the long form, by hand: RENSHO_SCHEMATHESIS=200")
@pytest.mark.parametrize(
    ("service", "method", "path"),
    [(service, *each) for service in SERVICES for each in operations(service)] if LONG else [],
)
def test_every_service_holds_its_contract(
    settings: Settings, issuer: Issuer, tokens: Tokens, service: str, method: str, path: str
) -> None:
    document = json.loads((CONTRACTS / "openapi" / f"{service}.json").read_bytes())
    needed = document["paths"][path][method]["x-permission"]
    app = part(service).web(settings, issuer)
    try:
        hold(app, method, path, tokens(org=new_id(), audience=service, scopes={needed}))
    finally:
        app.state.db.close()
