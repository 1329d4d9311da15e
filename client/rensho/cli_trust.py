"""`rensho trust update`: replace a Trust file by its successor, signed by who may name one."""

from __future__ import annotations

import argparse
from pathlib import Path

from rensho import times
from rensho.cli_io import DONE, load_trust, read, write_new


def add(parser: argparse.ArgumentParser) -> None:
    """Declare the command."""
    commands = parser.add_subparsers(required=True, metavar="update")
    update = commands.add_parser("update", help="replace a Trust file by its signed successor")
    update.add_argument("file", type=Path, help="the update (a DSSE envelope)")
    update.add_argument("--trust", type=Path, required=True, help="the file to replace")
    update.add_argument("--production", action="store_true", help="refuse demo keys")
    update.set_defaults(run=_update)


def _update(options: argparse.Namespace) -> int:
    old = load_trust(options.trust, production=False)
    new, data = old.updated(read(options.file), production=options.production)
    beside = Path(f"{options.trust}.new")
    write_new(beside, data, 0o644)
    # A crash before this line leaves the old file in force and the new one beside it.
    beside.replace(options.trust)
    print(f"Trust file version {new.version}, until {times.write(new.expires)}")
    for one in new.deployments:
        asked = {
            "time-stamps": bool(one.tsa),
            f"{one.witness_quorum} witnesses": one.witness_quorum > 0,
            f"a status list of the last {one.status_max_age}": one.status_max_age is not None,
        }
        told = ", ".join(what for what, wanted in asked.items() if wanted) or "nothing beyond keys"
        print(f"{one.origin}: {len(one.epochs)} log(s), asks for {told}")
    return DONE
