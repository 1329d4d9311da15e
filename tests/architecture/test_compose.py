"""The compose file and the image, read against the code they run."""

from __future__ import annotations

import re
from typing import Any

import pytest
import typer
import yaml
from typer.main import get_command

from services.__main__ import app
from services.kit import keyfiles
from services.kit.settings import SERVICES, Settings
from services.migrate import ROOT
from services.terminal import PORTAL

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
OURS = {
    name: one for name, one in COMPOSE["services"].items() if one["image"].startswith("rensho:")
}
ONE_SHOT = {"migrate", "keys-init"}


def test_every_process_of_the_architecture_runs() -> None:
    wanted = {f"{service}-{kind}" for service in SERVICES for kind in ("web", "worker")}
    wanted |= {"portal-web", "risk-hooks"}
    assert set(OURS) == wanted | ONE_SHOT | {"relay", "sequencer", "beat"}
    assert {"postgres", "rabbitmq", "mail"} <= set(COMPOSE["services"])


@pytest.mark.parametrize("name", OURS)
def test_every_command_is_one_renshod_understands(name: str) -> None:
    command = get_command(app)
    arguments = list(OURS[name]["command"])
    assert isinstance(command, typer.core.TyperGroup)
    while isinstance(command, typer.core.TyperGroup):
        command = command.commands[arguments.pop(0)]
    context = command.make_context(name, arguments)
    assert context.params.get("service", SERVICES[0]) in (*SERVICES, PORTAL)


@pytest.mark.parametrize("name", OURS)
def test_every_variable_is_one_the_settings_know(name: str) -> None:
    fields = {f"RENSHO_{field.upper()}" for field in Settings.model_fields}
    passwords = {f"RENSHO_{service.upper()}_DB_PASSWORD" for service in SERVICES}
    for variable in OURS[name]["environment"]:
        known = {variable, variable.removesuffix("_FILE")} & (fields | passwords)
        assert known, variable


@pytest.mark.parametrize("name", OURS)
def test_every_secret_file_a_process_is_pointed_to_is_mounted(name: str) -> None:
    one = OURS[name]
    service = name.partition("-")[0]
    needed = {service} if service in SERVICES else set(SERVICES)
    needed = {"attestation"} if name == "sequencer" else needed
    if name == "portal-web":
        assert one["secrets"] == one["volumes"] == [], "the pages hold nothing that opens anything"
    elif name != "keys-init":
        assert needed <= set(one["secrets"])
    assert set(one["secrets"]) <= set(COMPOSE["secrets"])
    assert all(entry["file"].startswith("./secrets/") for entry in COMPOSE["secrets"].values())


@pytest.mark.parametrize("name", set(OURS) - ONE_SHOT)
def test_every_process_is_restarted_and_watched_where_it_listens(name: str) -> None:
    one = OURS[name]
    port = one["environment"]["RENSHO_PORT"]
    assert one["restart"] == "unless-stopped"
    assert f":{port}/healthz" in one["healthcheck"]["test"][-1]
    if "web" in name:
        assert one["ports"][0].endswith(f":{port}")
        assert one["ports"][0].startswith("127.0.0.1:")
    else:
        assert one["command"][-2:] == ["--port", port]


@pytest.mark.parametrize("name", OURS)
def test_no_process_of_ours_is_root_or_may_become_it(name: str) -> None:
    one = OURS[name]
    assert one["user"] == "10001"
    assert one["cap_drop"] == ["ALL"]
    assert one["read_only"] is True


def test_the_neighbours_are_pinned_watched_and_restarted() -> None:
    for name in ("postgres", "rabbitmq", "mail"):
        one = COMPOSE["services"][name]
        assert re.fullmatch(r"[\w/-]+:v?\d[\w.]*", one["image"]), name
        assert one["healthcheck"]["test"]
        assert one["restart"] == "unless-stopped"


def _keys_of(name: str) -> set[str]:
    """Return the folders of keys a process sees, each where the code looks for it."""
    mounted = [one for one in OURS[name]["volumes"] if isinstance(one, dict)]
    assert all(one["read_only"] and one["source"] == "keys" for one in mounted)
    assert all(one["target"] == f"/keys/{one['volume']['subpath']}" for one in mounted)
    return {one["volume"]["subpath"] for one in mounted}


def test_only_the_sequencer_holds_the_guard_and_only_keys_init_writes_keys() -> None:
    guard = {name for name, one in OURS.items() if "guard:/guard" in one["volumes"]}
    writable = {name for name, one in OURS.items() if "keys:/keys" in one["volumes"]}
    assert guard == {"sequencer"}
    assert writable == {"keys-init"}


def test_each_process_sees_the_keys_it_holds_and_the_sequencer_alone_those_of_the_log() -> None:
    for service in ("identity", "questionnaire", "risk"):
        assert _keys_of(f"{service}-web") == _keys_of(f"{service}-worker") == {service}
    assert _keys_of("sequencer") == {"log"}
    assert _keys_of("beat") == {"identity", "questionnaire", "risk"}
    for name in ("attestation-web", "attestation-worker", "relay", "migrate"):
        assert _keys_of(name) == set()
    assert {*keyfiles.HOLDERS.values()} == {"identity", "questionnaire", "risk", "log"}


def test_the_admin_url_reaches_migrate_alone() -> None:
    assert {name for name, one in OURS.items() if "admin_url" in one["secrets"]} == {"migrate"}
    assert "@" in OURS["relay"]["environment"]["RENSHO_DATABASE_URL"]
    assert ":@" not in OURS["relay"]["environment"]["RENSHO_DATABASE_URL"]


def test_the_image_is_slim_not_root_and_installs_by_hash() -> None:
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    assert "FROM python:3.11-slim" in text
    assert "--require-hashes" in text
    assert re.search(r"^USER 10001$", text, re.MULTILINE)
    for folder in ("client", "contracts", "migrations", "services"):
        assert f"COPY {folder} ./{folder}" in text
