"""A deployment with witnesses: real ones on loopback, or somebody who answers as a test says."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from rensho import checkpoint, strict_base64
from rensho.keys import PrivateKey
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route

from services.kit import keyfiles
from services.processes import bind, served
from services.witness import Running, running
from tests.attestation.site import Site


@dataclass
class Watched(Site):
    """A site whose witnesses may be taken away and put back; both are needed."""

    folder: Path = Path()
    up: dict[str, ExitStack] = field(default_factory=dict)
    places: dict[str, Running] = field(default_factory=dict)

    def put_up(self, name: str, port: int = 0, **more: bytes) -> None:
        key = keyfiles.signing_key(self.settings, "log").public.raw_ed25519
        logs = {self.settings.log_origin: key, **more}
        self.up[name] = ExitStack()
        self.places[name] = self.up[name].enter_context(
            running(self.folder / name, logs, name=name, port=port)
        )

    def take_down(self, name: str) -> None:
        self.up.pop(name).close()

    def put_back(self, name: str, **more: bytes) -> None:
        self.put_up(name, int(self.places[name].url.rpartition(":")[2]), **more)

    def told(self, quorum: int, *more: dict[str, str]) -> None:
        """Put the witnesses into the settings, `more` behind them."""
        entries = [*(place.setting() for place in self.places.values()), *more]
        self.settings = self.settings.model_copy(
            update={"witnesses": json.dumps(entries), "witness_quorum": quorum}
        )

    @property
    def signed_size(self) -> int:
        query = "SELECT size FROM attestation.checkpoint ORDER BY seq DESC LIMIT 1"
        found: int = self.sql(query)[0][0]
        return found

    @property
    def newest(self) -> checkpoint.Checkpoint:
        deployment = self.trust.deployments[0]
        keys = [key for epoch in deployment.epochs for key in deployment.note_keys(epoch)]
        return checkpoint.open(self.log.get("/checkpoint").content, keys)

    @property
    def shown_size(self) -> int:
        return self.newest.size

    def until(self, true: Callable[[], bool], rounds: int = 60) -> None:
        """Run rounds until something is so."""
        for _ in range(rounds):
            self.sequencer.round()
            if true():
                return
            time.sleep(0.05)
        pytest.fail("never")

    @contextmanager
    def shown(self) -> Iterator[str]:
        """Serve the log over HTTP; yields the deployment's address."""
        sock = bind("127.0.0.1", 0)
        app = Starlette(routes=[Mount("/log", self.log.app)])
        with served(app, sock):
            yield f"http://127.0.0.1:{sock.getsockname()[1]}"


@dataclass
class Liar:
    """Somebody who answers add-checkpoint with whatever a test says, after `seconds`."""

    status: int = 500
    body: bytes = b""
    media_type: str = "text/plain"
    seconds: float = 0.0
    asked: int = 0
    url: str = ""
    key: PrivateKey = field(default_factory=lambda: PrivateKey.generate("ed25519"))

    def setting(self) -> dict[str, str]:
        raw = self.key.public.raw_ed25519
        return {"name": "liar.example", "url": self.url, "key": strict_base64.encode(raw)}

    @contextmanager
    def up(self) -> Iterator[Liar]:
        async def answer(_request: Request) -> Response:
            self.asked += 1
            await run_in_threadpool(time.sleep, self.seconds)
            return Response(self.body, self.status, {"Content-Type": self.media_type})

        sock = bind("127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        app = Starlette(routes=[Route("/add-checkpoint", answer, methods=["POST"])])
        with served(app, sock):
            yield self
