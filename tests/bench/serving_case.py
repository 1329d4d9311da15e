"""One hundred thousand scores, asked for one by one and all at once.

Collected by `python -m tests.bench` only: it borrows the fixtures of the risk tests.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import psycopg
import pytest
from joserfc.jwk import ECKey

from services.kit.db import new_id
from services.kit.settings import Settings
from services.risk.rules import serving
from services.risk.rules.serving import Firm, Named, Source
from tests.bench.contenders import Given, Running
from tests.bench.contenders import serving as served
from tests.bench.measuring import Line
from tests.risk.conftest import settings

__all__ = ["settings"]

LINES: list[Line] = []
"""What the last run found: pytest returns nothing."""

_FIRMS = 100_000
_ROUNDS = 3
_REQUESTS = 2_000
_MEGABYTE = 2**20
_END = b"}\n"


class World:
    """A requester with a hundred thousand suppliers, as it is after a night's snapshot."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.org, self.snapshot = new_id(), new_id()
        self.moment = datetime(2026, 11, 21, 3, tzinfo=UTC)
        self.some = ""

    @contextmanager
    def connected(self) -> Iterator[psycopg.Connection[Any]]:
        assert self.settings.database_url is not None
        url = self.settings.database_url.get_secret_value()
        with psycopg.connect(url, autocommit=True) as connection:
            yield connection

    def fill(self) -> None:
        source = Source(
            "https://erp.example/risk/v1", str(self.snapshot), self.moment, "rm-1", "ab" * 32
        )
        with self.connected() as connection:
            connection.execute(
                "INSERT INTO risk.snapshot VALUES (%s, %s, %s)",
                [self.snapshot, self.org, self.moment],
            )
            connection.execute(
                "INSERT INTO risk.snapshot_signed (snapshot_id, org_id, as_of, statement_id, model,"
                " policy_digest, facts_sha256, results_sha256, unchanging, facts, results, summary)"
                " VALUES (%s, %s, %s, 'x', 'rm-1', 'ab', 'ab', 'ab', 'ab', '', '', '{}')",
                [self.snapshot, self.org, self.moment],
            )
            firms = [(str(new_id()), new_id(), number) for number in range(_FIRMS)]
            self.some = firms[_FIRMS // 2][0]
            for table, (columns, row) in _TABLES.items():
                with (
                    connection.transaction(),
                    connection.cursor().copy(
                        f"COPY risk.{table} ({columns}) FROM STDIN".encode()
                    ) as out,
                ):
                    for firm, link, number in firms:
                        out.write_row(row(self, source, firm, link, number))
            connection.execute("VACUUM ANALYZE risk.served, risk.score, risk.label")

    def copy(self) -> float:
        """`psql COPY … TO STDOUT` of the same lines; returns the seconds it took."""
        statement = (
            f"COPY (SELECT line FROM risk.served WHERE org_id = '{self.org}' ORDER BY id) TO STDOUT"
        )
        assert self.settings.database_url is not None
        start = time.perf_counter()
        subprocess.run(
            ["psql", self.settings.database_url.get_secret_value(), "-Xqc", statement],
            check=True,
            stdout=subprocess.DEVNULL,
        )
        return time.perf_counter() - start


def _named(number: int) -> Named:
    # What an export must survive: Japanese, quotes, backslashes, line ends.
    return Named(
        name=f'東京精密{number}㈱ "第\\{number}工場"\n品質保証部',
        vendor_codes=[f"{number:010d}"],
        tags=["プレス", "溶接"],
    )


def _explanation(number: int) -> dict[str, Any]:
    questions = [
        {"id": f"Q-CORE-{q:03d}", "gap": "0.250000000", "contribution": "0.000012345"}
        for q in range(12)
    ]
    return {"components": [{"id": f"vision-{number}", "questions": questions}]}


def _label(world: World, _source: Source, firm: str, link: UUID, number: int) -> list[Any]:
    named = _named(number)
    return [
        *(link, new_id(), world.org, firm),
        *(named.name, list(named.vendor_codes), list(named.tags)),
    ]


def _score(world: World, _source: Source, firm: str, link: UUID, number: int) -> list[Any]:
    explanation = json.dumps(_explanation(number))
    numbers = ("B", "0.041000000", "0.241000000", "0.750000000")
    return [world.snapshot, firm, world.org, link, 1, "[1]", *numbers, explanation]


def _served(world: World, source: Source, firm: str, link: UUID, number: int) -> list[Any]:
    judged = Firm(firm, 1, [1], "B", "0.041000000", "0.241000000", "0.750000000")
    made = serving.ready(source, judged, _named(number), _explanation(number))
    return [
        *(world.org, firm, world.snapshot, link, list(made.names), 1, "B", 24.1, made.content),
        *(number, world.moment, made.etag, made.body, made.line, made.rows, made.row_count),
        made.unholdable,
    ]


_SCORE = "snapshot_id, id, org_id, link_id, tier, tiers, band, claimed, evidenced, coverage"
_SERVED = (
    "org_id, id, snapshot_id, link_id, names, tier, band, score, content, change, changed_at, "
    "etag, body, line, rows, row_count, unholdable"
)
_TABLES: dict[str, tuple[str, Callable[..., list[Any]]]] = {
    "label": ("link_id, event_id, org_id, supplier_id, name, vendor_codes, tags", _label),
    "score": (f"{_SCORE}, explanation", _score),
    "served": (_SERVED, _served),
}


@pytest.fixture(scope="module")
def world(settings: Settings) -> World:
    made = World(settings)
    made.fill()
    return made


@pytest.fixture(scope="module")
def given(settings: Settings, token_key: ECKey) -> Given:
    return Given(settings, {"keys": [token_key.as_dict(private=False)]}, 0)


def _request(path: str, headers: dict[str, str]) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"GET {path} HTTP/1.1\r\nHost: erp.example\r\n{lines}\r\n".encode()


def _seconds(running: Running, request: bytes, status: bytes = b"200") -> float:
    before = running.cpu()
    running.ask(request, _REQUESTS, status)
    return (running.cpu() - before) / _REQUESTS


def test_by_key(world: World, given: Given, tokens: Callable[..., dict[str, str]]) -> None:
    headers = tokens(org=world.org, audience="risk", scopes={"scores.read"})
    asked = {
        "hello": _request("/", {}),
        "ours": _request(f"/risk/v1/suppliers/{world.some}", headers),
        "orm": _request(f"/suppliers/{world.some}", {}),
        "bare": _request("/v1/route", {}),
        "stack": _request("/v1/route", {}),
    }
    found: dict[str, list[float]] = {name: [] for name in asked}
    with ExitStack() as all_of_them:
        running = {n: all_of_them.enter_context(served(n, given)) for n in asked}
        for number in range(_ROUNDS + 1):
            for name, request in asked.items():
                seconds = _seconds(running[name], request)
                if number:  # the first round warms
                    found[name].append(seconds)
    key = "score by key from PostgreSQL, token and reader checked, processor per request"
    LINES.append(Line.of(key, "FastAPI hello-world", found["ours"], found["hello"], 1 / 4))
    LINES.append(
        Line.of(key, "ORM and response model, unchecked", found["ours"], found["orm"], None)
    )
    path = "full middleware stack, processor per request"
    LINES.append(Line.of(path, "bare route", found["stack"], found["bare"], 1 / 1.5))


def test_export(world: World, given: Given, tokens: Callable[..., dict[str, str]]) -> None:
    headers = tokens(org=world.org, audience="risk", scopes={"scores.read"})
    request = _request("/risk/v1/exports/scores.ndjson", {**headers, "Connection": "close"})
    ours: list[float] = []
    theirs: list[float] = []
    first: list[float] = []
    with served("ours", given, connections=1) as running:
        _pull(running, request)
        before = running.process.memory_info().rss
        with _highest_memory(running) as highest:
            for _ in range(_ROUNDS):
                waited, took = _pull(running, request)
                first.append(waited)
                ours.append(took / _FIRMS)
                theirs.append(world.copy() / _FIRMS)
    path = f"export of {_FIRMS:,} scores, Japanese text and quotes included"
    LINES.append(Line.of(path, "psql COPY … TO STDOUT", ours, theirs, 0.9))
    grown = max(highest[0] - before, 1) / _MEGABYTE
    LINES.append(Line(f"{path}: memory growth, MB", "limit of 32 MB", grown, 32, 32 / grown, 1))
    wait = statistics.median(first) * 1_000
    LINES.append(Line(f"{path}: first byte, ms", "limit of 100 ms", wait, 100, 100 / wait, 1))


def _pull(running: Running, request: bytes) -> tuple[float, float]:
    """Take a whole export; returns the seconds to its first byte and to its last."""
    connection = running.connect()
    start = time.perf_counter()
    connection.sendall(request)
    head = b""
    while not head.partition(b"\r\n\r\n")[2]:
        head += connection.recv(1 << 16)
    waited = time.perf_counter() - start
    rows = head.count(_END)
    while part := connection.recv(1 << 20):
        rows += part.count(_END)
    took = time.perf_counter() - start
    assert head.startswith(b"HTTP/1.1 200"), head[:300]
    # A row may be cut between two parts.
    assert rows > _FIRMS * 0.9, rows
    connection.close()
    return waited, took


@contextmanager
def _highest_memory(running: Running) -> Iterator[list[int]]:
    highest, stop = [0], threading.Event()

    def watch() -> None:
        while not stop.wait(0.005):
            highest[0] = max(highest[0], running.process.memory_info().rss)

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    yield highest
    stop.set()
    thread.join()
