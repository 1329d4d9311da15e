"""`renshod log`: ending a log, and beginning the next.

Exit codes: 1 not done yet or failed, 3 refused for safety, 4 a sequencer is at work.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from sqlalchemy.exc import DBAPIError

from services import everything
from services.kit import clock, embedded, keyfiles, log
from services.kit.settings import Settings, load
from services.parts import log_part
from services.processes import BUSY, REFUSED, StartFailed

app = typer.Typer(help="Ending a log, and beginning the next.", no_args_is_help=True)
out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)


@contextmanager
def _deployment() -> Iterator[Settings]:
    part = log_part()
    try:
        settings = load()
        clock.configure(settings.clock)
        log.configure(level=logging.WARNING)
        with everything.database(settings) as reachable:
            yield reachable
    except part.SequencerRefused as why:
        _end(why, BUSY if getattr(why, "code", "") == "busy" else REFUSED)
    except (
        ValidationError,
        part.NotEnded,
        StartFailed,
        embedded.Unreachable,
        keyfiles.UnsafeKeys,
        LookupError,
        DBAPIError,
    ) as why:
        _end(why, 1)


def _end(why: Exception, code: int) -> None:
    err.print(f"[red]renshod:[/red] {escape(str(why))}")
    raise typer.Exit(code) from why


@app.command()
def freeze() -> None:
    """End the log in use: what was promised is logged, and nothing after it."""
    with _deployment() as settings:
        final = log_part().freeze(settings)
    out.print(f"{final.origin} has ended with {final.size} leaves; next: renshod log succeed")


@app.command()
def succeed(
    *,
    after_loss: Annotated[
        bool,
        typer.Option(
            "--after-loss",
            help="The log cannot be gone on with (older copy, fork, damage): end it here.",
        ),
    ] = False,
) -> None:
    """Begin the next log, with new keys, after one that has ended."""
    with _deployment() as settings:
        found = log_part().succeed(settings, after_loss=after_loss)
    out.print(f"{found.origin} has begun; back up the keys folder, and give its Trust to readers")
    if found.cut_off:
        out.print(f"{found.cut_off} submissions wait for it that were under no signed head")
