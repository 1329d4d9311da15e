"""The kit on a database of its own, with identity's tables: some service must lend it some."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import UUID

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from services.identity.store import PLUMBING
from services.kit import keyfiles, log
from services.kit.auth import Issuer
from services.kit.db import Actor, Database, new_id
from services.kit.outbox import Event, say
from services.kit.settings import Settings
from services.kit.web import make_app
from services.migrate import migrate
from tests.kit import bicycles


@pytest.fixture(scope="session", autouse=True)
def _log_as_in_production() -> None:
    log.configure()


@pytest.fixture(scope="package")
def own_settings(admin_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    name = f"rensho_kit_{secrets.token_hex(6)}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    url = make_url(admin_url).set(database=name).render_as_string(hide_password=False)
    folder: Path = tmp_path_factory.mktemp("kit")
    made = Settings(data_dir=folder / "data", keys_dir=folder / "keys", database_url=SecretStr(url))
    keyfiles.init(made)
    migrate(made, ("identity",))
    yield made
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


@pytest.fixture
def admin(own_settings: Settings) -> Iterator[psycopg.Connection[Any]]:
    """The admin, for what a test prepares or looks at behind the kit's back."""
    assert own_settings.database_url is not None
    url = own_settings.database_url.get_secret_value()
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def app_db(own_settings: Settings) -> Iterator[Database]:
    db = Database(PLUMBING, own_settings.service_url("identity", "app"))
    yield db
    db.close()


@pytest.fixture
def worker_db(own_settings: Settings) -> Iterator[Database]:
    db = Database(PLUMBING, own_settings.service_url("identity", "worker"))
    yield db
    db.close()


@pytest.fixture
def nothing_due(admin: psycopg.Connection[Any]) -> None:
    admin.execute("TRUNCATE identity.outbox, identity.delivery, identity.inbox")


@dataclass
class Wire:
    """A broker that only remembers what it was given."""

    sent: list[Event] = field(default_factory=list)

    def __call__(self, _subscriber: str, event: Event) -> None:
        self.sent.append(event)


@pytest.fixture
def wire() -> Wire:
    return Wire()


WORKER = Actor(subject="urn:rensho:service:identity")


@pytest.fixture
def tell(worker_db: Database) -> Callable[[], UUID]:
    """Say one event that identity itself hears."""

    def one() -> UUID:
        with worker_db.begin(WORKER) as tx:
            return say(tx, "code.issued.v1", code_id=new_id())

    return one


@pytest.fixture
def app(app_db: Database, issuer: Issuer) -> FastAPI:
    return make_app(
        "identity",
        title="Bicycles",
        routers=[bicycles.router],
        db=app_db,
        issuer=issuer,
        refusals={bicycles.FlatTyre: HTTPStatus.UNPROCESSABLE_ENTITY},
        state={},
    )


@pytest.fixture
def client(app: FastAPI) -> TestClient:
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def org() -> UUID:
    return new_id()


@pytest.fixture
def headers(tokens: Callable[..., dict[str, str]], org: UUID) -> dict[str, str]:
    scopes = {"bicycles.read", "bicycles.write", "audit.read"}
    return tokens(org=org, audience="identity", scopes=scopes)
