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


class LogDamage(Protocol):
    """One piece of damage in the log: in which table, at which row, and what is wrong there."""

    table: str
    row: str
    what: str


class LogPart(Part, Protocol):
    """The attestation service, which also serves and writes the transparency log."""

    def log_app(self, settings: Settings, issuer: Issuer) -> FastAPI:
        """Make the app that is served under `/log`."""

    SequencerRefused: type[Exception]

    def run_sequencer(self, settings: Settings, stop: threading.Event) -> None:
        """Order, sign and publish until told to stop."""

    def fsck(self, settings: Settings) -> Sequence[LogDamage]:
        """Check the log from its stored bytes up."""


def part(service: str) -> Part:
    """Load one service; a process loads only those it runs."""
    return cast("Part", import_module(f"services.{service}.app"))


def log_part() -> LogPart:
    """Load the service that keeps the log."""
    return cast("LogPart", part("attestation"))


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
