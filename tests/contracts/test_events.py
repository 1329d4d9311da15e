"""The event contracts are valid, and the AsyncAPI page says what they say."""

from __future__ import annotations

import inspect
import json
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
import yaml

from services.kit.outbox import CONTRACTS, event_contract
from services.kit.settings import SERVICES, Settings
from services.parts import part

FILES = sorted((CONTRACTS / "events").glob("*.json"))
COMMON = {"id", "type", "at", "trace"}


@pytest.fixture(scope="module")
def page() -> dict[str, Any]:
    text = (CONTRACTS / "events" / "asyncapi.yaml").read_text(encoding="utf-8")
    found: dict[str, Any] = yaml.safe_load(text)
    return found


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_event_schema_is_valid_closed_and_carries_the_common_fields(path: Path) -> None:
    schema = json.loads(path.read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$id"] == f"urn:rensho:event:{path.stem}"
    assert schema["additionalProperties"] is False
    assert set(schema["required"]) >= COMMON
    assert schema["properties"]["type"] == {"const": path.stem}
    assert {schema["x-producer"], *schema["x-consumers"]} <= set(SERVICES)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_example_is_an_event(path: Path) -> None:
    for example in json.loads(path.read_bytes()).get("examples", ()):
        event_contract(path.stem).validator.validate(example)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_an_incomplete_event_is_refused(path: Path) -> None:
    contract = event_contract(path.stem)
    with pytest.raises(jsonschema_rs.ValidationError):
        contract.validator.validate({"type": path.stem})


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_handles_exactly_what_it_is_told(settings: Settings, service: str) -> None:
    told = {path.stem for path in FILES if service in event_contract(path.stem).consumers}
    assert set(part(service).handlers(settings)) == told


@pytest.mark.parametrize("service", SERVICES)
def test_every_handler_takes_a_transaction_and_the_event(settings: Settings, service: str) -> None:
    for name, handler in part(service).handlers(settings).items():
        assert len(inspect.signature(handler).parameters) == 2, name


def test_the_page_names_every_event_and_points_to_its_schema(page: dict[str, Any]) -> None:
    assert set(page["channels"]) == {path.stem for path in FILES}
    for name, channel in page["channels"].items():
        reference = channel["messages"][name]["payload"]["$ref"]
        assert (CONTRACTS / "events" / reference).is_file()


def test_the_page_names_every_producer_and_consumer(page: dict[str, Any]) -> None:
    said: set[tuple[str, str]] = set()
    heard: set[tuple[str, str]] = set()
    for name, operation in page["operations"].items():
        service, _, event = name.split(".", 2)
        assert operation["channel"]["$ref"] == f"#/channels/{event}"
        (said if operation["action"] == "send" else heard).add((service, event))
    assert said == {(event_contract(path.stem).producer, path.stem) for path in FILES}
    assert heard == {
        (service, path.stem) for path in FILES for service in event_contract(path.stem).consumers
    }
