"""A real PostgreSQL, migrated once per run; every test gets its own organizations in it."""

from __future__ import annotations

import logging
import os
import secrets
import tempfile
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from services.kit import clock, keyfiles, log
from services.kit.auth import Issuer
from services.kit.db import new_id
from services.kit.embedded import postgres
from services.kit.settings import SERVICES, Settings
from services.migrate import ROOT, migrate
from tests.needs import pytest_runtest_setup  # noqa: F401 (a hook: the marker `needs`)

SHARED = ROOT.parent / "shared" / "data"

# As the processes do: structlog's own tracebacks are slow and print local variables.
log.configure(level=logging.ERROR)


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
def settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a demo deployment whose schemas are migrated and whose keys exist."""
    folder: Path = tmp_path_factory.mktemp("rensho")
    made = Settings(
        data_dir=folder / "data",
        keys_dir=folder / "keys",
        database_url=SecretStr(database_url),
        log_origin="log.rensho.example",
    )
    keyfiles.init(made)
    present = tuple(s for s in SERVICES if (ROOT / "migrations" / s / "grants.sql").exists())
    migrate(made, present)
    return made


@pytest.fixture(scope="session")
def token_key(settings: Settings) -> ECKey:
    """The key access tokens are signed with."""
    pem = keyfiles.signing_key(settings, "token").to_pem()
    return ECKey.import_key(pem, {"kid": "test", "use": "sig", "alg": "ES256"})


@pytest.fixture(scope="session")
def issuer(token_key: ECKey) -> Issuer:
    """The issuer every service under test trusts."""
    made = Issuer(lambda: {"keys": [token_key.as_dict(private=False)]})
    made.refresh()
    return made


@pytest.fixture(scope="session")
def tokens(token_key: ECKey) -> Callable[..., dict[str, str]]:
    """Mint request headers for any principal: `tokens(org=…, scopes={…}, audience=…)`."""

    def mint(
        *,
        org: UUID,
        audience: str,
        scopes: set[str],
        subject: str | None = None,
        name: str = "Test Member",
        lifetime: timedelta = timedelta(minutes=5),
    ) -> dict[str, str]:
        now = clock.now()
        claims: dict[str, Any] = {
            "iss": "log.rensho.example",
            "aud": audience,
            "sub": subject or f"urn:rensho:member:{new_id()}",
            "org": str(org),
            "scope": " ".join(sorted(scopes)),
            "name": name,
            "mailbox": "member@firm.example",
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "jti": secrets.token_urlsafe(16),
        }
        token = jwt.encode({"alg": "ES256", "kid": "test"}, claims, token_key, algorithms=["ES256"])
        return {"Authorization": f"Bearer {token}"}

    return mint
