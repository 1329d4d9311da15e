"""A deployment of its own for every test: fresh database, fresh keys, a sequencer run by hand."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from services.kit import keyfiles
from services.kit.auth import Issuer
from services.kit.settings import Settings
from services.migrate import migrate
from tests.attestation.site import Site


@pytest.fixture(scope="session")
def settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a migrated database that the tests copy; only this service's schema."""
    folder: Path = tmp_path_factory.mktemp("rensho")
    made = Settings(
        data_dir=folder / "data",
        keys_dir=folder / "keys",
        database_url=SecretStr(database_url),
        log_origin="log.rensho.example",
    )
    keyfiles.init(made)
    migrate(made, ("attestation",))
    return made


@pytest.fixture
def site(
    settings: Settings,
    admin_url: str,
    tmp_path: Path,
    issuer: Issuer,
    tokens: Callable[..., dict[str, str]],
) -> Iterator[Site]:
    """A deployment whose log is open."""
    assert settings.database_url is not None
    template = make_url(settings.database_url.get_secret_value()).database
    name = f"rensho_test_{secrets.token_hex(6)}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}"'.encode())
    url = make_url(admin_url).set(database=name).render_as_string(hide_password=False)
    own = Settings(
        data_dir=tmp_path / "data",
        keys_dir=tmp_path / "keys",
        database_url=SecretStr(url),
        log_origin="log.rensho.example",
    )
    keyfiles.init(own)
    made = Site(own, issuer, tokens)
    made.sequencer.start()
    try:
        yield made
    finally:
        made.close()
        with psycopg.connect(admin_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
