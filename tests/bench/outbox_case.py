"""An event from commit to effect, beside the same event handed to the broker at once.

Collected by `python -m tests.bench` only. It starts a RabbitMQ node of its own.
"""

from __future__ import annotations

import multiprocessing
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing.synchronize import Event as Flag
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy.orm import Session

from services.kit import clock
from services.kit.db import Actor, Database, new_id
from services.kit.outbox import Event, receive, say
from services.kit.settings import Settings
from services.kit.worker import make_celery, queue_of, run_in_thread, send
from services.processes import celery_for, ours_to_log, relay_over
from services.risk.app import PLUMBING
from tests.bench.measuring import Line
from tests.risk.conftest import settings
from tests.system.rabbit import Rabbit

__all__ = ["settings"]

LINES: list[Line] = []
"""What the last run found: pytest returns nothing."""

_EVENTS = 300
_TYPE = "snapshot.requested.v1"


@pytest.fixture(scope="module")
def told(settings: Settings, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Settings]:
    node = Rabbit(tmp_path_factory.mktemp("rabbitmq"))
    node.start()
    try:
        yield settings.model_copy(update={"broker_url": SecretStr(node.url)})
    finally:
        node.close()


def _work(settings: Settings, ready: Flag, stop: Flag, effects: Any) -> None:
    """A worker whose effect is a committed inbox row; tells when each was there."""
    url = settings.broker_url.get_secret_value()
    app = ours_to_log(make_celery(url, ("risk",)))
    db = Database(PLUMBING, settings.service_url("risk", "worker"), pool_size=2)

    def nothing(_tx: Session, _event: Event) -> None:
        """The inbox row is effect enough."""

    @app.task(name="risk.receive", queue=queue_of("risk"))
    def receive_event(event: Event) -> None:
        receive(db, event, {_TYPE: nothing})
        effects.put((event["snapshot_id"], time.time()))

    thread, worker = run_in_thread(app, 1)
    ready.set()
    stop.wait()
    worker.stop()
    thread.join(10)
    db.close()


def _carry(settings: Settings, ready: Flag, stop: Flag, _effects: Any) -> None:
    db = Database(PLUMBING, settings.service_url("risk", "worker"), pool_size=2)
    halt = threading.Event()
    relay = relay_over(celery_for(settings, ("risk",)), {"risk": db})
    thread = threading.Thread(target=relay.run, args=(halt,), daemon=True)
    thread.start()
    ready.set()
    stop.wait()
    halt.set()
    thread.join(10)
    db.close()


@contextmanager
def _process(run: Callable[..., None], settings: Settings, effects: Any) -> Iterator[None]:
    spawn = multiprocessing.get_context("spawn")
    ready, stop = spawn.Event(), spawn.Event()
    process = spawn.Process(target=run, args=(settings, ready, stop, effects), daemon=True)
    process.start()
    try:
        assert ready.wait(60)
        yield
    finally:
        stop.set()
        process.join(30)
        if process.is_alive():
            process.kill()


def test_outbox(told: Settings, tmp_path: Path) -> None:
    effects: Any = multiprocessing.get_context("spawn").Queue()
    db = Database(PLUMBING, told.service_url("risk", "worker"), pool_size=1)
    app = celery_for(told, ("risk",))
    found: dict[str, list[float]] = {"outbox": [], "broker": []}

    def by_outbox(name: str) -> float:
        with db.begin(Actor("bench")) as tx:
            say(tx, _TYPE, snapshot_id=name, org_id=name)
        # The transaction is committed here.
        return time.time()

    def by_broker(name: str) -> float:
        start = time.time()
        event = {
            "id": str(new_id()),
            "type": _TYPE,
            "at": clock.rfc3339(clock.now()),
            "trace": "-",
            "snapshot_id": name,
            "org_id": name,
        }
        send(app, "risk", event)
        return start

    with _process(_work, told, effects), _process(_carry, told, effects):
        for number in range(_EVENTS + 20):
            for way, hand_over in (("outbox", by_outbox), ("broker", by_broker)):
                name = str(new_id())
                start = hand_over(name)
                came, at = effects.get(timeout=20)
                assert came == name
                if number >= 20:
                    found[way].append(at - start)
                time.sleep(0.01)
    db.close()
    path = "outbox commit → effect, p50"
    ours, theirs = (statistics.median(found[way]) for way in ("outbox", "broker"))
    LINES.append(
        Line(path, "publish → effect of the broker alone", 1 / ours, 1 / theirs, theirs / ours, 0.5)
    )
    p95 = statistics.quantiles(found["outbox"], n=20)[-1] * 1_000
    LINES.append(
        Line("outbox commit → effect, idle p95, ms", "limit of 10 ms", p95, 10, 10 / p95, 1)
    )
