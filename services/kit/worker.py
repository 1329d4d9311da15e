"""Celery is the doorbell, PostgreSQL the truth: JSON, late acks, no results, no ETA."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from celery import Celery
from celery.apps.worker import Worker
from kombu import Exchange, Queue

from services.kit.db import Database
from services.kit.outbox import Event, Handler, receive

DEAD = "rensho.dead"
_DELIVERY_LIMIT = 20


def queue_of(service: str) -> str:
    """Return the name of the queue that a service's workers read."""
    return f"rensho.{service}"


def make_celery(broker_url: str, services: tuple[str, ...]) -> Celery:
    """Make the Celery app that reads the queues of `services`.

    In production the queues are quorum queues with a delivery limit and a visible dead-letter
    queue; in memory they are plain.
    """
    app = Celery("rensho", broker=broker_url, set_as_current=False)
    in_memory = broker_url.startswith("memory:")
    app.conf.update(
        task_serializer="json",
        accept_content=["json"],
        task_ignore_result=True,
        task_acks_late=True,
        task_reject_on_worker_lost=True,
        task_store_errors_even_if_ignored=False,
        # The memory broker looks for messages between two naps only: one at a time would be
        # 39 a second (decision 0024). What it had fetched when it is killed comes from the outbox.
        worker_prefetch_multiplier=8 if in_memory else 1,
        worker_hijack_root_logger=False,
        worker_enable_remote_control=False,
        worker_send_task_events=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options=(
            {"polling_interval": 0.01} if in_memory else {"confirm_publish": True}
        ),
        task_queues=[_queue(name, in_memory=in_memory) for name in services],
        task_create_missing_queues=False,
        enable_utc=True,
    )
    return app


def _queue(service: str, *, in_memory: bool) -> Queue:
    name = queue_of(service)
    arguments = {
        "x-queue-type": "quorum",
        "x-delivery-limit": _DELIVERY_LIMIT,
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": DEAD,
    }
    return Queue(
        name,
        Exchange(name, type="direct"),
        routing_key=name,
        queue_arguments=None if in_memory else arguments,
    )


def declare_dead_letters(app: Celery) -> None:
    """Make the dead-letter queue exist before anything can be sent to it."""
    dead = Queue(DEAD, queue_arguments={"x-queue-type": "quorum"})
    with app.connection_for_write() as connection:
        dead(connection.default_channel).declare()


def register(app: Celery, service: str, db: Database, handlers: Mapping[str, Handler]) -> None:
    """Register the task by which `service` receives events."""

    @app.task(name=f"{service}.receive", queue=queue_of(service))
    def receive_event(event: Event) -> None:
        receive(db, event, handlers)


def send(app: Celery, subscriber: str, event: Event) -> None:
    """Hand one event to a subscriber's queue; raises if the broker does not confirm it."""
    app.send_task(
        f"{subscriber}.receive",
        args=[event],
        queue=queue_of(subscriber),
        headers={"trace": event.get("trace", "-")},
        retry=False,
    )


def run_in_thread(app: Celery, concurrency: int = 2) -> tuple[threading.Thread, Any]:
    """Run a worker inside this process (the embedded default); returns the thread and the worker.

    A thread pool: the memory broker lives in this process and nowhere else.
    """
    worker = Worker(
        app=app,
        pool="threads",
        concurrency=concurrency,
        without_gossip=True,
        without_mingle=True,
        without_heartbeat=True,
        loglevel="WARNING",
        quiet=True,
    )
    thread = threading.Thread(target=worker.start, name="worker", daemon=True)
    thread.start()
    return thread, worker
