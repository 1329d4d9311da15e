"""Runs one service's history: `alembic -n <service> upgrade head`, or `renshod migrate` for all.

The section name is the service, its schema and the owner role at once. A migration that would
block gives up after seconds instead of queueing every reader behind it.
"""

from __future__ import annotations

from importlib import import_module

from alembic import context
from sqlalchemy import create_engine, text

from services.kit.settings import load

_LOCK = 7_201_126  # any constant: two migrate runs on one database take turns

service = context.config.config_ini_section
metadata = import_module(f"services.{service}.store").metadata


def _only_own_schema(name: str | None, kind: str, _parents: object) -> bool:
    return kind != "schema" or name == service


def run() -> None:
    """Upgrade the service's schema to the asked revision in one transaction per migration."""
    url = context.config.attributes.get("url") or load().service_url(service, "owner")
    engine = create_engine(url, connect_args={"options": "-c lock_timeout=4000"})
    with engine.connect() as connection:
        connection.execute(text("SET statement_timeout = '60s'"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        connection.commit()
        context.configure(
            connection=connection,
            target_metadata=metadata,
            include_schemas=True,
            include_name=_only_own_schema,
            version_table_schema=service,
            transaction_per_migration=True,
            compare_server_default=True,
        )
        with context.begin_transaction():
            context.run_migrations()
        connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _LOCK})
        connection.commit()
    engine.dispose()


run()
