"""What every command of `renshod` says and refuses alike: settings, progress, plain failures."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, NoReturn

import psycopg
import typer
from pydantic import ValidationError
from rich.console import Console
from rich.markup import escape
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from sqlalchemy.exc import DBAPIError

from services import backup as backing
from services import everything, processes
from services import invite as inviting
from services.kit import clock, embedded, keyfiles, log
from services.kit.problems import Unavailable
from services.kit.settings import SERVICES, Settings, load

out, err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)
PORTAL = "portal"
Service = Annotated[str, typer.Argument(help=f"One of {', '.join(SERVICES)}, or all.")]
WebService = Annotated[
    str, typer.Argument(help=f"One of {', '.join((*SERVICES, PORTAL))}, or all.")
]


def fail(text: str, code: int = 1) -> NoReturn:
    """End the command with one line on standard error."""
    err.print(f"[red]renshod:[/red] {escape(text)}")
    raise typer.Exit(code)


def read_settings(level: int = logging.INFO) -> Settings:
    """Read the settings and set clock and log by them; exit code 2 if they are wrong."""
    try:
        settings = load()
        clock.configure(settings.clock)
    except ValidationError as why:
        fail("; ".join(f"{e['loc'] or 'settings'}: {e['msg']}" for e in why.errors()), 2)
    except (OSError, ValueError) as why:
        fail(str(why), 2)
    log.configure(level=level)
    return settings


def services_of(service: str) -> tuple[str, ...]:
    """Return the services an argument names; exit code 2 if there is none such."""
    if service == "all":
        return SERVICES
    if service not in SERVICES:
        fail(f"{service}: no such service; one of {', '.join(SERVICES)}, or all", 2)
    return (service,)


@contextmanager
def plain_failures() -> Iterator[None]:
    """Turn what an operator can mend into one line instead of a traceback."""
    try:
        yield
    except processes.NeedsBroker as why:
        fail(str(why), 2)
    except (
        processes.StartFailed,
        everything.AlreadyRunning,
        embedded.Unreachable,
        keyfiles.UnsafeKeys,
        inviting.Uninvitable,
        backing.BackupRefused,
        Unavailable,
        LookupError,
    ) as why:
        fail(str(why))
    except (DBAPIError, psycopg.Error) as why:
        fail(f"the database: {str(getattr(why, 'orig', why)).strip()}")


@contextmanager
def progress(first: str) -> Iterator[everything.Progress]:
    """Turn a wheel beside what is being done, until it is done; give what changes its text."""
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task(first)
        yield lambda text: bar.update(task, description=text)
