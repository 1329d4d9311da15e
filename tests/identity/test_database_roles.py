"""Logged in as the roles themselves: what the database lets them do, and what not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import select, text
from sqlalchemy.exc import ProgrammingError
from sqlalchemy.orm import Session

from services.identity.store import PLUMBING, Member, invitations, metadata, people
from services.kit import clock
from services.kit.db import Actor, Database
from services.kit.settings import Settings
from services.migrate import ROOT, migrate
from tests.factories.identity import a_client, a_code, a_member, an_invitation
from tests.identity.conftest import Firm

NOBODY = Actor("anonymous")
KIT = {t.name for t in (PLUMBING.outbox, PLUMBING.delivery, PLUMBING.inbox, PLUMBING.audit,
                        PLUMBING.access_revoked, PLUMBING.idempotency)}  # fmt: skip
READ_BY_TENANTS = sorted({t.name for t in metadata.sorted_tables} - KIT)


def refused(db: Database, statement: str, actor: Actor = NOBODY) -> str:
    with pytest.raises(ProgrammingError) as caught, db.begin(actor) as tx:
        tx.execute(text(statement))
    return str(caught.value.orig)


def test_every_table_with_readers_has_its_policies_enabled_and_forced(rows: Session) -> None:
    found = rows.execute(
        text("SELECT relname, relrowsecurity, relforcerowsecurity FROM pg_class"
             " WHERE relnamespace = 'identity'::regnamespace AND relkind = 'r'"
             " AND relname <> 'alembic_version'")
    ).all()  # fmt: skip
    assert {r.relname for r in found} == {*READ_BY_TENANTS, *KIT}
    forced = sorted(r.relname for r in found if r.relrowsecurity and r.relforcerowsecurity)
    assert forced == READ_BY_TENANTS


@pytest.mark.parametrize("table", READ_BY_TENANTS)
def test_nobody_sees_no_row_of_any_table(
    rows: Session, app_database: Database, enrol: Callable[..., Firm], table: str
) -> None:
    enrol()
    a_client()
    a_code()
    with app_database.begin(NOBODY) as tx:
        assert tx.execute(text(f"SELECT * FROM identity.{table}")).all() == []


@pytest.mark.parametrize("statement", ["UPDATE identity.audit SET subject = 'x'",
                                       "DELETE FROM identity.audit",
                                       "TRUNCATE identity.audit"])  # fmt: skip
@pytest.mark.parametrize("role", ["app", "worker"])
def test_the_audit_trail_is_only_added_to(
    app_database: Database, worker_database: Database, role: str, statement: str
) -> None:
    db = app_database if role == "app" else worker_database
    assert "permission denied" in refused(db, statement)


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM identity.member",
        "DELETE FROM identity.organization",
        "DELETE FROM identity.session",
        "DELETE FROM identity.access_revoked",
        "UPDATE identity.organization SET country = 'XX'",
        "UPDATE identity.member SET org_id = gen_random_uuid()",
        "UPDATE identity.member SET mailbox_key = 'x'",
        "UPDATE identity.session SET token_sha256 = ''",
        "UPDATE identity.session SET started_at = now()",
        "UPDATE identity.code SET expires_at = now() + interval '1 day'",
        "UPDATE identity.invitation SET mailbox = 'x'",
        "UPDATE identity.machine_client SET scopes = '{}'",
        "UPDATE identity.idempotency SET answer = '{}'",
        "INSERT INTO identity.invitation (id) VALUES (gen_random_uuid())",
        "SELECT * FROM identity.outbox",
        "SELECT * FROM identity.inbox",
        "SELECT * FROM identity.alembic_version",
        "CREATE TABLE identity.mine (id int)",
        "ALTER TABLE identity.member DISABLE ROW LEVEL SECURITY",
        "SET ROLE identity_owner",
    ],
)
def test_requests_may_not(app_database: Database, statement: str) -> None:
    message = refused(app_database, statement)
    assert "permission denied" in message or "must be owner" in message


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE identity.member SET roles = '{admin}'",
        "INSERT INTO identity.member (id) VALUES (gen_random_uuid())",
        "INSERT INTO identity.session (id) VALUES (gen_random_uuid())",
        "SELECT * FROM identity.machine_client",
        "SELECT * FROM identity.idempotency",
        "DELETE FROM identity.outbox",
        "DELETE FROM identity.inbox",
    ],
)
def test_workers_may_not(worker_database: Database, statement: str) -> None:
    assert "permission denied" in refused(worker_database, statement)


def test_no_role_of_identity_reaches_another_schema(
    rows: Session, app_database: Database, worker_database: Database
) -> None:
    rows.execute(text("CREATE SCHEMA IF NOT EXISTS another_service"))
    rows.execute(text("CREATE TABLE IF NOT EXISTS another_service.thing (id int)"))
    rows.commit()
    for db in (app_database, worker_database):
        assert "permission denied" in refused(db, "SELECT * FROM another_service.thing")
        assert "permission denied" in refused(db, "CREATE TABLE public.mine (id int)")
    rows.execute(text("DROP SCHEMA another_service CASCADE"))
    rows.commit()


def test_members_of_another_organization_are_invisible_and_unchangeable(
    rows: Session, app_database: Database
) -> None:
    mine, theirs = a_member(), a_member()
    with app_database.begin(Actor(mine.subject, mine.org_id)) as tx:
        assert tx.scalars(select(Member.id)).all() == [mine.id]
        changed = tx.execute(
            text("UPDATE identity.member SET name = 'x' WHERE id = :id"), {"id": theirs.id}
        )
        assert changed.rowcount == 0  # type: ignore[attr-defined]


def test_a_row_cannot_be_planted_in_another_organization(
    rows: Session, app_database: Database
) -> None:
    mine, theirs = a_member(), a_member()
    message = refused(
        app_database,
        "INSERT INTO identity.session VALUES (gen_random_uuid(), 'x',"
        f" '{theirs.id}', '{theirs.org_id}', now(), now(), NULL)",
        Actor(mine.subject, mine.org_id),
    )
    assert "row-level security" in message


def test_a_proof_opens_its_own_row_and_no_other(rows: Session, app_database: Database) -> None:
    an_invitation(handle="known-handle-of-a-proof")
    other = an_invitation()
    code = a_code(invitation=other)
    now = clock.now()
    with app_database.begin(NOBODY) as tx:
        assert invitations.by_handle(tx, "guess", now, lock=False) is None
        found = invitations.by_handle(tx, "known-handle-of-a-proof", now, lock=False)
        assert found is not None
        assert tx.scalar(text("SELECT count(*) FROM identity.invitation")) == 1
        hidden = invitations.newest_code(tx, invitation_id=other.id, mailbox_key=code.mailbox_key)
        assert hidden is None
    with app_database.begin(NOBODY) as tx:
        assert tx.scalar(text("SELECT count(*) FROM identity.invitation")) == 0


def test_a_mailbox_finds_its_members_and_lets_nobody_change_them(
    rows: Session, app_database: Database
) -> None:
    member = a_member()
    with app_database.begin(NOBODY) as tx:
        assert [m.id for m in people.members_by_mailbox(tx, member.mailbox_key)] == [member.id]
        changed = tx.execute(text("UPDATE identity.member SET roles = '{admin}'"))
        assert changed.rowcount == 0  # type: ignore[attr-defined]


def test_the_tables_are_what_the_migrations_make(settings: Settings) -> None:
    config = Config(str(ROOT / "alembic.ini"), ini_section="identity")
    config.attributes["url"] = settings.service_url("identity", "owner")
    command.check(config)


def test_migrating_again_changes_nothing(settings: Settings, rows: Session) -> None:
    def policies() -> list[Any]:
        query = "SELECT tablename, policyname, cmd, roles, qual, with_check FROM pg_policies"
        grants = "SELECT grantee, table_name, privilege_type FROM information_schema.role_table_grants WHERE table_schema = 'identity'"  # noqa: E501
        found = sorted(map(str, [*rows.execute(text(query)), *rows.execute(text(grants))]))
        rows.rollback()
        return found

    before = policies()
    migrate(settings, ("identity",))
    assert policies() == before


def test_the_admin_alone_can_undo_the_schema(settings: Settings) -> None:
    url = settings.service_url("identity", "app").set(drivername="postgresql")
    with (
        psycopg.connect(url.render_as_string(hide_password=False)) as connection,
        pytest.raises(psycopg.errors.InsufficientPrivilege),
    ):
        connection.execute("DROP SCHEMA identity CASCADE")
