"""Signed responses from the hands of a firm into the published log, by way of the bulk action.

Collected by `python -m tests.bench` only: it borrows the fixtures of the attestation tests.
"""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from multiprocessing.synchronize import Event
from typing import Any

import psycopg
from rensho.verify import check_submission

from services.attestation.actions import submissions
from services.attestation.actions.bulk import record_many
from services.attestation.actions.earlier import lay_beside, requests_answered
from services.attestation.actions.submissions import Handed
from services.attestation.app import PLUMBING
from services.attestation.store import keys
from services.attestation.store.statements import Submission
from services.attestation.tasks import sequencer as sequencers
from services.kit import clock
from services.kit.auth import Principal
from services.kit.db import Actor, Database
from services.kit.settings import Settings
from services.processes import spare_the_collector
from tests.attestation.conftest import apps, settings, site
from tests.attestation.site import Relation, Site, relation
from tests.bench.measuring import Line, wall

__all__ = ["apps", "settings", "site"]

LINES: list[Line] = []
"""What the last run found: pytest returns nothing."""

_COMPONENTS = 4
_STATEMENTS = _COMPONENTS + 1
_RESPONSES = 200
_CALL = 25
_CALLERS = 2
_SINGLE = 10
_ROUNDS = 3
_TABLES = (
    *("submission", "statement", "reader", "document", "statement_document", "disclosure"),
    *("promise", "leaf", "node", "bundle"),
)


@dataclass
class _Bench:
    here: Relation
    app: Database
    who: Principal
    seconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def site(self) -> Site:
        return self.here.site

    def responses(self, count: int) -> list[Handed]:
        key = self.here.respondent.key
        names = tuple(f"part-{number}" for number in range(_COMPONENTS))
        made = [self.here.maker(components=names).make() for _ in range(count)]
        return [
            Handed("response", tuple(one.bundles(key)), one.documents, one.disclosures)
            for one in made
        ]

    def timed(self, name: str, count: int, work: Callable[[], object]) -> None:
        start = wall()
        work()
        self.seconds.setdefault(name, []).append((wall() - start) / count)

    def verify(self, handed: Sequence[Handed]) -> None:
        """What the service checks, alone: everything it is held against was read before."""
        now = clock.now()
        ready = []
        with self.app.begin(Actor("bench", self.who.org), read_only=True) as tx:
            here = submissions._here(tx)
            for one in handed:
                read = submissions._read(one, here)
                said = [found.statement for found in read]
                asked = requests_answered(tx, self.who, one.disclosures, said)
                earlier = lay_beside(tx, self.who, here, said, asked)
                events = keys.ring_events(tx, [self.who.org])
                ready.append(submissions._for_checking(one, earlier, events))

        def work() -> None:
            for one in ready:
                assert set(check_submission(one, here, now)) <= {"key.pending"}

        self.timed("verify", len(handed) * _STATEMENTS, work)

    def ingest(self, handed: Sequence[Handed]) -> None:
        """Two processes as in production: one takes in, the other sequences and publishes."""
        with _sequencing(self.site.settings), self._connected() as watch:
            wanted = _published(watch) + len(handed) * _STATEMENTS

            def work() -> None:
                calls = [handed[at : at + _CALL] for at in range(0, len(handed), _CALL)]
                # One checks while the other waits for the database.
                with ThreadPoolExecutor(_CALLERS) as callers:
                    list(callers.map(self._record, calls))
                while _published(watch) < wanted:
                    time.sleep(0.02)

            self.timed("ingest", len(handed) * _STATEMENTS, work)

    def one_by_one(self, handed: Sequence[Handed]) -> None:
        """Every submission waits for a checkpoint of its own."""

        def work() -> None:
            for one in handed:
                self._record([one])
                self.site.sequencer.round()

        self.timed("one by one", len(handed) * _STATEMENTS, work)

    def _record(self, handed: Sequence[Handed]) -> None:
        with self.app.begin(Actor("bench", self.who.org)) as tx:
            found = record_many(tx, self.who, handed, clock.now())
        assert all(isinstance(one, Submission) for one in found), found

    @contextmanager
    def _connected(self) -> Iterator[psycopg.Connection[Any]]:
        url = self.site.settings.database_url
        assert url is not None
        with psycopg.connect(url.get_secret_value(), autocommit=True) as connection:
            yield connection

    def copy(self) -> None:
        """COPY of every row that is stored by now into tables with the same indexes."""
        with self._connected() as connection:
            rows = {name: _copied_out(connection, name) for name in _TABLES}
            for name in _TABLES:
                _run(connection, f"DROP TABLE IF EXISTS bench_{name}")
                _run(
                    connection, f"CREATE TABLE bench_{name} (LIKE attestation.{name} INCLUDING ALL)"
                )

            def work() -> None:
                with connection.transaction():
                    for name, data in rows.items():
                        statement = f"COPY bench_{name} FROM STDIN (FORMAT binary)"
                        with connection.cursor().copy(statement.encode()) as out:
                            out.write(data)

            self.timed("copy", _published(connection), work)


