"""The command `renshod witness`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated

import typer

from services.kit import log
from services.processes import StartFailed
from services.witness import logs
from services.witness.memory import Unusable
from services.witness.process import Running, run


def command(
    folder: Annotated[Path, typer.Option(help="Key and memory; of this witness alone.")],
    origin: Annotated[list[str] | None, typer.Option(help="A log to watch; repeatable.")] = None,
    log_key: Annotated[list[str] | None, typer.Option(help="Its key, base64 (32 bytes).")] = None,
    trust: Annotated[list[Path] | None, typer.Option(help="Watch a Trust file's logs.")] = None,
    name: Annotated[str | None, typer.Option(help="What it signs as; kept from then on.")] = None,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 8041,
) -> None:
    """Cosign what grows: watch logs from outside and never vouch for two that do not fit.

    Needs a folder and no database. A folder that was lost or restored from a backup has forgotten
    what it promised: begin anew in an empty one, with the new key it makes. Exits 2 if it cannot
    run.
    """
    log.configure(level=logging.WARNING)
    try:
        watched = logs.read(origin or [], log_key or [], trust or [])
        run(folder, watched, name=name, place=(host, port), say=_say)
    except (logs.Unnamed, Unusable, StartFailed) as why:
        sys.stderr.write(f"renshod: {why}\n")
        raise typer.Exit(2) from why


def _say(here: Running) -> None:
    # Plain lines, for a script to read too; name and key go into RENSHO_WITNESSES and Trust.
    sys.stdout.write(f"name  {here.key.name}\nkey   {here.setting()['key']}\nurl   {here.url}\n")
    sys.stdout.flush()
