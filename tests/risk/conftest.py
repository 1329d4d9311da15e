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
def site(running_site: Site, log: Log, at: Callable[[datetime], None]) -> Site:
    """The service, a log it can read, and a clock that stands."""
    return running_site