def _published(connection: psycopg.Connection[Any]) -> int:
    row = connection.execute("SELECT count(*) FROM attestation.bundle").fetchone()
    assert row is not None
    return int(row[0])


def _run(connection: psycopg.Connection[Any], statement: str) -> None:
    connection.execute(statement.encode())


def _copied_out(connection: psycopg.Connection[Any], table: str) -> bytes:
    statement = f"COPY attestation.{table} TO STDOUT (FORMAT binary)"
    with connection.cursor().copy(statement.encode()) as rows:
        return b"".join(bytes(part) for part in rows)


@contextmanager
def _sequencing(settings: Settings) -> Iterator[None]:
    spawn = multiprocessing.get_context("spawn")
    ready, stop = spawn.Event(), spawn.Event()
    process = spawn.Process(target=_sequence, args=(settings, ready, stop), daemon=True)
    process.start()
    try:
        assert ready.wait(120), "the sequencer did not start"
        yield
    finally:
        stop.set()
        process.join(60)
        assert process.exitcode == 0


def _sequence(settings: Settings, ready: Event, stop: Event) -> None:
    sequencer = sequencers.make(settings)
    sequencer.start()
    sequencer.round()
    spare_the_collector()  # as its process does
    ready.set()
    while not stop.is_set():
        if not sequencer.round():
            time.sleep(0.005)
    sequencer.db.close()


def test_ingest(site: Site) -> None:
    here = relation(site)
    issued: datetime = clock.now()
    app = Database(PLUMBING, site.settings.service_url("attestation", "app"))
    bench = _Bench(here, app, Principal("bench", here.respondent.org, frozenset(), issued))
    try:
        spare_the_collector()
        for _ in range(_ROUNDS):
            handed = bench.responses(_RESPONSES)
            bench.verify(handed)
            bench.ingest(handed)
            bench.one_by_one(bench.responses(_SINGLE))
            bench.copy()
    finally:
        app.close()
    assert site.damage() == []
    LINES.extend(_lines(bench.seconds))


def _lines(seconds: dict[str, list[float]]) -> list[Line]:
    path = f"durable signed ingest, responses of {_STATEMENTS} statements, {_CALL} a call"
    limit = [max(pair) for pair in zip(seconds["verify"], seconds["copy"], strict=True)]
    against = {
        "slower of the service's checks on one core and COPY of the same rows": (limit, 0.70),
        "the checks alone": (seconds["verify"], None),
        "COPY alone": (seconds["copy"], None),
        "a checkpoint per submission": (seconds["one by one"], 5.0),
    }
    return [
        Line.of(path, name, seconds["ingest"], other, goal)
        for name, (other, goal) in against.items()
    ]
