"""An attestation service at hand without pytest, as the tests of that service have it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from fastapi.testclient import TestClient

from services.attestation.app import log_app, web
from services.attestation.store import metadata
from services.kit import keyfiles
from services.kit.auth import Issuer
from services.kit.settings import Settings
from tests.attestation.site import Site
from tests.faults.grounds import assert_ours
from tests.tokens import minter, token_key_of


@contextmanager
def sites(settings: Settings, folder: Path) -> Iterator[Sites]:
    """Make the apps of one deployment once; yields what makes one fresh site after another."""
    key = token_key_of(settings)
    issuer = Issuer(lambda: {"keys": [key.as_dict(private=False)]})
    issuer.refresh()
    apps = web(settings, issuer), log_app(settings, issuer)
    made = Sites(settings, folder, TestClient(apps[0]), TestClient(apps[1]))
    try:
        yield made
    finally:
        for app in apps:
            app.state.db.close()


class Sites:
    """One database, emptied for each site: a log cannot be shared."""

    def __init__(self, settings: Settings, folder: Path, api: TestClient, log: TestClient) -> None:
        self._settings, self._folder, self._api, self._log = settings, folder, api, log
        self._tokens = minter(token_key_of(settings))
        self._made = 0

    @contextmanager
    def fresh(self) -> Iterator[Site]:
        """Yield a deployment with keys and guard file of its own, whose log is open."""
        assert_ours(self._settings, self._folder)
        empty(self._settings)
        self._made += 1
        keys = self._folder / f"keys-{self._made}"
        own = self._settings.model_copy(update={"keys_dir": keys})
        keyfiles.init(own)
        site = Site(own, self._api, self._log, self._tokens)
        site.sequencer.start()
        try:
            yield site
        finally:
            site.close()


def empty(settings: Settings) -> None:
    """Delete every row of the attestation schema; foreign keys and the disk do not wait for us."""
    assert settings.database_url is not None
    options = "-c session_replication_role=replica -c synchronous_commit=off"
    with psycopg.connect(settings.database_url.get_secret_value(), options=options) as connection:
        for table in metadata.tables:
            connection.execute(f"DELETE FROM {table}".encode())
