"""The web servers that are held against each other, each in a process of its own."""

from __future__ import annotations

import multiprocessing
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.synchronize import Event
from typing import Any

import psutil
import uvicorn
from fastapi import APIRouter, FastAPI
from pydantic import BaseModel
from sqlalchemy import select
from sqlalchemy.orm import Session
from starlette.responses import Response
from starlette.types import ASGIApp

from services.front import Metrics, make_front
from services.kit.auth import Issuer, needs
from services.kit.db import Database
from services.kit.settings import Settings
from services.kit.web import make_app
from services.processes import server_of
from services.risk.app import PLUMBING, web
from services.risk.store import Label, Score, SnapshotSigned

BODY = b'{"hello":"world"}'


@dataclass(frozen=True)
class Given:
    """What a server process is given."""

    settings: Settings
    jwks: dict[str, Any]
    port: int


def _issuer(given: Given) -> Issuer:
    made = Issuer(lambda: given.jwks)
    made.refresh()
    return made


def hello(_given: Given) -> ASGIApp:
    """FastAPI's first example."""
    app = FastAPI()

    @app.get("/")
    async def say() -> dict[str, str]:
        return {"hello": "world"}

    return app


def bare(_given: Given) -> ASGIApp:
    """A route without anything around it."""
    app = FastAPI()

    @app.get("/v1/route")
    async def route() -> Response:
        return Response(BODY, media_type="application/json")

    return app


def stack(given: Given) -> ASGIApp:
    """The same route inside everything that is around each of ours."""
    router = APIRouter()

    @router.get("/route", dependencies=[needs("public")])
    async def route() -> Response:
        return Response(BODY, media_type="application/json")

    app = make_app(
        "risk",
        title="bench",
        routers=[router],
        db=Database(PLUMBING, given.settings.service_url("risk", "app")),
        issuer=_issuer(given),
        refusals={},
        state={},
    )
    return make_front({"/v1": app}, {}, Metrics())


def ours(given: Given) -> ASGIApp:
    """The risk service as it is served."""
    return make_front({"/risk/v1": web(given.settings, _issuer(given))}, {}, Metrics())


class _Naive(BaseModel):
    id: str
    name: str
    score: str | None
    band: str | None
    snapshot: str
    explanation: dict[str, Any] | None


def orm(given: Given) -> ASGIApp:
    """A score as one would write it first: the ORM and a response model, no reader checked."""
    db = Database(PLUMBING, given.settings.service_url("risk", "worker"))
    app = FastAPI()

    @app.get("/suppliers/{supplier}")
    def get(supplier: str) -> _Naive:
        with Session(db.engine) as session:
            newest = select(SnapshotSigned).order_by(SnapshotSigned.as_of.desc()).limit(1)
            signed = session.scalars(newest).one()
            score = session.get_one(Score, (signed.snapshot_id, supplier))
            label = session.get_one(Label, score.link_id)
            return _Naive(
                id=score.id,
                name=label.name,
                score=score.evidenced,
                band=score.band,
                snapshot=str(signed.snapshot_id),
                explanation=score.explanation,
            )

    return app


CONTENDERS: dict[str, Callable[[Given], ASGIApp]] = {
    "hello": hello,
    "bare": bare,
    "stack": stack,
    "ours": ours,
    "orm": orm,
}


def _serve(name: str, given: Given, ready: Event) -> None:
    server: uvicorn.Server = server_of(CONTENDERS[name](given))
    server.config.port = given.port
    threading.Thread(target=_tell, args=(server, ready), daemon=True).start()
    server.run()


def _tell(server: uvicorn.Server, ready: Event) -> None:
    while not server.started:
        time.sleep(0.01)
    ready.set()


class Running:
    """A server process, its processor time, its memory, and connections to it."""

    def __init__(self, pid: int, port: int, connections: int) -> None:
        self.process = psutil.Process(pid)
        self.port = port
        self._sockets = [self.connect() for _ in range(connections)]

    def connect(self) -> socket.socket:
        made = socket.create_connection(("127.0.0.1", self.port))
        made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return made

    def cpu(self) -> float:
        spent = self.process.cpu_times()
        return float(spent.user + spent.system)

    def ask(self, request: bytes, times: int, status: bytes = b"200") -> None:
        """Ask on all connections at once, again and again."""
        for _ in range(times // len(self._sockets)):
            for one in self._sockets:
                one.sendall(request)
            for one in self._sockets:
                _read_answer(one, status)

    def close(self) -> None:
        for one in self._sockets:
            one.close()


def _read_answer(connection: socket.socket, status: bytes) -> None:
    data = connection.recv(65536)
    while b"\r\n\r\n" not in data:
        data += connection.recv(65536)
    head, _, body = data.partition(b"\r\n\r\n")
    assert head.split(b" ", 2)[1] == status, data[:400]
    length = 0
    for line in head.split(b"\r\n"):
        if line.lower().startswith(b"content-length:"):
            length = int(line.split(b":")[1])
    while len(body) < length:
        body += connection.recv(65536)


@contextmanager
def serving(name: str, given: Given, connections: int = 8) -> Iterator[Running]:
    """Run one contender in a process of its own."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = Given(given.settings, given.jwks, port)
    spawn = multiprocessing.get_context("spawn")
    ready = spawn.Event()
    process = spawn.Process(target=_serve, args=(name, own, ready), daemon=True)
    process.start()
    try:
        assert ready.wait(120), f"{name} did not start"
        assert process.pid is not None
        running = Running(process.pid, port, connections)
        yield running
        running.close()
    finally:
        process.terminate()
        process.join(20)
