"""The single processes of a deployment: web, worker, relay, sequencer, beat. One code, one build.

Each ends cleanly on SIGTERM or Ctrl-C, and each may be killed at any moment: what it had not
committed is done again by the next one.
"""

from __future__ import annotations

import gc
import os
import signal
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import uvicorn
from celery import Celery
from celery.exceptions import SecurityWarning
from celery.signals import setup_logging, worker_process_init
from kombu.exceptions import OperationalError as BrokerAway

from services.beat import run_beat
from services.front import Metrics, make_front, web_mounts, web_pages
from services.kit.db import Database
from services.kit.log import log
from services.kit.outbox import Event, Relay
from services.kit.settings import SERVICES, Settings
from services.kit.web import ready
from services.kit.worker import declare_dead_letters, make_celery, register, send
from services.parts import databases, log_part, part, risk_part

REFUSED = 3
BUSY = 4
_KEY_REFRESH_SECONDS = 60.0


class NeedsBroker(Exception):
    """This process talks to others through a broker, and none is set."""


class StartFailed(Exception):
    """The process could not start to serve; the text says why."""


def stop_on_signal() -> threading.Event:
    """Return an event that SIGTERM and Ctrl-C set; call it in the main thread."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    return stop


def bind(host: str, port: int) -> socket.socket:
    """Take the port before anything else starts; port 0 takes a free one.

    Raises:
        StartFailed: somebody else has it.
    """
    sock = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
    except OSError as why:
        sock.close()
        msg = f"port {port} on {host} cannot be used ({why.strerror}); set RENSHO_PORT"
        raise StartFailed(msg) from why
    return sock


def server_of(app: Any) -> uvicorn.Server:
    """Return the HTTP server for one root app."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=5,
            # Longer than a client or proxy keeps an idle connection: whoever closes first must not
            # be us, or a request already on its way dies unread.
            timeout_keep_alive=75,
        )
    )


@contextmanager
def served(app: Any, sock: socket.socket) -> Iterator[None]:
    """Serve `app` on `sock` from a thread while the block runs.

    Raises:
        StartFailed: an app's start-up failed (the log says how).
    """
    server = server_of(app)
    thread = threading.Thread(target=server.run, args=([sock],), name="web", daemon=True)
    thread.start()
    while not server.started:
        thread.join(0.01)
        if not thread.is_alive() and not server.started:
            msg = "the web server did not start"
            raise StartFailed(msg)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(15)
        sock.close()


def spare_the_collector() -> None:
    """Take all that a process started with out of the garbage collector's rounds.

    Modules, routes and schemas live as long as the process. To look through them takes the
    collector 0.2 s (`docs/bench.md`), again and again, while somebody waits for an answer.
    """
    gc.collect()
    gc.freeze()


def web(settings: Settings, services: tuple[str, ...], *, with_pages: bool) -> None:
    """Serve `services` on the port of the settings until told to stop, with the pages if asked."""
    mounts, checks, refresh = web_mounts(settings, services)
    pages = web_pages(settings, mounts) if with_pages else None
    stop = stop_on_signal()
    with (
        served(make_front(mounts, checks, Metrics(), pages), bind(settings.host, settings.port)),
        in_thread("token keys", keep_keys(refresh, checks["token keys"]), stop),
    ):
        spare_the_collector()
        stop.wait()


def web_portal(settings: Settings) -> None:
    """Serve the pages alone until told to stop; the services are where `RENSHO_<SVC>_URL` says.

    Raises:
        LookupError: one of these is missing.
    """
    stop = stop_on_signal()
    front = make_front({}, {}, Metrics(), web_pages(settings, None))
    with served(front, bind(settings.host, settings.port)):
        spare_the_collector()
        stop.wait()


def keep_keys(
    refresh: Callable[[], None], known: Callable[[], bool]
) -> Callable[[threading.Event], None]:
    """Return the loop that loads the issuer's keys now and keeps them fresh."""

    def run(stop: threading.Event) -> None:
        while not stop.is_set():
            refresh()
            stop.wait(_KEY_REFRESH_SECONDS if known() else 0.1)

    return run


@contextmanager
def in_thread(
    name: str, run: Callable[[threading.Event], None], stop: threading.Event
) -> Iterator[threading.Thread]:
    """Run a loop in a thread while the block runs; an error in it is logged and sets `stop`."""

    def watched() -> None:
        try:
            run(stop)
        except Exception:  # noqa: BLE001 (a thread has nobody else to tell)
            log.exception("stopped unexpectedly", part=name)
            stop.set()

    thread = threading.Thread(target=watched, name=name, daemon=True)
    thread.start()
    try:
        yield thread
    finally:
        stop.set()
        thread.join(10)


def celery_for(settings: Settings, services: tuple[str, ...]) -> Celery:
    """Return the Celery app that a process of its own uses.

    Raises:
        NeedsBroker: the broker is the in-memory one, which no other process can reach.
    """
    url = settings.broker_url.get_secret_value()
    if url.startswith("memory:"):
        msg = "set RENSHO_BROKER_URL: the in-memory broker lives inside `renshod up` only"
        raise NeedsBroker(msg)
    app = ours_to_log(make_celery(url, services))
    declare_dead_letters(app)
    return app


def ours_to_log(app: Celery) -> Celery:
    """Keep Celery's hands off this process's log and standard output; returns the app."""
    app.conf.update(worker_redirect_stdouts=False)
    setup_logging.connect(_already_set_up, weak=False)
    # It warns of pickle under root; only JSON is accepted here.
    warnings.filterwarnings("ignore", category=SecurityWarning)
    return app


