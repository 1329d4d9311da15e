"""The risk service on a real database, hearing of the log over a real socket."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg
import pytest
from pydantic import SecretStr
from rensho import checkpoint, merkle
from sqlalchemy.engine import make_url

from services.kit import clock, keyfiles
from services.kit.auth import Issuer
from services.kit.settings import Settings
from services.migrate import migrate
from tests.factories.risk import NOW, ORIGIN
from tests.risk.site import Site
from tests.risk.two import Two


@pytest.fixture(scope="session")
def settings(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of a migrated database; only this service's schema."""
    folder: Path = tmp_path_factory.mktemp("rensho")
    made = Settings(
        data_dir=folder / "data",
        keys_dir=folder / "keys",
        database_url=SecretStr(database_url),
        log_origin=ORIGIN,
    )
    keyfiles.init(made)
    migrate(made, ("risk",))
    return made


class Log(ThreadingHTTPServer):
    """The log's public side: its newest tree head, or whatever `body` and `status` say."""

    status = 200
    body = b""
    daemon_threads = True

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/attestation/v1"


class _Reads(BaseHTTPRequestHandler):
    server: Log

    def do_GET(self) -> None:
        found = self.server.status if self.path == "/log/checkpoint" else 404
        self.send_response(found)
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its base's word)
        """Say nothing."""


@pytest.fixture(scope="session")
def running_log() -> Iterator[Log]:
    """A socket where a log would answer."""
    server = Log(("127.0.0.1", 0), _Reads)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def log(running_log: Log, settings: Settings) -> Log:
    """A log of seven leaves that can be read."""
    key = keyfiles.signing_key(settings, "log")
    root = merkle.root([merkle.leaf_hash(b"x")] * 7)
    running_log.status, running_log.body = 200, checkpoint.sign(ORIGIN, 7, root, key)
    return running_log


@pytest.fixture
def at() -> Iterator[Callable[[datetime], None]]:
    """Sets the clock; it stands a day after everything in the factories was recorded."""

    def set_to(moment: datetime) -> None:
        clock.configure(moment.isoformat())

    set_to(NOW + timedelta(days=1))
    yield set_to
    clock.configure(None)


@pytest.fixture(scope="session")
def running_site(
    settings: Settings,
    issuer: Issuer,
    tokens: Callable[..., dict[str, str]],
    running_log: Log,
) -> Iterator[Site]:
    """The service with its worker; tests share it and bring firms of their own."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RENSHO_ATTESTATION_URL", running_log.url)
        made = Site(settings, issuer, tokens)
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def site_alone(
    settings: Settings, admin_url: str, issuer: Issuer, tokens: Callable[..., dict[str, str]],
    log: Log, at: Callable[[datetime], None], monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Site]:  # fmt: skip
    """The service on a database in which there are no other firms."""
    name = f"rensho_test_{secrets.token_hex(6)}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    url = make_url(admin_url).set(database=name).render_as_string(hide_password=False)
    own = settings.model_copy(update={"database_url": SecretStr(url)})
    migrate(own, ("risk",))
    monkeypatch.setenv("RENSHO_ATTESTATION_URL", log.url)
    made = Site(own, issuer, tokens)
    try:
        yield made
    finally:
        made.close()
        with psycopg.connect(admin_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def site(running_site: Site, log: Log, at: Callable[[datetime], None]) -> Site:
    """The service, a log it can read, and a clock that stands."""
    return running_site


@pytest.fixture
def two(site: Site) -> Two:
    """A customer that recorded a supplier, and nothing else yet."""
    return Two(site)
