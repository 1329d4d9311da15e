"""What the processes need of each service: its `app` module, seen through one protocol."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, time, timedelta
from importlib import import_module
from typing import Protocol, cast

import httpx2
from fastapi import FastAPI
from sqlalchemy.orm import Session

from services.kit.auth import Issuer
from services.kit.damage import Damage, Seen
from services.kit.db import Database, Plumbing
from services.kit.outbox import Handler
from services.kit.problems import Unauthenticated, Unavailable
from services.kit.settings import SERVICES, Role, Settings

Tick = tuple[timedelta | time, Callable[[Session, datetime], None]]
"""When (every so often and at start, or daily at a time of day in UTC) and what beat runs."""


class Part(Protocol):
    """A service's `app` module."""

    SERVICE: str
    PLUMBING: Plumbing

    def web(self, settings: Settings, issuer: Issuer) -> FastAPI:
        """Make the app that is served under `/<service>/v1`."""

    def handlers(self, settings: Settings) -> Mapping[str, Handler]:
        """Return what the service does on each event it hears."""


class Head(Protocol):
    """A tree head of the log."""

    origin: str
    size: int


class Succeeded(Protocol):
    """The next log, and how many submissions wait for it that were cut off."""

    origin: str
    cut_off: int


class LogPart(Part, Protocol):
    """The attestation service, which also serves and writes the transparency log."""

    def log_app(self, settings: Settings, issuer: Issuer) -> FastAPI:
        """Make the app that is served under `/log`."""

    SequencerRefused: type[Exception]

    NotEnded: type[Exception]

    def run_sequencer(self, settings: Settings, stop: threading.Event) -> None:
        """Order, sign and publish until told to stop."""

    def freeze(self, settings: Settings) -> Head:
        """End the log in use and return its final head."""

    def succeed(self, settings: Settings, *, after_loss: bool) -> Succeeded:
        """Begin the next log."""

    def probe(self, settings: Settings) -> Mapping[str, str | None]:
        """Ask each time-stamping authority; return what is wrong with it, by name."""

    def reader_checks(self, settings: Settings, db: Database) -> Mapping[str, Callable[[], bool]]:
        """Return what a process that shows the log must find true to be ready."""

    def writer_checks(self, settings: Settings, db: Database) -> Mapping[str, Callable[[], bool]]:
        """Return what the process that writes the log must find true to be ready."""


class RiskPart(Part, Protocol):
    """The risk service, which judges by the one or the other engine and tells other systems."""

    def engine_of(self, settings: Settings) -> str:
        """Say which engine settles great worlds here: `compiled` or `plain`."""

    def engine_off(self, db: Database) -> float:
        """Return how many judgements the last nightly proof found to differ."""

    def run_hooks(self, settings: Settings, stop: threading.Event) -> None:
        """Send webhooks until told to stop."""


def part(service: str) -> Part:
    """Load one service; a process loads only those it runs."""
    return cast("Part", import_module(f"services.{service}.app"))


def log_part() -> LogPart:
    """Load the service that keeps the log."""
    return cast("LogPart", part("attestation"))


def risk_part() -> RiskPart:
    """Load the service that judges."""
    return cast("RiskPart", part("risk"))


def tables(service: str) -> tuple[str, ...]:
    """Return the names of a service's tables, each after those it refers to."""
    return tuple(one.name for one in part(service).PLUMBING.outbox.metadata.sorted_tables)


def fsck(service: str, settings: Settings, seen: Seen) -> Sequence[Damage]:
    """Derive what a service keeps as evidence anew; return what differs. Some keep none.

    Raises:
        sqlalchemy.exc.DBAPIError: the database is away or a table cannot be read.
    """
    look = getattr(part(service), "fsck", None)
    return look(settings, seen) if look else ()


def beside(service: str, settings: Settings, issuer: Issuer) -> Mapping[str, FastAPI]:
    """Make what a service serves beside its API, by prefix; most serve nothing else."""
    make = getattr(part(service), "beside", None)
    return make(settings, issuer) if make else {}


def ticks(service: str, settings: Settings) -> Mapping[str, Tick]:
    """Return the work of a service that is due by the clock, by name; most have none."""
    make = getattr(part(service), "ticks", None)
    return make(settings) if make else {}


@contextmanager
def databases(
    settings: Settings, role: Role, services: tuple[str, ...] = SERVICES, *, pool_size: int = 3
) -> Iterator[dict[str, Database]]:
    """Open each service's database as `role`; close all at the end."""
    opened = {
        name: Database(part(name).PLUMBING, settings.service_url(name, role), pool_size=pool_size)
        for name in services
    }
    try:
        yield opened
    finally:
        for db in opened.values():
            db.close()


def issuer_of(settings: Settings) -> Issuer:
    """Return the token issuer: identity, wherever `RENSHO_IDENTITY_URL` says it is."""
    base = settings.identity_url or f"http://127.0.0.1:{settings.port}/identity/v1"

    def fetch() -> dict[str, object]:
        # trust_env off: a proxy of the machine must not stand between our own services.
        with httpx2.Client(trust_env=False, timeout=2.0) as http:
            answer = http.get(f"{base.rstrip('/')}/jwks.json")
            answer.raise_for_status()
            keys: dict[str, object] = answer.json()
            return keys

    return Issuer(fetch)


def knows_keys(issuer: Issuer) -> bool:
    """Whether the issuer's keys are loaded, so that tokens can be checked."""
    try:
        issuer.principal("", "")
    except Unavailable:
        return False
    except Unauthenticated:
        return True
    return True
