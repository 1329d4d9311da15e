"""`renshod backup`, `restore` and `replay-events`: a deployment's data, kept and made whole."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.markup import escape

from services import backup as backing
from services import everything, replaying
from services import fsck as checking
from services.parts import databases
from services.terminal import (
    Service,
    out,
    plain_failures,
    progress,
    read_settings,
    services_of,
)


def backup(file: Annotated[Path, typer.Argument(help="Where to; must not exist.")]) -> None:
    """Write database and evidence as of one moment to FILE; not the keys, not the guard file."""
    settings = read_settings(logging.WARNING)
    with plain_failures(), progress("backup") as say, everything.database(settings) as reachable:
        made = backing.backup(reachable, file, say)
    out.print(f"{len(made.members)} tables and files as of {made.made_at}; no keys, no guard file")


def restore(file: Annotated[Path, typer.Argument(help="A file made by `renshod backup`.")]) -> None:
    """Restore FILE into an empty database, then check it as `fsck` does."""
    settings = read_settings(logging.ERROR)
    with (
        plain_failures(),
        progress("restore") as say,
        everything.only_one(settings.data_dir),
        everything.database(settings) as reachable,
    ):
        backing.restore(reachable, file, say)
        with databases(reachable, "worker") as opened:
            report = checking.check(reachable, opened, say)
    print_report(report)


def replay_events(service: Service) -> None:
    """Give every recorded event its effect at consumers that lack it; safe to repeat."""
    consumers, settings, failed = services_of(service), read_settings(logging.ERROR), 0
    with (
        plain_failures(),
        progress("replaying") as say,
        everything.database(settings) as reachable,
        databases(reachable, "worker") as opened,
    ):
        for consumer in consumers:
            done = replaying.replay(reachable, opened, consumer, say)
            failed += len(done.failed)
            for line in done.lines(consumer):
                out.print(escape(line))
    raise typer.Exit(1 if failed else 0)


def print_report(report: checking.Report, *, as_json: bool = False) -> NoReturn:
    """Print what fsck found and end: exit code 0 clean, 1 damage."""
    if as_json:
        sys.stdout.write(json.dumps(report.as_json(), ensure_ascii=False) + "\n")
    else:
        for line in report.lines():
            out.print(escape(line))
    raise typer.Exit(1 if report.damage else 0)
