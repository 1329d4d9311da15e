"""A whole deployment of separate processes, each of which may be killed, and its load."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import httpx2
import psycopg
from pydantic import SecretStr

from services import everything
from services.kit import embedded
from services.kit.settings import Settings
from services.processes import in_thread
from tests.attestation.site import EVERYTHING, Site
from tests.deployments import deployed
from tests.faults.grounds import assert_ours
from tests.system.processes import Process, wait_until
from tests.system.rabbit import Rabbit, free_port
from tests.tokens import minter, token_key_of

UP_SECONDS = 90.0


class FarSite(Site):
    """A site whose parts are other processes: its sequencer is waited for, not run."""

    @cached_property
    def sequencer(self) -> Any:
        return SimpleNamespace(round=self._wait)

    def _wait(self) -> None:
        wait_until(lambda: self.waiting() == 0, "the sequencer", 60)

    def waiting(self) -> int:
        """How much waits for the sequencer."""
        try:
            return int(self.sql("SELECT count(*) FROM attestation.queue")[0][0])
        except psycopg.OperationalError:
            return -1


@dataclass
class Cluster:
    """PostgreSQL, RabbitMQ and four processes of ours, in one folder."""

    folder: Path
    settings: Settings
    rabbit: Rabbit
    processes: dict[str, Process]
    kills: dict[str, int] = field(default_factory=dict)

    @property
    def victims(self) -> list[str]:
        """Everything that may be killed."""
        return [*self.processes, "postgresql", "rabbitmq"]

    def kill(self, victim: str) -> None:
        """kill -9; what is killed was started here."""
        match victim:
            case "postgresql":
                os.kill(self._postmaster(), signal.SIGKILL)
            case "rabbitmq":
                self.rabbit.kill()
            case _:
                if not self.processes[victim].alive:
                    # It ended because something else was killed; it is started again first.
                    return
                self.processes[victim].kill()
        self.kills[victim] = self.kills.get(victim, 0) + 1

    def mend(self, victim: str) -> None:
        """Start again what was killed, and whatever ended because of it, until all can work."""
        if victim == "rabbitmq":
            self.rabbit.start()
        wait_until(
            self._all_ready, f"everything to work again after a kill of {victim}", UP_SECONDS
        )

    def _postmaster(self) -> int:
        folder = self.folder / "data" / "postgres"
        pid = int((folder / "postmaster.pid").read_text().splitlines()[0])
        # Ours, or nobody's: the number is read from the folder that we made.
        assert str(folder) in Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
        return pid

    def _all_ready(self) -> bool:
        for process in self.processes.values():
            process.restart()
        return all(map(_ready, self.processes.values()))

    @cached_property
    def site(self) -> FarSite:
        """Its attestation service, over HTTP."""
        url = self.processes["web"].url
        key = token_key_of(self.settings)
        mint = minter(token_key_of(self.settings, kid=key.thumbprint()))
        clients: list[Any] = [
            httpx2.Client(base_url=f"{url}{path}", timeout=20, trust_env=False)
            for path in ("/attestation/v1", "/log")
        ]
        return FarSite(self.settings, clients[0], clients[1], mint)


def _ready(process: Process) -> bool:
    try:
        return httpx2.get(f"{process.url}/readyz", timeout=5, trust_env=False).is_success
    except httpx2.TransportError:
        return False


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """Start everything in a folder of ours; end it all, by the ids that were started here."""
    with ExitStack() as up:
        data = folder / "data" / "postgres"
        url = up.enter_context(embedded.postgres(data))
        stop = threading.Event()
        up.callback(stop.set)
        # Kept alive as `renshod up` keeps it.
        keeper = everything._postgres_keeper(data)
        up.enter_context(in_thread("postgres", keeper, stop))
        rabbit = Rabbit(folder / "rabbit")
        up.callback(rabbit.close)
        rabbit.start()
        port = free_port()
        settings = deployed(url, folder).model_copy(
            update={
                "broker_url": SecretStr(rabbit.url),
                "identity_url": f"http://127.0.0.1:{port}/identity/v1",
            }
        )
        assert_ours(settings, folder)
        made = {
            name: Process(name, arguments, settings, folder / f"{name}.log", at)
            for name, arguments, at in (
                ("web", ("web", "all"), port),
                ("worker", ("worker", "all"), free_port()),
                ("relay", ("relay",), free_port()),
                ("sequencer", ("sequencer",), free_port()),
            )
        }
        for process in made.values():
            up.callback(process.close)
            process.start()
        running = Cluster(folder, settings, rabbit, made)
        running.mend("nothing")
        yield running


@dataclass
class Client:
    """A submitter that does not give up: it repeats, with the same key, until it has its 202."""

    site: FarSite
    seconds: float = 120.0
    answers: dict[int, int] = field(default_factory=dict)

    def submit(self, firm: Any, made: Any, key: str) -> str | None:
        """Hand in one submission; returns its id once acknowledged, None if it never was."""
        body = self.site.body(made, firm.key)
        return self._until(lambda: self._once(firm, body, key))

    def _until(self, work: Callable[[], str | None]) -> str | None:
        deadline = time.monotonic() + self.seconds
        while time.monotonic() < deadline:
            if (found := work()) is not None:
                return found
            time.sleep(0.2)
        return None

    def _once(self, firm: Any, body: bytes, key: str) -> str | None:
        headers = self.site.headers(firm.org, EVERYTHING) | {"Idempotency-Key": key}
        try:
            answer = self.site.api.post("/submissions", content=body, headers=headers)
        except httpx2.TransportError:
            self.answers[0] = self.answers.get(0, 0) + 1
            return None
        self.answers[answer.status_code] = self.answers.get(answer.status_code, 0) + 1
        return str(answer.json()["id"]) if answer.status_code == 202 else None