def _already_set_up(**_: object) -> None:
    """Having a receiver is what tells Celery to leave logging alone."""


def register_all(app: Celery, settings: Settings, opened: Mapping[str, Database]) -> None:
    """Give each service's handlers their task."""
    for name, db in opened.items():
        register(app, name, db, part(name).handlers(settings))


def worker(
    settings: Settings, services: tuple[str, ...], concurrency: int, port: int | None
) -> None:
    """Handle the events of `services` in child processes until told to stop."""
    app = celery_for(settings, services)
    with (
        databases(settings, "worker", services) as opened,
        databases(settings, "worker", services, pool_size=1) as looked_at,
        side_port(settings, port, {n: _reaches(db) for n, db in looked_at.items()}, Metrics()),
    ):
        register_all(app, settings, opened)

        @worker_process_init.connect(weak=False)
        def own_connections(**_: object) -> None:
            # A connection shared by two processes mixes their answers.
            for db in opened.values():
                db.engine.dispose(close=False)

        # Before the children are forked: they go on sharing the pages.
        spare_the_collector()
        app.Worker(
            pool="prefork",
            concurrency=concurrency,
            without_gossip=True,
            without_mingle=True,
            loglevel="WARNING",
            quiet=True,
        ).start()


def relay(settings: Settings, port: int | None) -> None:
    """Carry events from every outbox to the subscribers' queues until told to stop."""
    app = celery_for(settings, SERVICES)
    stop = stop_on_signal()
    with databases(settings, "worker") as opened:
        carrier = relay_over(app, opened)
        metrics = Metrics()
        show_backlog(metrics, carrier)
        checks = {name: _reaches(db) for name, db in opened.items()}
        with side_port(settings, port, checks, metrics):
            spare_the_collector()
            carrier.run(stop)


def show_backlog(metrics: Metrics, carrier: Relay) -> None:
    """Let the metrics of a process tell how many events are still on their way."""
    metrics.gauge("outbox_backlog", "Deliveries without a known effect.", carrier.backlog)


def relay_over(app: Celery, opened: Mapping[str, Database]) -> Relay:
    """Return a relay that sends through `app`'s broker."""

    def hand_over(subscriber: str, event: Event) -> None:
        try:
            send(app, subscriber, event)
        except BrokerAway as why:
            # To the relay a broker that is away is like a socket that is: wait and look again.
            raise ConnectionError(str(why)) from why

    return Relay(opened, hand_over)


def sequencer(settings: Settings, port: int | None, parent: int | None) -> int:
    """Write the log until told to stop.

    Args:
        settings: of this process.
        port: where to show health and metrics, if anywhere.
        parent: end at once when this process is no longer our parent.

    Returns:
        The exit code: 0, `REFUSED` (do not restart: the log would fork) or `BUSY` (another
        sequencer holds the lock).
    """
    stop = stop_on_signal()
    if parent is not None:
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    refused = log_part().SequencerRefused
    with databases(settings, "worker", ("attestation",), pool_size=1) as looked_at:
        checks = {name: _reaches(db) for name, db in looked_at.items()}
        checks |= log_part().writer_checks(settings, looked_at["attestation"])
        with side_port(settings, port, checks, Metrics()):
            spare_the_collector()
            try:
                log_part().run_sequencer(settings, stop)
            except refused as why:
                log.error("the sequencer refuses to work", reason=str(why))
                return BUSY if getattr(why, "code", "") == "busy" else REFUSED
    return 0


def _end_with(parent: int) -> None:
    # A killed parent cannot tell us. Ending in the middle is safe: a sequencer may be killed at
    # any step, and the next one must find the lock free.
    while os.getppid() == parent:
        time.sleep(0.2)
    os._exit(1)


def hooks(settings: Settings, port: int | None) -> None:
    """Send webhooks until told to stop: the one process that calls addresses others name."""
    stop = stop_on_signal()
    with databases(settings, "worker", ("risk",), pool_size=1) as looked_at:
        checks = {name: _reaches(db) for name, db in looked_at.items()}
        with side_port(settings, port, checks, Metrics()):
            risk_part().run_hooks(settings, stop)


def beat(settings: Settings, port: int | None) -> None:
    """Run the work that is due by the clock until told to stop."""
    stop = stop_on_signal()
    with databases(settings, "worker", pool_size=1) as opened:
        checks = {name: _reaches(db) for name, db in opened.items()}
        metrics = Metrics()
        show_proof(metrics, opened["risk"])
        with side_port(settings, port, checks, metrics):
            run_beat(settings, opened, stop)


def show_proof(metrics: Metrics, db: Database) -> None:
    """Let the metrics of a process tell what the nightly full judgement found."""
    differing = "Judgements that the last nightly proof found to differ."
    metrics.gauge("risk_engine_off", differing, lambda: risk_part().engine_off(db))


@contextmanager
def side_port(
    settings: Settings,
    port: int | None,
    checks: Mapping[str, Callable[[], bool]],
    metrics: Metrics,
) -> Iterator[None]:
    """Show health, readiness and metrics of a process that serves nothing else; None: nowhere."""
    if port is None:
        yield
        return
    with served(make_front({}, checks, metrics), bind(settings.host, port)):
        yield


def _reaches(db: Database) -> Callable[[], bool]:
    return lambda: ready(db)
