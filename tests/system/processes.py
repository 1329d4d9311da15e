"""Rensho as it runs in production: one process each, started, killed and started again."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
import psutil

from services.everything import environment
from services.kit.settings import SERVICES, Settings
from tests.system.rabbit import free_port

_READY_SECONDS = 40.0


def wait_until(true: Callable[[], bool], what: str, seconds: float) -> float:
    """Wait until something is so; returns how many seconds it took.

    Raises:
        AssertionError: it was not so in time.
    """
    began = time.monotonic()
    while not true():
        assert time.monotonic() - began < seconds, f"waited {seconds:.0f} s in vain for {what}"
        time.sleep(0.1)
    return time.monotonic() - began


@dataclass
class Process:
    """One `renshod` process with its own health port and its own log file."""

    name: str
    arguments: tuple[str, ...]
    settings: Settings
    log: Path
    port: int = field(default_factory=free_port)
    kills: int = 0
    endings: list[int] = field(default_factory=list)
    _running: subprocess.Popen[bytes] | None = None
    _sessions: list[int] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its own address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._running is not None and self._running.poll() is None

    def start(self) -> None:
        """Start it; `wait_ready` waits until it can work."""
        with self.log.open("ab") as log:
            self._running = subprocess.Popen(
                [sys.executable, "-m", "services", *self.arguments, "--port", str(self.port)],
                env=environment(self.settings),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self._sessions.append(self._running.pid)

    def wait_ready(self) -> None:
        """Wait until `/readyz` says so."""
        wait_until(self._ready, f"{self.name} to be ready: see {self.log}", _READY_SECONDS)

    def _ready(self) -> bool:
        assert self.alive, f"{self.name} ended: {self.tail()}"
        try:
            return httpx2.get(f"{self.url}/readyz", timeout=5.0, trust_env=False).is_success
        except httpx2.TransportError:
            return False

    def kill(self) -> None:
        """kill -9 of the process alone, not of its children."""
        assert self._running is not None
        assert self._running.poll() is None, f"{self.name} had ended by itself: {self.tail()}"
        self._running.kill()
        self._running.wait(10)
        self.kills += 1

    def kill_child(self) -> bool:
        """kill -9 of one of its children; False if it has none at the moment."""
        assert self._running is not None
        try:
            children = psutil.Process(self._running.pid).children()
            if children:
                children[0].kill()
                self.kills += 1
        except psutil.NoSuchProcess:
            return False
        return bool(children)

    def restart(self) -> None:
        """Start it again if it has ended, as a supervisor does; notes the exit code."""
        if self._running is not None and self._running.poll() is not None:
            self.endings.append(self._running.returncode)
            self.start()

    def terminate(self) -> None:
        """Ask it to end; `close` waits until it has."""
        if self._running is not None:
            self._running.terminate()

    def close(self) -> None:
        """End it in order, and whatever its killed predecessors left behind."""
        self.terminate()
        if self._running is not None:
            try:
                self._running.wait(15)
            except subprocess.TimeoutExpired:
                self._running.kill()
                self._running.wait(10)
        for session in self._sessions:
            # The process group is the one we made: nobody else's process can be in it.
            try:
                os.killpg(session, signal.SIGKILL)
            except ProcessLookupError:
                continue

    def tail(self) -> str:
        """The end of its log."""
        return self.log.read_text(errors="replace")[-3000:]


@contextmanager
def together(processes: list[Process]) -> Iterator[dict[str, Process]]:
    """Run several processes while the block runs; yields them by name, ready."""
    try:
        for process in processes:
            process.start()
        for process in processes:
            process.wait_ready()
        yield {process.name: process for process in processes}
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.close()


def carriers(settings: Settings, folder: Path, workers: int = 2) -> list[Process]:
    """The relay and some workers that hear for every service."""
    named: list[tuple[str, tuple[str, ...]]] = [("relay", ("relay",))]
    named += [(f"worker-{n}", ("worker", "all")) for n in range(1, workers + 1)]
    return [Process(name, args, settings, folder / f"{name}.log") for name, args in named]


def deployment(settings: Settings, folder: Path) -> list[Process]:
    """A deployment: a web and a worker process per service, relay, sequencer and beat."""
    ports = {service: free_port() for service in SERVICES}
    identity = f"http://127.0.0.1:{ports['identity']}/identity/v1"
    settings = settings.model_copy(update={"identity_url": identity})

    def process(name: str, *arguments: str, port: int | None = None) -> Process:
        log = folder / f"{name}.log"
        return Process(name, arguments, settings, log, port or free_port())

    return [
        *(process(f"web-{s}", "web", s, port=ports[s]) for s in SERVICES),
        *(process(f"worker-{s}", "worker", s, "--concurrency", "1") for s in SERVICES),
        *(process(name, name) for name in ("relay", "sequencer", "beat")),
    ]


def backlog(relay: Process) -> float:
    """Read the relay's own gauge; it looks into the inboxes before it counts."""
    try:
        text = httpx2.get(f"{relay.url}/metrics", timeout=10.0, trust_env=False).text
    except httpx2.TransportError:
        return -1.0
    line = next(line for line in text.splitlines() if line.startswith("rensho_outbox_backlog "))
    return float(line.split()[1])
