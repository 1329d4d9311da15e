"""The risk service on a real database, hearing of the log over a real socket."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from pydantic import SecretStr
from rensho import checkpoint, merkle

from services.kit import clock, keyfiles
from services.kit.auth import Issuer
from services.kit.settings import Settings
from services.migrate import migrate
from tests.factories.risk import NOW, ORIGIN
from tests.risk.site import Site


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


@pytest.fixture
def log(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    """A log of seven leaves that can be read."""
    server = Log(("127.0.0.1", 0), _Reads)
    key = keyfiles.signing_key(settings, "log")
    server.body = checkpoint.sign(ORIGIN, 7, merkle.root([merkle.leaf_hash(b"x")] * 7), key)
    monkeypatch.setenv("RENSHO_ATTESTATION_URL", server.url)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def at() -> Iterator[Callable[[datetime], None]]:
    """Sets the clock; it stands a day after everything in the factories was recorded."""

    def set_to(moment: datetime) -> None:
        clock.configure(moment.isoformat())

    set_to(NOW + timedelta(days=1))
    yield set_to
    clock.configure(None)


@pytest.fixture
def site(
    settings: Settings,
    issuer: Issuer,
    tokens: Callable[..., dict[str, str]],
    log: Log,
    at: Callable[[datetime], None],
) -> Iterator[Site]:
    """The service with its worker."""
    made = Site(settings, issuer, tokens)
    try:
        yield made
    finally:
        made.close()
