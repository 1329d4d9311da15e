"""Roles, schemas, tables, grants and policies: everything `renshod migrate` brings up to date."""

from __future__ import annotations

from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from psycopg import sql
from sqlalchemy.engine import make_url

from services.kit.settings import SERVICES, Settings, secret

ROOT = Path(__file__).resolve().parents[1]
_LOCK = 7_201_125


def migrate(
    settings: Settings, services: tuple[str, ...] = SERVICES, revision: str = "head"
) -> None:
    """Bring each service's database to a revision; safe to repeat and to run twice.

    Rights are granted at the newest revision only: what they name is there from then on.

    Raises:
        psycopg.OperationalError: the database is away, or a lock was not had in four seconds.
    """
    for service in services:
        if settings.database_url is not None:
            _as_admin(settings.database_url.get_secret_value(), service)
        config = Config(str(ROOT / "alembic.ini"), ini_section=service)
        config.attributes["url"] = settings.service_url(service, "owner")
        command.upgrade(config, revision)
        if revision != "head":
            continue
        owner = settings.service_url(service, "owner").set(drivername="postgresql")
        with psycopg.connect(owner.render_as_string(hide_password=False)) as connection:
            connection.execute("SET lock_timeout = '4s'")
            connection.execute((ROOT / "migrations" / service / "grants.sql").read_bytes())


def _as_admin(url: str, service: str) -> None:
    plain = make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)
    statements = (ROOT / "migrations" / "grants.sql").read_text(encoding="utf-8")
    password = secret(f"{service.upper()}_DB_PASSWORD")
    with psycopg.connect(plain) as connection:
        # Two runs on one database take turns.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        connection.execute(statements.replace(":service", service).encode())
        if password:
            for role in ("owner", "app", "worker"):
                connection.execute(
                    sql.SQL("ALTER ROLE {} PASSWORD {}").format(
                        sql.Identifier(f"{service}_{role}"), sql.Literal(password)
                    )
                )
