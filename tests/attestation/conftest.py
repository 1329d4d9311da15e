"""A deployment for every test: an empty database, fresh keys, a sequencer run by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient

from services.attestation.app import log_app, web
from services.attestation.store import metadata
from services.kit import keyfiles
from services.kit.auth import Issuer
from services.kit.settings import Settings
from tests.attestation.site import Site
from tests.attestation.watched import Watched
from tests.deployments import deployed


@pytest.fixture(scope="session")
def settings(
    database_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    token_pem: bytes,
) -> Settings:
    """Settings of a migrated database; only this service's schema."""
    folder = tmp_path_factory.mktemp("rensho")
    return deployed(database_url, folder, ("attestation",), token_pem)


def _empty(url: str) -> None:
    # A log cannot be shared by tests; a database of its own for each costs a checkpoint, rows do
    # not. Foreign keys are off for this one connection, and so is waiting for the disk.
    options = "-c session_replication_role=replica -c synchronous_commit=off"
    with psycopg.connect(url, options=options) as connection:
        for table in metadata.tables:
            connection.execute(f"DELETE FROM {table}".encode())


@pytest.fixture(scope="session")
def apps(settings: Settings, issuer: Issuer) -> Iterator[tuple[FastAPI, FastAPI]]:
    """The API and the log's read side: they hold no key and know nothing of a test."""
    made = web(settings, issuer), log_app(settings, issuer)
    yield made
    for app in made:
        app.state.db.close()


@pytest.fixture
def site(
    settings: Settings,
    tmp_path: Path,
    apps: tuple[FastAPI, FastAPI],
    tokens: Callable[..., dict[str, str]],
) -> Iterator[Site]:
    """A deployment whose log is open."""
    assert settings.database_url is not None
    own = settings.model_copy(update={"data_dir": tmp_path / "data", "keys_dir": tmp_path / "keys"})
    keyfiles.init(own)
    made = Site(own, TestClient(apps[0]), TestClient(apps[1]), tokens)
    made.sequencer.start()
    try:
        yield made
    finally:
        made.close()
        _empty(settings.database_url.get_secret_value())


@pytest.fixture
def watched(
    settings: Settings,
    tmp_path: Path,
    apps: tuple[FastAPI, FastAPI],
    tokens: Callable[..., dict[str, str]],
) -> Iterator[Watched]:
    """A deployment whose log is open, with two witnesses of which both are needed."""
    assert settings.database_url is not None
    own = settings.model_copy(update={"data_dir": tmp_path / "data", "keys_dir": tmp_path / "keys"})
    keyfiles.init(own)
    made = Watched(own, TestClient(apps[0]), TestClient(apps[1]), tokens, folder=tmp_path)
    try:
        for name in ("w1.example", "w2.example"):
            made.put_up(name)
        made.told(quorum=2)
        made.sequencer.start()
        yield made
    finally:
        for name in list(made.up):
            made.take_down(name)
        made.close()
        _empty(settings.database_url.get_secret_value())
