"""A real PostgreSQL, migrated once per run; every test gets its own organizations in it."""

from __future__ import annotations

import gc
import logging
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import settings as hypothesis
from joserfc.jwk import ECKey
from rensho.keys import PrivateKey
from sqlalchemy.engine import make_url

from services.kit import log
from services.kit.auth import Issuer
from services.kit.embedded import postgres
from services.kit.settings import Settings
from services.migrate import ROOT
from tests.deployments import deployed
from tests.needs import pytest_runtest_setup  # noqa: F401 (a hook: the marker `needs`)
from tests.tokens import minter, token_key_of

SHARED = ROOT.parent / "shared" / "data"

# As the processes do: structlog's own tracebacks are slow and print local variables.
log.configure(level=logging.ERROR)


# No test is timed: on a busy machine every example may take long. Mutants bring their profile.
if hypothesis.get_current_profile_name() == "default":
    hypothesis.register_profile("untimed", deadline=None)
    hypothesis.load_profile("untimed")


def pytest_collection_finish() -> None:
    """As the processes do once they are up: what was imported lives to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def admin_url() -> Iterator[str]:
    """The admin URL of a server: `RENSHO_TEST_DATABASE_URL`, else an embedded one."""
    if given := os.environ.get("RENSHO_TEST_DATABASE_URL"):
        yield given
        return
    # Not below pytest's own temporary folder, which the next pytest closes to other users.
    with tempfile.TemporaryDirectory(prefix="rensho-pg-") as folder:
        Path(folder).chmod(0o755)
        with postgres(Path(folder) / "postgres") as url:
            yield url


@pytest.fixture(scope="session")
def database_url(admin_url: str) -> Iterator[str]:
    """A fresh database, dropped at the end."""
    name = f"rensho_test_{secrets.token_hex(6)}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    yield make_url(admin_url).set(database=name).render_as_string(hide_password=False)
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture(scope="session")
def token_pem() -> bytes:
    """The one key of all tests' tokens: packages have settings of their own, and share issuers."""
    return PrivateKey.generate().to_pem()


@pytest.fixture(scope="session")
def settings(
    database_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    token_pem: bytes,
) -> Settings:
    """Settings of a demo deployment whose schemas are migrated and whose keys exist."""
    return deployed(database_url, tmp_path_factory.mktemp("rensho"), token_pem=token_pem)


@pytest.fixture(scope="session")
def token_key(settings: Settings) -> ECKey:
    """The key access tokens are signed with."""
    return token_key_of(settings)


@pytest.fixture(scope="session")
def issuer(token_key: ECKey) -> Issuer:
    """The issuer every service under test trusts."""
    made = Issuer(lambda: {"keys": [token_key.as_dict(private=False)]})
    made.refresh()
    return made


@pytest.fixture(scope="session")
def tokens(token_key: ECKey) -> Callable[..., dict[str, str]]:
    """Mint request headers for any principal: `tokens(org=…, scopes={…}, audience=…)`."""

    return minter(token_key)
