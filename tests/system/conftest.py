"""Systems of separate processes, each on a database and broker queues of its own."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import amqp
import psycopg
import pytest
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from services.kit import keyfiles
from services.kit.settings import SERVICES, Settings
from services.kit.worker import DEAD, queue_of
from services.migrate import migrate
from tests.system.rabbit import Rabbit

Fresh = Callable[[], Settings]


def pytest_configure(config: pytest.Config) -> None:
    """Name the mark of this folder's long tests: `pytest -m "not system"` leaves them out."""
    line = "system: starts separate processes and a RabbitMQ node of its own"
    config.addinivalue_line("markers", line)


@pytest.fixture(scope="session")
def rabbit(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rabbit]:
    """A broker node of our own, for tests marked `needs("rabbitmq")`."""
    node = Rabbit(tmp_path_factory.mktemp("rabbitmq"))
    try:
        node.start()
        yield node
    finally:
        node.close()


@pytest.fixture
def broker(rabbit: Rabbit) -> Rabbit:
    """The node, running and without the queues of an earlier test."""
    with amqp.Connection(f"127.0.0.1:{rabbit.port}") as connection:
        channel = connection.channel()
        for name in (*map(queue_of, SERVICES), DEAD):
            channel.queue_delete(name)
    return rabbit


@pytest.fixture
def fresh(admin_url: str, tmp_path: Path) -> Iterator[Fresh]:
    """Make settings of a deployment that nobody has used: own database, keys and guard file."""
    made: list[str] = []

    def make() -> Settings:
        name = f"rensho_system_{secrets.token_hex(6)}"
        with psycopg.connect(admin_url, autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')
        made.append(name)
        url = make_url(admin_url).set(database=name).render_as_string(hide_password=False)
        settings = Settings(
            data_dir=tmp_path / name / "data",
            keys_dir=tmp_path / name / "keys",
            database_url=SecretStr(url),
            log_origin="log.rensho.example",
        )
        keyfiles.init(settings)
        migrate(settings)
        return settings

    yield make
    with psycopg.connect(admin_url, autocommit=True) as connection:
        for name in made:
            connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')


def told_to_use(broker: Rabbit, settings: Settings) -> Settings:
    """Return the settings with the broker's URL in them."""
    return settings.model_copy(update={"broker_url": SecretStr(broker.url)})
