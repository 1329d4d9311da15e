"""No room left, no connection left, clients that take for ever: honest answers, quick recovery."""

from __future__ import annotations

import os
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import psycopg
from sqlalchemy.exc import OperationalError

from services import everything
from services.front import Metrics, make_front, web_mounts
from services.kit import embedded
from services.kit.settings import Settings
from services.processes import bind, in_thread, keep_keys, served
from tests.attestation.site import Relation, Site, relation
from tests.deployments import deployed
from tests.factories.attestation import Made
from tests.faults.grounds import assert_ours, database, open_folder
from tests.faults.tally import Part, Tally
from tests.tokens import minter, token_key_of

_TMPFS_MEGABYTES = 160
_RECOVERED_SECONDS = 30.0
_SLOW_CLIENTS = 50
_SLOW_SECONDS = 8.0
_TRIES = 20


@dataclass
class Served:
    """A deployment whose web is a server of this process, and which a submitter knows."""

    site: Site
    apps: dict[str, Any]
    here: Relation
    port: int

    def submit(self, made: Made | None = None) -> httpx2.Response:
        """Hand in a response that was signed before, or a fresh one."""
        made = made or self.here.maker().make()
        answer: httpx2.Response = self.site.submit(self.here.respondent, made)
        return answer

    def is_there(self, answer: httpx2.Response) -> bool:
        """Whether what was acknowledged is kept."""
        path = f"/submissions/{answer.json()['id']}"
        return bool(self.site.get(path, self.here.respondent.org).status_code == 200)

    def recovers(self) -> float | None:
        """Return the seconds until a submission is taken again; None if it takes too long."""
        began = time.monotonic()
        while time.monotonic() - began < _RECOVERED_SECONDS:
            try:
                if self.submit().status_code == 202:
                    return time.monotonic() - began
            except httpx2.TransportError:
                pass
            time.sleep(0.2)
        return None


@contextmanager
def _served(settings: Settings) -> Iterator[Served]:
    with ExitStack() as up:
        sock = bind("127.0.0.1", 0)
        settings = settings.model_copy(update={"port": sock.getsockname()[1]})
        mounts, checks, refresh = web_mounts(settings)
        up.enter_context(served(make_front(mounts, checks, Metrics()), sock))
        keys = keep_keys(refresh, checks["token keys"])
        up.enter_context(in_thread("token keys", keys, threading.Event()))
        key = token_key_of(settings)
        mint = minter(token_key_of(settings, kid=key.thumbprint()))
        clients: list[Any] = [
            up.enter_context(
                httpx2.Client(
                    base_url=f"http://127.0.0.1:{settings.port}{path}", timeout=20, trust_env=False
                )
            )
            for path in ("/attestation/v1", "/log")
        ]
        site = Site(settings, clients[0], clients[1], mint)
        up.callback(site.close)
        site.sequencer.start()
        yield Served(site, mounts, relation(site), settings.port)


def _judge(tally: Tally, there: Served, answers: list[httpx2.Response], what: str) -> None:
    """Count answers that say less or more than is true, once the trouble is over."""
    for answer in answers:
        if answer.status_code == 202:
            tally.add(false_acknowledgements=not there.is_there(answer))
        elif answer.status_code != 503 or "Retry-After" not in answer.headers:
            tally.add(wrong_answers=1)
            tally.note(f"{what}: {answer.status_code} {answer.text[:120]}")
    tally.add(refused_with_503=sum(one.status_code == 503 for one in answers))


def _recovery(tally: Tally, there: Served, what: str) -> None:
    seconds = there.recovers()
    tally.add(not_recovered=seconds is None)
    if seconds is not None:
        tally.worst(f"seconds_to_recover_from_{what}", seconds)


@contextmanager
def small_disk(folder: Path) -> Iterator[Path | None]:
    """A disk of 160 MiB in memory, mounted in a folder of ours; None where we may not mount."""
    disk = folder / "disk"
    disk.mkdir()
    size = f"size={_TMPFS_MEGABYTES}m,mode=0755"
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", size, "rensho-faults", str(disk)],
        capture_output=True,
        check=False,
    )
    if done.returncode != 0:
        yield None
        return
    try:
        assert disk.resolve().is_relative_to(folder.resolve())
        assert os.path.ismount(disk)
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def _full_disk(tally: Tally, folder: Path) -> None:
    with small_disk(folder) as disk, ExitStack() as up:
        if disk is None:
            tally.note("disk full was not tried: this user may not mount a tmpfs")
            return
        data = disk / "data" / "postgres"
        url = up.enter_context(embedded.postgres(data))
        keeper = everything._postgres_keeper(data)
        up.enter_context(in_thread("postgres", keeper, threading.Event()))
        with psycopg.connect(url, autocommit=True) as admin:
            admin.execute("ALTER SYSTEM SET max_wal_size = '48MB'")
            admin.execute("ALTER SYSTEM SET min_wal_size = '32MB'")
            admin.execute("SELECT pg_reload_conf()")
        settings = deployed(url, disk)
        assert_ours(settings, disk)
        there = up.enter_context(_served(settings))
        filler = disk / "filler"
        _fill(filler)
        answers = _try(there)
        tally.add(tries_on_a_full_disk=len(answers))
        filler.unlink()
        _recovery(tally, there, "a_full_disk")
        _judge(tally, there, answers, "disk full")
        tally.add(damage=len(_damage(there.site)))


