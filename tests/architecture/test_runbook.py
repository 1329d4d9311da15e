"""The runbook tells of nothing that is not there: each command, code and link is looked up."""

from __future__ import annotations

import re
from typing import get_args

import pytest
import typer

from services.__main__ import app
from services.attestation.rules.guard import Refusal
from services.kit.settings import Settings
from services.migrate import ROOT

RUNBOOK = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
GROUP = typer.main.get_command(app)


def commands() -> set[str]:
    """Every `renshod …` of the runbook, in prose and in blocks."""
    found = re.findall(r"renshod ([a-z][a-z-]*(?: [a-z][a-z-]*)?(?: --[a-z-]+)*)", RUNBOOK)
    return {" ".join(one.split()) for one in found}


@pytest.mark.parametrize("line", sorted(commands()))
def test_each_command_of_the_runbook_exists(line: str) -> None:
    words = [word for word in line.split() if not word.startswith("--")]
    command = GROUP
    while words and hasattr(command, "commands"):
        assert words[0] in command.commands, line
        command = command.commands[words.pop(0)]
    options = {name for one in command.params for name in one.opts}
    assert {word for word in line.split() if word.startswith("--")} <= options, line


def test_each_refusal_of_the_sequencer_says_what_to_do() -> None:
    told = set(re.findall(r"`([a-z]+(?:\.[a-z_]+)?)`", RUNBOOK.partition("## Backup")[0]))
    assert set(get_args(Refusal)) <= told


def test_each_link_inside_the_runbook_leads_somewhere() -> None:
    titles = {
        "#" + re.sub(r"[^a-z0-9 -]", "", title.lower()).replace(" ", "-")
        for title in re.findall(r"^## (.+)$", RUNBOOK, re.MULTILINE)
    }
    assert set(re.findall(r"\]\((#[^)]+)\)", RUNBOOK)) <= titles


def test_each_setting_the_runbook_names_exists() -> None:
    named = set(re.findall(r"RENSHO_([A-Z_]+)", RUNBOOK)) - {"_"}
    known = {name.upper() for name in Settings.model_fields}
    assert {name for name in named if not name.startswith("_")} <= known
