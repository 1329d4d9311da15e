"""Each API as generated is the one that is checked in, and says what an operation needs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from openapi_spec_validator import validate

from services import contracts
from services.kit.outbox import CONTRACTS
from services.kit.settings import SERVICES

WRITES = {"post", "put", "patch", "delete"}


@pytest.fixture(scope="module")
def documents() -> dict[str, dict[str, Any]]:
    return contracts.openapi_documents()


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method in WRITES | {"get"}:
                yield method, path, operation


def permissions() -> dict[str, set[str]]:
    """Every permission of each service: what its roles hold, all roles together."""
    found: dict[str, set[str]] = {name: set() for name in SERVICES}
    for held in json.loads((CONTRACTS / "permissions.json").read_bytes()).values():
        for service, names in held.items():
            found[service] |= set(names)
    return found


def test_generated_contracts_are_checked_in() -> None:
    drift = [str(path.relative_to(CONTRACTS)) for path in contracts.drifted()]
    assert drift == [], "run `make contracts` and read the difference"


def test_the_documents_are_the_same_each_time(documents: dict[str, dict[str, Any]]) -> None:
    assert contracts.openapi_documents() == documents


@pytest.mark.parametrize("name", [*SERVICES, "log"])
def test_the_document_is_valid_openapi(documents: dict[str, dict[str, Any]], name: str) -> None:
    assert documents[name]["openapi"].startswith("3.1")
    validate(documents[name])


@pytest.mark.parametrize("name", [*SERVICES, "log"])
def test_the_document_says_where_it_is_served(
    documents: dict[str, dict[str, Any]], name: str
) -> None:
    prefix = "/log" if name == "log" else f"/{name}/v1"
    assert documents[name]["servers"] == [{"url": prefix}]


@pytest.mark.parametrize("name", [*SERVICES, "log"])
def test_every_operation_needs_a_permission_somebody_can_hold(
    documents: dict[str, dict[str, Any]], name: str
) -> None:
    service = "attestation" if name == "log" else name
    known = permissions()[service] | {"public"}
    for method, path, operation in operations(documents[name]):
        assert operation["x-permission"] in known, f"{method} {path}"


@pytest.mark.parametrize("service", SERVICES)
def test_every_permission_opens_some_operation(
    documents: dict[str, dict[str, Any]], service: str
) -> None:
    used = {operation["x-permission"] for _, _, operation in operations(documents[service])}
    if service == "attestation":
        used |= {operation["x-permission"] for _, _, operation in operations(documents["log"])}
    assert permissions()[service] - used == set()


@pytest.mark.parametrize("name", [*SERVICES, "log"])
def test_every_operation_declares_its_problems(
    documents: dict[str, dict[str, Any]], name: str
) -> None:
    silent = [
        f"{method} {path}"
        for method, path, operation in operations(documents[name])
        if not any(
            "application/problem+json" in answer.get("content", {})
            for status, answer in operation["responses"].items()
            if status.startswith("4") or status == "default"
        )
    ]
    assert silent == []


@pytest.mark.parametrize("name", [*SERVICES, "log"])
def test_operation_names_are_unique(documents: dict[str, dict[str, Any]], name: str) -> None:
    names = [operation["operationId"] for _, _, operation in operations(documents[name])]
    assert len(names) == len(set(names))


def test_the_suppliers_portal_api_is_marked(documents: dict[str, dict[str, Any]]) -> None:
    portal = {
        path
        for _, path, operation in operations(documents["questionnaire"])
        if "portal" in operation["tags"]
    }
    assert {"/requests", "/responses/{response_id}"} <= portal