def _fill(filler: Path) -> None:
    with filler.open("wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            try:
                while True:
                    file.write(b"\0" * size)
            except OSError:
                continue


def _try(there: Served) -> list[httpx2.Response]:
    answers = []
    for _ in range(_TRIES):
        try:
            answers.append(there.submit())
        except httpx2.TransportError:
            # Nobody was told anything.
            continue
    return answers


def _damage(site: Site) -> list[Any]:
    """What fsck says once the sequencer has done what was left; a server may still be starting."""
    deadline = time.monotonic() + _RECOVERED_SECONDS
    while True:
        try:
            site.new_sequencer().round()
            return site.damage()
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.5)


def _empty_pool(tally: Tally, there: Served) -> None:
    """Every connection of one service is held; the others go on."""
    signed = there.here.maker().make()
    engine = there.apps["/attestation/v1"].state.db.engine
    held = [engine.connect() for _ in range(engine.pool.size())]
    answers: list[httpx2.Response] = []
    submitting = threading.Thread(target=lambda: answers.append(there.submit(signed)))
    submitting.start()
    tally.worst("p99_of_others_without_a_connection", _p99(there, seconds=2.5))
    submitting.join(30)
    for connection in held:
        connection.close()
    _recovery(tally, there, "an_empty_pool")
    _judge(tally, there, answers, "pool empty")


def _slow_clients(tally: Tally, there: Served) -> None:
    """Uploads of one byte a second; the others go on, and nothing of them is kept."""
    before = there.site.sql("SELECT count(*) FROM attestation.submission")
    slow = [_begin_upload(there) for _ in range(_SLOW_CLIENTS)]
    stop = threading.Event()
    dripping = threading.Thread(target=_drip, args=(slow, stop))
    dripping.start()
    tally.worst("p99_of_others_beside_slow_clients", _p99(there, seconds=_SLOW_SECONDS))
    stop.set()
    dripping.join(10)
    for one in slow:
        one.close()
    after = there.site.sql("SELECT count(*) FROM attestation.submission")
    tally.add(false_acknowledgements=after != before)
    _recovery(tally, there, "slow_clients")


def _begin_upload(there: Served) -> socket.socket:
    sock = socket.create_connection(("127.0.0.1", there.port), timeout=10)
    head = {
        "Host": "127.0.0.1",
        "Content-Type": "application/json",
        "Content-Length": "100000",
        **there.site.headers(there.here.respondent.org),
    }
    lines = [f"{name}: {value}" for name, value in head.items()]
    start = "\r\n".join(["POST /attestation/v1/submissions HTTP/1.1", *lines, "", "{"])
    sock.sendall(start.encode())
    return sock


def _drip(slow: list[socket.socket], stop: threading.Event) -> None:
    while not stop.wait(1.0):
        for one in slow:
            try:
                one.sendall(b" ")
            except OSError:
                continue


def _p99(there: Served, seconds: float) -> float:
    """Return how long the slowest hundredth of others' requests took."""
    times, until = [], time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        assert there.site.log.get("/checkpoint").status_code == 200
        times.append(time.monotonic() - began)
    times.sort()
    return times[int(len(times) * 0.99)]


def run(tally: Tally) -> None:
    """Play rounds of all three; each disk and database is new."""
    while tally.more():
        with open_folder() as folder:
            _full_disk(tally, folder)
        with open_folder() as folder, database(tally.admin_url) as url:
            settings = deployed(url, folder)
            assert_ours(settings, folder)
            with _served(settings) as there:
                _empty_pool(tally, there)
                _slow_clients(tally, there)
        slow = max(
            tally.counts["p99_of_others_without_a_connection"],
            tally.counts["p99_of_others_beside_slow_clients"],
        )
        tally.counts["others_too_slow"] = float(slow >= 1.0)
        tally.add(rounds=1)


PART = Part(
    "scarcity",
    "disk full, pool empty, slow clients: 503 with Retry-After, never a false 2xx, others' p99"
    " below a second, at work again within 30 s",
    "rounds",
    10,
    (
        "false_acknowledgements",
        "wrong_answers",
        "not_recovered",
        "others_too_slow",
        "damage",
    ),
    run,
)
