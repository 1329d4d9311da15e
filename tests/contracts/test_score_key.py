"""A key that reads scores reads scores and nothing else: every operation of every API is tried."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

import pytest
from fastapi.testclient import TestClient

from services.kit.auth import Issuer
from services.kit.outbox import CONTRACTS
from services.kit.settings import SERVICES, Settings
from services.parts import beside, log_part, part
from tests.factories.risk import an_id

METHODS = ("get", "post", "put", "patch", "delete")
DOCUMENTS = sorted(path.stem for path in (CONTRACTS / "openapi").glob("*.json"))


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method in METHODS:
            if method in item:
                yield method, path, item[method]


@pytest.fixture(scope="module")
def apps(settings: Settings, issuer: Issuer) -> Iterator[dict[str, TestClient]]:
    made = {name: part(name).web(settings, issuer) for name in SERVICES}
    made["log"] = log_part().log_app(settings, issuer)
    for prefix, app in beside("risk", settings, issuer).items():
        made[prefix.split("/")[2]] = app
    yield {name: TestClient(app, raise_server_exceptions=False) for name, app in made.items()}
    for app in made.values():
        app.state.db.close()


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_score_key_opens_what_needs_scores_and_nothing_else(
    apps: dict[str, TestClient], tokens: Callable[..., dict[str, str]], name: str
) -> None:
    document = json.loads((CONTRACTS / "openapi" / f"{name}.json").read_bytes())
    headers = tokens(org=UUID(an_id()), audience="risk", scopes={"scores.read"})
    wrong = {}
    for method, path, operation in operations(document):
        needed = operation["x-permission"]
        if needed == "public":
            continue
        url = re.sub(r"\{[^}]+\}", an_id(), path)
        status = apps[name].request(method, url, headers=headers).status_code
        opens = name in {"risk", "odata"} and needed == "scores.read"
        # Behind the gate a firm may be unknown; in front of it nothing is said.
        if (status in {401, 403}) == opens:
            wrong[f"{method} {path}"] = status
    assert wrong == {}


def test_what_a_score_key_opens_is_what_an_erp_is_told_to_read() -> None:
    opened = {
        f"{name} {method} {path}"
        for name in ("risk", "odata")
        for method, path, operation in operations(
            json.loads((CONTRACTS / "openapi" / f"{name}.json").read_bytes())
        )
        if operation["x-permission"] == "scores.read"
    }
    assert opened == {
        "risk get /suppliers",
        "risk get /suppliers/{supplier_id}",
        "risk get /suppliers/by-vendor-code/{code}",
        "risk get /suppliers/by-identifier/{scheme}/{value}",
        "risk get /suppliers/{supplier_id}/explanation",
        "risk get /suppliers/{supplier_id}/history",
        "risk get /tiers",
        "risk get /advice",
        "risk get /report",
        "risk post /what-if",  # computes, and stores nothing
        "risk get /changes",
        "risk get /exports/scores.csv",
        "risk get /exports/scores.ndjson",
        "risk get /exports/totals",
        "odata get /",
        "odata get /$metadata",
        "odata get /{name}",
        "odata get /{name}/$count",
        "odata get /{name}({key})",
    }
