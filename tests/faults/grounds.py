"""Databases and servers that are ours to break, and the proof that they are."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from sqlalchemy.engine import make_url

from services.kit.settings import Settings

_PREFIX = "rensho_faults_"


@contextmanager
def open_folder(prefix: str = "rensho-faults-") -> Iterator[Path]:
    """A folder of our own that another user may enter: an embedded server may be one."""
    with tempfile.TemporaryDirectory(prefix=prefix, ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


@contextmanager
def database(admin_url: str) -> Iterator[str]:
    """A fresh database on a server, dropped at the end; yields its admin URL."""
    name = _PREFIX + secrets.token_hex(6)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    try:
        yield make_url(admin_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(admin_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def assert_ours(settings: Settings, folder: Path) -> None:
    """Make sure that what is about to be broken was made here.

    Raises:
        AssertionError: the data folder is not below `folder`, or the database is neither named by
            us nor of a server whose data lies there.
    """
    assert settings.data_dir.resolve().is_relative_to(folder.resolve()), settings.data_dir
    assert settings.keys.resolve().is_relative_to(folder.resolve()), settings.keys
    assert settings.database_url is not None
    with psycopg.connect(settings.database_url.get_secret_value()) as connection:
        row = connection.execute(
            "SELECT current_database(), current_setting('data_directory')"
        ).fetchone()
    assert row is not None
    name, data = str(row[0]), Path(str(row[1]))
    ours = name.startswith(_PREFIX) or data.resolve().is_relative_to(folder.resolve())
    assert ours, f"{name} in {data} was not made here"
