"""`renshod doctor`: one line per thing that must be right, with what to do where it is not."""

from __future__ import annotations

import shutil
import smtplib
import socket
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
from alembic.config import Config
from alembic.script import ScriptDirectory
from kombu import Connection
from sqlalchemy import text
from sqlalchemy.engine import URL

from services.everything import AlreadyRunning, only_one
from services.kit import keyfiles
from services.kit.settings import SERVICES, Role, Settings
from services.migrate import ROOT
from services.parts import databases, log_part, risk_part
from services.processes import StartFailed, bind

OLDEST_PYTHON = (3, 11)
OLDEST_POSTGRESQL = 150_000
_NEEDED_BYTES = 500 * 1024**2
_CLOCK_SECONDS = 5.0
_TIME_SOURCES = 2


@dataclass(frozen=True)
class Finding:
    """One thing looked at: `advice` is empty where all is well."""

    name: str
    seen: str
    advice: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing needs to be done."""
        return not self.advice


class _Wrong(Exception):
    """A check's bad end: what was seen and what to do."""

    def __init__(self, seen: str, advice: str) -> None:
        super().__init__(seen)
        self.seen, self.advice = seen, advice


def examine(settings: Settings) -> Iterator[Finding]:
    """Look at everything this machine and these settings bring; never raises.

    `settings` must name a database (`everything.database` starts the embedded one).
    """
    checks: dict[str, Callable[[], str]] = {
        "Python": _python,
        "settings": lambda: f"{settings.env}, data in {settings.data_dir}",
        "disk": lambda: _disk(settings.data_dir),
        "keys": lambda: _keys(settings),
        "database": lambda: _database(settings),
        **{f"database of {name}": _schema_check(settings, name) for name in SERVICES},
        "clock": lambda: _clock(settings),
        "log": lambda: _log(settings),
        "time-stamps": lambda: _time_stamps(settings),
        "broker": lambda: _broker(settings.broker_url.get_secret_value()),
        "mail": lambda: _mail(settings),
        "risk engine": lambda: _engine(settings),
        "port": lambda: _port(settings),
    }
    for name, check in checks.items():
        try:
            yield Finding(name, check())
        except _Wrong as why:
            yield Finding(name, why.seen, why.advice)
        except Exception as why:  # noqa: BLE001 (a broken check is a finding, not a crash)
            yield Finding(name, f"{type(why).__name__}: {why}", "look at the message")


def _python() -> str:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info < OLDEST_PYTHON:
        raise _Wrong(version, "use Python 3.11 or newer")
    return version


def _disk(folder: Path) -> str:
    here = next(path for path in (folder, *folder.parents) if path.exists())
    free = shutil.disk_usage(here).free
    seen = f"{free // 1024**2} MiB free at {here}"
    if free < _NEEDED_BYTES:
        raise _Wrong(seen, "free some space or choose another RENSHO_DATA_DIR")
    return seen


def _keys(settings: Settings) -> str:
    names = [*keyfiles.SIGNING, *keyfiles.SECRETS]
    try:
        for name in names:
            keyfiles.secret_bytes(settings, name)
    except keyfiles.UnsafeKeys as why:
        raise _Wrong(str(why), "run `renshod keys init`, or correct the file") from why
    kind = "demo" if keyfiles.demo(settings) else "production"
    return f"{len(names)} {kind} keys in {settings.keys}, each 0600"


def _connect(url: URL) -> psycopg.Connection[tuple[object, ...]]:
    plain = url.set(drivername="postgresql").render_as_string(hide_password=False)
    return psycopg.connect(plain, connect_timeout=5)


def _database(settings: Settings) -> str:
    try:
        with _connect(settings.service_url("identity", "app")) as connection:
            version = connection.info.server_version
    except (psycopg.OperationalError, LookupError) as why:
        advice = "start the server, correct the URL or password, or run `renshod migrate`"
        raise _Wrong(str(why).strip(), advice) from why
    if version < OLDEST_POSTGRESQL:
        raise _Wrong(f"PostgreSQL {version // 10_000}", "use PostgreSQL 15 or newer")
    return f"PostgreSQL {version // 10_000}"


