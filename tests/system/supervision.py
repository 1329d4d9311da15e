"""A supervisor as systemd or compose would be one, and somebody who kills what it watches."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from tests.system.processes import Process

# Long enough that others notice, short enough that nobody gives up.
_OUTAGE_SECONDS = 0.7


class Killer:
    """Kills processes when told to, and has them started again after an outage."""

    def __init__(self, processes: Mapping[str, Process]) -> None:
        self._processes = processes
        self._wanted: queue.Queue[str] = queue.Queue()
        self._stop = threading.Event()

    def kill_soon(self, *names: str) -> None:
        """Have these killed; returns at once, so that the story goes on meanwhile."""
        for name in names:
            self._wanted.put(name)

    def run(self) -> None:
        """Kill what is asked for, and restart whatever has ended."""
        down_until = 0.0
        while not self._stop.wait(0.05):
            if time.monotonic() >= down_until:
                for process in self._processes.values():
                    process.restart()
            try:
                name = self._wanted.get_nowait()
            except queue.Empty:
                continue
            if self._processes[name].alive:
                self._processes[name].kill()
                down_until = time.monotonic() + _OUTAGE_SECONDS
            else:
                # It is still being started after the last kill: this one comes later.
                self._wanted.put(name)

    def stop(self) -> None:
        """Let everybody live."""
        self._stop.set()


@contextmanager
def supervised(processes: Mapping[str, Process]) -> Iterator[Killer]:
    """Keep the processes running while the block runs, whoever is killed."""
    killer = Killer(processes)
    thread = threading.Thread(target=killer.run, name="supervisor", daemon=True)
    thread.start()
    try:
        yield killer
    finally:
        killer.stop()
        thread.join(10)
