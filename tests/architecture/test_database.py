"""The database as migrated is the database the code means: tables, grants and policies."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from psycopg.rows import dict_row
from sqlalchemy import create_engine

from services.kit.settings import SERVICES, Settings
from services.migrate import ROOT, migrate

KIT_TABLES = {"outbox", "delivery", "inbox", "audit", "access_revoked", "idempotency"}
# What each role may do with the kit's tables, in every service.
KIT_GRANTS = {
    ("app", "outbox"): {"INSERT"},
    ("app", "delivery"): {"INSERT"},
    ("app", "audit"): {"SELECT", "INSERT"},
    ("app", "idempotency"): {"SELECT", "INSERT"},
    ("app", "access_revoked"): {"SELECT"},
    ("worker", "outbox"): {"SELECT", "INSERT", "UPDATE"},
    ("worker", "delivery"): {"SELECT", "INSERT", "UPDATE"},
    ("worker", "inbox"): {"SELECT", "INSERT"},
    ("worker", "access_revoked"): {"SELECT", "INSERT", "UPDATE"},
    ("worker", "audit"): {"SELECT", "INSERT"},
}
# Revoking is identity's own work: its requests write the table at once.
MORE_GRANTS = {("identity", "app", "access_revoked"): {"SELECT", "INSERT", "UPDATE"}}

# Without a policy on purpose. attestation: the log is public, of the queue one can only join it.
# questionnaire: names of enrolled firms, read only by an id that came with a link of one's own.
OPEN = {
    "attestation": {
        "epoch",
        "trusted_key",
        "leaf",
        "node",
        "checkpoint",
        "cosignature",
        "witness_policy",
        "key_event",
        "queue",
        "epoch_freeze",
        "epoch_end",
        "trust_terms",
        "checkpoint_time_stamp",
    },
    "questionnaire": {"organization"},
}


@pytest.fixture
def admin(settings: Settings) -> Any:
    assert settings.database_url is not None
    with psycopg.connect(
        settings.database_url.get_secret_value(), autocommit=True, row_factory=dict_row
    ) as connection:
        yield connection


def grants(admin: Any, schema: str) -> set[tuple[str, str, str]]:
    """Who holds which privilege on which table, the owner's own left out."""
    rows = admin.execute(
        "SELECT c.relname, coalesce(r.rolname, 'PUBLIC') AS grantee, a.privilege_type"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace,"
        " aclexplode(c.relacl) a LEFT JOIN pg_roles r ON r.oid = a.grantee"
        " WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND a.grantee <> c.relowner",
        [schema],
    )
    return {(row["grantee"], row["relname"], row["privilege_type"]) for row in rows}


def policies(admin: Any, schema: str) -> set[tuple[Any, ...]]:
    rows = admin.execute(
        "SELECT tablename, policyname, roles::text, cmd, qual, with_check FROM pg_policies"
        " WHERE schemaname = %s",
        [schema],
    )
    return {tuple(row.values()) for row in rows}


@pytest.mark.parametrize("service", SERVICES)
def test_the_tables_are_those_the_code_declares(settings: Settings, service: str) -> None:
    engine = create_engine(settings.service_url(service, "owner"))
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_schemas": True,
                "include_name": lambda name, kind, _parents: kind != "schema" or name == service,
                "version_table_schema": service,
                "compare_server_default": True,
            },
        )
        store = import_module(f"services.{service}.store")
        assert compare_metadata(context, store.metadata) == []
    engine.dispose()


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_has_one_history_whose_files_are_named_in_its_order(service: str) -> None:
    history = ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini"), ini_section=service))
    (head,) = history.get_heads()
    names = [step.revision for step in history.walk_revisions("base", head)]
    files = sorted(path.name[:4] for path in (ROOT / "migrations" / service).glob("[0-9]*.py"))
    assert names[::-1] == files


@pytest.mark.parametrize("service", SERVICES)
def test_migrating_again_takes_back_what_was_granted_by_hand(
    settings: Settings, admin: Any, service: str
) -> None:
    before = grants(admin, service), policies(admin, service)
    admin.execute(f"GRANT UPDATE, DELETE ON ALL TABLES IN SCHEMA {service} TO {service}_app")
    assert grants(admin, service) != before[0]
    migrate(settings, (service,))
    assert (grants(admin, service), policies(admin, service)) == before


@pytest.mark.parametrize("service", SERVICES)
def test_only_a_services_own_roles_reach_its_tables(admin: Any, service: str) -> None:
    assert {role for role, _, _ in grants(admin, service)} == {
        f"{service}_app",
        f"{service}_worker",
    }


@pytest.mark.parametrize("service", SERVICES)
def test_nobody_at_work_may_empty_a_table(admin: Any, service: str) -> None:
    assert {p for _, _, p in grants(admin, service)} <= {"SELECT", "INSERT", "UPDATE", "DELETE"}


@pytest.mark.parametrize("service", SERVICES)
def test_the_kits_tables_are_granted_alike_everywhere(admin: Any, service: str) -> None:
    held: dict[tuple[str, str], set[str]] = {}
    for role, table, privilege in grants(admin, service):
        if table in KIT_TABLES:
            held.setdefault((role.removeprefix(f"{service}_"), table), set()).add(privilege)
    mine = {key[1:]: value for key, value in MORE_GRANTS.items() if key[0] == service}
    assert held == KIT_GRANTS | mine


@pytest.mark.parametrize("service", SERVICES)
def test_whatever_an_app_role_reads_is_fenced_by_forced_policies(admin: Any, service: str) -> None:
    rows = admin.execute(
        "SELECT c.relname, c.relrowsecurity AS fenced, c.relforcerowsecurity AS forced"
        " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE n.nspname = %s AND c.relkind IN ('r', 'p')",
        [service],
    ).fetchall()
    half = [row["relname"] for row in rows if row["fenced"] != row["forced"]]
    assert half == []
    fenced = {row["relname"] for row in rows if row["fenced"]}
    assert fenced == {policy[0] for policy in policies(admin, service)}
    readable = {table for role, table, p in grants(admin, service) if role == f"{service}_app"}
    assert readable - KIT_TABLES - fenced == OPEN.get(service, set())