def _schema_check(settings: Settings, service: str) -> Callable[[], str]:
    def check() -> str:
        roles: tuple[Role, ...] = ("owner", "app", "worker")
        for role in roles:
            try:
                with _connect(settings.service_url(service, role)) as connection:
                    connection.execute("SELECT 1")
            except psycopg.OperationalError as why:
                seen = f"{service}_{role} cannot log in: {str(why).strip()}"
                raise _Wrong(seen, "run `renshod migrate`") from why
        head = _newest_revision(service)
        found = _revision(settings, service)
        if found != head:
            raise _Wrong(f"at revision {found}, code at {head}", "run `renshod migrate`")
        return f"three roles log in, revision {head}"

    return check


def _newest_revision(service: str) -> str | None:
    config = Config(str(ROOT / "alembic.ini"), ini_section=service)
    return ScriptDirectory.from_config(config).get_current_head()


def _revision(settings: Settings, service: str) -> str | None:
    with _connect(settings.service_url(service, "owner")) as connection:
        table = connection.execute(
            "SELECT to_regclass(%s)::text", [f"{service}.alembic_version"]
        ).fetchone()
        if table is None or table[0] is None:
            return None
        row = connection.execute(
            f"SELECT version_num FROM {service}.alembic_version".encode()  # noqa: S608 (a constant)
        ).fetchone()
    return str(row[0]) if row else None


def _clock(settings: Settings) -> str:
    with _connect(settings.service_url("identity", "app")) as connection:
        before = time.time()
        row = connection.execute("SELECT extract(epoch FROM clock_timestamp())").fetchone()
    assert row is not None
    apart = abs(float(str(row[0])) - before)
    seen = f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S} UTC, {apart:.1f} s from the database's"
    if apart > _CLOCK_SECONDS:
        raise _Wrong(seen, "set both machines' clocks by NTP: tokens live five minutes")
    return seen


def _log(settings: Settings) -> str:
    with databases(settings, "worker", ("attestation",), pool_size=1) as opened:
        db = opened["attestation"]
        with db.engine.connect() as connection:
            heads = connection.execute(text("SELECT count(*) FROM attestation.checkpoint")).scalar()
        if not heads:
            return "not open yet: its sequencer has never run"
        checks = log_part().writer_checks(settings, db)
        wrong = [name for name, holds in checks.items() if not holds()]
    if wrong:
        raise _Wrong(f"not well: {', '.join(wrong)}", "see that `renshod sequencer` runs")
    return f"{heads} signed heads, the newest young enough"


def _time_stamps(settings: Settings) -> str:
    found = log_part().probe(settings)
    for name, why in found.items():
        if why is not None:
            raise _Wrong(f"{name}: {why}", "correct RENSHO_TSA_URLS or RENSHO_TSA_ROOTS")
    seen = f"{', '.join(found)} answer" if found else "no authority is asked"
    if settings.env == "production" and len(found) < _TIME_SOURCES:
        raise _Wrong(seen, "name two authorities in RENSHO_TSA_URLS, with their roots")
    return seen


def _broker(url: str) -> str:
    if url.startswith("memory:"):
        return "in memory, inside `renshod up`"
    try:
        with Connection(url, connect_timeout=5) as connection:
            connection.ensure_connection(max_retries=1, timeout=5)
    except Exception as why:
        raise _Wrong(
            f"{type(why).__name__}: {why}", "start it or correct RENSHO_BROKER_URL"
        ) from why
    return "answers"


def _mail(settings: Settings) -> str:
    if settings.smtp_url is None:
        return f"no server set: mails are kept in {settings.mail_dir}"
    url = urlsplit(settings.smtp_url.get_secret_value())
    kind = smtplib.SMTP_SSL if url.scheme == "smtps" else smtplib.SMTP
    try:
        with kind(url.hostname or "localhost", url.port or 0, timeout=5) as server:
            server.noop()
    except (OSError, smtplib.SMTPException) as why:
        raise _Wrong(str(why), "start the server or correct RENSHO_SMTP_URL") from why
    return f"{url.hostname} answers"


def _engine(settings: Settings) -> str:
    if risk_part().engine_of(settings) == "plain":
        return "plain Python; the extra `fast` settles great worlds a hundred times faster"
    return f"compiled; its code is kept in {settings.data_dir / 'compiled'}"


def _port(settings: Settings) -> str:
    try:
        bind(settings.host, settings.port).close()
    except StartFailed as why:
        try:
            with only_one(settings.data_dir):
                raise _Wrong(str(why), "stop the other program or set RENSHO_PORT") from why
        except AlreadyRunning:
            with socket.create_connection((settings.host, settings.port), timeout=5):
                return f"{settings.port} is served by the `renshod up` of this data folder"
    return f"{settings.port} is free"
