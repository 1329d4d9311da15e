"""The risk service on a real database, which has heard of a log of seven leaves."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from services.kit import clock
from services.kit.auth import Issuer
from services.kit.settings import Settings
from services.migrate import migrate
from tests.deployments import deployed
from tests.factories.risk import NOW, CheckpointSigned, event
from tests.risk.owner import At, Owner
from tests.risk.receiver import Receiver, receiving
from tests.risk.site import Site
from tests.risk.two import Two


@pytest.fixture(scope="session")
def settings(
    database_url: str,
    tmp_path_factory: pytest.TempPathFactory,
    token_pem: bytes,
) -> Settings:
    """Settings of a migrated database; only this service's schema."""
    folder = tmp_path_factory.mktemp("rensho")
    return deployed(database_url, folder, ("risk",), token_pem)


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
) -> Iterator[Site]:
    """The service with its worker; tests share it and bring firms of their own."""
    made = Site(settings, issuer, tokens)
    made.hear(event(CheckpointSigned))
    try:
        yield made
    finally:
        made.close()


@pytest.fixture
def site_alone(
    settings: Settings,
    admin_url: str,
    issuer: Issuer,
    tokens: Callable[..., dict[str, str]],
    at: Callable[[datetime], None],
) -> Iterator[Site]:
    """The service on a database of its own: no other firms, and no log heard of yet."""
    name = f"rensho_test_{secrets.token_hex(6)}"
    with psycopg.connect(admin_url, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    url = make_url(admin_url).set(database=name).render_as_string(hide_password=False)
    own = settings.model_copy(update={"database_url": SecretStr(url)})
    migrate(own, ("risk",))
    made = Site(own, issuer, tokens)
    try:
        yield made
    finally:
        made.close()
        with psycopg.connect(admin_url, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())


@pytest.fixture
def site(running_site: Site, at: Callable[[datetime], None]) -> Site:
    """The service, a log it has heard of, and a clock that stands."""
    return running_site


@pytest.fixture
def two(site: Site) -> Two:
    """A customer that recorded a supplier, and nothing else yet."""
    return Two(site)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as made:
        yield made


@pytest.fixture
def owner(site: Site, receiver: Receiver, at: At) -> Iterator[Owner]:
    made = Owner(site, receiver, at)
    yield made
    # What is still due must not come to another test, whose clock may stand later.
    for one in made.call("GET", "/webhooks").json()["items"]:
        made.call("DELETE", f"/webhooks/{one['id']}")
